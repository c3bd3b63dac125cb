"""A job in OpenAI's words: images with their links or bytes, what was echoed, and where it is polled while it runs."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal, TypedDict

import msgspec
from msgspec import UNSET, Meta, UnsetType

from gateway.dialects.base import Addresses
from gateway.dialects.openai.requests import Facts, facts_of
from gateway.wire import PICTURE_HERE, Base64Of, Reply, json_reply
from gesso.generator.v1.generator_pb2 import Job, Model, Picture, Task

NAME = "openai"


class Image(msgspec.Struct, frozen=True, omit_defaults=True):
    """One picture, by its link or by its bytes."""

    url: Annotated[str | UnsetType, Meta(description="A signed link, valid for a day.")] = UNSET
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


class ModelObject(msgspec.Struct, frozen=True):
    """One model."""

    id: Annotated[str, Meta(description="What `model` names it by.")]
    object: Literal["model"]
    created: Annotated[int, Meta(description="When it was released, in Unix seconds.")]
    owned_by: Annotated[str, Meta(description="Its vendor.")]
    status: Annotated[
        Literal["active", "unavailable"],
        Meta(description="Whether anybody draws for it now, the embedded engine included."),
    ]


class ModelList(msgspec.Struct, frozen=True):
    """Every model that draws, whether a provider serves it now or not."""

    object: Literal["list"]
    data: list[ModelObject]


def images(job: Job, addresses: Addresses) -> Reply:
    """The specification's ImagesResponse of a job that delivered something."""
    facts = facts_of(job.facts) if job.dialect == NAME else Facts("url")
    pictures = [(task, picture) for task in job.tasks for picture in task.pictures]
    in_base64 = facts.response_format == "b64_json"
    body = ImagesResponse(
        created=job.created_at.seconds,
        **_drawn(facts, pictures),
        data=[_image(task, None if in_base64 else addresses.picture(job, picture)) for task, picture in pictures],
        usage=_usage(job.tasks),
    )
    bytes_of = [Base64Of(picture.read_url, picture.byte_count) for _, picture in pictures] if in_base64 else ()
    return json_reply(body, pictures=bytes_of)


def _image(task: Task, url: str | None) -> Image:
    revised_prompt = task.revised_prompt or UNSET
    if url is None:
        return Image(b64_json=PICTURE_HERE, revised_prompt=revised_prompt)
    return Image(url=url, revised_prompt=revised_prompt)


class _Drawn(TypedDict):
    background: str | UnsetType
    output_format: str
    quality: str | UnsetType
    size: str


def _drawn(facts: Facts, pictures: Sequence[tuple[Task, Picture]]) -> _Drawn:
    """What was drawn: size and format as the first picture has them, quality in the words that asked for it."""
    task, picture = pictures[0]
    return {
        "background": task.echoed.get("background") or facts.background or UNSET,
        "output_format": picture.format,
        "quality": facts.quality or task.echoed.get("quality") or UNSET,
        "size": f"{picture.width}x{picture.height}",
    }


def _usage(tasks: Sequence[Task]) -> dict[str, Any] | UnsetType:
    measured = [task.usage_json for task in tasks if task.usage_json]
    return msgspec.json.decode(measured[0], type=dict[str, Any]) if len(measured) == 1 else UNSET


def model_object(model: Model) -> ModelObject:
    """The specification's Model object, and whether it can be had."""
    status: Literal["active", "unavailable"] = "unavailable" if model.state == Model.STATE_UNAVAILABLE else "active"
    return ModelObject(model.id, "model", model.created_at, model.owner, status)
