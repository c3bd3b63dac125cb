"""OpenRouter: many vendors' models behind one key, which answers at once with base64 and with what it charges.

What models take stands in openrouter_models.py. Options of a route: `api`, which is `images` (where it is absent) or `chat`;
`modalities=image` for a model of the chat that says nothing; `inputs`, a line in the notation of filling.py; and any input of the
model by its name.
"""

from collections.abc import Mapping, Sequence

import aiohttp
import msgspec

from generator.providers.api import VendorApi
from generator.providers.base import Bought, Drawn, Memory, Order, Pixels, ProviderFactory, Ticket
from generator.providers.base64_reply import BadReply, ReplyLimits
from generator.providers.complaints import Stage, nonsense, refused
from generator.providers.deadline import Deadline
from generator.providers.downloads import EGRESS_ALLOW, Downloads, data_uris
from generator.providers.filling import Filled, Filling
from generator.providers.http import read_pictures
from generator.providers.openrouter_errors import RouterError, complaint_of, read_complaint
from generator.providers.openrouter_models import CHAT, CONCEPTS, IMAGES, inputs_of
from generator.providers.variables import Variable, value_of

NAME = "openrouter"
KEY = Variable("OPENROUTER_API_KEY", "Key of the platform's account at OpenRouter.", needed=True, secret=True)
BASE_URL = Variable(
    "OPENROUTER_BASE_URL", "Address of the API, with its version.", default="https://openrouter.ai/api/v1"
)
_LIMITS = ReplyLimits()
_MICROS = 1_000_000
_USER = "safety_identifier"
# How models of several vendors end an answer whose picture they withhold.
_WITHHELD = frozenset(
    {
        "content_filter",
        "safety",
        "image_safety",
        "prohibited_content",
        "image_prohibited_content",
        "blocklist",
        "recitation",
        "image_recitation",
    }
)
_FILLING = Filling(NAME, CONCEPTS)


class _Usage(msgspec.Struct, frozen=True):
    cost: float | None = None
    """US dollars."""


class _Datum(msgspec.Struct, frozen=True):
    b64_json: str | None = None
    """The number of the picture: see base64_reply.py."""
    media_type: str = ""


class _Address(msgspec.Struct, frozen=True):
    url: str = ""
    """The number of the picture, or an address."""


class _Image(msgspec.Struct, frozen=True):
    image_url: _Address = _Address()


class _Message(msgspec.Struct, frozen=True):
    images: list[_Image] | None = None
    refusal: str | None = None


class _Choice(msgspec.Struct, frozen=True):
    message: _Message = _Message()
    finish_reason: str | None = None
    native_finish_reason: str | None = None
    error: RouterError | None = None


class _Reply(msgspec.Struct, frozen=True):
    """Of both APIs."""

    data: list[_Datum] = []
    choices: list[_Choice] = []
    model: str = ""
    error: RouterError | None = None
    usage: msgspec.Raw = msgspec.Raw(b"null")


class OpenRouterProvider:
    """One vendor, with the platform's key or the order's own."""

    name = NAME
    free_to_repeat = False
    trained = True

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._api = VendorApi(
            NAME,
            base_url=value_of(environ, BASE_URL),
            key=value_of(environ, KEY),
            complaint=read_complaint,
        )
        self._downloads = Downloads(NAME, environ)

    @property
    def configured(self) -> bool:
        """Whether the platform has a key."""
        return self._api.has_key

    async def submit(self, order: Order, memory: Memory) -> Drawn:
        """Place the order and read its pictures. Raises UpstreamFault."""
        in_chat = order.options.get("api") == "chat"
        filled = _filled(order, await data_uris(order.inputs, memory), in_chat=in_chat)
        path, body = ("chat/completions", _chat(order, filled)) if in_chat else ("images", _images(order, filled))
        async with self._api.post(path, order, body=body) as answer:
            try:
                reply, pictures = await _read(answer, order, memory, in_chat=in_chat)
            except (BadReply, msgspec.MsgspecError) as error:
                raise self._api.nonsense(str(error)) from error
        self._check(order, reply)
        if in_chat:
            pictures = await self._shown(order, reply, pictures, memory)
        return _drawn(order, reply, pictures, filled.warnings)

    async def collect(self, ticket: Ticket, order: Order, memory: Memory) -> Drawn:
        """Never called: `submit` always answers with pictures."""
        raise AssertionError("OpenRouter gives out no tickets")

    async def close(self) -> None:
        """Close the connections."""
        await self._api.close()
        await self._downloads.close()

    def _check(self, order: Order, reply: _Reply) -> None:
        """Raise what a success says of its failure."""
        errors = [reply.error, *(choice.error for choice in reply.choices)]
        error = next((one for one in errors if one is not None), None)
        if error is not None:
            raise self._api.failed(complaint_of(error), order, bought=Bought.UNKNOWN)
        if not any(choice.message.images for choice in reply.choices) and any(map(_is_withheld, reply.choices)):
            raise refused(NAME, Stage.OUTPUT, bought=Bought.NO if _cost_micros(reply) == 0 else Bought.YES)

    async def _shown(
        self, order: Order, reply: _Reply, pictures: Sequence[bytearray], memory: Memory
    ) -> list[bytearray]:
        """The pictures of a chat, in their order: those that stand in it, and those that it gives by address."""
        told = [image.image_url.url for choice in reply.choices for image in choice.message.images or ()]
        deadline = Deadline.after(order.deadline_seconds)
        shown = []
        for url in list(filter(None, told))[: order.count]:
            is_address = url.startswith("http")
            picture = await self._downloads.picture(url, order, memory, deadline) if is_address else pictures[int(url)]
            shown.append(picture)
        return shown


