"""The Image Generation API, version 2: generations, models and the account, as its programs call them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gateway import windows
from gateway.about import BEARER
from gateway.dialects.base import (
    Act,
    Addresses,
    Buy,
    CancelJob,
    Dialect,
    FollowJob,
    Problem,
    Route,
    Show,
    ShowJob,
)
from gateway.dialects.imagegen import (
    about,
    about_account,
    account,
    answers,
    budget,
    faults,
    generations,
    models,
    requests,
    unserved,
)
from gateway.dialects.imagegen.events import events
from gateway.dialects.imagegen.facts import NAME
from gateway.dialects.imagegen.orders import Orders
from gateway.dialects.imagegen.preferences import PreferencesChange
from gateway.jobs import failure
from gateway.wire import Reply, bearer
from gesso.billing.v1.billing_pb2 import WindowState
from gesso.errors.v1.reason_pb2 import Reason
from gesso.generator.v1.generator_pb2 import Job, Quote, Task
from servicekit import shared_settings
from servicekit.addresses import Network
from servicekit.faults import Conflict
from servicekit.settings import setting

_NO_CONTENT = 204
_LINK_SECONDS = 86_400
"""Source: contract.md, "Requests and answers"."""
_PROFILE, _PREFERENCES, _BUDGET = "/api/v2/user/profile", "/api/v2/user/preferences", "/api/v2/user/budget"
_ONE = "/api/v2/generations/{id}"


@dataclass(frozen=True)
class Settings:
    """What this dialect reads from the environment."""

    imagegen_wait_seconds: float = setting(
        "GESSO_WAIT_SECONDS_IMAGEGEN",
        "How long a synchronous call of the dialect `imagegen` waits for its job before it answers 202.",
        default="110",
        parse=float,
    )
    egress_allow: tuple[Network, ...] = shared_settings.egress_allow()


def dialect(settings: Settings) -> Dialect:
    """The dialect under these settings."""
    return _ImageGen(settings)


class _ImageGen:
    name = NAME
    title = "Image Generation API v2"
    text = about.TEXT
    schemes = (BEARER, about.API_KEY)
    error_body = faults.ErrorBody
    codes = faults.CODES
    special_codes: Mapping[str, Reason.ValueType] = {}
    statuses = faults.STATUSES
    prefixes = ("/api/v2", "/oauth", "/.well-known/oauth-authorization-server")
    link_seconds = _LINK_SECONDS
    limited_by_address = False
    counts_calls = False

    def __init__(self, settings: Settings) -> None:
        self.wait_seconds = settings.imagegen_wait_seconds
        self.routes = (*_generating(Orders(settings.egress_allow)), *_READING, *_CHANGING, *unserved.ROUTES)

    def credential(self, headers: Mapping[str, str]) -> str | None:
        return bearer(headers) or headers.get("X-API-Key") or None

    def window_headers(self, states: Sequence[WindowState]) -> Mapping[str, str]:
        limits = windows.rate_limit(states)
        return {**limits, **windows.reset_after(limits), **windows.quota(states)}

    def job_path(self, job: Job) -> str:
        return answers.path(job)

    def accepted(self, job: Job, addresses: Addresses) -> Reply:
        return answers.accepted(job, addresses)

    def unfinished(self, job: Job, addresses: Addresses) -> Reply:
        return answers.shown(job, addresses)

    def overdue(self, job: Job, addresses: Addresses) -> Reply:
        return answers.accepted(job, addresses)

    def finished(self, job: Job, addresses: Addresses) -> Reply:
        if any(task.pictures for task in job.tasks):
            return answers.shown(job, addresses)
        raise failure(job)

    def shown(self, job: Job, addresses: Addresses) -> Reply:
        return answers.shown(job, addresses)

    def cancelled(self, job: Job, addresses: Addresses) -> Reply:
        if not any(task.state == Task.STATE_CANCELLED for task in job.tasks):
            message = "The generation has started and cannot be cancelled: it goes on, and reading it tells its end."
            raise Conflict("job", job.id, "RUNNING", message)
        return Reply(_NO_CONTENT)

    def quoted(self, quote: Quote) -> Reply:
        return answers.quoted(quote)

    def word(self, problem: Problem) -> Reply:
        return faults.word(problem)


def _generating(orders: Orders) -> tuple[Route, ...]:
    return (
        Route(
            "POST",
            "/api/v2/generate/text-to-image",
            "text_to_image",
            Buy(requests.TextToImage, orders.text_to_image),
            about.TEXT_TO_IMAGE,
        ),
        Route(
            "POST",
            "/api/v2/generate/image-to-image",
            "image_to_image",
            Buy(requests.ImageToImage, orders.image_to_image),
            about.IMAGE_TO_IMAGE,
        ),
        Route("POST", "/api/v2/generate/inpaint", "inpaint", Buy(requests.Inpaint, orders.inpaint), about.INPAINT),
    )


_READING = (
    Route("GET", "/api/v2/generations", "generations", Show(generations.generations), about.GENERATIONS),
    Route("GET", _ONE, "generation", ShowJob(), about.GENERATION),
    Route("DELETE", _ONE, "cancel", CancelJob(), about.CANCEL),
    Route("GET", f"{_ONE}/events", "events", FollowJob(events), about.EVENTS),
    Route("GET", "/api/v2/models", "models", Show(models.models), about_account.MODELS),
    Route("GET", "/api/v2/models/{id}", "model", Show(models.model), about_account.MODEL),
    Route("GET", _PROFILE, "profile", Show(account.profile), about_account.PROFILE),
    Route("GET", _PREFERENCES, "preferences", Show(account.show_preferences), about_account.PREFERENCES),
    Route("GET", "/api/v2/user/usage", "usage", Show(account.usage), about_account.USAGE),
    Route("GET", _BUDGET, "budget", Show(budget.show), about_account.BUDGET),
)
_CHANGING = (
    Route(
        "PATCH",
        _PROFILE,
        "change_profile",
        Act(account.change_profile, PreferencesChange),
        about_account.CHANGE_PROFILE,
    ),
    Route(
        "PATCH",
        _PREFERENCES,
        "change_preferences",
        Act(account.change_preferences, PreferencesChange),
        about_account.CHANGE_PREFERENCES,
    ),
    Route("PUT", _BUDGET, "change_budget", Act(budget.change, budget.BudgetChange), about_account.CHANGE_BUDGET),
)
