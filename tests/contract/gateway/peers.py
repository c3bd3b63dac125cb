"""The edge's peers: they speak billing's, the gallery's and the generator's protocols by a script that each test writes."""

import asyncio
import contextlib
import hashlib
import urllib.parse
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import grpc
from aiohttp import web
from google.protobuf.json_format import MessageToDict

from gesso.billing.v1 import billing_pb2 as billing_pb
from gesso.errors.v1 import reason_pb2 as pb
from gesso.gallery.v1 import gallery_pb2 as gallery_pb
from gesso.generator.v1 import generator_pb2 as generator_pb
from pictures.facts import NotAPicture
from pictures.inspection import inspect
from servicekit.calls import Call
from servicekit.faults import Fault, NotFound, to_proto
from servicekit.identity import Access, format_peers, parse_peers
from servicekit.ids import new_id
from servicekit.server import Registration, serving
from testkit.scripted_service import Method, scripted

KEY = "gesso_test_key_0123456789"
ADMIN_TOKEN = "operator-token"
TOKENS = {"gateway": "gateway-token", "operator": ADMIN_TOKEN}
Job = generator_pb.Job
Submission = generator_pb.SubmitJobsRequest.Submission
Submitted = generator_pb.SubmitJobsResponse.SubmitJobResult


def queued(submission: Submission) -> Job:
    """The job of a submission as the generator acknowledges it."""
    purchase = submission.purchase
    job = Job(
        id=new_id("job"),
        account_id="acct_1",
        dialect=purchase.dialect,
        route=purchase.route,
        state=Job.STATE_QUEUED,
        tasks=[generator_pb.Task(index=index, draw=draw) for index, draw in enumerate(purchase.draws)],
        facts=purchase.facts,
    )
    job.created_at.GetCurrentTime()
    return job


def succeeded(job: Job, *pictures: generator_pb.Picture, charge_micros: int = 40_000, **task: Any) -> Job:
    """The same job, ended with these pictures."""
    ended = Job()
    ended.CopyFrom(job)
    ended.state = Job.STATE_SUCCEEDED
    ended.charge_micros = charge_micros
    ended.finished_at.GetCurrentTime()
    ended.tasks[0].MergeFrom(
        generator_pb.Task(
            state=generator_pb.Task.STATE_KEPT, pictures=pictures, provider="sketch", upstream_model="sketch-1", **task
        )
    )
    return ended


def failed(job: Job, fault: Fault) -> Job:
    """The same job, ended without a picture."""
    ended = Job()
    ended.CopyFrom(job)
    ended.state = Job.STATE_FAILED
    ended.finished_at.GetCurrentTime()
    ended.tasks[0].MergeFrom(generator_pb.Task(state=generator_pb.Task.STATE_FAILED, fault=to_proto(fault)))
    return ended


def picture(path: Path, data: bytes) -> generator_pb.Picture:
    """A kept picture whose file lies at `path`."""
    path.write_bytes(data)
    return generator_pb.Picture(
        image_id=new_id("img"), format="png", width=1024, height=1024, byte_count=len(data), read_url=path.as_uri()
    )


Script = Callable[[Any], Any]
"""What a method answers to a request."""


def by_script(scripts: dict[str, Script], *names: str) -> dict[str, Method]:
    """Methods that answer as the test scripts them, under their names."""

    async def answer(name: str, request: Any, _: Any) -> Any:
        assert name in scripts, f"the test scripts {name}"
        return scripts[name](request)

    return {name: partial(answer, name) for name in names}


