"""Google's Gemini image models: one picture of base64 for each order, within a conversation's answer.

What each model takes stands in google_models.py, what its refusals and errors mean in google_errors.py. Options of a route:
`resolution`, for orders that ask for none, and `inputs`: a line in the notation of filling.py, for a model that the table does
not know.
"""

import json
from collections.abc import Mapping, Sequence

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
from generator.providers.downloads import base64_texts
from generator.providers.filling import Filling
from generator.providers.google_errors import blocked, finished, read_complaint
from generator.providers.google_models import ANY_MODEL, CONCEPTS, LARGEST_SEED, MODELS
from generator.providers.http import read_pictures
from generator.providers.variables import Variable, value_of
from pictures.facts import MEDIA_TYPES
from pictures.sniffing import sniff

NAME = "google"
KEY = Variable("GEMINI_API_KEY", "Key of the platform's account at Google's Gemini API.", needed=True, secret=True)
BASE_URL = Variable("GEMINI_BASE_URL", "Address of the API, with its version; empty for GOOGLE_BASE_URL.")
OTHER_BASE_URL = Variable(
    "GOOGLE_BASE_URL", "Another name of GEMINI_BASE_URL.", default="https://generativelanguage.googleapis.com/v1beta"
)
# The signatures of what a model thought come with its pictures, and are as long as pictures.
_LIMITS = ReplyLimits(skeleton_bytes=32 << 20)
_FORMATS: Mapping[str, str] = {media_type: name for name, media_type in MEDIA_TYPES.items()}
_IMAGE_CONFIG: Mapping[str, str] = {"aspect_ratio": "aspectRatio", "resolution": "imageSize"}
_FILLING = Filling(NAME, CONCEPTS)


class _Blob(msgspec.Struct, frozen=True, rename="camel"):
    mime_type: str = ""
    data: str = ""
    """The number of the picture: see base64_reply.py."""


class _Part(msgspec.Struct, frozen=True, rename="camel"):
    inline_data: _Blob | None = None
    thought: bool = False
    """Of what the model drew on the way."""


class _Content(msgspec.Struct, frozen=True):
    parts: list[_Part] = []


class _Candidate(msgspec.Struct, frozen=True, rename="camel"):
    content: _Content | None = None
    finish_reason: str = ""


class _Feedback(msgspec.Struct, frozen=True, rename="camel"):
    block_reason: str = ""


class _Reply(msgspec.Struct, frozen=True, rename="camel"):
    candidates: list[_Candidate] = []
    prompt_feedback: _Feedback = _Feedback()
    usage_metadata: Mapping[str, object] = {}
    model_version: str = ""


_READ_REPLY = msgspec.json.Decoder(_Reply).decode


class GoogleProvider:
    """One vendor, with the platform's key or the order's own."""

    name = NAME
    free_to_repeat = False
    trained = True

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._api = VendorApi(
            NAME,
            base_url=value_of(environ, BASE_URL) or value_of(environ, OTHER_BASE_URL),
            key=value_of(environ, KEY),
            authorize=lambda key: {"x-goog-api-key": key},
            complaint=read_complaint,
        )

    @property
    def configured(self) -> bool:
        """Whether the platform has a key."""
        return self._api.has_key

    async def submit(self, order: Order, memory: Memory) -> Drawn:
        """Place the order and read its picture. Raises UpstreamFault, also for a refusal, which comes as a success."""
        body, warnings = _request(order, await base64_texts(order.inputs, memory))
        path = f"models/{order.upstream_model}:generateContent"
        async with self._api.post(path, order, body=body) as answer:
            try:
                skeleton, pictures = await read_pictures(answer, memory, _LIMITS, count=order.count, keys={"data"})
                reply = _READ_REPLY(skeleton)
            except (BadReply, msgspec.MsgspecError) as error:
                raise self._api.nonsense(str(error)) from error
        return self._drawn(order, reply, pictures, warnings)

    async def collect(self, ticket: Ticket, order: Order, memory: Memory) -> Drawn:
        """Never called: `submit` always answers with pictures."""
        raise AssertionError("Gemini gives out no tickets")

    async def close(self) -> None:
        """Close the connections."""
        await self._api.close()

    def _drawn(self, order: Order, reply: _Reply, pictures: Sequence[bytearray], warnings: Sequence[str]) -> Drawn:
        if reply.prompt_feedback.block_reason:
            raise self._api.failed(blocked(reply.prompt_feedback.block_reason), order, bought=Bought.NO)
        drawn = [
            Pixels(pictures[int(blob.data)], _seed(order), said_format=_FORMATS.get(blob.mime_type, ""))
            for blob in _blobs(reply)
        ]
        if not drawn:
            reason = reply.candidates[0].finish_reason if reply.candidates else ""
            raise self._api.failed(finished(reason), order, bought=Bought.YES)
        return Drawn(
            pictures=drawn[: order.count],
            upstream_model=reply.model_version or order.upstream_model,
            usage_json=_usage(reply),
            warnings=warnings,
        )


PROVIDER = ProviderFactory(NAME, (KEY, BASE_URL, OTHER_BASE_URL), GoogleProvider)


def _request(order: Order, pictures: Sequence[str]) -> tuple[object, Sequence[str]]:
    """The body, and what it cannot say."""
    line = order.options.get("inputs") or MODELS.get(order.upstream_model, ANY_MODEL)
    filled = _FILLING.fill(order, line, pictures=pictures)
    fields = dict(filled.fields)
    images = fields.pop("images", ())
    assert isinstance(images, Sequence)
    parts: list[object] = [{"text": fields.pop("prompt")}]
    for picture, text in zip(order.inputs, images, strict=False):
        media_type = MEDIA_TYPES[sniff(picture) or "png"]
        parts.append({"inlineData": {"mimeType": media_type, "data": text}})
    asked: dict[str, object] = {"responseModalities": ["IMAGE"]}
    if "seed" in fields:
        asked["seed"] = fields.pop("seed")
    if shape := {_IMAGE_CONFIG[name]: value for name, value in fields.items()}:
        asked["imageConfig"] = shape
    return {"contents": [{"role": "user", "parts": parts}], "generationConfig": asked}, filled.warnings


def _blobs(reply: _Reply) -> Sequence[_Blob]:
    parts = [part for one in reply.candidates if one.content for part in one.content.parts if not part.thought]
    return [part.inline_data for part in parts if part.inline_data and part.inline_data.data.isdecimal()]


def _seed(order: Order) -> int | None:
    """The seed that was drawn with, where it was the asked one; the vendor does not tell it."""
    return order.draw.seed if order.draw.HasField("seed") and order.draw.seed <= LARGEST_SEED else None


def _usage(reply: _Reply) -> bytes:
    """The counts of tokens; their details are lists, which do not add up over orders."""
    counts = {name: count for name, count in reply.usage_metadata.items() if isinstance(count, int)}
    return json.dumps(counts).encode() if counts else b""
