"""Google's rules for requests of image models: what a request may hold, and the ratios and sizes of each model.

Source: the vendor's SDKs (google-genai 3.3.0, @ai-sdk/google 3.0.141), as of 2026-11-20.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from testkit.upstreams.fields import FieldTable
from testkit.upstreams.shaping import shaped

_RATIOS = "1:1,2:3,3:2,3:4,4:3,4:5,5:4,9:16,16:9,21:9"
_MORE_RATIOS = f"{_RATIOS},1:4,4:1,1:8,8:1"
_SIDES = {"512": 512, "1K": 1024, "2K": 2048, "4K": 4096}
_BODY = FieldTable("contents*:list generationConfig:object safetySettings:list systemInstruction:object")
_CONFIG = FieldTable(
    "responseModalities:list imageConfig:object seed:int=-2147483648..2147483647 temperature:num=0..2 candidateCount:int=1..1"
)
_CONTENT = FieldTable("role:word=user,model parts*:list")
_BLOB = FieldTable("mimeType*:word=image/png,image/jpeg,image/webp,image/heic,image/heif data*:base64")


@dataclass(frozen=True, slots=True)
class Model:
    """What one model draws; a model of one size refuses to be asked for any."""

    ratios: str = _RATIOS
    sizes: str = ""

    @property
    def image_config(self) -> FieldTable:
        """The fields of its imageConfig."""
        return FieldTable(f"aspectRatio:word={self.ratios}" + (f" imageSize:word={self.sizes}" if self.sizes else ""))


MODELS: Mapping[str, Model] = {
    "gemini-2.5-flash-image": Model(),
    "gemini-3-pro-image": Model(sizes="1K,2K,4K"),
    "gemini-3.1-flash-image": Model(_MORE_RATIOS, "512,1K,2K,4K"),
    "gemini-3.1-flash-lite-image": Model(),
    "gemini-nano-banana-2.1": Model(_MORE_RATIOS, "1K,2K,4K"),
}


def violation(model: str, body: dict[str, Any]) -> str | None:
    """Return the path of the first field that the vendor would refuse, None if there is none."""
    config = body.get("generationConfig", {})
    checks = [(_BODY, body, ""), (_CONFIG, config, "generation_config.")]
    checks.append((MODELS[model].image_config, config.get("imageConfig", {}), "generation_config.image_config."))
    for table, given, path in checks:
        if broken := table.broken(given):
            return f"{path}{broken.name}"
    if not set(config.get("responseModalities", [])) <= {"TEXT", "IMAGE"}:
        return "generation_config.response_modalities"
    return next(_broken_contents(body["contents"]), None)


def _broken_contents(contents: list[Any]) -> Iterator[str]:
    for index, content in enumerate(contents):
        if broken := _CONTENT.broken(content):
            yield f"contents[{index}].{broken.name}"
            return
        for number, part in enumerate(content["parts"]):
            path = f"contents[{index}].parts[{number}]"
            if not isinstance(part, dict) or len(part.keys() & {"text", "inlineData", "fileData"}) != 1:
                yield path
            elif "inlineData" in part and (broken := _BLOB.broken(part["inlineData"])):
                yield f"{path}.inline_data.{broken.name}"


def drawn_size(body: Mapping[str, Any]) -> tuple[int, int]:
    """Return the sides of the picture that a request brings."""
    asked = body.get("generationConfig", {}).get("imageConfig", {})
    return shaped(asked.get("aspectRatio", "1:1"), side=_SIDES[asked.get("imageSize", "1K")])
