"""What the edge reads off a job: whether it has ended, why it failed, and the headers that each dialect's answer bears. Pure."""

import datetime
from email.utils import format_datetime

from gateway.money import usd_text
from gesso.generator.v1.generator_pb2 import Job
from servicekit.faults import Fault, Internal, from_proto

WARNINGS = "X-Gesso-Warnings"
_LONGEST_WARNINGS = 1_000
ENDED = frozenset({Job.STATE_REFUSED, Job.STATE_SUCCEEDED, Job.STATE_PARTIAL, Job.STATE_FAILED, Job.STATE_CANCELLED})


def has_ended(job: Job) -> bool:
    """Whether the job will not change any more."""
    return job.state in ENDED


def failure(job: Job) -> Fault:
    """Why a job that delivered nothing did not: its own fault, else that of its first task that has one."""
    if job.HasField("fault"):
        return from_proto(job.fault)
    for task in job.tasks:
        if task.HasField("fault"):
            return from_proto(task.fault)
    return Internal("The job delivered nothing and does not say why.")


def headers(job: Job) -> dict[str, str]:
    """`X-Gesso-*`, and the retirement of the model where it is retired.

    Source: contract.md, "Calls, jobs and retries" and "Model names".
    """
    found = {"X-Gesso-Job-Id": job.id}
    if has_ended(job):  # before that another route may yet serve it
        found["X-Gesso-Cost-Usd"] = usd_text(job.charge_micros)
        served = next((task for task in job.tasks if task.provider), None)
        if served is not None:
            found |= {"X-Gesso-Provider": served.provider, "X-Gesso-Model": served.upstream_model}
        if warnings := warned(job):
            found[WARNINGS] = warnings
    for task in job.tasks:
        found |= retirement(task.deprecated_on, task.sunset_on)
    return found


def warned(job: Job) -> str:
    """What of a request could not be honoured, each once, as the value of a header; empty where all of it was.

    Some answers have a place of their own for it; the header is there for those whose documents have none.
    """
    warnings = dict.fromkeys(" ".join(text.split()) for task in job.tasks for text in task.warnings)
    value = "; ".join(text.rstrip(".") for text in warnings)
    plain = "".join(character if " " <= character <= "~" else "?" for character in value)
    return plain if len(plain) <= _LONGEST_WARNINGS else plain[: _LONGEST_WARNINGS - 3] + "..."


def retirement(deprecated_on: str, sunset_on: str) -> dict[str, str]:
    """`Deprecation` (RFC 9745: `@` and Unix seconds) and `Sunset` (RFC 8594: an HTTP date) of dates `YYYY-MM-DD`."""
    found = {}
    if deprecated_on:
        found["Deprecation"] = f"@{int(_midnight(deprecated_on).timestamp())}"
    if sunset_on:
        found["Sunset"] = format_datetime(_midnight(sunset_on), usegmt=True)
    return found


def _midnight(date: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(date).replace(tzinfo=datetime.UTC)
