"""Stability AI: forms in, the picture's own bytes out, or an id where an operation takes minutes.

What each operation takes stands in stability_models.py. Options of a route: any input of the operation by its name.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

import aiohttp
import msgspec

from generator.providers.api import VendorApi
from generator.providers.base import (
    Bought,
    Drawn,
    Memory,
    Order,
    Pixels,
    ProviderFactory,
    Ticket,
)
from generator.providers.base64_reply import BadReply, ReplyLimits
from generator.providers.complaints import FAILED, REFUSED, Complaint, Stage, bad_image, invalid
from generator.providers.deadline import Deadline
from generator.providers.filling import Filled, Filling
from generator.providers.http import read_picture
from generator.providers.masks import Masks
from generator.providers.multipart import Form
from generator.providers.picture_files import picture_file
from generator.providers.polling import Pace, Pending, Poller
from generator.providers.seeds import told_seed
from generator.providers.stability_errors import read_complaint
from generator.providers.stability_models import CALLS, CONCEPTS, PICTURES, Call
from generator.providers.variables import Variable, value_of
from pictures.facts import MEDIA_TYPES

NAME = "stability"
KEY = Variable("STABILITY_API_KEY", "Key of the platform's account at Stability AI.", needed=True, secret=True)
BASE_URL = Variable("STABILITY_BASE_URL", "Address of the API.", default="https://api.stability.ai")
USUAL_PACE = Pace(first_seconds=13.5, growth=1.2, most_seconds=20.0)
"""The vendor asks for ten seconds between two polls, and chance takes up to a quarter of a pause."""
_PICTURE_SECONDS = 60.0
_RAW = {"Accept": "image/*"}
_STRENGTH = "0.7"
"""What an order that says none gets where the vendor must have one."""
_LIMITS = ReplyLimits()
_FORMATS: Mapping[str, str] = {media_type: name for name, media_type in MEDIA_TYPES.items()}
_PENDING_STATUS = 202
_DONE = frozenset({"", "SUCCESS"})
_ENDS: Mapping[str, Complaint] = {
    "CONTENT_FILTERED": Complaint(REFUSED, stage=Stage.OUTPUT, code="content_filtered"),
}
"""What came is no picture of use: this one is blurred."""
_UNFINISHED = Complaint(FAILED, code="unfinished")
_FILLING = Filling(NAME, CONCEPTS)


class _Queued(msgspec.Struct, frozen=True):
    id: str


class _Placed(msgspec.Struct, frozen=True):
    """What a ticket holds."""

    id: str
    warnings: Sequence[str]


@dataclass(frozen=True, slots=True)
class _Received:
    """An answer that is a picture, and what its headers say of it."""

    data: bytearray
    content_type: str
    finish_reason: str
    seed: str


class StabilityProvider:
    """One vendor, with the platform's key or the order's own."""

    name = NAME
    free_to_repeat = False
    trained = True

    def __init__(self, environ: Mapping[str, str], *, pace: Pace = USUAL_PACE) -> None:
        self._api = VendorApi(
            NAME,
            base_url=value_of(environ, BASE_URL),
            key=value_of(environ, KEY),
            complaint=read_complaint,
        )
        self._masks = Masks(NAME)
        self._poller = Poller(NAME, pace)

    @property
    def configured(self) -> bool:
        """Whether the platform has a key."""
        return self._api.has_key

    async def submit(self, order: Order, memory: Memory) -> Drawn | Ticket:
        """Place the order; read its picture, or the id of one that takes longer. Raises UpstreamFault."""
        call = _call(order)
        filled = _filled(order, call)
        form = await self._form(order, call, filled)
        path = f"v2beta/stable-image/{call.path}"
        if call.is_queued:
            queued = await self._api.ask("POST", path, order, body=form, answer=_Queued)
            return Ticket(msgspec.json.encode(_Placed(queued.id, filled.warnings)))
        try:
            async with self._api.post(path, order, body=form, headers=_RAW) as answer:
                received = await _received(answer, memory)
        except BadReply as error:
            raise bad_image(NAME, "too_large") from error
        return self._drawn(order, received, filled.warnings)

    async def collect(self, ticket: Ticket, order: Order, memory: Memory) -> Drawn:
        """Wait for the picture of an id. Raises UpstreamFault."""
        placed = msgspec.json.decode(ticket.data, type=_Placed)
        path = f"v2beta/results/{quote(placed.id, safe='')}"
        deadline = Deadline.after(order.deadline_seconds)
        try:
            received = await self._poller.until_done(lambda: self._look(path, order, memory), deadline)
        except BadReply as error:
            raise bad_image(NAME, "too_large") from error
        return self._drawn(order, received, placed.warnings)

    async def close(self) -> None:
        """Close the connections and end the children."""
        await self._api.close()
        await self._masks.close()

    async def _look(self, path: str, order: Order, memory: Memory) -> _Received | Pending:
        async with self._api.polled(path, order, headers=_RAW, deadline_seconds=_PICTURE_SECONDS) as answer:
            return Pending() if answer.status == _PENDING_STATUS else await _received(answer, memory)

    async def _form(self, order: Order, call: Call, filled: Filled) -> Form:
        fields = {name: str(value) for name, value in {**call.fixed, **filled.fields}.items()}
        numbers = {name: int(fields.pop(name)) for name in sorted(PICTURES & fields.keys())}
        files = [picture_file(NAME, name, order.inputs[number]) for name, number in numbers.items()]
        if "strength" in call.inputs.split() and files:
            fields.setdefault("strength", _STRENGTH)
        elif not files:
            fields.pop("strength", None)
        if order.mask is not None and "mask" in fields:
            del fields["mask"]
            files.append(picture_file(NAME, "mask", await self._masks.white(order.mask, order.inputs[0])))
        return Form(fields, files)

    def _drawn(self, order: Order, received: _Received, warnings: Sequence[str]) -> Drawn:
        if received.finish_reason not in _DONE:
            raise self._api.failed(_ENDS.get(received.finish_reason, _UNFINISHED), order, bought=Bought.YES)
        if not received.data or not received.content_type.startswith("image/"):
            raise self._api.nonsense("a success that is no picture")
        seed = told_seed(int(received.seed)) if received.seed.isdecimal() else None
        return Drawn(
            pictures=[Pixels(received.data, seed, said_format=_FORMATS.get(received.content_type, ""))],
            upstream_model=order.upstream_model,
            warnings=warnings,
        )


PROVIDER = ProviderFactory(NAME, (KEY, BASE_URL), StabilityProvider)


def _call(order: Order) -> Call:
    call = CALLS.get(order.upstream_model)
    if call is None:
        raise invalid(NAME, "model", f"There is no {order.upstream_model} at {NAME}.")
    return call.with_picture if call.with_picture and order.inputs else call


def _filled(order: Order, call: Call) -> Filled:
    """The fields; a picture stands there as the number of its input."""
    numbers = [str(number) for number in range(len(order.inputs))]
    return _FILLING.fill(order, call.inputs, pictures=numbers, mask="mask" if order.mask and order.inputs else None)


async def _received(answer: aiohttp.ClientResponse, memory: Memory) -> _Received:
    """Raises BadReply for a picture larger than the limit."""
    data, headers = await read_picture(answer, memory, _LIMITS), answer.headers
    return _Received(data, answer.content_type, headers.get("finish-reason", ""), headers.get("seed", ""))
