"""OpenAI Images: generations and edits, one synchronous answer of base64 pictures for each order, or a stream that shows unfinished
ones on the way.

The vendor's rules stand in openai_request.py and openai_errors.py; this file places the order and reads the answer. Options of a
route: `quality` (as the vendor is to be asked), `sizes` (the only ones that the model draws, separated by spaces),
`safety_identifier` (a hash of the account, put there by the worker).
"""

import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace

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
from generator.providers.complaints import Stage, fault_of, invalid, nonsense
from generator.providers.event_stream import MEDIA_TYPE, read_events
from generator.providers.http import read_pictures
from generator.providers.masks import Masks
from generator.providers.multipart import Bytes, File, Form
from generator.providers.openai_errors import read_complaint
from generator.providers.openai_request import drawn_size, fields, warnings
from generator.providers.variables import Variable, value_of
from gesso.generator.v1 import generator_pb2
from pictures.facts import MEDIA_TYPES
from pictures.sniffing import sniff

NAME = "openai"
KEY = Variable("OPENAI_API_KEY", "Key of the platform's account at OpenAI.", needed=True, secret=True)
BASE_URL = Variable("OPENAI_BASE_URL", "Address of the API, with its version.", default="https://api.openai.com/v1")
_LIMITS = ReplyLimits()
_TAKEN_FORMATS = frozenset({"png", "jpeg", "webp"})
_MOST_INPUTS = 16
_EDITS = frozenset({generator_pb2.OPERATION_IMAGE_TO_IMAGE, generator_pb2.OPERATION_INPAINT})
_ECHOED = ("size", "quality", "background", "output_format")
_log = logging.getLogger(__name__)


class _Datum(msgspec.Struct, frozen=True, gc=False):
    b64_json: str | None = None
    """The number of the picture: see base64_reply.py."""
    revised_prompt: str | None = None


class _Reply(msgspec.Struct, frozen=True, gc=False):
    data: list[_Datum]
    usage: msgspec.Raw = msgspec.Raw(b"")
    model: str | None = None
    size: str | None = None
    quality: str | None = None
    background: str | None = None
    output_format: str | None = None


class _Event(msgspec.Struct, frozen=True, gc=False):
    type: str = ""
    b64_json: str | None = None
    error: msgspec.Raw = msgspec.Raw(b"")
    usage: msgspec.Raw = msgspec.Raw(b"")
    size: str | None = None
    quality: str | None = None
    background: str | None = None
    output_format: str | None = None


_READ_REPLY = msgspec.json.Decoder(_Reply).decode
_READ_EVENT = msgspec.json.Decoder(_Event).decode
_NO_ERROR = (b"", b"null")
_UNFINISHED, _FINISHED = ".partial_image", ".completed"
_SAID = ("usage", "size", "quality", "background", "output_format")
"""What an event says of its picture as a reply does."""


