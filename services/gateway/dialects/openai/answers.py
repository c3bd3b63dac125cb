"""A job in OpenAI's words: images with their links or bytes, what was echoed, and where it is polled while it runs."""

from collections.abc import Sequence
from typing import Any

import msgspec

from gateway.dialects.base import Addresses
from gateway.dialects.openai.requests import Facts, facts_of
from gateway.money import usd
from gateway.wire import PICTURE_HERE, Base64Of, Reply, json_reply
from gesso.generator.v1.generator_pb2 import Job, Model, Picture, Quote, Task

NAME = "openai"
POLL_SECONDS = "1"
_STATUS_WORDS = {Job.STATE_ADMITTING: "queued", Job.STATE_QUEUED: "queued", Job.STATE_RUNNING: "running"}
_ECHOES = ("background", "output_format", "quality", "size")


def images(job: Job, addresses: Addresses) -> Reply:
    """The specification's ImagesResponse of a job that delivered something."""
    facts = facts_of(job.facts) if job.dialect == NAME else Facts("url")
    pictures = [(task, picture) for task in job.tasks for picture in task.pictures]
    in_base64 = facts.response_format == "b64_json"
    data = [_image(task, None if in_base64 else addresses.picture(job, picture)) for task, picture in pictures]
    body = {"created": job.created_at.seconds, **_echoed(job, facts, pictures), "data": data, **_usage(job.tasks)}
    bytes_of = [Base64Of(picture.read_url, picture.byte_count) for _, picture in pictures] if in_base64 else ()
    return json_reply(body, pictures=bytes_of)


def _image(task: Task, url: str | None) -> dict[str, object]:
    image: dict[str, object] = {"b64_json": PICTURE_HERE} if url is None else {"url": url}
    if task.revised_prompt:
        image["revised_prompt"] = task.revised_prompt
    return image


def _echoed(job: Job, facts: Facts, pictures: Sequence[tuple[Task, Picture]]) -> dict[str, str]:
    """What the vendor echoed; else what was asked for, and what the first picture is."""
    task, picture = pictures[0]
    known = {
        "background": facts.background,
        "quality": facts.quality,
        "output_format": picture.format,
        "size": f"{picture.width}x{picture.height}",
    }
    echoed = {name: task.echoed.get(name) or known[name] for name in _ECHOES}
    return {name: value for name, value in echoed.items() if value}


def _usage(tasks: Sequence[Task]) -> dict[str, Any]:
    measured = [task.usage_json for task in tasks if task.usage_json]
    return {"usage": msgspec.json.decode(measured[0])} if len(measured) == 1 else {}


def standing(job: Job, addresses: Addresses, path: str) -> Reply:
    """A job that has not ended: 202 with its status and where to ask again."""
    body = {"id": job.id, "status": _STATUS_WORDS.get(job.state, "running"), "status_url": addresses.edge(path)}
    return json_reply(body, 202, headers={"Location": path, "Retry-After": POLL_SECONDS})


def quote(quoted: Quote) -> Reply:
    """The price of a dry run; this dialect's credit is the US dollar."""
    cost = usd(quoted.amount_micros)
    return json_reply({"dry_run": True, "cost": cost, "cost_usd": cost})


def model_object(model: Model) -> dict[str, object]:
    """The specification's Model object."""
    return {"id": model.id, "object": "model", "created": model.created_at, "owned_by": model.owner}
