"""What a request's headers and query say about how its purchase is to be made. Pure.

Source: contract.md, "Calls, jobs and retries".
"""

from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from gateway.about import Parameter
from gateway.wire import Ask
from servicekit.faults import InvalidField

IDEMPOTENCY_KEY = "Idempotency-Key"
REPLAYED = "Idempotent-Replayed"
"""Marks the answer of a job that stood already."""
PREFER = "Prefer"
RETRY_COUNT = "x-stainless-retry-count"
DRY_RUN = "dry_run"
_LONGEST_KEY = 255

PARAMETERS = (
    Parameter(
        IDEMPOTENCY_KEY,
        "header",
        "The same key with the same content gives the same answer and one charge for 24 hours.",
        Annotated[str, Meta(min_length=1, max_length=_LONGEST_KEY, pattern="^[ -~]*$")],
        "order-7f3a",
    ),
    Parameter(
        PREFER,
        "header",
        "`respond-async` is answered at once by 202; other preferences have no effect.",
        str,
        "respond-async",
    ),
    Parameter(
        RETRY_COUNT,
        "header",
        "Set by the official SDKs when they repeat a request on their own: from 1 on it joins the running or finished job of the "
        "same key and content of the last 15 minutes.",
        Annotated[int, Meta(ge=0)],
        1,
    ),
    Parameter(DRY_RUN, "query", "With true the request is checked and priced, and nothing is drawn or charged.", bool),
)
"""What `manner` reads."""

CREATING = tuple(parameter for parameter in PARAMETERS if parameter.name in (IDEMPOTENCY_KEY, DRY_RUN))
"""What of it counts for a route that creates a thing and costs nothing."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How a purchase is made: `respond_async` answers at once, `dry_run` only prices, `join_recent` takes over a retry's job."""

    idempotency_key: str = ""
    respond_async: bool = False
    dry_run: bool = False
    join_recent: bool = False


def manner(ask: Ask) -> Manner:
    """Read the manner of a purchase. Raises InvalidField."""
    headers = ask.headers
    return Manner(
        _idempotency_key(headers.get(IDEMPOTENCY_KEY)),
        PREFER in headers and _prefers_async(headers[PREFER]),
        bool(ask.query) and _dry_run(ask.query.get(DRY_RUN)),
        _retry_count(headers.get(RETRY_COUNT)) >= 1,
    )


def _idempotency_key(sent: str | None) -> str:
    if sent is None:
        return ""
    if not 1 <= len(sent) <= _LONGEST_KEY or not (sent.isascii() and sent.isprintable()):
        raise InvalidField(
            IDEMPOTENCY_KEY, f"`{IDEMPOTENCY_KEY}` must be 1 to {_LONGEST_KEY} printable ASCII characters."
        )
    return sent


def _prefers_async(sent: str) -> bool:
    return any(preference.partition(";")[0].strip().lower() == "respond-async" for preference in sent.split(","))


def _dry_run(sent: str | None) -> bool:
    if sent is None or sent in ("false", "0"):
        return False
    if sent in ("true", "1"):
        return True
    raise InvalidField(DRY_RUN, f"`{DRY_RUN}` must be true or false.")


def _retry_count(sent: str | None) -> int:
    return int(sent) if sent is not None and sent.isascii() and sent.isdigit() and len(sent) < 10 else 0
