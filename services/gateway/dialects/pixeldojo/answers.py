"""A job in PixelDojo's words: links to its pictures, what they cost, and what is left."""

from typing import Annotated

import msgspec
from msgspec import Meta

from gateway.dialects.base import Addresses
from gateway.money import credits_shown
from gateway.wire import Reply, json_reply
from gesso.generator.v1.generator_pb2 import Job

NAME = "pixeldojo"
CREDIT_MICROS = 40_000
"""Source: contract.md, "One wallet, five currencies"."""


class FluxResponse(msgspec.Struct, frozen=True):
    """The pictures of a finished job."""

    images: Annotated[list[str], Meta(description="Links that work for 24 hours; the files are deleted then.")]
    credits_used: Annotated[int | float, Meta(description="For the pictures that were made.")]
    credits_remaining: Annotated[int | float, Meta(description="What is left to spend.")]


def images(job: Job, addresses: Addresses) -> Reply:
    """The answer of a job that delivered something."""
    pictures = [picture for task in job.tasks for picture in task.pictures]
    body = FluxResponse(
        images=[_link(job, index, addresses) for index in range(len(pictures))],
        credits_used=credits_shown(job.charge_micros, CREDIT_MICROS),
        credits_remaining=credits_shown(job.available_micros, CREDIT_MICROS),
    )
    return json_reply(body)


def _link(job: Job, index: int, addresses: Addresses) -> str:
    """A temporary link where the file is temporary, the usual one for a job of another dialect."""
    picture = [picture for task in job.tasks for picture in task.pictures][index]
    return addresses.temporary(job, picture, index) if job.dialect == NAME else addresses.picture(job, picture)
