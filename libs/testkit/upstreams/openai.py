"""A scripted OpenAI Images API: generations and edits, JSON, forms and event streams, in the vendor's own words."""

import json
import secrets
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass

import pybase64

from testkit.sample_pictures import Sample, sample
from testkit.upstreams.base import SUCCESS, WRONG_PICTURES, Behaviour, Exchange, Reply, Rules, ScriptedUpstream
from testkit.upstreams.forms import BadForm, Part, parse_form
from testkit.upstreams.openai_rules import EDIT, GENERATION, Fields, Refused, pixels, refusal_of, unknown_model

_FORM_INTEGERS = frozenset({"n", "output_compression", "partial_images"})
_MOST_FILE_BYTES = 50_000_000
_MOST_MASK_BYTES = 4_000_000
_MAGIC: Mapping[bytes, str] = {b"\x89PNG\r\n\x1a\n": "png", b"\xff\xd8\xff": "jpeg", b"RIFF": "webp"}
# Output tokens a megapixel: what the vendor's prices per image come to at 30 USD a million.
_TOKENS_PER_MEGAPIXEL = {"low": 190, "medium": 1000, "high": 4000, "xhigh": 5000, "max": 7000}
_TEXT = {"type": "string"}
_QUALITY = {"type": "string", "enum": ["auto", "low", "medium", "high", "xhigh", "max"]}
_FILE_OR_FILES = {"anyOf": [_TEXT, {"type": "array", "items": _TEXT, "maxItems": 16}]}
_AMENDMENTS: Mapping[tuple[str, str], Mapping[str, object]] = {
    ("CreateImageRequest", "quality"): _QUALITY,
    ("CreateImageEditRequest", "quality"): _QUALITY,
    ("EditImageBodyJsonParam", "quality"): _QUALITY,
    ("EditImageBodyJsonParam", "size"): _TEXT,
    ("CreateImageEditRequest", "image"): _FILE_OR_FILES,
}
_ERRORS: Mapping[str, Refused] = {
    "refusal": Refused(
        "Your request was rejected by the safety system. If you believe this is an error, contact us at "
        "help.openai.com and include the request ID. safety_violations=[violence].",
        code="moderation_blocked",
        kind="image_generation_user_error",
    ),
    "rate_limited": Refused(
        "Rate limit reached. Please try again later.", None, "rate_limit_exceeded", "requests", 429
    ),
    "out_of_quota": Refused(
        "You exceeded your current quota, please check your plan and billing details.",
        code="insufficient_quota",
        kind="insufficient_quota",
        status=429,
    ),
    "unauthorized": Refused("Incorrect API key provided: sk-****.", code="invalid_api_key", status=401),
    "bad_field": Refused("Invalid value: 'high'. Supported values are: low.", "quality"),
    "server_error": Refused(
        "The server had an error while processing your request. Sorry about that!", code=None, kind="server_error"
    ),
}


@dataclass(frozen=True, slots=True)
class _Order:
    """A request that passed the rules."""

    edit: bool
    fields: Fields
    image_tokens: int

    def text(self, name: str, default: str) -> str:
        return str(self.fields.get(name) or default)

    @property
    def quality(self) -> str:
        quality = self.text("quality", "auto")
        return "medium" if quality == "auto" else quality

    @property
    def width_height(self) -> tuple[int, int]:
        return pixels(self.text("size", "auto"))

    def said(self) -> dict[str, object]:
        """Return what the answer and each event say of the pictures."""
        width, height = self.width_height
        transparent = self.fields.get("background") == "transparent"
        return {
            "background": "transparent" if transparent else "opaque",
            "output_format": self.text("output_format", "png"),
            "quality": self.quality,
            "size": f"{width}x{height}",
        }

    def usage(self, pictures: int) -> dict[str, object]:
        text_tokens = len(self.text("prompt", "")) // 4 + 1
        width, height = self.width_height
        output_tokens = pictures * width * height * _TOKENS_PER_MEGAPIXEL[self.quality] // 1_000_000
        input_tokens = text_tokens + self.image_tokens
        return {
            "input_tokens": input_tokens,
            "input_tokens_details": {"text_tokens": text_tokens, "image_tokens": self.image_tokens},
            "output_tokens": output_tokens,
            "output_tokens_details": {"image_tokens": output_tokens, "text_tokens": 0},
            "total_tokens": input_tokens + output_tokens,
        }


