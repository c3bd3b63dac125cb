"""The Ops-Center dialect: OpenAI's Images API under a base of its own, in credits with the plan's markup, or by one's own keys."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.about import BEARER
from gateway.asked import REPLAYED
from gateway.desk import Desk
from gateway.dialects.base import Act, Addresses, Buy, Dialect, Problem, Route, Show, ShowJob
from gateway.dialects.opscenter import about, answers, faults, requests
from gateway.jobs import failure
from gateway.money import in_credits
from gateway.openai_images import pictures
from gateway.openai_images.events import Streaming
from gateway.openai_images.pictures import Edit, Variation
from gateway.openai_images.requests import EditRequest, VariationRequest
from gateway.orders import Order
from gateway.standing import dry_run, standing
from gateway.visitor import Visitor
from gateway.wire import Reply, bearer, json_reply
from gesso.billing.v1.billing_pb2 import WindowState
from gesso.errors.v1 import reason_pb2 as pb
from gesso.errors.v1.reason_pb2 import Reason
from gesso.generator.v1.generator_pb2 import Job, Quote
from servicekit.faults import Fault
from servicekit.settings import setting

_BASE = "/api/v1/llm"
_LINK_SECONDS = 3_600
"""Source: the Ops-Center document, "Response Format"."""


@dataclass(frozen=True)
class Settings:
    """What this dialect reads from the environment."""

    opscenter_wait_seconds: float = setting(
        "GESSO_WAIT_SECONDS_OPSCENTER",
        "How long a synchronous call of the dialect `opscenter` waits for its job before it answers 504.",
        default="540",
        parse=float,
    )


def dialect(settings: Settings) -> Dialect:
    """The dialect under these settings."""
    return _OpsCenter(settings)


class _OpsCenter:
    name = answers.NAME
    title = "Ops-Center"
    text = about.TEXT
    schemes = (BEARER,)
    error_body = faults.ErrorBody
    codes = faults.CODES
    special_codes: Mapping[str, Reason.ValueType] = {}
    statuses = faults.STATUSES
    prefixes = (_BASE,)
    link_seconds = _LINK_SECONDS
    limited_by_address = False
    counts_calls = False

    def __init__(self, settings: Settings) -> None:
        self.wait_seconds = settings.opscenter_wait_seconds
        events = Streaming(answers.facts, _error_event, self._late, self.wait_seconds, _metadata).events
        generation = Buy(requests.GenerationRequest, _generation, events=events)
        edit = Buy(EditRequest, _edit, form=pictures.edit_of_form, events=events)
        variation = Buy(VariationRequest, _variation, form=pictures.variation_of_form)
        self.routes = (
            Route("POST", f"{_BASE}/images/generations", "generations", generation, about.GENERATION),
            Route(
                "POST",
                f"{_BASE}/image/generations",
                "generations",
                generation,
                about.GENERATION,
                operation="image-generations",
            ),
            Route("POST", f"{_BASE}/images/edits", "edits", edit, about.EDIT),
            Route("POST", f"{_BASE}/images/variations", "variations", variation, about.VARIATION),
            Route("GET", _BASE + "/jobs/{id}", "job", ShowJob(), about.JOB),
            Route("GET", f"{_BASE}/credits", "credits", Show(answers.balance), about.CREDITS),
            Route("GET", f"{_BASE}/models", "models", Show(_models), about.MODELS),
            Route("GET", _BASE + "/models/{id}", "model", Show(_model), about.MODEL),
            Route(
                "POST", f"{_BASE}/byok/keys", "put-key", Act(_put_key, requests.KeyRequest, creates=True), about.PUT_KEY
            ),
            Route("GET", f"{_BASE}/byok/keys", "keys", Show(_keys), about.KEYS),
            Route("DELETE", _BASE + "/byok/keys/{provider}", "delete-key", Act(_delete_key), about.DELETE_KEY),
        )

    def credential(self, headers: Mapping[str, str]) -> str | None:
        return bearer(headers)

    def window_headers(self, windows: Sequence[WindowState]) -> Mapping[str, str]:
        return {}

    def job_path(self, job: Job) -> str:
        return f"{_BASE}/jobs/{job.id}"

    def accepted(self, job: Job, addresses: Addresses) -> Reply:
        return standing(job, addresses.edge(self.job_path(job)), self.job_path(job))

    def unfinished(self, job: Job, addresses: Addresses) -> Reply:
        return self.accepted(job, addresses)

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
        return dry_run(quote, in_credits(quote.amount_micros, answers.CREDIT_MICROS))

    def word(self, problem: Problem) -> Reply:
        return faults.word(problem)


def _generation(request: requests.GenerationRequest, _: Visitor) -> Order:
    return requests.generation(request)


def _edit(asked: EditRequest | Edit, _: Visitor) -> Order:
    return requests.edit(asked if isinstance(asked, Edit) else pictures.edit_of_json(asked))


def _variation(asked: VariationRequest | Variation, _: Visitor) -> Order:
    return requests.variation(asked if isinstance(asked, Variation) else pictures.variation_of_json(asked))


def _error_event(fault: Fault, _: Addresses) -> Mapping[str, Any]:
    body = faults.body_of(fault)
    return {"detail": body.detail, "error": body.error}


def _metadata(job: Job) -> Mapping[str, Any]:
    return {"_metadata": answers.metadata(job)}


async def _models(desk: Desk, _: Visitor) -> Reply:
    return answers.models(await desk.models())


async def _model(desk: Desk, visitor: Visitor) -> Reply:
    return answers.model(await desk.models(), visitor.params["id"])


async def _put_key(desk: Desk, _: Visitor, body: requests.KeyRequest) -> Reply:
    key = await desk.put_provider_key(body.provider.lower(), body.api_key)
    return json_reply(answers.stored(key), 201, headers={REPLAYED: "true"} if key.replayed else {})


async def _keys(desk: Desk, _: Visitor) -> Reply:
    return json_reply(answers.StoredKeys([answers.stored(key) for key in await desk.provider_keys()]))


async def _delete_key(desk: Desk, visitor: Visitor, _: None) -> Reply:
    gone = await desk.delete_provider_key(visitor.params["provider"].lower())
    return json_reply(answers.DeletedKey(gone.provider, True))
