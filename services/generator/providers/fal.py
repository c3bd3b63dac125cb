"""fal: a queue for many vendors' models, whose tickets are requests and whose pictures stand at addresses.

What each model takes stands in fal_models.py. Options of a route: any input of the model by its name, and `inputs`: a line in the
notation of filling.py, for a model that the table does not know.
"""

from collections.abc import Mapping, Sequence

import msgspec
from yarl import URL

from generator.providers.api import VendorApi
from generator.providers.base import (
    Bought,
    Call,
    Drawn,
    Memory,
    Order,
    Pixels,
    ProviderFactory,
    Ticket,
    UpstreamFault,
)
from generator.providers.complaints import Stage, nonsense, refused
from generator.providers.deadline import Deadline
from generator.providers.downloads import EGRESS_ALLOW, Downloads, data_uris
from generator.providers.fal_callbacks import PublicKeys, Signatures
from generator.providers.fal_errors import read_complaint
from generator.providers.fal_models import ALIASES, ANY_MODEL, CONCEPTS, MODELS, OF_SEVERAL
from generator.providers.filling import Filled, Filling
from generator.providers.masks import Masks
from generator.providers.polling import NotNow, Pending, Poller
from generator.providers.seeds import told_seed
from generator.providers.variables import Variable, value_of

NAME = "fal"
KEY = Variable("FAL_KEY", "Key of the platform's account at fal.", needed=True, secret=True)
BASE_URL = Variable("FAL_BASE_URL", "Address of the queue.", default="https://queue.fal.run")
JWKS_URL = Variable(
    "FAL_JWKS_URL",
    "Address of the keys that sign fal's calls; empty for where fal publishes them, or below an FAL_BASE_URL that is another.",
)
_KEYS_URL = "https://rest.fal.ai/.well-known/jwks.json"
_DONE = "COMPLETED"
_SECONDS_PER_PLACE = 1.0
"""What a place in the queue is taken to last, for the next look."""
_MOST_FAILURES = 4
"""A result that is answered so often by 500 is the model's failure, not an accident of the queue's."""
_FILLING = Filling(NAME, CONCEPTS, aliases=ALIASES)


class _Submitted(msgspec.Struct, frozen=True):
    request_id: str
    status_url: str = ""
    response_url: str = ""


class _Placed(msgspec.Struct, frozen=True):
    """What a ticket holds."""

    request: _Submitted
    warnings: Sequence[str]
    upstream_model: str = ""
    """Who draws, where that is not the one that was ordered from."""


class _Status(msgspec.Struct, frozen=True):
    status: str
    queue_position: int | None = None
    error: str | None = None


class _File(msgspec.Struct, frozen=True):
    url: str


class _Result(msgspec.Struct, frozen=True):
    images: list[_File] = []
    image: _File | None = None
    seed: int | None = None
    has_nsfw_concepts: list[bool] | None = None
    prompt: str | None = None


