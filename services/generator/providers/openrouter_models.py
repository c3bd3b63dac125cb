"""What models at OpenRouter are asked for, as data, by the beginning of their slug; in the notation of filling.py.

Source: upstreams/12-openrouter.md (the vendor's SDK 1.3.84), as of 2026-11-20. The vendor clamps ratios to what a model draws, and
refuses a number of pictures that its provider does not draw at once; a route's option `inputs` says what another model takes.
"""

from collections.abc import Mapping

_RATIOS = "aspect_ratio=1:1,1:2,1:4,1:8,2:1,2:3,3:2,3:4,4:1,4:3,4:5,5:2,5:4,5:7,7:5,8:1,9:16,16:9,9:20,20:9,9:21,21:9"
_GOOGLE_RATIOS = "aspect_ratio=1:1,2:3,3:2,3:4,4:3,4:5,5:4,9:16,16:9,21:9"
_OPENAI = (
    "prompt* n quality=auto,low,medium,high,xhigh,max background=auto,transparent,opaque output_format=png,jpeg,webp"
    " output_compression size=512..3840/16@655360..8294400 input_references=16"
)

IMAGES: Mapping[str, str] = {
    "google/gemini-2.5-flash-image": f"prompt* {_GOOGLE_RATIOS} input_references=10",
    "google/": f"prompt* {_GOOGLE_RATIOS} resolution=1K,2K,4K input_references=14",
    "openai/": _OPENAI,
    "bytedance-seed/": "prompt* size=1024..4096@3686400..16777216 input_references=10",
    "black-forest-labs/": f"prompt* {_RATIOS} seed input_references=8",
    "": f"prompt* {_RATIOS} input_references=1",
}
"""Of the API for images."""
CHAT: Mapping[str, str] = {
    "google/gemini-2.5-flash-image": f"prompt* {_GOOGLE_RATIOS} pictures=10",
    "google/": f"prompt* {_GOOGLE_RATIOS} image_size=1K,2K,4K pictures=14",
    "": f"prompt* {_RATIOS} pictures=4",
}
"""Of chat completions."""
CONCEPTS: Mapping[str, str] = {
    "prompt": "prompt",
    "n": "count",
    "size": "size_text",
    "aspect_ratio": "ratio",
    "resolution": "resolution",
    "image_size": "resolution",
    "quality": "quality",
    "background": "background",
    "output_format": "format",
    "output_compression": "output_quality",
    "seed": "seed",
    "input_references": "pictures",
    "pictures": "pictures",
}


def inputs_of(table: Mapping[str, str], upstream_model: str) -> str:
    """The line of the longest beginning that the slug has."""
    return table[max((start for start in table if upstream_model.startswith(start)), key=len)]
