"""What a task owes as it ends: its delivered pictures, or all that was held for it where tokens are captured at the start.

Source: contract.md "One wallet, five currencies" and apis/productai.md "Token Management": a failed job keeps the tokens, unless
the fault is the platform's own. Pure functions; money is int64 micros.
"""

from collections.abc import Iterable

from generator.records import JobRecord, TaskRecord
from gesso.errors.v1 import reason_pb2 as reasons
from gesso.generator.v1 import generator_pb2 as pb

PLATFORMS_OWN = frozenset(
    {
        # The catalogue changed while the job waited.
        reasons.REASON_UNKNOWN_MODEL,
        reasons.REASON_UNPRICED,
        reasons.REASON_NOT_IMPLEMENTED,
        reasons.REASON_MODEL_UNAVAILABLE,
        reasons.REASON_MAINTENANCE,
        reasons.REASON_UNAVAILABLE,
        reasons.REASON_OVERLOADED,
        reasons.REASON_INTERNAL,
        # The upstream knows the platform, not its customer: its limits, key and quota are the platform's.
        reasons.REASON_UPSTREAM_RATE_LIMITED,
        reasons.REASON_UPSTREAM_DENIED,
        reasons.REASON_OUTCOME_UNKNOWN,
        reasons.REASON_SECRET_LOST,
    }
)
"""Reasons for which a begun task gives back what was captured for it."""

OTHERS = frozenset(
    {
        reasons.REASON_INVALID_FIELD,
        reasons.REASON_CONTENT_REFUSED,
        reasons.REASON_INPUT_UNREACHABLE,
        reasons.REASON_INPUT_NOT_AN_IMAGE,
        reasons.REASON_NOT_FOUND,
        reasons.REASON_CONFLICT,
        reasons.REASON_IDEMPOTENCY_MISMATCH,
        reasons.REASON_IDEMPOTENCY_RUNNING,
        reasons.REASON_PAYLOAD_TOO_LARGE,
        reasons.REASON_UNSUPPORTED_MEDIA_TYPE,
        reasons.REASON_METHOD_NOT_ALLOWED,
        reasons.REASON_UNKNOWN_PATH,
        reasons.REASON_PROVIDER_KEY_REQUIRED,
        reasons.REASON_CREDENTIAL_MISSING,
        reasons.REASON_CREDENTIAL_INVALID,
        reasons.REASON_KEY_REVOKED,
        reasons.REASON_ACCOUNT_SUSPENDED,
        reasons.REASON_ACCOUNT_CLOSED,
        reasons.REASON_FORBIDDEN,
        reasons.REASON_SUBSCRIPTION_REQUIRED,
        reasons.REASON_INSUFFICIENT_FUNDS,
        reasons.REASON_BUDGET_EXCEEDED,
        reasons.REASON_STORAGE_EXCEEDED,
        reasons.REASON_CONCURRENCY_EXCEEDED,
        reasons.REASON_RATE_LIMITED,
        reasons.REASON_TIMEOUT,
        reasons.REASON_UPSTREAM_REFUSED,
        reasons.REASON_UPSTREAM_FAILED,
        reasons.REASON_UPSTREAM_BAD_IMAGE,
        reasons.REASON_UPSTREAM_INVALID,
        reasons.REASON_CANCELLED,
    }
)
"""Reasons that the request, its caller or the upstream brought about: what was captured at the start stays captured."""


def charge_micros(job: JobRecord, task: TaskRecord, result: pb.Task, prices_micros: Iterable[int]) -> int:
    """What a task that ends with this result is charged; frozen when it is kept.

    Each of its delivered pictures at its own price, none above what was held. Of a job that is captured at the start: nothing
    before the task has begun, then all that was held for it, but for pictures that are missing by the platform's own fault.
    """
    if not job.purchase.capture_at_start:
        return sum(min(price, task.price_micros) for price in prices_micros)
    if not task.begun:
        return 0
    if result.HasField("fault") and result.fault.reason in PLATFORMS_OWN:
        return task.price_micros * len(result.pictures)
    return task.price_micros * job.purchase.draws[task.index].n
