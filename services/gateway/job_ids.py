"""The names under which jobs are known on the wire: one ULID under the prefix of what it made, or an integer. Pure.

`servicekit.ids.with_prefix` makes such a view. Source: contract.md, "Calls, jobs and retries": a reversible view, not a second id;
any polling path shows any job of its owner.
"""

from dataclasses import dataclass

from servicekit.faults import NotFound
from servicekit.ids import is_id

PREFIXES = ("job", "gen", "inp", "proc", "bg_remove", "upscale")
_LARGEST_NUMBER = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class JobName:
    """A job by its id, or by its number where the id is empty."""

    id: str = ""
    number: int = 0


def job_name(text: str) -> JobName:
    """Read any of a job's names. Raises NotFound for what cannot be one."""
    if text.isascii() and text.isdigit() and 0 < int(text[:20]) <= _LARGEST_NUMBER and len(text) < 20:
        return JobName(number=int(text))
    prefix, _, ulid = text.rpartition("_")
    job_id = f"job_{ulid}"
    if prefix in PREFIXES and is_id("job", job_id):
        return JobName(id=job_id)
    raise NotFound("job", text)
