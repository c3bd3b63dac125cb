"""What wording a generation again takes beside its job: frozen on the job when it is bought. Pure."""

from typing import Any

import msgspec

from gesso.generator.v1.generator_pb2 import Job

NAME = "imagegen"

Region = tuple[int, int, int, int]
"""x, y, width and height of a box, in pixels."""


class Facts(msgspec.Struct, frozen=True, array_like=True):
    """Fields are added at the end, with defaults: what was frozen by an older version must still be read.

    `source_image_id` and `source_format` name the source picture as it was brought in, `source_url` is its address as it was sent,
    empty where it was none. `mask_regions` are None without a mask.
    """

    in_base64: bool = False
    metadata: dict[str, Any] = {}
    warnings: list[str] = []
    source_url: str = ""
    source_image_id: str = ""
    source_format: str = ""
    dominant_colors: list[str] | None = None
    mask_area_percent: float | None = None
    mask_regions: list[Region] | None = None


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Facts)
_FOREIGN = Facts()


def frozen(facts: Facts) -> bytes:
    """As a purchase carries them."""
    return _encoder.encode(facts)


def thawed(stored: bytes) -> Facts:
    """Read back what `frozen` wrote."""
    return _decoder.decode(stored)


def facts_of(job: Job) -> Facts:
    """Those of a job; a job of another dialect has none of ours."""
    return thawed(job.facts) if job.dialect == NAME and job.facts else _FOREIGN
