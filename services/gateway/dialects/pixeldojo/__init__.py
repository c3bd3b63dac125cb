"""The PixelDojo dialect: FLUX by four names, subscriptions, and links to files that are deleted after a day."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gateway import windows
from gateway.about import BEARER
from gateway.dialects.base import Addresses, Buy, Dialect, Problem, Route, ShowJob
from gateway.dialects.pixeldojo import about, answers, faults, requests
from gateway.jobs import failure
from gateway.money import credits_shown
from gateway.orders import Order
from gateway.standing import dry_run, standing
from gateway.visitor import Visitor
from gateway.wire import Reply, bearer
from gesso.billing.v1.billing_pb2 import WindowState
from gesso.errors.v1 import reason_pb2 as pb
from gesso.errors.v1.reason_pb2 import Reason
from gesso.generator.v1.generator_pb2 import Job, Quote
from servicekit.faults import Fault
from servicekit.settings import setting


@dataclass(frozen=True)
class Settings:
    """What this dialect reads from the environment."""

    pixeldojo_wait_seconds: float = setting(
        "GESSO_WAIT_SECONDS_PIXELDOJO",
        "How long a synchronous call of the dialect `pixeldojo` waits for its job before it answers 202.",
        default="110",
        parse=float,
    )


def dialect(settings: Settings) -> Dialect:
    """The dialect under these settings."""
    return _PixelDojo(settings)


def _order(request: requests.FluxRequest, visitor: Visitor) -> Order:
    """Raises Fault SUBSCRIPTION_REQUIRED, InvalidField."""
    if not visitor.caller.subscription.active:
        raise Fault(pb.REASON_SUBSCRIPTION_REQUIRED, "You must have an active subscription to use the API.")
    return Order(requests.purchase(request))


class _PixelDojo:
    name = answers.NAME
    title = "PixelDojo"
    text = about.TEXT
    schemes = (BEARER,)
    error_body = faults.ErrorBody
    codes = faults.CODES
    special_codes: Mapping[str, Reason.ValueType] = {}
    statuses = faults.STATUSES
    prefixes = ("/api/v1/flux", "/api/v1/jobs")
    routes = (
        Route("POST", "/api/v1/flux", "flux", Buy(requests.FluxRequest, _order), about.FLUX),
        Route("GET", "/api/v1/jobs/{id}", "job", ShowJob(), about.JOB),
    )
    link_seconds = requests.KEEP_SECONDS
    limited_by_address = False
    counts_calls = False

    def __init__(self, settings: Settings) -> None:
        self.wait_seconds = settings.pixeldojo_wait_seconds

    def credential(self, headers: Mapping[str, str]) -> str | None:
        return bearer(headers)

    def window_headers(self, states: Sequence[WindowState]) -> Mapping[str, str]:
        return windows.rate_limit(states)

    def job_path(self, job: Job) -> str:
        return f"/api/v1/jobs/{job.id}"

    def accepted(self, job: Job, addresses: Addresses) -> Reply:
        return standing(job, addresses.edge(self.job_path(job)), self.job_path(job))

    def unfinished(self, job: Job, addresses: Addresses) -> Reply:
        return self.accepted(job, addresses)

    def overdue(self, job: Job, addresses: Addresses) -> Reply:
        return self.accepted(job, addresses)

    def finished(self, job: Job, addresses: Addresses) -> Reply:
        if any(task.pictures for task in job.tasks):
            return answers.images(job, addresses)
        raise failure(job)

    def shown(self, job: Job, addresses: Addresses) -> Reply:
        return self.finished(job, addresses)

    def cancelled(self, job: Job, addresses: Addresses) -> Reply:
        return self.unfinished(job, addresses)

    def quoted(self, quote: Quote) -> Reply:
        return dry_run(quote, credits_shown(quote.amount_micros, answers.CREDIT_MICROS))

    def word(self, problem: Problem) -> Reply:
        return faults.word(problem)
