"""What a dialect's parse gives: a purchase, the pictures that must be brought in for it, and how it is to be answered. Pure."""

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from gateway.desk import Desk
from gesso.gallery.v1.gallery_pb2 import Image, ImageAnalysis, MaskMeasures
from gesso.generator.v1.generator_pb2 import Purchase

MAX_INPUT_BYTES = 25_000_000
"""Source: contract.md, "Requests and answers"."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A picture that came in the request itself, as a file of a form."""

    data: bytes | bytearray
    filename: str = ""


@dataclass(frozen=True, slots=True)
class Input:
    """A picture that a purchase needs: an https address, a `data:` URI, the id of an image of the caller's, or its bytes.

    `field` names it in faults; `formats` are those that are taken, empty for all that the platform reads.
    """

    field: str
    origin: str | Upload
    limit_bytes: int = MAX_INPUT_BYTES
    formats: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Secret:
    """A caller's own provider key for one draw; the edge seals it before it goes anywhere."""

    draw_index: int
    provider: str
    key: str = field(repr=False)


class Lens(Protocol):
    """Measures pictures that were brought in."""

    async def analysis(self, image_id: str) -> ImageAnalysis:
        """What is measured of a picture."""

    async def mask(self, mask_image_id: str, *, width: int, height: int, inverted: bool) -> MaskMeasures:
        """Which part of a picture of this size a mask repaints."""


Completion = Callable[[Purchase, Sequence[Image], Lens], Awaitable[None]]


async def attach(purchase: Purchase, images: Sequence[Image], _: Lens) -> None:
    """Give every draw all the pictures."""
    for draw in purchase.draws:
        draw.input_image_ids.extend(image.id for image in images)


@dataclass(frozen=True, slots=True)
class Order:
    """A parsed request. The fingerprint is of the purchase and the origins of its inputs, before `complete` adds what they became.

    `complete` is called with the pictures in the order of `inputs`; it may also raise Fault. `check` asks the platform what the
    parse alone cannot know, before anything is brought in, and may raise Fault; a replay needs neither. `respond_async` is the
    body's own wish for an answer at once, `stream` that for events.
    """

    purchase: Purchase
    inputs: Sequence[Input] = ()
    complete: Completion = attach
    secrets: Sequence[Secret] = ()
    check: Callable[[Desk], Awaitable[None]] | None = None
    respond_async: bool = False
    stream: bool = False


def fingerprint(order: Order) -> bytes:
    """SHA-256 of the parsed request: draws, facts, where the result goes, its inputs; never a secret."""
    digest = hashlib.sha256(order.purchase.SerializeToString(deterministic=True))
    for wanted in order.inputs:
        origin = wanted.origin
        content = origin.data if isinstance(origin, Upload) else origin.encode()
        digest.update(b"\x00" + wanted.field.encode() + b"\x00" + hashlib.sha256(content).digest())
    return digest.digest()
