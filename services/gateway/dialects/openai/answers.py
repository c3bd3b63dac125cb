"""A job in OpenAI's words: images with their links or bytes, and what was echoed; and its models."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from gateway.dialects.base import Addresses
from gateway.openai_images.answers import ImagesResponse, base64_of, drawn_of, image, links, manner, usage
from gateway.openai_images.drawing import Facts, facts_of
from gateway.wire import Reply, json_reply
from gesso.generator.v1.generator_pb2 import Job, Model

NAME = "openai"


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


def facts(job: Job) -> Facts:
    """What was frozen on a job of this dialect; of another's, how it is answered here."""
    return facts_of(job.facts) if job.dialect == NAME else Facts("url")


def images(job: Job, addresses: Addresses) -> Reply:
    """The specification's ImagesResponse of a job that delivered something."""
    told, drawn = facts(job), drawn_of(job)
    in_base64 = told.response_format == "b64_json"
    urls = [None] * len(drawn) if in_base64 else links(job, drawn, addresses)
    body = ImagesResponse(
        created=job.created_at.seconds,
        **manner(told, *drawn[0]),
        data=[image(task, url) for (task, _), url in zip(drawn, urls, strict=True)],
        usage=usage(job.tasks),
    )
    return json_reply(body, pictures=base64_of(drawn) if in_base64 else ())


def model_object(model: Model) -> ModelObject:
    """The specification's Model object, and whether it can be had."""
    status: Literal["active", "unavailable"] = "unavailable" if model.state == Model.STATE_UNAVAILABLE else "active"
    return ModelObject(model.id, "model", model.created_at, model.owner, status)