class FalProvider:
    """One vendor, with the platform's key or the order's own."""

    name = NAME
    free_to_repeat = False
    trained = True

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._api = VendorApi(
            NAME,
            base_url=value_of(environ, BASE_URL),
            key=value_of(environ, KEY),
            authorize=lambda key: {"Authorization": f"Key {key}"},
            complaint=read_complaint,
        )
        self._downloads = Downloads(NAME, environ)
        self._masks = Masks(NAME)
        self._poller = Poller(NAME)
        keys_url = value_of(environ, JWKS_URL) or _keys_url(self._api.base)
        self._signatures = Signatures(lambda: self._api.beside(keys_url, answer=PublicKeys, with_key=False))

    @property
    def configured(self) -> bool:
        """Whether the platform has a key."""
        return self._api.has_key

    async def submit(self, order: Order, memory: Memory) -> Ticket:
        """Place the order in the vendor's queue. Raises UpstreamFault."""
        mask = await self._masks.white(order.mask, order.inputs[0]) if order.mask and order.inputs else None
        pictures = await data_uris([*order.inputs, *filter(None, [mask])], memory)
        model = OF_SEVERAL.get(order.upstream_model, order.upstream_model) if order.inputs[1:] else order.upstream_model
        filled = _filled(order, model, pictures[: len(order.inputs)], pictures[-1] if mask else None)
        path = self._api.url(model)
        if order.callback is not None:
            path = path.with_query(fal_webhook=order.callback.url)
        submitted = await self._api.ask("POST", path, order, body=filled.fields, answer=_Submitted)
        return Ticket(msgspec.json.encode(_Placed(submitted, filled.warnings, model)))

    async def collect(self, ticket: Ticket, order: Order, memory: Memory) -> Drawn:
        """Wait for the request and fetch its pictures. Raises UpstreamFault."""
        deadline = Deadline.after(order.deadline_seconds)
        placed = msgspec.json.decode(ticket.data, type=_Placed)
        called_by = order.callback.key if order.callback else ""
        result = await self._poller.until_done(lambda: self._look(placed.request, order), deadline, called_by=called_by)
        files = (result.images or ([result.image] if result.image else []))[: order.count]
        if not files:
            raise self._api.nonsense("a result without pictures")
        flagged = _flags(result, len(files))
        addresses = [file.url for file, is_flagged in zip(files, flagged, strict=True) if not is_flagged]
        fetched = await self._downloads.pictures(addresses, order, memory, deadline)
        return _drawn(order, result, fetched, flagged, placed)

    @property
    def hears(self) -> bool:
        """Always: the keys that verify its calls are public."""
        return True

    async def message_id(self, call: Call) -> str | None:
        """The request's id of a genuine call. Raises UpstreamFault where the vendor's keys cannot be read."""
        return await self._signatures.message_id(call.headers, call.body)

    def wake(self, key: str) -> bool:
        """Have the order with this key looked at now."""
        return self._poller.wake(key)

    async def close(self) -> None:
        """Close the connections and end the children."""
        await self._api.close()
        await self._downloads.close()
        await self._masks.close()

    async def _look(self, submitted: _Submitted, order: Order) -> _Result | Pending:
        result_url = self._address(submitted, order, submitted.response_url, "")
        status_url = self._address(submitted, order, submitted.status_url, "/status")
        status = await self._api.poll(status_url, order, answer=_Status)
        if status.status != _DONE:
            place = status.queue_position
            return Pending(place * _SECONDS_PER_PLACE if place else None)
        if status.error:
            raise await self._failure(result_url, order)
        return await self._api.poll(result_url, order, answer=_Result, most_failures=_MOST_FAILURES)

    async def _failure(self, result_url: URL, order: Order) -> UpstreamFault:
        """Why a request has failed: its result is answered with the status and the error of the model."""
        try:
            await self._api.ask("GET", result_url, order, answer=_Result)
        except UpstreamFault as fault:
            if fault.bought is Bought.UNKNOWN:
                raise NotNow(fault, most=_MOST_FAILURES) from None
            return fault
        return nonsense(NAME)

    def _address(self, submitted: _Submitted, order: Order, told: str, suffix: str) -> URL:
        """The address that the vendor told, if it is its own; else the one that its rule gives: an app is owner and alias alone."""
        app = "/".join(order.upstream_model.split("/")[:2])
        return self._api.own(told) or self._api.url(f"{app}/requests/{submitted.request_id}{suffix}")


PROVIDER = ProviderFactory(NAME, (KEY, BASE_URL, JWKS_URL, EGRESS_ALLOW), FalProvider)


def _keys_url(base: URL) -> str:
    """Where the keys stand: at the vendor, or where what stands in for it would have them."""
    return (
        _KEYS_URL if base.origin() == URL(BASE_URL.default).origin() else str(base.join(URL(".well-known/jwks.json")))
    )


def _filled(order: Order, model: str, pictures: Sequence[str], mask: str | None) -> Filled:
    inputs = order.options.get("inputs") or MODELS.get(model, ANY_MODEL)
    return _FILLING.fill(order, inputs, pictures=pictures, mask=mask)


def _flags(result: _Result, count: int) -> Sequence[bool]:
    """Which pictures are blacked out: these models answer so, where others refuse."""
    told = result.has_nsfw_concepts or []
    return [index < len(told) and told[index] for index in range(count)]


def _drawn(
    order: Order,
    result: _Result,
    fetched: Sequence[bytearray | UpstreamFault],
    flagged: Sequence[bool],
    placed: _Placed,
) -> Drawn:
    faults = [refused(NAME, Stage.OUTPUT, bought=Bought.YES) for is_flagged in flagged if is_flagged]
    faults += [one for one in fetched if isinstance(one, UpstreamFault)]
    pictures = [one for one in fetched if not isinstance(one, UpstreamFault)]
    if not pictures:
        raise faults[0]
    # The seed is that of the whole batch: it tells of a picture only where that was alone.
    seed = told_seed(result.seed) if order.count == 1 else None
    return Drawn(
        pictures=[Pixels(picture, seed) for picture in pictures],
        upstream_model=placed.upstream_model or order.upstream_model,
        faults=[*faults, *(nonsense(NAME) for _ in range(order.count - len(flagged)))],
        revised_prompt=result.prompt if result.prompt and result.prompt != order.draw.prompt else "",
        warnings=placed.warnings,
    )
