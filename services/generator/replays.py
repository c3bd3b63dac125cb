"""What a used idempotency key answers: the job that ended, or why not. A pure rule.

Source: contract.md "Calls, jobs and retries": the same key and content give the same answer and one charge for 24 h; other content
is 409; still running is 409 with Retry-After.
"""

from generator.records import JobRecord
from generator.watches import is_over
from gesso.errors.v1 import reason_pb2 as reasons
from servicekit.faults import Fault

_RETRY_AFTER_SECONDS = 1.0


def replayed(job: JobRecord, fingerprint: bytes) -> JobRecord:
    """Return the job that answers again. Raises Fault IDEMPOTENCY_MISMATCH, IDEMPOTENCY_RUNNING."""
    if job.purchase.fingerprint != fingerprint:
        raise Fault(reasons.REASON_IDEMPOTENCY_MISMATCH, "This idempotency key was used with other content.")
    if not is_over(job):
        raise Fault(
            reasons.REASON_IDEMPOTENCY_RUNNING,
            "The first request with this idempotency key is still running.",
            details={"job_id": job.id},
            retry_after_seconds=_RETRY_AFTER_SECONDS,
        )
    return job
