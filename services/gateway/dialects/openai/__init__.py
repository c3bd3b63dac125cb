"""The OpenAI dialect: image generations, edits, variations, models and jobs, as the official SDKs of OpenAI call them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.about import BEARER
from gateway.desk import Desk
from gateway.dialects.base import Addresses, Buy, Dialect, Problem, Route, Show, ShowJob
from gateway.dialects.openai import about, answers, faults, requests
from gateway.jobs import failure
from gateway.money import usd
from gateway.openai_images import pictures
from gateway.openai_images.events import Streaming
from gateway.openai_images.pictures import Edit, Variation
from gateway.openai_images.requests import EditRequest, GenerationRequest, VariationRequest
from gateway.orders import Order
from gateway.standing import dry_run, standing
from gateway.visitor import Visitor
from gateway.wire import Reply, bearer, json_reply
from gesso.billing.v1.billing_pb2 import WindowState
from gesso.errors.v1 import reason_pb2 as pb
from gesso.errors.v1.reason_pb2 import Reason
from gesso.generator.v1.generator_pb2 import (
    OPERATION_IMAGE_TO_IMAGE,
    OPERATION_INPAINT,
    OPERATION_TEXT_TO_IMAGE,
    Job,
    Model,
    Quote,
)
from servicekit.faults import Fault
from servicekit.settings import setting

_LINK_SECONDS = 86_400
"""Source: contract.md, "Requests and answers"."""
_DRAWING = frozenset({OPERATION_TEXT_TO_IMAGE, OPERATION_IMAGE_TO_IMAGE, OPERATION_INPAINT})


@dataclass(frozen=True)
class Settings:
    """What this dialect reads from the environment."""

    openai_default_model: str = setting(
        "GESSO_DEFAULT_MODEL", "The model of an OpenAI request that names none.", default="gpt-image-1"
    )
    openai_wait_seconds: float = setting(
        "GESSO_WAIT_SECONDS_OPENAI",
        "How long a synchronous call of the dialect `openai` waits for its job before it answers 504.",
        default="540",
        parse=float,
    )


def dialect(settings: Settings) -> Dialect:
    """The dialect under these settings."""
    return _OpenAI(settings)


class _OpenAI:
    name = answers.NAME
    title = "OpenAI"
    text = about.TEXT
    schemes = (BEARER,)
    error_body = faults.ErrorBody
    codes = faults.CODES
    special_codes: Mapping[str, Reason.ValueType] = {}
    prefixes = ("/v1/images", "/v1/models")
    link_seconds = _LINK_SECONDS
    statuses: Mapping[Reason.ValueType, int] = {}
    limited_by_address = False
    counts_calls = False

    def __init__(self, settings: Settings) -> None:
        self._default_model = settings.openai_default_model
        self.wait_seconds = settings.openai_wait_seconds
        streaming = Streaming(answers.facts, _error_event, self._late, self.wait_seconds)
        self.routes = (
            Route(
                "POST",
                "/v1/images/generations",
                "generations",
                Buy(GenerationRequest, self._generation, events=streaming.events),
                about.GENERATION,
            ),
            Route(
                "POST",
                "/v1/images/edits",
                "edits",
                Buy(EditRequest, self._edit, form=pictures.edit_of_form, events=streaming.events),
                about.EDIT,
            ),
            Route(
                "POST",
                "/v1/images/variations",
                "variations",
                Buy(VariationRequest, self._variation, form=pictures.variation_of_form),
                about.VARIATION,
            ),
            Route("GET", "/v1/images/jobs/{id}", "job", ShowJob(), about.JOB),
            Route("GET", "/v1/models", "models", Show(_models), about.MODELS),
            Route("GET", "/v1/models/{id}", "model", Show(_model), about.MODEL),
        )

    def credential(self, headers: Mapping[str, str]) -> str | None:
        return bearer(headers)

    def window_headers(self, windows: Sequence[WindowState]) -> Mapping[str, str]:
        return {}

    def _generation(self, request: GenerationRequest, _: Visitor) -> Order:
        return requests.generation(request, default_model=self._default_model)

    def _edit(self, asked: EditRequest | Edit, _: Visitor) -> Order:
        edit = asked if isinstance(asked, Edit) else pictures.edit_of_json(asked)
        return requests.edit(edit, default_model=self._default_model)

    def _variation(self, asked: VariationRequest | Variation, _: Visitor) -> Order:
        variation = asked if isinstance(asked, Variation) else pictures.variation_of_json(asked)
        return requests.variation(variation, default_model=self._default_model)

    def job_path(self, job: Job) -> str:
        return f"/v1/images/jobs/{job.id}"

    def accepted(self, job: Job, addresses: Addresses) -> Reply:
        return standing(job, addresses.edge(self.job_path(job)), self.job_path(job))

    def unfinished(self, job: Job, addresses: Addresses) -> Reply:
        return standing(job, addresses.edge(self.job_path(job)), self.job_path(job))

    def overdue(self, job: Job, addresses: Addresses) -> Reply:
        raise self._late(job, addresses)

    def _late(self, job: Job, addresses: Addresses) -> Fault:
        address = addresses.edge(self.job_path(job))
        return Fault(pb.REASON_TIMEOUT, f"The pictures are not ready yet. The job goes on: fetch it at {address}.")

    def finished(self, job: Job, addresses: Addresses) -> Reply:
        if any(task.pictures for task in job.tasks):
            return answers.images(job, addresses)
        raise failure(job)

    def shown(self, job: Job, addresses: Addresses) -> Reply:
        return self.finished(job, addresses)

    def cancelled(self, job: Job, addresses: Addresses) -> Reply:
        return self.unfinished(job, addresses)

    def quoted(self, quote: Quote) -> Reply:
        return dry_run(quote, usd(quote.amount_micros))

    def word(self, problem: Problem) -> Reply:
        return faults.word(problem)


def _error_event(fault: Fault, addresses: Addresses) -> Mapping[str, Any]:
    return {"error": faults.error_of(fault, addresses.edge(""))}


async def _models(desk: Desk, _: Visitor) -> Reply:
    listed = [answers.model_object(model) for model in await _offered(desk)]
    return json_reply(answers.ModelList("list", listed))


async def _model(desk: Desk, visitor: Visitor) -> Reply:
    wanted = visitor.params["id"]
    for model in await _offered(desk):
        if model.id == wanted:
            return json_reply(answers.model_object(model))
    raise Fault(pb.REASON_UNKNOWN_MODEL, f"The model `{wanted}` does not exist.", details={"model": wanted})


async def _offered(desk: Desk) -> list[Model]:
    """The models that draw, whoever serves them now; tools such as filters and upscalers are none of this dialect's."""
    return [
        model
        for model in await desk.models()
        if answers.NAME in model.dialects and not _DRAWING.isdisjoint(model.operations)
    ]
