"""What a request's headers and query say about how its purchase is to be made. Pure.

Source: contract.md, "Calls, jobs and retries".
"""

from dataclasses import dataclass

from gateway.wire import Ask
from servicekit.faults import InvalidField

IDEMPOTENCY_KEY = "Idempotency-Key"
REPLAYED = "Idempotent-Replayed"
"""Marks the answer of a job that stood already."""
_LONGEST_KEY = 255


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
        "Prefer" in headers and _prefers_async(headers["Prefer"]),
        bool(ask.query) and _dry_run(ask.query.get("dry_run")),
        _retry_count(headers.get("x-stainless-retry-count")) >= 1,
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
    raise InvalidField("dry_run", "`dry_run` must be true or false.")


def _retry_count(sent: str | None) -> int:
    return int(sent) if sent is not None and sent.isascii() and sent.isdigit() and len(sent) < 10 else 0