@dataclass
class Billing:
    """Billing by script: `refusal` is its verdict on every key but those of `keys`, `limit` the fault of every request."""

    caller: billing_pb.Caller = field(
        default_factory=lambda: billing_pb.Caller(account_id="acct_1", api_key_id="key_1", plan="pro", token=b"token")
    )
    refusal: Fault = field(default_factory=lambda: Fault(pb.REASON_CREDENTIAL_INVALID, "The API key is not known."))
    limit: Fault | None = None
    keys: set[str] = field(default_factory=lambda: {KEY})
    windows: list[billing_pb.WindowState] = field(default_factory=list)
    authenticated: int = 0
    taken: int = 0
    takings: list[tuple[str, str]] = field(default_factory=list)
    """Addresses that were counted, and for what."""
    figures_of: list[bytes] = field(default_factory=list)
    """The callers whose own figures go before those of the addresses."""
    calls: list[str] = field(default_factory=list)
    """Dialects for which a request was counted as a call."""
    scripts: dict[str, Script] = field(default_factory=dict)

    def services(self) -> tuple[Registration, ...]:
        return (
            scripted("gesso.billing.v1.Callers", {"Authenticate": self.authenticate}),
            scripted(
                "gesso.billing.v1.Limits", {"TakeLimits": self.take_limits, **by_script(self.scripts, "GetCalls")}
            ),
            scripted("gesso.billing.v1.Ledger", by_script(self.scripts, "GetBalance")),
            scripted(
                "gesso.billing.v1.ApiKeys",
                by_script(self.scripts, "ListApiKeys", "CreateApiKey", "RotateApiKey", "RevokeApiKey"),
            ),
            scripted(
                "gesso.billing.v1.Accounts",
                {"CreateAccount": self.create_account, **by_script(self.scripts, "GetAccount", "SetPreferences")},
            ),
            scripted("gesso.billing.v1.Budgets", by_script(self.scripts, "GetBudgets", "SetBudget")),
        )

    async def authenticate(self, request: Any, _: Any) -> billing_pb.AuthenticateResponse:
        digests = {hashlib.sha256(key.encode()).digest() for key in self.keys}
        response = billing_pb.AuthenticateResponse()
        for credential in request.credentials:
            self.authenticated += 1
            if credential.key_digest in digests:
                response.results.add(caller=self.caller)
            else:
                response.results.add(fault=to_proto(self.refusal))
        return response

    async def take_limits(self, request: Any, _: Any) -> billing_pb.TakeLimitsResponse:
        response = billing_pb.TakeLimitsResponse()
        for taking in request.takings:
            self.taken += 1
            self.calls += [taking.dialect] if taking.is_call else []
            if taking.address:
                self.takings.append((taking.address, taking.dialect))
                self.figures_of.append(taking.figures_of)
            fault = None if self.limit is None else to_proto(self.limit)
            response.results.add(fault=fault, windows=self.windows)
        return response

    async def create_account(self, request: Any, context: Any) -> billing_pb.Account:
        if request.plan == "nonsense":
            raise Fault(pb.REASON_INVALID_FIELD, "No such plan.", details={"field": "plan"})
        return billing_pb.Account(id="acct_new", name=request.name, plan=request.plan)


@dataclass
class Gallery:
    """The gallery by script: every address is a picture of `format`, but those that `faults` names."""

    format: str = "png"
    width: int = 640
    height: int = 480
    faults: dict[str, Fault] = field(default_factory=dict)
    imported: list[gallery_pb.ImportInputsRequest.ImportItem] = field(default_factory=list)
    uploaded: list[bytes] = field(default_factory=list)
    scripts: dict[str, Script] = field(default_factory=dict)

    async def upload(self, request: web.BaseRequest) -> web.Response:
        """POST /inputs of the files port: what the bytes are is found by looking at them."""
        data = await request.read()
        try:
            facts = inspect(data)
        except NotAPicture:
            name = urllib.parse.unquote(request.headers["gesso-field"])
            refused = {
                "reason": "INPUT_NOT_AN_IMAGE",
                "message": f"`{name}` is no picture.",
                "details": {"field": name},
            }
            return web.json_response(refused, status=422)
        self.uploaded.append(data)
        image = gallery_pb.Image(id=new_id("img"), format=facts.format, width=facts.width, height=facts.height)
        return web.json_response(MessageToDict(image, preserving_proto_field_name=True), status=201)

    def services(self) -> tuple[Registration, ...]:
        return (
            scripted(
                "gesso.gallery.v1.Inputs",
                {"ImportInputs": self.import_inputs, **by_script(self.scripts, "AnalyseImage", "MeasureMask")},
            ),
            scripted("gesso.gallery.v1.Images", by_script(self.scripts, "GetStorage")),
        )

    async def import_inputs(self, request: Any, _: Any) -> gallery_pb.ImportInputsResponse:
        response = gallery_pb.ImportInputsResponse()
        for item in request.items:
            self.imported.append(item)
            fault = self.faults.get(item.url or item.image_id)
            if fault is not None:
                response.results.add(fault=to_proto(fault))
                continue
            image_id = item.image_id or new_id("img")
            image = gallery_pb.Image(id=image_id, format=self.format, width=self.width, height=self.height)
            response.results.add(image=image)
        return response


Answer = Callable[[Submission], Submitted]


