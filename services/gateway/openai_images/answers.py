"""The pictures of a job as the Images API words them: by link or in base64, with what is known of how they were drawn.

Source: the specification's Image and ImagesResponse.
"""

from collections.abc import Sequence
from typing import Annotated, Any, TypedDict

import msgspec
from msgspec import UNSET, Meta, UnsetType

from gateway.desk import Addresses
from gateway.openai_images.drawing import DALL_E_3, GPT_IMAGE, Facts
from gateway.wire import PICTURE_HERE, Base64Of
from gesso.generator.v1.generator_pb2 import Draw, Job, Picture, Task

Drawn = Sequence[tuple[Task, Picture]]
"""Pictures, each with the task that brought it."""


class Image(msgspec.Struct, frozen=True, omit_defaults=True):
    """One picture, by its link or by its bytes."""

    url: Annotated[str | UnsetType, Meta(description="A signed link that expires.")] = UNSET
    b64_json: Annotated[
        str | UnsetType,
        Meta(description="The file in base64.", extra_json_schema={"contentEncoding": "base64"}),
    ] = UNSET
    revised_prompt: Annotated[str | UnsetType, Meta(description="The prompt as the vendor's model rewrote it.")] = UNSET


class ImagesResponse(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The pictures of a finished job."""

    created: Annotated[int, Meta(description="When the job began, in Unix seconds.")]
    background: Annotated[str | UnsetType, Meta(description="`transparent` or `opaque`, where it is known.")] = UNSET
    output_format: Annotated[str | UnsetType, Meta(description="`png`, `jpeg` or `webp`.")] = UNSET
    quality: Annotated[str | UnsetType, Meta(description="As it was drawn, where it is known.")] = UNSET
    size: Annotated[str | UnsetType, Meta(description="Width and height in pixels, as `1024x1024`.")] = UNSET
    data: Annotated[list[Image], Meta(description="As many as could be drawn, at most `n`.")]
    usage: Annotated[dict[str, Any] | UnsetType, Meta(description="What the vendor measured, as it says it.")] = UNSET


def drawn_of(job: Job) -> Drawn:
    """Every picture that a job delivered."""
    return [(task, picture) for task in job.tasks for picture in task.pictures]


def image(task: Task, url: str | None) -> Image:
    """A picture by its link, or where that is None by the bytes that are filled in."""
    revised = task.revised_prompt or _unrevised(task.draw) or UNSET
    return Image(b64_json=PICTURE_HERE, revised_prompt=revised) if url is None else Image(url, revised_prompt=revised)


def _unrevised(draw: Draw) -> str:
    """The specification promises a `revised_prompt` of dall-e-3: where nobody revised it, it is what was asked."""
    return draw.prompt if draw.model == DALL_E_3 else ""


def base64_of(pictures: Drawn) -> list[Base64Of]:
    """What fills the places of pictures that are answered as bytes."""
    return [Base64Of(picture.read_url, picture.byte_count) for _, picture in pictures]


def links(job: Job, pictures: Drawn, addresses: Addresses) -> list[str]:
    """The links to pictures of a job."""
    return [addresses.picture(job, picture) for _, picture in pictures]


class Manner(TypedDict):
    """How pictures were drawn."""

    background: str | UnsetType
    output_format: str
    quality: str | UnsetType
    size: str


def manner(facts: Facts, task: Task, picture: Picture) -> Manner:
    """What was drawn: size and format as a picture has them, quality in the words that asked for it."""
    return {
        "background": task.echoed.get("background") or facts.background or UNSET,
        "output_format": picture.format,
        "quality": facts.quality or task.echoed.get("quality") or _quality_sold(task.draw.model),
        "size": size_of(picture),
    }


def _quality_sold(model: str) -> str | UnsetType:
    """What OpenAI's models are asked for, and cost, where their quality was left to them: see the catalogue's openai.toml."""
    return "high" if model.startswith(GPT_IMAGE) else UNSET


def size_of(picture: Picture) -> str:
    """As `1024x1024`."""
    return f"{picture.width}x{picture.height}"


def usage(tasks: Sequence[Task]) -> dict[str, Any] | UnsetType:
    """What the vendor measured; of several tasks nothing, since each may be another vendor's."""
    measured = [task.usage_json for task in tasks if task.usage_json]
    return msgspec.json.decode(measured[0], type=dict[str, Any]) if len(measured) == 1 else UNSET
