"""Ideogram's rules for requests, as lines of data: each operation's fields, by its path.

Source: the vendor's OpenAPI document, as of 2026-11-20.
"""

import json
from collections.abc import Mapping

from testkit.upstreams.fields import FieldTable
from testkit.upstreams.forms import Part
from testkit.upstreams.shaping import shaped

_SIZES = (
    "512x1536,576x1408,576x1472,576x1536,640x1344,640x1408,640x1472,640x1536,704x1152,704x1216,704x1280,704x1344,704x1408,"
    "704x1472,736x1312,768x1088,768x1216,768x1280,768x1344,800x1280,832x960,832x1024,832x1088,832x1152,832x1216,832x1248,"
    "864x1152,896x960,896x1024,896x1088,896x1120,896x1152,960x832,960x896,960x1024,960x1088,1024x832,1024x896,1024x960,"
    "1024x1024,1088x768,1088x832,1088x896,1088x960,1120x896,1152x704,1152x832,1152x864,1152x896,1216x704,1216x768,1216x832,"
    "1248x832,1280x704,1280x768,1280x800,1312x736,1344x640,1344x704,1344x768,1408x576,1408x640,1408x704,1472x576,1472x640,"
    "1472x704,1536x512,1536x576,1536x640"
)
_RATIOS = "aspect_ratio:word=1x3,3x1,1x2,2x1,9x16,16x9,10x16,16x10,2x3,3x2,3x4,4x3,4x5,5x4,1x1"
_DRAWN = "num_images:int=1..8 seed:int=0..2147483647 rendering_speed:word=FLASH,TURBO,BALANCED,DEFAULT,QUALITY"
_MAGIC = "magic_prompt:word=AUTO,ON,OFF"
_LOOK = "style_preset:like=[0-9A-Z_]+ style_codes:list color_palette:object style_reference_images:list"
_STYLE = f"style_type:word=AUTO,GENERAL,REALISTIC,DESIGN,FICTION,STYLIZED,CUSTOM {_LOOK} custom_model_uri"
_FREE = f"prompt* {_DRAWN} {_MAGIC} negative_prompt resolution:word={_SIZES} {_RATIOS} {_STYLE}"
_EDIT = f"image*:word=file mask*:word=file prompt* {_DRAWN} {_MAGIC} {_STYLE}"

OPERATIONS: Mapping[str, FieldTable] = {
    path: FieldTable(line)
    for path, line in {
        "/v1/ideogram-v3/generate": _FREE,
        "/v1/ideogram-v3/generate-transparent": (
            f"prompt* {_DRAWN} {_MAGIC} negative_prompt {_RATIOS} upscale_factor:word=X1,X2,X4 custom_model_uri"
        ),
        "/v1/ideogram-v3/remix": f"image*:word=file image_weight:int=1..100 {_FREE}",
        "/v1/ideogram-v3/edit": _EDIT,
        "/v1/ideogram-v3/inpaint": _EDIT,
        "/v1/ideogram-v3/reframe": f"image*:word=file resolution*:word={_SIZES} {_DRAWN} {_LOOK}",
        "/v1/ideogram-v3/replace-background": f"image*:word=file prompt* {_DRAWN} {_MAGIC} {_LOOK}",
        "/v1/ideogram-v4/generate": "prompt* seed:int magic_prompt_option:word=AUTO,ON,OFF custom_model_uri",
    }.items()
}
_MAGIC_BYTES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFF")
_NUMBERS = frozenset({"num_images", "seed", "image_weight"})
_LISTS = frozenset({"style_codes", "style_reference_images", "character_reference_images"})


def read_fields(parts: tuple[Part, ...]) -> dict[str, object]:
    """Return the fields of a form: numbers and objects as such, those that repeat as lists, a file that is a picture as `file`."""
    fields: dict[str, object] = {}
    for part in parts:
        if part.name in _LISTS:
            before = fields.setdefault(part.name, [])
            assert isinstance(before, list)
            before.append(_value(part))
        else:
            fields[part.name] = _value(part)
    return fields


def violation(operation: str, fields: Mapping[str, object]) -> str | None:
    """Return the first field that the vendor would refuse, None if there is none."""
    if broken := OPERATIONS[operation].broken(dict(fields)):
        return broken.name
    if "resolution" in fields and "aspect_ratio" in fields:
        return "aspect_ratio"
    return "style_codes" if "style_codes" in fields and "style_type" in fields else None


def drawn_size(fields: Mapping[str, object]) -> tuple[int, int]:
    """Return the sides of the pictures that these fields bring."""
    if "resolution" in fields:
        width, _, height = str(fields["resolution"]).partition("x")
        return int(width), int(height)
    return shaped(str(fields.get("aspect_ratio") or "1x1"))


def _value(part: Part) -> object:
    if part.filename is not None:
        return "file" if part.data.startswith(_MAGIC_BYTES) else "no picture"
    text = part.data.decode("utf-8", "replace")
    if part.name == "color_palette":
        return json.loads(text)
    return int(text) if part.name in _NUMBERS and text.isdecimal() else text