class OpenAIProvider:
    """One vendor, with the platform's key or the order's own."""

    name = NAME
    free_to_repeat = False
    trained = True

    def __init__(self, environ: Mapping[str, str]) -> None:
        """Without a key it serves only orders that bring their own."""
        self._api = VendorApi(
            NAME, base_url=value_of(environ, BASE_URL), key=value_of(environ, KEY), complaint=read_complaint
        )
        self._masks = Masks(NAME)

    @property
    def configured(self) -> bool:
        """Whether the platform has a key."""
        return self._api.has_key

    async def submit(self, order: Order, memory: Memory) -> Drawn:
        """Place the order and read its pictures. Raises UpstreamFault."""
        path, body = await self._request(order)
        async with self._api.post(path, order, body=body) as answer:
            try:
                if order.on_partial is not None and answer.content_type == MEDIA_TYPE:
                    return await self._streamed(answer, order, memory, order.on_partial)
                skeleton, pictures = await read_pictures(answer, memory, _LIMITS, count=order.count)
                reply = _READ_REPLY(skeleton)
                return _drawn(order, reply, pictures, answer.headers.get("x-request-id", ""))
            except (BadReply, msgspec.MsgspecError) as error:
                raise self._api.nonsense(str(error)) from error

    async def _streamed(
        self, answer: aiohttp.ClientResponse, order: Order, memory: Memory, show: Callable[[Pixels], Awaitable[None]]
    ) -> Drawn:
        """Show the unfinished pictures of a stream, up to the finished one. Raises UpstreamFault, BadReply, MsgspecError."""
        async with contextlib.aclosing(read_events(answer, memory, _LIMITS)) as events:
            async for skeleton, pictures in events:
                event = _READ_EVENT(skeleton)
                if bytes(event.error) not in _NO_ERROR:
                    complaint = replace(read_complaint(answer.status, skeleton), stage=Stage.OUTPUT)
                    raise fault_of(NAME, complaint, bought=Bought.YES, own_key=order.secret is not None)
                if event.type.endswith(_UNFINISHED) and pictures:
                    await show(Pixels(pictures[0], said_format=event.output_format or ""))
                if event.type.endswith(_FINISHED):
                    reply = _Reply([_Datum(event.b64_json)], **{name: getattr(event, name) for name in _SAID})
                    return _drawn(order, reply, pictures, answer.headers.get("x-request-id", ""))
        raise BadReply("the stream ends before its picture")

    async def collect(self, ticket: Ticket, order: Order, memory: Memory) -> Drawn:
        """Never called: `submit` always answers with pictures."""
        raise AssertionError("OpenAI Images gives out no tickets")

    async def close(self) -> None:
        """Close the connections and end the children."""
        await self._api.close()
        await self._masks.close()

    async def _request(self, order: Order) -> tuple[str, object | Form]:
        asked = fields(order, drawn_size(order))
        if order.draw.operation not in _EDITS:
            return "images/generations", asked
        files = [_file("image[]", index, data) for index, data in enumerate(order.inputs)]
        if not 1 <= len(files) <= _MOST_INPUTS:
            raise invalid(NAME, "image", f"An edit takes 1 to {_MOST_INPUTS} pictures.")
        if order.mask is not None:
            mask = await self._masks.transparent(order.mask, order.inputs[0])
            files.append(File("mask", "mask.png", "image/png", mask))
        return "images/edits", Form({name: _text(value) for name, value in asked.items()}, files)


PROVIDER = ProviderFactory(NAME, (KEY, BASE_URL), OpenAIProvider)


def _drawn(order: Order, reply: _Reply, pictures: Sequence[bytearray], request_id: str) -> Drawn:
    """The answer in our words. Raises BadReply for one without a picture; pictures beyond those ordered are left out."""
    drawn = [datum for datum in reply.data if datum.b64_json is not None][: order.count]
    if not drawn:
        raise BadReply("the reply holds no picture")
    size = drawn_size(order)
    echoed = {name: word for name in _ECHOED if (word := getattr(reply, name))}
    if size is not None:
        echoed.setdefault("size", str(size))
    _log.debug("openai drew %d pictures (request %s)", len(drawn), request_id)
    return Drawn(
        pictures=[
            Pixels(pictures[int(datum.b64_json or "")], said_format=reply.output_format or "") for datum in drawn
        ],
        upstream_model=reply.model or order.upstream_model,
        faults=[nonsense(NAME) for _ in range(order.count - len(drawn))],
        revised_prompt=next((datum.revised_prompt for datum in drawn if datum.revised_prompt), ""),
        usage_json=bytes(reply.usage),
        echoed=echoed,
        warnings=warnings(order, size),
    )


def _text(value: str | int) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _file(field: str, index: int, data: Bytes) -> File:
    picture_format = sniff(data)
    if picture_format not in _TAKEN_FORMATS:
        raise invalid(NAME, "image", "OpenAI takes PNG, JPEG and WebP pictures.")
    return File(field, f"image-{index}.{picture_format}", MEDIA_TYPES[picture_format], data)
