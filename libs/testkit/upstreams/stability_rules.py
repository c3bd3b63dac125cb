"""Stability AI's rules for forms, as lines of data: each operation's fields, by its path below `v2beta/stable-image`.

Source: platform.stability.ai (REST v2beta) by way of the clients litellm 1.109.1 and ComfyUI, as of 2026-11-20.
"""

from collections.abc import Mapping

from testkit.upstreams.fields import FieldTable
from testkit.upstreams.forms import Part

_PRESETS = (
    "3d-model,analog-film,anime,cinematic,comic-book,digital-art,enhance,fantasy-art,isometric,line-art,low-poly,"
    "modeling-compound,neon-punk,origami,photographic,pixel-art,tile-texture"
)
_PROMPT = "prompt*:like=[\\s\\S]{1,10000}"
_FORMATS = "output_format:word=png,jpeg,webp"
_SEEDED = f"seed:int=0..4294967294 {_FORMATS}"
_STYLED = f"negative_prompt style_preset:word={_PRESETS} {_SEEDED}"
_RATIOS = "aspect_ratio:word=16:9,1:1,21:9,2:3,3:2,4:5,5:4,9:16,9:21"
_IMAGE = "image*:file"
_GROWN = "grow_mask:num=0..100"
_SIDES = "left:int=0..2000 right:int=0..2000 up:int=0..2000 down:int=0..2000"
_SD3 = (
    f"{_PROMPT} model:word=sd3.5-large,sd3.5-large-turbo,sd3.5-medium mode:word=text-to-image,image-to-image image:file "
    f"strength:num=0..1 {_RATIOS} cfg_scale:num=1..10 {_STYLED.replace(',webp', '')}"
)

OPERATIONS: Mapping[str, FieldTable] = {
    path: FieldTable(line.replace(":file", ":word=file"))
    for path, line in {
        "generate/core": f"{_PROMPT} {_RATIOS} {_STYLED}",
        "generate/ultra": f"{_PROMPT} {_RATIOS} image:file strength:num=0..1 {_STYLED}",
        "generate/sd3": _SD3,
        "edit/inpaint": f"{_IMAGE} mask:file {_PROMPT} {_GROWN} {_STYLED}",
        "edit/outpaint": f"{_IMAGE} prompt {_SIDES} creativity:num=0..1 {_SEEDED}",
        "edit/erase": f"{_IMAGE} mask:file {_GROWN} {_SEEDED}",
        "edit/search-and-replace": f"{_IMAGE} {_PROMPT} search_prompt* negative_prompt {_GROWN} {_SEEDED}",
        "edit/search-and-recolor": f"{_IMAGE} {_PROMPT} select_prompt* negative_prompt {_GROWN} {_SEEDED}",
        "edit/remove-background": f"{_IMAGE} output_format:word=png,webp",
        "edit/replace-background-and-relight": (
            f"subject_image*:file background_prompt background_reference:file {_SEEDED}"
        ),
        "upscale/fast": f"{_IMAGE} {_FORMATS}",
        "upscale/conservative": f"{_IMAGE} {_PROMPT} negative_prompt creativity:num=0.2..0.5 {_SEEDED}",
        "upscale/creative": f"{_IMAGE} {_PROMPT} creativity:num=0.1..0.5 {_STYLED}",
        "control/sketch": f"{_IMAGE} {_PROMPT} control_strength:num=0..1 {_STYLED}",
        "control/structure": f"{_IMAGE} {_PROMPT} control_strength:num=0..1 {_STYLED}",
    }.items()
}
QUEUED = frozenset({"upscale/creative", "edit/replace-background-and-relight"})
_MAGIC = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFF")
_NUMBERS = frozenset(
    "seed strength cfg_scale grow_mask left right up down creativity control_strength".split()  # noqa: SIM905
)


def read_fields(parts: tuple[Part, ...]) -> dict[str, object]:
    """Return the fields of a form, numbers as such; a file that is a picture is `file`."""
    return {part.name: _value(part) for part in parts}


def violation(operation: str, fields: Mapping[str, object]) -> str | None:
    """Return the first field that the vendor would refuse, None if there is none."""
    if broken := OPERATIONS[operation].broken(fields):
        return broken.name
    if operation != "generate/sd3":
        return "strength" if "image" in fields and operation == "generate/ultra" and "strength" not in fields else None
    is_edit = fields.get("mode") == "image-to-image"
    needed, refused = (("image", "strength"), ("aspect_ratio",)) if is_edit else ((), ("image", "strength"))
    missing = (name for name in needed if name not in fields)
    return next(missing, None) or next((name for name in refused if name in fields), None)


def _value(part: Part) -> object:
    if part.filename is not None:
        return "file" if part.data.startswith(_MAGIC) else "no picture"
    text = part.data.decode("utf-8", "replace")
    if part.name not in _NUMBERS:
        return text
    try:
        return int(text) if text.isdecimal() else float(text)
    except ValueError:
        return text
