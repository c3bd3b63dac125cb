"""The other services as the generator sees them: money, pictures and events, each call gathered with those beside it."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime

from generator.steps import UNHURRIED_SECONDS
from gesso.billing.v1 import billing_pb2 as billing
from gesso.billing.v1.billing_pb2_grpc import LedgerStub
from gesso.errors.v1 import reason_pb2 as reasons
from gesso.gallery.v1 import gallery_pb2 as gallery
from gesso.gallery.v1.gallery_pb2_grpc import ImagesStub
from gesso.webhooks.v1 import webhooks_pb2 as webhooks
from gesso.webhooks.v1.webhooks_pb2_grpc import EventsStub
from servicekit.batches import Batches
from servicekit.coalescer import Coalescer
from servicekit.faults import Fault, from_proto
from servicekit.link import Link
from servicekit.timestamps import to_timestamp

Admission = billing.AdmitRequest.Admission
Settlement = billing.SettleRequest.Settlement
SignItem = gallery.SignImagesRequest.SignItem
_ASKED_BEFORE_BUYING_SECONDS = 3.0


class Billing:
    """What jobs owe."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._ledger = LedgerStub(link.channel)
        self._admit_calls = Batches(link, self._ledger.Admit, self._ledger.AdmitBatches)
        self._settle_calls = Batches(link, self._ledger.Settle, self._ledger.SettleBatches)
        self._admissions: Coalescer[Admission, int] = Coalescer(self._admit)
        self._settlements: Coalescer[Settlement, int] = Coalescer(self._settle, rest_seconds=UNHURRIED_SECONDS)

    async def admit(self, admission: Admission) -> int:
        """Place a hold; returns the available balance in micros. Raises billing's Fault, Unavailable or Fault TIMEOUT."""
        return await self._admissions.submit(admission)

    async def settle(self, settlement: Settlement) -> int:
        """Capture and release; returns the available balance in micros. Raises as `admit` does."""
        return await self._settlements.submit(settlement)

    async def refund(self, account_id: str, hold_id: str, amount_micros: int, *, request_id: str, cause: str) -> None:
        """Give captured money back, once for each request_id. Raises as `admit` does."""
        request = billing.RefundRequest(
            request_id=request_id, account_id=account_id, hold_id=hold_id, amount_micros=amount_micros, cause=cause
        )
        await self._link.call(self._ledger.Refund, request)

    async def holds_for_review(self, now: datetime) -> AsyncIterator[billing.Hold]:
        """Every open hold whose review is due. Raises Unavailable."""
        token = ""
        while True:
            request = billing.ListHoldsRequest(
                page_size=500, page_token=token, state=billing.Hold.STATE_OPEN, review_before=to_timestamp(now)
            )
            page = await self._link.call(self._ledger.ListHolds, request)
            for hold in page.holds:
                yield hold
            token = page.next_page_token
            if not token:
                return

    async def _admit(self, items: list[Admission]) -> Sequence[int | Fault]:
        answer = await self._admit_calls.call(billing.AdmitRequest(admissions=items))
        return [from_proto(item.fault) if item.HasField("fault") else item.available_micros for item in answer.results]

    async def _settle(self, items: list[Settlement]) -> Sequence[int | Fault]:
        answer = await self._settle_calls.call(billing.SettleRequest(settlements=items))
        return [from_proto(item.fault) if item.HasField("fault") else item.available_micros for item in answer.results]


class Gallery:
    """Where pictures are signed and written down."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._images = ImagesStub(link.channel)
        self._sign_calls = Batches(link, self._images.SignImages, self._images.SignImagesBatches)
        self._record_calls = Batches(link, self._images.RecordImages, self._images.RecordImagesBatches)
        self._signings: Coalescer[SignItem, bytes] = Coalescer(self._sign)
        self._records: Coalescer[gallery.Image, gallery.Image] = Coalescer(self._record)

    async def sign(self, item: SignItem) -> bytes:
        """Return the insertion for a picture's slot. Raises the gallery's Fault, Unavailable or Fault TIMEOUT."""
        return await self._signings.submit(item)

    async def record(self, image: gallery.Image) -> gallery.Image:
        """Write a picture down, and return what stands. Raises as `sign` does."""
        return await self._records.submit(image)

    async def image(self, account_id: str, image_id: str) -> gallery.Image:
        """Read an account's image. Raises Fault NOT_FOUND, Unavailable."""
        return await self._link.call(
            self._images.GetImage, gallery.GetImageRequest(account_id=account_id, image_id=image_id)
        )

    async def used_bytes(self, account_id: str) -> int:
        """Bytes that an account keeps. Raises Unavailable, Fault TIMEOUT."""
        request = gallery.GetStorageRequest(account_id=account_id)
        answer = await self._link.call(self._images.GetStorage, request, timeout_seconds=_ASKED_BEFORE_BUYING_SECONDS)
        return answer.byte_count

    async def _sign(self, items: list[SignItem]) -> Sequence[bytes | Fault]:
        answer = await self._sign_calls.call(gallery.SignImagesRequest(items=items))
        return [from_proto(item.fault) if item.HasField("fault") else item.insertion for item in answer.results]

    async def _record(self, images: list[gallery.Image]) -> Sequence[gallery.Image | Fault]:
        answer = await self._record_calls.call(gallery.RecordImagesRequest(images=images))
        return [from_proto(item.fault) if item.HasField("fault") else item.image for item in answer.results]


class Webhooks:
    """Who is told what happened."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._events = EventsStub(link.channel)

    async def publish(self, payloads: Sequence[bytes]) -> None:
        """Hand events on. An event that can never be taken is dropped; raises the Fault of one that may be later."""
        request = webhooks.PublishEventsRequest(events=[webhooks.Event.FromString(payload) for payload in payloads])
        answer = await self._link.call(self._events.PublishEvents, request)
        for result in answer.results:
            if result.HasField("fault") and result.fault.reason != reasons.REASON_INVALID_FIELD:
                raise from_proto(result.fault)
