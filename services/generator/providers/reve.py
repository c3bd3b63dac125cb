"""Reve: the picture's own bytes at once, and in headers what it cost, which version drew it and whether it was withheld.

An order without pictures is a creation, with one an edit, with several a remix; the upstream model is the version (`latest`).
Options of a route: any input by its name.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

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
from generator.providers.base64_reply import BadReply, ReplyLimits
from generator.providers.complaints import REFUSED, Complaint, Stage, bad_image, invalid
from generator.providers.downloads import base64_texts
from generator.providers.filling import Filled, Filling
from generator.providers.http import read_picture
from generator.providers.variables import Variable, value_of
from pictures.facts import MEDIA_TYPES

NAME = "reve"
KEY = Variable("REVE_API_KEY", "Key of the platform's account at Reve.", needed=True, secret=True)
BASE_URL = Variable("REVE_BASE_URL", "Address of the API.", default="https://api.reve.com")
_LIMITS = ReplyLimits()
_MOST_PROMPT_CHARACTERS = 2560
_CREDITS_PER_DOLLAR = 750
"""Source: the vendor's prices in credits beside those in dollars (18 and 0.024, 30 and 0.04), as of 2026-11-20; inferred."""
_YES = frozenset({"true", "1", "yes"})
_FORMATS: Mapping[str, str] = {media_type: name for name, media_type in MEDIA_TYPES.items()}
_RATIOS = "aspect_ratio=16:9,9:16,3:2,2:3,4:3,3:4,1:1"
# `background`, `upscale_factor` and `format` are not sent so: what they are for is said in `_request`.
_ASKED = f"{_RATIOS} test_time_scaling:num=1..15 background=transparent upscale_factor:num=2..4 format=png,jpeg,webp"
_CONCEPTS: Mapping[str, str] = {
    "prompt": "prompt",
    "edit_instruction": "prompt",
    "reference_image": "picture",
    "reference_images": "pictures",
    "aspect_ratio": "ratio",
    "background": "background",
    "format": "format",
}
_FILLING = Filling(NAME, _CONCEPTS, aliases={"upscale_factor": ("scale_factor",)})


@dataclass(frozen=True, slots=True)
class _Call:
    path: str
    inputs: str


_CREATE = _Call("v1/image/create", f"prompt* {_ASKED}")
_EDIT = _Call("v1/image/edit", f"edit_instruction* reference_image* {_ASKED}")
_REMIX = _Call("v1/image/remix", f"prompt* reference_images*=6 {_ASKED}")


class _Problem(msgspec.Struct, frozen=True):
    error_code: str = ""


class ReveProvider:
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

    @property
    def configured(self) -> bool:
        """Whether the platform has a key."""
        return self._api.has_key

    async def submit(self, order: Order, memory: Memory) -> Drawn:
        """Place the order and read its picture. Raises UpstreamFault, also for a refusal, which comes as a success."""
        call = _call(len(order.inputs))
        filled = _filled(order, call, await base64_texts(order.inputs, memory))
        body, accepted = _request(order, filled)
        async with self._api.post(call.path, order, body=body, headers={"Accept": accepted}) as answer:
            try:
                data = await read_picture(answer, memory, _LIMITS)
            except BadReply as error:
                raise bad_image(NAME, "too_large") from error
            headers, content_type = answer.headers, answer.content_type
        credits_used = _whole(headers.get("x-reve-credits-used", ""))
        if headers.get("x-reve-content-violation", "").lower() in _YES:
            raise self._refused(order, credits_used)
        if not data or not content_type.startswith("image/"):
            raise self._api.nonsense("a success that is no picture")
        return Drawn(
            pictures=[Pixels(data, said_format=_FORMATS.get(content_type, ""))],
            upstream_model=headers.get("x-reve-version") or order.upstream_model,
            usage_json=b"" if credits_used is None else json.dumps({"credits_used": credits_used}).encode(),
            cost_micros=None if credits_used is None else round(credits_used * 1_000_000 / _CREDITS_PER_DOLLAR),
            warnings=filled.warnings,
        )

    async def collect(self, ticket: Ticket, order: Order, memory: Memory) -> Drawn:
        """Never called: `submit` always answers with pictures."""
        raise AssertionError("Reve gives out no tickets")

    async def close(self) -> None:
        """Close the connections."""
        await self._api.close()

    def _refused(self, order: Order, credits_used: int | None) -> UpstreamFault:
        """A violation that cost nothing was one of what was sent; else something was drawn."""
        is_free = credits_used == 0
        stage = Stage.INPUT if is_free else Stage.OUTPUT
        complaint = Complaint(REFUSED, stage=stage, code="content_violation")
        return self._api.failed(complaint, order, bought=Bought.NO if is_free else Bought.YES)


PROVIDER = ProviderFactory(NAME, (KEY, BASE_URL), ReveProvider)


def read_complaint(status: int, body: bytes) -> Complaint:
    """Read an error's body for the log; the statuses are those of complaints.py."""
    try:
        return Complaint(code=msgspec.json.decode(body, type=_Problem).error_code)
    except msgspec.MsgspecError:
        return Complaint()


def _call(picture_count: int) -> _Call:
    return (_CREATE, _EDIT)[picture_count] if picture_count < 2 else _REMIX


def _filled(order: Order, call: _Call, pictures: Sequence[str]) -> Filled:
    if len(order.draw.prompt) > _MOST_PROMPT_CHARACTERS:
        raise invalid(NAME, "prompt", f"A prompt for {NAME} has at most {_MOST_PROMPT_CHARACTERS} characters.")
    return _FILLING.fill(order, call.inputs, pictures=pictures)


def _request(order: Order, filled: Filled) -> tuple[Mapping[str, object], str]:
    """The body, and the media type to ask for: what has no background is no JPEG."""
    fields: dict[str, object] = {"version": order.upstream_model, **filled.fields}
    steps: list[Mapping[str, object]] = []
    file_format = str(fields.pop("format"))
    if factor := fields.pop("upscale_factor", None):
        steps.append({"process": "upscale", "upscale_factor": factor})
    if fields.pop("background", None):
        steps.append({"process": "remove_background"})
        file_format = "png" if file_format == "jpeg" else file_format
    if steps:
        fields["postprocessing"] = steps
    return fields, f"image/{file_format}"


def _whole(text: str) -> int | None:
    return int(text) if text.isdecimal() else None
