"""The ProductAI dialect: pictures of products, changed, enlarged, or drawn by one's own models; every job is polled."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gateway.desk import Desk
from gateway.dialects.base import Act, Addresses, Buy, Dialect, Problem, Route, Show, ShowJob
from gateway.dialects.productai import about, answers, faults, requests
from gateway.orders import Order
from gateway.standing import dry_run
from gateway.visitor import Visitor
from gateway.wire import Reply
from gesso.billing.v1.billing_pb2 import WindowState
from gesso.generator.v1.generator_pb2 import Job, Quote

_LINK_SECONDS = 86_400
"""Source: contract.md, "Requests and answers"."""


@dataclass(frozen=True)
class Settings:
    """This dialect reads nothing from the environment: none of its calls waits."""


def dialect(_: Settings) -> Dialect:
    """The dialect."""
    return _ProductAI()


def _generate(request: requests.GenerateRequest, _: Visitor) -> Order:
    return requests.generation(request)


def _upscale(request: requests.UpscaleRequest, _: Visitor) -> Order:
    return requests.upscale(request)


def _custom(request: requests.CustomRequest, _: Visitor) -> Order:
    return requests.custom(request)


async def _check_key(desk: Desk, visitor: Visitor) -> Reply:
    balance = await desk.balance()
    return answers.key(visitor.caller, balance.available_micros)


async def _create(desk: Desk, _: Visitor, body: requests.CustomModelRequest) -> Reply:
    return answers.model(await desk.create_custom_model(requests.custom_model(body)))


async def _list(desk: Desk, _: Visitor) -> Reply:
    return answers.models(await desk.custom_models())


async def _delete(desk: Desk, visitor: Visitor, _: None) -> Reply:
    return answers.deleted(await desk.delete_custom_model(visitor.params["name"]))


_MODELS = "/v1/api/custom-models"
_ROUTES = (
    Route(
        "POST", "/v1/api/generate", "generate", Buy(requests.GenerateRequest, _generate, waits=False), about.GENERATE
    ),
    Route("POST", "/v1/api/upscale", "upscale", Buy(requests.UpscaleRequest, _upscale, waits=False), about.UPSCALE),
    Route(
        "POST",
        "/v1/api/generate-custom-model",
        "generate-custom-model",
        Buy(requests.CustomRequest, _custom, waits=False),
        about.CUSTOM,
    ),
    Route("GET", "/v1/api/job/{id}", "job", ShowJob(), about.JOB, counts=False),
    Route("GET", "/v1/api/key-check", "key-check", Show(_check_key), about.KEY),
    Route("POST", _MODELS, "create-model", Act(_create, requests.CustomModelRequest, creates=True), about.CREATE_MODEL),
    Route("GET", _MODELS, "models", Show(_list), about.MODELS),
    Route("DELETE", _MODELS + "/{name}", "delete-model", Act(_delete), about.DELETE_MODEL),
)


class _ProductAI:
    name = answers.NAME
    title = "ProductAI"
    text = about.TEXT
    schemes = (about.X_API_KEY,)
    error_body = faults.ErrorBody
    codes = faults.CODES
    special_codes = faults.SPECIAL_CODES
    statuses = faults.STATUSES
    prefixes = ("/v1/api",)
    routes = _ROUTES
    wait_seconds = 0.0
    link_seconds = _LINK_SECONDS
    limited_by_address = True
    counts_calls = False

    def credential(self, headers: Mapping[str, str]) -> str | None:
        return headers.get("x-api-key") or None

    def window_headers(self, states: Sequence[WindowState]) -> Mapping[str, str]:
        return {}

    def job_path(self, job: Job) -> str:
        return f"/v1/api/job/{job.number}"

    def accepted(self, job: Job, addresses: Addresses) -> Reply:
        return answers.begun(job)

    def unfinished(self, job: Job, addresses: Addresses) -> Reply:
        return answers.job(job, addresses)

    def overdue(self, job: Job, addresses: Addresses) -> Reply:
        return answers.job(job, addresses)

    def finished(self, job: Job, addresses: Addresses) -> Reply:
        return answers.job(job, addresses)

    def shown(self, job: Job, addresses: Addresses) -> Reply:
        return answers.job(job, addresses)

    def cancelled(self, job: Job, addresses: Addresses) -> Reply:
        return answers.job(job, addresses)

    def quoted(self, quote: Quote) -> Reply:
        return dry_run(quote, -(-quote.amount_micros // answers.TOKEN_MICROS))

    def word(self, problem: Problem) -> Reply:
        return faults.word(problem)
