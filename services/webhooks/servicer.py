"""The webhooks service's gRPC face: messages to domain values and back, nothing else."""

import datetime
import json
from collections.abc import Callable

from gesso.webhooks.v1 import webhooks_pb2 as pb
from gesso.webhooks.v1 import webhooks_pb2_grpc as rpc
from servicekit import calls
from servicekit.faults import Fault, InvalidField, NotFound, to_proto
from servicekit.server import Context
from servicekit.timestamps import to_datetime, to_timestamp
from webhooks.deliveries import Delivery, Event
from webhooks.secrets import SigningSecrets
from webhooks.store import Store

_LARGEST_BATCH = 256
_LARGEST_DATA_BYTES = 256 * 1024
_LONGEST_OVERLAP_SECONDS = 604_800


class EventsServicer(rpc.EventsServicer):
    """gesso.webhooks.v1.Events."""

    def __init__(self, store: Store, published: Callable[[], None]) -> None:
        self._store = store
        self._published = published

    async def PublishEvents(self, request: pb.PublishEventsRequest, context: Context) -> pb.PublishEventsResponse:
        """Accept events durably; one that is malformed is its own fault alone."""
        if len(request.events) > _LARGEST_BATCH:
            raise InvalidField("events", f"At most {_LARGEST_BATCH} events go into one call.")
        calls.note("items", len(request.events))
        read = [_read_event(message) for message in request.events]
        good = [event for event in read if isinstance(event, Event)]
        if good:
            await self._store.publish(good)
            self._published()
        return pb.PublishEventsResponse(results=[_publish_result(event) for event in read])


class DeliveriesServicer(rpc.DeliveriesServicer):
    """gesso.webhooks.v1.Deliveries."""

    def __init__(self, store: Store, published: Callable[[], None]) -> None:
        self._store = store
        self._published = published

    async def ListDeliveries(self, request: pb.ListDeliveriesRequest, context: Context) -> pb.ListDeliveriesResponse:
        """List an account's deliveries, newest first."""
        limit = min(max(request.page_size, 1), 100) if request.page_size else 20
        found = await self._store.list_deliveries(
            request.account_id, endpoint_id=request.endpoint_id, after=request.page_token, limit=limit
        )
        following = found[-1].id if len(found) == limit else ""
        return pb.ListDeliveriesResponse(deliveries=[to_message(d) for d in found], next_page_token=following)

    async def GetDelivery(self, request: pb.GetDeliveryRequest, context: Context) -> pb.Delivery:
        """Return one delivery with its attempts."""
        found = await self._store.get(request.account_id, request.delivery_id)
        if found is None:
            raise NotFound("delivery", request.delivery_id)
        return to_message(found)

    async def Redeliver(self, request: pb.RedeliverRequest, context: Context) -> pb.Delivery:
        """Queue a new delivery of the same event to the same address."""
        if not request.request_id:
            raise InvalidField("request_id", "A redelivery needs a request_id.")
        found = await self._store.redeliver(request.account_id, request.delivery_id, request_id=request.request_id)
        if found is None:
            raise NotFound("delivery", request.delivery_id)
        self._published()
        return to_message(found)


class SigningSecretsServicer(rpc.SigningSecretsServicer):
    """gesso.webhooks.v1.SigningSecrets."""

    def __init__(self, secrets: SigningSecrets) -> None:
        self._secrets = secrets

    async def GetSigningSecret(self, request: pb.GetSigningSecretRequest, context: Context) -> pb.SigningSecret:
        """Return the account's current secret."""
        return _secret(await self._secrets.current(_account(request.account_id)))

    async def RotateSigningSecret(self, request: pb.RotateSigningSecretRequest, context: Context) -> pb.SigningSecret:
        """Make a new secret; the old one signs on for the overlap."""
        if not request.request_id:
            raise InvalidField("request_id", "A rotation needs a request_id.")
        if not 0 <= request.overlap_seconds <= _LONGEST_OVERLAP_SECONDS:
            raise InvalidField("overlap_seconds", f"The overlap is 0 to {_LONGEST_OVERLAP_SECONDS} seconds.")
        return _secret(
            await self._secrets.rotate(
                _account(request.account_id), request_id=request.request_id, overlap_seconds=request.overlap_seconds
            )
        )


def to_message(delivery: Delivery) -> pb.Delivery:
    """Write a delivery."""
    return pb.Delivery(
        id=delivery.id,
        account_id=delivery.account_id,
        event_id=delivery.event_id,
        event_type=delivery.event_type,
        url=delivery.url,
        state=delivery.state,
        created_at=to_timestamp(delivery.created_at),
        next_attempt_at=to_timestamp(None if delivery.ended else delivery.next_attempt_at),
        endpoint_id=delivery.endpoint_id,
        attempts=[
            pb.DeliveryAttempt(
                number=attempt.number,
                started_at=to_timestamp(attempt.started_at),
                duration_ms=attempt.duration_ms,
                status_code=attempt.status_code,
                error=attempt.error,
            )
            for attempt in delivery.attempts
        ],
    )


def _read_event(message: pb.Event) -> Event | Fault:
    if not message.id or not message.account_id or not message.type:
        return InvalidField("events", "An event needs an id, an account and a type.")
    # PostgreSQL keeps no U+0000: one such text would hold up all events that are published with it, again and again.
    if any("\x00" in text for text in (message.id, message.account_id, message.type, message.direct_url)):
        return InvalidField("events", "An event's texts must not hold the character U+0000.")
    if len(message.data_json) > _LARGEST_DATA_BYTES or not _is_object(message.data_json):
        return InvalidField(
            "events.data_json", f"An event's data is a JSON object of at most {_LARGEST_DATA_BYTES} bytes."
        )
    return Event(
        message.id,
        message.account_id,
        message.type,
        to_datetime(message.occurred_at),
        message.data_json,
        message.direct_url,
    )


def _is_object(data: bytes) -> bool:
    try:
        return isinstance(json.loads(data), dict)
    except ValueError:
        return False


def _publish_result(event: Event | Fault) -> pb.PublishEventsResponse.PublishEventResult:
    fault = to_proto(event) if isinstance(event, Fault) else None
    return pb.PublishEventsResponse.PublishEventResult(fault=fault)


def _account(account_id: str) -> str:
    if not account_id:
        raise InvalidField("account_id", "The account must be named.")
    return account_id


def _secret(found: tuple[str, datetime.datetime]) -> pb.SigningSecret:
    return pb.SigningSecret(secret=found[0], created_at=to_timestamp(found[1]))
