"""What Google's image models take, as data: a line of inputs for each, in the notation of filling.py.

Source: the vendor's SDKs (google-genai 3.3.0, @ai-sdk/google 3.0.141), as of 2026-11-20. The words are ours; google.py puts them
where the request has them. No model takes a mask, a negative prompt or several pictures at once; who may be in a picture
(`person_generation`) is asked by Vertex alone.
"""

from collections.abc import Mapping

LARGEST_SEED = 2_147_483_647
_ASKED = f"prompt* images=14 seed=0..{LARGEST_SEED}"
_RATIOS = "aspect_ratio=1:1,2:3,3:2,3:4,4:3,4:5,5:4,9:16,16:9,21:9"
_MORE_RATIOS = f"{_RATIOS},1:4,4:1,1:8,8:1"

MODELS: Mapping[str, str] = {
    "gemini-2.5-flash-image": f"{_ASKED} {_RATIOS}",
    "gemini-3-pro-image": f"{_ASKED} {_RATIOS} resolution=1K,2K,4K",
    "gemini-3.1-flash-image": f"{_ASKED} {_MORE_RATIOS} resolution=512,1K,2K,4K",
    "gemini-3.1-flash-lite-image": f"{_ASKED} {_RATIOS}",
    "gemini-nano-banana-2.1": f"{_ASKED} {_MORE_RATIOS} resolution=1K,2K,4K",
}
ANY_MODEL = f"{_ASKED} {_RATIOS}"
"""What a model is taken to take that is not in the table, and whose route says no `inputs` of its own."""

CONCEPTS: Mapping[str, str] = {
    "prompt": "prompt",
    "images": "pictures",
    "seed": "seed",
    "aspect_ratio": "ratio",
    "resolution": "resolution",
}