@dataclass
class Generator:
    """The generator by script: `answer` makes the result of each submission, `finish` ends a job and tells who watches."""

    answer: Answer | None = None
    hangs_up: bool = False
    reading_fault: Fault | None = None
    socket: Path = Path()
    server: contextlib.AsyncExitStack = field(default_factory=contextlib.AsyncExitStack)
    submissions: list[Submission] = field(default_factory=list)
    jobs: dict[str, Job] = field(default_factory=dict)
    streams: list["asyncio.Queue[Job | None]"] = field(default_factory=list)
    watched: list[str] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    models: Sequence[generator_pb.Model] = ()
    scripts: dict[str, Script] = field(default_factory=dict)

    def services(self) -> tuple[Registration, ...]:
        jobs = {"SubmitJobs": self.submit_jobs, "WatchJobs": self.watch_jobs, "GetJob": self.get_job}
        return (
            scripted(
                "gesso.generator.v1.Jobs", {**jobs, **by_script(self.scripts, "ListJobs", "CancelJob", "FindJob")}
            ),
            scripted("gesso.generator.v1.Usage", by_script(self.scripts, "GetUsage")),
            scripted(
                "gesso.generator.v1.Secrets",
                by_script(self.scripts, "GetSealingKey", "PutProviderKey", "ListProviderKeys", "DeleteProviderKey"),
            ),
            scripted("gesso.generator.v1.Models", {"ListModels": self.list_models}),
            scripted("gesso.generator.v1.CustomModels", by_script(self.scripts, "CreateCustomModel")),
            scripted("gesso.generator.v1.Callbacks", by_script(self.scripts, "Deliver")),
        )

    async def submit_jobs(self, request: Any, context: Any) -> generator_pb.SubmitJobsResponse:
        if self.hangs_up:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "Socket closed")
        response = generator_pb.SubmitJobsResponse()
        for submission in request.submissions:
            self.submissions.append(submission)
            assert self.answer is not None, "the test scripts an answer"
            result = self.answer(submission)
            if result.HasField("job"):
                self.jobs.setdefault(result.job.id, result.job)
            response.results.append(result)
        return response

    async def watch_jobs(self, requests: Any, _: Any) -> AsyncIterator[generator_pb.WatchJobsResponse]:
        news: asyncio.Queue[Job | None] = asyncio.Queue()
        self.streams.append(news)
        reading = asyncio.create_task(self._read(requests, news))
        try:
            while (job := await news.get()) is not None:
                yield generator_pb.WatchJobsResponse(jobs=[job])
        finally:
            self.streams.remove(news)
            reading.cancel()

    async def _read(self, requests: Any, news: "asyncio.Queue[Job | None]") -> None:
        async for request in requests:
            self.watched += request.add_job_ids
            self.dropped += request.drop_job_ids
            for job_id in request.add_job_ids:
                if job_id in self.jobs and self.jobs[job_id].HasField("finished_at"):
                    news.put_nowait(self.jobs[job_id])

    async def get_job(self, request: Any, _: Any) -> Job:
        if self.reading_fault is not None:
            raise self.reading_fault
        if request.job_id not in self.jobs:
            raise NotFound("job", request.job_id)
        return self.jobs[request.job_id]

    async def list_models(self, _: Any, __: Any) -> generator_pb.ListModelsResponse:
        return generator_pb.ListModelsResponse(models=self.models)

    queued = staticmethod(queued)
    succeeded = staticmethod(succeeded)
    failed = staticmethod(failed)

    def finish(self, job: Job) -> None:
        self.jobs[job.id] = job
        for news in self.streams:
            news.put_nowait(job)

    @contextlib.asynccontextmanager
    async def running(self, socket: Path) -> AsyncIterator[None]:
        self.socket = socket
        async with self.server:
            await self.server.enter_async_context(serving_peer(socket, self.services()))
            yield

    async def restart(self) -> None:
        await self.server.aclose()
        self.watched.clear()
        await self.server.enter_async_context(serving_peer(self.socket, self.services()))

    def break_streams(self) -> None:
        for news in self.streams:
            news.put_nowait(None)

    def drawing(self, *pictures: generator_pb.Picture, charge_micros: int = 40_000, **task: Any) -> Answer:
        """An answer that acknowledges a queued job and ends it at once with these pictures."""

        def answer(submission: Submission) -> Submitted:
            job = queued(submission)
            ended = succeeded(job, *pictures, charge_micros=charge_micros, **task)
            asyncio.get_running_loop().call_soon(self.finish, ended)
            return Submitted(job=job)

        return answer

    def failing(self, fault: Fault) -> Answer:
        """An answer that acknowledges a queued job which then fails."""

        def answer(submission: Submission) -> Submitted:
            job = queued(submission)
            asyncio.get_running_loop().call_soon(self.finish, failed(job, fault))
            return Submitted(job=job)

        return answer


class _Unobserved:
    def call_started(self, call: Call) -> None: ...

    def call_finished(self, call: Call, error: BaseException | None) -> None:
        if error is not None:
            raise error


_PEERS = parse_peers(format_peers(TOKENS))


def serving_peer(
    socket: Path, services: Sequence[Registration], closed_to_the_edge: str = ""
) -> contextlib.AbstractAsyncContextManager[str]:
    grants: dict[str, frozenset[str]] = {service.name: frozenset({"gateway"}) for service in services}
    grants[closed_to_the_edge] = frozenset()
    return serving(f"unix:{socket}", services, access=Access(_PEERS, grants), observer=_Unobserved(), grace_seconds=0)
