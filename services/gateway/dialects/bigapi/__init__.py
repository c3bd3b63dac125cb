"""The BIG API dialect: up to a hundred tasks by fifteen providers in one request, a dashboard, and api keys."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gateway import windows
from gateway.about import BEARER
from gateway.dialects.base import Act, Addresses, Buy, CancelJob, Dialect, Problem, Route, Show, ShowJob
from gateway.dialects.bigapi import about, answers, dashboard, faults, keys, listing, requests
from gateway.dialects.bigapi.tasks import JobRequest
from gateway.standing import dry_run
from gateway.wire import Reply, bearer
from gesso.billing.v1.billing_pb2 import WindowState
from gesso.errors.v1.reason_pb2 import Reason
from gesso.generator.v1.generator_pb2 import Job, Quote
from servicekit.settings import setting

_LINK_SECONDS = 7 * 86_400
"""Source: contract.md, "Requests and answers"."""
_JOB, _KEY = "/v1/jobs/{id}", "/v1/api-keys/{id}"


@dataclass(frozen=True)
class Settings:
    """What this dialect reads from the environment."""

    bigapi_wait_seconds: float = setting(
        "GESSO_WAIT_SECONDS_BIGAPI",
        "How long a synchronous call of the dialect `bigapi` waits for its job before it answers 202.",
        default="110",
        parse=float,
    )


def dialect(settings: Settings) -> Dialect:
    """The dialect under these settings."""
    return _BigApi(settings)


class _BigApi:
    name = answers.NAME
    title = "BIG API"
    text = about.TEXT
    schemes = (BEARER,)
    error_body = faults.ErrorBody
    codes = faults.CODES
    special_codes: Mapping[str, Reason.ValueType] = {}
    statuses = faults.STATUSES
    prefixes = ("/v1/jobs", "/v1/dashboard", "/v1/api-keys")
    routes = (
        Route("POST", "/v1/jobs/create", "create", Buy(JobRequest, requests.order), about.CREATE),
        Route("GET", "/v1/jobs", "jobs", Show(listing.listed), about.JOBS),
        Route("GET", _JOB, "job", ShowJob(), about.JOB),
        Route("DELETE", _JOB, "cancel", CancelJob(), about.CANCEL),
        Route("GET", "/v1/dashboard/stats", "stats", Show(dashboard.stats), about.STATS),
        Route("GET", "/v1/dashboard/usage", "usage", Show(dashboard.usage), about.USAGE),
        Route("GET", "/v1/api-keys", "keys", Show(keys.listed), about.KEYS),
        Route(
            "POST", "/v1/api-keys", "create_key", Act(keys.create, keys.CreateApiKey, creates=True), about.CREATE_KEY
        ),
        Route(
            "POST",
            f"{_KEY}/rotate",
            "rotate_key",
            Act(keys.rotate, keys.RotateApiKey, creates=True, body_optional=True),
            about.ROTATE_KEY,
        ),
        Route("DELETE", _KEY, "revoke_key", Act(keys.revoke), about.REVOKE_KEY),
    )
    link_seconds = _LINK_SECONDS
    limited_by_address = False
    counts_calls = True

    def __init__(self, settings: Settings) -> None:
        self.wait_seconds = settings.bigapi_wait_seconds

    def credential(self, headers: Mapping[str, str]) -> str | None:
        return bearer(headers)

    def window_headers(self, states: Sequence[WindowState]) -> Mapping[str, str]:
        return windows.rate_limit(states)

    def job_path(self, job: Job) -> str:
        return f"/v1/jobs/{job.id}"

    def accepted(self, job: Job, addresses: Addresses) -> Reply:
        return answers.accepted(job, addresses.edge(self.job_path(job)), self.job_path(job))

    def unfinished(self, job: Job, addresses: Addresses) -> Reply:
        return answers.job_answer(job, addresses)

    def overdue(self, job: Job, addresses: Addresses) -> Reply:
        return self.accepted(job, addresses)

    def finished(self, job: Job, addresses: Addresses) -> Reply:
        return answers.job_answer(job, addresses)

    def shown(self, job: Job, addresses: Addresses) -> Reply:
        return answers.job_answer(job, addresses)

    def cancelled(self, job: Job, addresses: Addresses) -> Reply:
        return answers.job_answer(job, addresses)

    def quoted(self, quote: Quote) -> Reply:
        return dry_run(quote, answers.shown_credits(quote.amount_micros))

    def word(self, problem: Problem) -> Reply:
        return faults.word(problem)