PROVIDER = ProviderFactory(NAME, (KEY, BASE_URL, EGRESS_ALLOW), OpenRouterProvider)


def _filled(order: Order, pictures: Sequence[str], *, in_chat: bool) -> Filled:
    inputs = order.options.get("inputs") or inputs_of(CHAT if in_chat else IMAGES, order.upstream_model)
    return _FILLING.fill(order, inputs, pictures=pictures)


def _images(order: Order, filled: Filled) -> Mapping[str, object]:
    body = {"model": order.upstream_model, **_who(order), **filled.fields}
    references = body.pop("input_references", None)
    if isinstance(references, Sequence):
        body["input_references"] = [_image_url(url) for url in references]
    return body


def _chat(order: Order, filled: Filled) -> Mapping[str, object]:
    fields = dict(filled.fields)
    text, pictures = fields.pop("prompt"), fields.pop("pictures", ())
    assert isinstance(pictures, Sequence)
    content = [{"type": "text", "text": text}, *map(_image_url, pictures)]
    modalities = ["image"] if order.options.get("modalities") == "image" else ["image", "text"]
    return {
        "model": order.upstream_model,
        "messages": [{"role": "user", "content": content}],
        "modalities": modalities,
        "usage": {"include": True},
        **({"image_config": fields} if fields else {}),
        **_who(order),
    }


def _who(order: Order) -> Mapping[str, object]:
    """The account's hash, where the worker gives one."""
    return {"user": order.options[_USER]} if order.options.get(_USER) else {}


def _image_url(url: object) -> Mapping[str, object]:
    return {"type": "image_url", "image_url": {"url": url}}


async def _read(
    answer: aiohttp.ClientResponse, order: Order, memory: Memory, *, in_chat: bool
) -> tuple[_Reply, list[bytearray]]:
    """Raises BadReply, MsgspecError."""
    keys = {"url"} if in_chat else {"b64_json"}
    skeleton, pictures = await read_pictures(answer, memory, _LIMITS, count=order.count, keys=keys)
    return msgspec.json.decode(skeleton, type=_Reply), pictures


def _is_withheld(choice: _Choice) -> bool:
    ends = {(choice.finish_reason or "").lower(), (choice.native_finish_reason or "").lower()}
    return bool(choice.message.refusal) or bool(ends & _WITHHELD)


def _cost_micros(reply: _Reply) -> int | None:
    try:
        usage = msgspec.json.decode(reply.usage, type=_Usage | None)
    except msgspec.MsgspecError:
        return None
    return None if usage is None or usage.cost is None else round(usage.cost * _MICROS)


def _drawn(order: Order, reply: _Reply, pictures: Sequence[bytearray], warnings: Sequence[str]) -> Drawn:
    """The answer in our words. Raises UpstreamFault for one without a picture."""
    kept = pictures[: order.count]
    if not kept:
        raise nonsense(NAME)
    formats = [datum.media_type.removeprefix("image/") for datum in reply.data if datum.b64_json is not None]
    formats += [""] * (len(kept) - len(formats))
    return Drawn(
        [Pixels(picture, said_format=said) for picture, said in zip(kept, formats, strict=False)],
        reply.model or order.upstream_model,
        faults=[nonsense(NAME) for _ in range(order.count - len(kept))],
        usage_json=b"" if bytes(reply.usage) == b"null" else bytes(reply.usage),
        cost_micros=_cost_micros(reply),
        warnings=warnings,
    )
