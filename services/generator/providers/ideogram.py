"""Ideogram: an answer at once, of addresses that do not last, and of pictures that its safety check has withheld.

What each operation takes stands in ideogram_models.py. Options of a route: any input of the operation by its name
(`rendering_speed`, `custom_model_uri`).
"""

from collections.abc import Callable, Mapping, Sequence

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
    UpstreamFault,
)
from generator.providers.complaints import REFUSED, Complaint, Stage, invalid, nonsense, refused
from generator.providers.deadline import Deadline
from generator.providers.downloads import EGRESS_ALLOW, Downloads
from generator.providers.filling import Filled, Filling
from generator.providers.ideogram_models import ALIASES, CONCEPTS, Call, call_of
from generator.providers.masks import Masks
from generator.providers.multipart import Form
from generator.providers.picture_files import picture_file
from generator.providers.seeds import told_seed
from generator.providers.variables import Variable, value_of

NAME = "ideogram"
KEY = Variable("IDEOGRAM_API_KEY", "Key of the platform's account at Ideogram.", needed=True, secret=True)
BASE_URL = Variable("IDEOGRAM_BASE_URL", "Address of the API.", default="https://api.ideogram.ai")
_UNSAFE_STATUS = 422
_FILLING = Filling(NAME, CONCEPTS, aliases=ALIASES)


class _Image(msgspec.Struct, frozen=True):
    url: str | None = None
    prompt: str = ""
    is_image_safe: bool = True
    seed: int | None = None


class _Reply(msgspec.Struct, frozen=True):
    data: list[_Image]


class _SafetyError(msgspec.Struct, frozen=True):
    error: str


class IdeogramProvider:
    """One vendor, with the platform's key or the order's own."""

    name = NAME
    free_to_repeat = False
    trained = True

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._api = VendorApi(
            NAME,
            base_url=value_of(environ, BASE_URL),
            key=value_of(environ, KEY),
            authorize=lambda key: {"Api-Key": key},
            complaint=read_complaint,
        )
        self._downloads = Downloads(NAME, environ)
        self._masks = Masks(NAME)

    @property
    def configured(self) -> bool:
        """Whether the platform has a key."""
        return self._api.has_key

    async def submit(self, order: Order, memory: Memory) -> Drawn:
        """Place the order, and fetch its pictures before their addresses end. Raises UpstreamFault."""
        deadline = Deadline.after(order.deadline_seconds)
        call = call_of(order.upstream_model, order.draw)
        if call is None:
            raise invalid(NAME, "model", f"{order.upstream_model} cannot draw this at {NAME}.")
        filled = _filled(order, call)
        body = await self._body(order, filled)
        reply = await self._api.ask("POST", call.path, order, body=body, answer=_Reply)
        images = reply.data[: order.count]
        if not images:
            raise self._api.nonsense("an answer without pictures")
        shown = [image for image in images if image.is_image_safe and image.url]
        fetched = await self._downloads.pictures([image.url or "" for image in shown], order, memory, deadline)
        return _drawn(order, images, shown, fetched, filled.warnings)

    async def collect(self, ticket: Ticket, order: Order, memory: Memory) -> Drawn:
        """Never called: `submit` always answers with pictures."""
        raise AssertionError("Ideogram gives out no tickets")

    async def close(self) -> None:
        """Close the connections and end the children."""
        await self._api.close()
        await self._downloads.close()
        await self._masks.close()

    async def _body(self, order: Order, filled: Filled) -> object | Form:
        """JSON, or a form where pictures go along."""
        fields = dict(filled.fields)
        files = [picture_file(NAME, "image", order.inputs[0])] if fields.pop("image", None) else []
        if order.mask is not None and fields.pop("mask", None):
            files.append(picture_file(NAME, "mask", await self._masks.black(order.mask, order.inputs[0])))
        if not files:
            return fields
        return Form({name: _form_value(value) for name, value in fields.items()}, files)


PROVIDER = ProviderFactory(NAME, (KEY, BASE_URL, EGRESS_ALLOW), IdeogramProvider)


def read_complaint(status: int, body: bytes) -> Complaint:
    """What the safety check stopped; the rest is told by its status alone, since the vendor gives the other bodies no form."""
    if status != _UNSAFE_STATUS:
        return Complaint()
    try:
        msgspec.json.decode(body, type=_SafetyError)
    except msgspec.MsgspecError:
        return Complaint()
    return Complaint(REFUSED, stage=Stage.INPUT, bought=Bought.NO, code="unsafe")


def _filled(order: Order, call: Call) -> Filled:
    """The fields in the vendor's words; `image` and `mask` are there where there are such."""
    numbers = [str(number) for number in range(len(order.inputs))]
    filled = _FILLING.fill(order, call.inputs, pictures=numbers, mask="mask" if order.mask and order.inputs else None)
    fields = {name: _IN_WORDS[name](value) if name in _IN_WORDS else value for name, value in filled.fields.items()}
    fields.pop("background", None)
    if "style_codes" in fields and fields.pop("style_type", None):
        return Filled(fields, [*filled.warnings, f"{NAME} ignores style, as its codes leave no other."])
    return Filled(fields, filled.warnings)


def _percent(likeness: object) -> int:
    assert isinstance(likeness, float)
    return max(round(likeness * 100), 1)


_IN_WORDS: Mapping[str, Callable[[object], object]] = {
    "image_weight": _percent,
    "color_palette": lambda name: {"name": name},
    "style_codes": lambda codes: str(codes).split(","),
}


def _form_value(value: object) -> str | list[str]:
    """A field of a form: lists are fields that repeat, objects their JSON."""
    if isinstance(value, list):
        return [str(one) for one in value]
    return msgspec.json.encode(value).decode() if isinstance(value, dict) else str(value)


def _drawn(
    order: Order,
    images: Sequence[_Image],
    shown: Sequence[_Image],
    fetched: Sequence[bytearray | UpstreamFault],
    warnings: Sequence[str],
) -> Drawn:
    faults = [refused(NAME, Stage.OUTPUT, bought=Bought.YES) for _ in range(len(images) - len(shown))]
    faults += [one for one in fetched if isinstance(one, UpstreamFault)]
    pictures = [
        Pixels(one, told_seed(image.seed))
        for image, one in zip(shown, fetched, strict=True)
        if not isinstance(one, UpstreamFault)
    ]
    if not pictures:
        raise faults[0]
    revised = next((image.prompt for image in shown if image.prompt), "")
    return Drawn(
        pictures=pictures,
        upstream_model=order.upstream_model,
        faults=[*faults, *(nonsense(NAME) for _ in range(order.count - len(images)))],
        revised_prompt=revised if revised != order.draw.prompt else "",
        warnings=warnings,
    )