class OpenAIUpstream(ScriptedUpstream):
    """The vendor's ``/v1/images/*``. Keys must begin with ``sk-``; any other is refused as the vendor would.

    With ``specification`` every request is validated against it too; what
    breaks it is refused with 400 and noted in ``violations``. The field table of `openai_rules` is always applied.
    """

    def __init__(
        self, *, default: Behaviour = SUCCESS, payload_bytes: int = 0, specification: Rules | None = None
    ) -> None:
        super().__init__(default=default, payload_bytes=payload_bytes, specification=specification)
        if specification is not None:
            specification.amend(_AMENDMENTS)

    @property
    def base_path(self) -> str:
        """The SDK's base URL ends with the version."""
        return "/v1"

    async def answer(self, exchange: Exchange) -> Reply:
        """Answer in the order in which the vendor decides: key, path, form, rules, limits, moderation, then the order."""
        behaviour = exchange.behaviour
        order = _refused_caller(exchange) or self._order(exchange)
        if isinstance(order, Refused):
            return _error(order)
        if refused := _scripted(behaviour, order):
            return refused
        await exchange.accept()
        if behaviour.name == "garbage":
            return Reply(content_type="text/html", body=[b"<!DOCTYPE html><html><body>Just a moment...</body></html>"])
        if order.fields.get("stream"):
            return Reply(content_type="text/event-stream; charset=utf-8", stream=self._events(order, behaviour))
        return Reply(body=self._json(order, behaviour), headers=_standard_headers())

    def _order(self, exchange: Exchange) -> _Order | Refused:
        recorded = exchange.recorded
        edit = recorded.path.endswith("/edits")
        content_type = recorded.headers.get("Content-Type", "")
        form = content_type.startswith("multipart/form-data")
        read = _read_form(content_type, recorded.body) if edit and form else _read_json(recorded.body)
        if isinstance(read, Refused):
            return read
        refused = refusal_of(read.fields, EDIT if edit else GENERATION) or _refused_inputs(read, edit)
        violations = self._violations(edit, "multipart/form-data" if form else "application/json", read)
        self.violations += violations
        if refused is None and violations:
            refused = Refused(violations[0])
        return refused or _Order(edit, read.fields, 85 * max(len(read.files), _count(read.fields.get("images"))))

    def _violations(self, edit: bool, content_type: str, read: "_Read") -> list[str]:
        if self.specification is None:
            return []
        path = "/images/edits" if edit else "/images/generations"
        return self.specification.violations(path, content_type, read.validated)

    def _json(self, order: _Order, behaviour: Behaviour) -> Iterator[bytes]:
        wanted = order.fields.get("n") or 1
        assert isinstance(wanted, int)
        wanted -= behaviour.name == "partial"
        said = json.dumps({"created": int(time.time()), **order.said()}, separators=(",", ":"))
        yield said[:-1].encode() + b',"data":['
        pictures = [self._picture(order, behaviour) for _ in range(0 if behaviour.name == "empty" else wanted)]
        if behaviour.name == "duplicate":
            pictures.append(pictures[-1])
        for index, picture in enumerate(pictures):
            yield b',{"b64_json":"' if index else b'{"b64_json":"'
            yield from picture
            yield b'"}'
        yield b'],"usage":' + json.dumps(order.usage(wanted), separators=(",", ":")).encode() + b"}"

    async def _events(self, order: _Order, behaviour: Behaviour) -> AsyncIterator[bytes]:
        family = "image_edit" if order.edit else "image_generation"
        partial_images = order.fields.get("partial_images") or 0
        assert isinstance(partial_images, int)
        for index in range(partial_images):
            more = {"partial_image_index": index}
            yield self._event(f"{family}.partial_image", order, self._picture(order, SUCCESS), more)
        if behaviour.name == "output_refusal":
            yield (
                b"event: error\ndata: "
                + json.dumps({"type": "error", **_error_body(_ERRORS["refusal"])}).encode()
                + b"\n\n"
            )
            return
        if behaviour.name != "empty":
            last = self._event(f"{family}.completed", order, self._picture(order, behaviour), {"usage": order.usage(1)})
            yield last
            if behaviour.name == "duplicate":
                yield last

    def _event(self, name: str, order: _Order, picture: tuple[bytes, ...], more: Mapping[str, object]) -> bytes:
        said = {"type": name, "created_at": int(time.time()), **order.said(), **more}
        head = json.dumps(said, separators=(",", ":"))[:-1]
        return b"".join((f'event: {name}\ndata: {head},"b64_json":"'.encode(), *picture, b'"}\n\n'))

    def _picture(self, order: _Order, behaviour: Behaviour) -> tuple[bytes, ...]:
        """Return the base64 of one picture, in pieces, right or wrong as the behaviour says."""
        wrong = WRONG_PICTURES.get(behaviour.name)
        file_format = order.text("output_format", "png")
        if behaviour.name == "wrong_type":
            file_format = "png" if file_format == "jpeg" else "jpeg"
        made = self._sample(order, file_format)
        if wrong is None:
            return made.stamped_base64(self.next_serial())
        if behaviour.name == "bad_base64":
            return (b"%%% this is not base64 %%%",)
        return (pybase64.b64encode(wrong(made.stamped(self.next_serial()))),)

    def _sample(self, order: _Order, file_format: str) -> Sample:
        width, height = order.width_height
        transparent = order.fields.get("background") == "transparent" and file_format != "jpeg"
        return sample(file_format, width, height, size_bytes=self.payload_bytes, transparent=transparent)


@dataclass(frozen=True, slots=True)
class _Read:
    """A parsed body: ``fields`` for the rules, ``validated`` for the specification, ``files`` of a form."""

    fields: dict[str, object]
    validated: object
    files: tuple[Part, ...] = ()


def _refused_caller(exchange: Exchange) -> Refused | None:
    recorded = exchange.recorded
    if not recorded.headers.get("Authorization", "").startswith("Bearer sk-"):
        return _ERRORS["unauthorized"]
    if recorded.method != "POST" or recorded.path not in ("/v1/images/generations", "/v1/images/edits"):
        return Refused(f"Invalid URL ({recorded.method} {recorded.path})", code=None, status=404)
    return None


def _read_json(body: bytes) -> _Read | Refused:
    try:
        fields = json.loads(body)
    except ValueError:
        fields = None
    if not isinstance(fields, dict):
        return Refused("We could not parse the JSON body of your request.", code=None)
    return _Read(fields, fields)


def _read_form(content_type: str, body: bytes) -> _Read | Refused:
    try:
        parts = parse_form(content_type, body)
    except BadForm as failure:
        return Refused(f"Invalid body: failed to parse multipart/form-data: {failure}.", code=None)
    fields: dict[str, object] = {}
    for part in parts:
        if part.filename is None:
            fields[part.name] = _form_value(part)
    images = tuple(part for part in parts if part.filename is not None and part.name in ("image", "image[]"))
    others = tuple(part for part in parts if part.filename is not None and part not in images)
    validated = {**fields, **{part.name: "file" for part in others}}
    if images:
        validated["image"] = ["file"] * len(images)
        fields["images"] = [part.filename for part in images]
    fields |= {part.name: part.filename for part in others}
    return _Read(fields, validated, (*images, *others))


def _form_value(part: Part) -> object:
    text = part.data.decode("utf-8", "replace")
    if part.name in _FORM_INTEGERS and text.isdecimal():
        return int(text)
    if part.name == "stream":
        return {"true": True, "false": False}.get(text, text)
    return text


def _refused_inputs(read: _Read, edit: bool) -> Refused | None:
    if not edit:
        return None
    if "images" not in read.fields:
        return Refused("Missing required parameter: 'image'.", "image", "missing_required_parameter")
    for part in read.files:
        kind = next((kind for magic, kind in _MAGIC.items() if part.data.startswith(magic)), None)
        limit = _MOST_MASK_BYTES if part.name == "mask" else _MOST_FILE_BYTES
        if kind is None or len(part.data) > limit or (part.name == "mask" and kind != "png"):
            return Refused("Invalid image file or mode for image, please check your image file.", part.name, "invalid_image_file")  # fmt: skip # noqa: E501
    return _refused_mask(read.files) or _refused_references(read.fields)


def _refused_mask(files: tuple[Part, ...]) -> Refused | None:
    """Refuse a mask without an alpha channel, or of another size than the first image, where that is a PNG too."""
    mask = next((part.data for part in files if part.name == "mask"), None)
    if mask is None:
        return None
    if mask[25] not in (4, 6):
        return Refused("Invalid mask image format - mask must have an alpha channel.", "mask", "invalid_image_file")
    if files[0].data.startswith(b"\x89PNG") and files[0].data[16:24] != mask[16:24]:
        return Refused("Invalid mask image size - must match the image size.", "mask", "invalid_image_file")
    return None


def _refused_references(fields: Fields) -> Refused | None:
    given = fields["images"]
    assert isinstance(given, list)
    for reference in given:
        if isinstance(reference, dict) and len(reference.keys() & {"image_url", "file_id"}) != 1:
            return Refused("Provide exactly one of image_url or file_id.", "images")
    return None


def _scripted(behaviour: Behaviour, order: _Order) -> Reply | None:
    if behaviour.name == "model_not_found":
        return _error(unknown_model(order.text("model", "")))
    refused = _ERRORS.get(behaviour.name)
    if refused is None:
        return None
    if behaviour.name == "rate_limited":
        seconds = behaviour.seconds or 1.0
        return _error(refused, {"retry-after": f"{seconds:g}", "retry-after-ms": f"{seconds * 1000:.0f}"}, remaining=0)
    return _error(refused, status=behaviour.status if behaviour.name == "server_error" else None)


def _error_body(refused: Refused) -> dict[str, object]:
    return {
        "error": {"message": refused.message, "type": refused.kind, "param": refused.param, "code": refused.code},
    }


def _error(
    refused: Refused, headers: Mapping[str, str] | None = None, *, status: int | None = None, remaining: int = 99
) -> Reply:
    body = json.dumps(_error_body(refused), indent=2).encode()
    return Reply(status or refused.status, body=[body], headers={**_standard_headers(remaining), **(headers or {})})


def _standard_headers(remaining: int = 99) -> dict[str, str]:
    return {
        "x-request-id": f"req_{secrets.token_hex(16)}",
        "openai-version": "2020-10-01",
        "openai-processing-ms": "1",
        "x-ratelimit-limit-requests": "100",
        "x-ratelimit-remaining-requests": str(remaining),
        "x-ratelimit-reset-requests": "600ms",
    }


def _count(images: object) -> int:
    return len(images) if isinstance(images, list) else 0
