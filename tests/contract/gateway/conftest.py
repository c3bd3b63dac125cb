"""An edge between two peers that speak billing's and the generator's protocols by a script that each test writes."""

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from gateway.app import running
from gateway.config import Config
from gesso.billing.v1 import billing_pb2 as billing_pb
from gesso.billing.v1 import billing_pb2_grpc as billing_rpc
from gesso.errors.v1 import reason_pb2 as pb
from gesso.generator.v1 import generator_pb2 as generator_pb
from gesso.generator.v1 import generator_pb2_grpc as generator_rpc
from servicekit.calls import Call
from servicekit.faults import Fault, NotFound, to_proto
from servicekit.identity import Access, format_peers, parse_peers
from servicekit.ids import new_id
from servicekit.server import Registration, serving
from servicekit.settings import load

KEY = "gesso_test_key_0123456789"
ADMIN_TOKEN = "operator-token"
TOKENS = {"gateway": "gateway-token", "operator": ADMIN_TOKEN}
Job = generator_pb.Job
Submission = generator_pb.SubmitJobsRequest.Submission
Submitted = generator_pb.SubmitJobsResponse.SubmitJobResult


@dataclass
class Billing(billing_rpc.CallersServicer, billing_rpc.LimitsServicer, billing_rpc.AccountsServicer):
    """Billing by script: `refusal` is its verdict on every key but KEY, `limit` the fault of every request."""

    caller: billing_pb.Caller = field(
        default_factory=lambda: billing_pb.Caller(account_id="acct_1", api_key_id="key_1", plan="pro", token=b"token")
    )
    refusal: Fault = field(default_factory=lambda: Fault(pb.REASON_CREDENTIAL_INVALID, "The API key is not known."))
    limit: Fault | None = None
    windows: Sequence[billing_pb.WindowState] = ()
    keys: set[bytes] = field(default_factory=lambda: {hashlib.sha256(KEY.encode()).digest()})
    authenticated: int = 0
    taken: list[billing_pb.TakeLimitsRequest.Taking] = field(default_factory=list)

    async def Authenticate(self, request: Any, context: Any) -> billing_pb.AuthenticateResponse:
        results = []
        for credential in request.credentials:
            self.authenticated += 1
            known = credential.key_digest in self.keys
            results.append({"caller": self.caller} if known else {"fault": to_proto(self.refusal)})
        made = [billing_pb.AuthenticateResponse.AuthenticateResult(**result) for result in results]
        return billing_pb.AuthenticateResponse(results=made)

    async def TakeLimits(self, request: Any, context: Any) -> billing_pb.TakeLimitsResponse:
        self.taken += request.takings
        fault = None if self.limit is None else to_proto(self.limit)
        result = billing_pb.TakeLimitsResponse.TakeLimitsResult(windows=self.windows, fault=fault)
        return billing_pb.TakeLimitsResponse(results=[result] * len(request.takings))

    async def CreateAccount(self, request: Any, context: Any) -> billing_pb.Account:
        if request.plan == "nonsense":
            raise Fault(pb.REASON_INVALID_FIELD, "No such plan.", details={"field": "plan"})
        return billing_pb.Account(id="acct_new", name=request.name, plan=request.plan)


Answer = Callable[[Submission], Submitted]


@dataclass
class Generator(generator_rpc.JobsServicer, generator_rpc.ModelsServicer):
    """The generator by script: `answer` makes the result of each submission, `finish` ends a job and tells who watches."""

    answer: Answer | None = None
    submissions: list[Submission] = field(default_factory=list)
    jobs: dict[str, Job] = field(default_factory=dict)
    watchers: dict[str, "asyncio.Queue[Job]"] = field(default_factory=dict)
    watched: set[str] = field(default_factory=set)
    models: Sequence[generator_pb.Model] = ()

    async def SubmitJobs(self, request: Any, context: Any) -> generator_pb.SubmitJobsResponse:
        results = []
        for submission in request.submissions:
            self.submissions.append(submission)
            assert self.answer is not None, "the test scripts an answer"
            result = self.answer(submission)
            if result.HasField("job"):
                self.jobs[result.job.id] = result.job
            results.append(result)
        return generator_pb.SubmitJobsResponse(results=results)

    async def WatchJobs(self, requests: Any, context: Any) -> AsyncIterator[generator_pb.WatchJobsResponse]:
        queue: asyncio.Queue[Job] = asyncio.Queue()
        reading = asyncio.create_task(self._read(requests, queue))
        try:
            while True:
                yield generator_pb.WatchJobsResponse(jobs=[await queue.get()])
        finally:
            reading.cancel()

    async def _read(self, requests: Any, queue: "asyncio.Queue[Job]") -> None:
        async for request in requests:
            self.watchers[request.watch_id] = queue
            self.watched |= set(request.add_job_ids)
            for job_id in request.add_job_ids:
                if job_id in self.jobs and self.jobs[job_id].HasField("finished_at"):
                    queue.put_nowait(self.jobs[job_id])

    async def GetJob(self, request: Any, context: Any) -> Job:
        job = self.jobs.get(request.job_id)
        if job is None:
            raise NotFound("job", request.job_id)
        return job

    async def ListModels(self, request: Any, context: Any) -> generator_pb.ListModelsResponse:
        return generator_pb.ListModelsResponse(models=self.models)

    def finish(self, job: Job) -> None:
        self.jobs[job.id] = job
        for queue in self.watchers.values():
            queue.put_nowait(job)

    def drawing(self, *pictures: generator_pb.Picture, charge_micros: int = 40_000, **task: Any) -> Answer:
        """An answer that acknowledges a queued job and ends it at once with these pictures."""

        def answer(submission: Submission) -> Submitted:
            job = queued(submission)
            ended = succeeded(job, *pictures, charge_micros=charge_micros, **task)
            asyncio.get_running_loop().call_soon(self.finish, ended)
            return Submitted(job=job)

        return answer


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


class _Unobserved:
    def call_started(self, call: Call) -> None: ...

    def call_finished(self, call: Call, error: BaseException | None) -> None:
        if error is not None:
            raise error


@dataclass
class Edge:
    """A running edge with its two peers."""

    url: str
    billing: Billing
    generator: Generator
    config: Config
    session: aiohttp.ClientSession

    def post(self, body: Any = None, *, path: str = "/v1/images/generations", **kwargs: Any) -> Any:
        headers = {"Authorization": f"Bearer {KEY}", **kwargs.pop("headers", {})}
        return self.session.post(self.url + path, json=body, headers=headers, **kwargs)

    def get(self, path: str, **kwargs: Any) -> Any:
        headers = {"Authorization": f"Bearer {KEY}", **kwargs.pop("headers", {})}
        return self.session.get(self.url + path, headers=headers, **kwargs)


def settings(folder: Path, **variables: str) -> Config:
    """The edge's settings, with its peers' sockets in `folder`."""
    environment = {
        "GESSO_PORT": "0",
        "GESSO_GATEWAY_TOKEN": TOKENS["gateway"],
        "GESSO_BILLING_ADDRESS": f"unix:{folder}/billing.sock",
        "GESSO_GENERATOR_ADDRESS": f"unix:{folder}/generator.sock",
        "GESSO_GALLERY_ADDRESS": f"unix:{folder}/billing.sock",
        "GESSO_WEBHOOKS_ADDRESS": f"unix:{folder}/generator.sock",
        "GESSO_LINK_KEY": "00" * 32,
        "GESSO_FILES_URL": "http://files.test",
        "GESSO_ADMIN_TOKEN": ADMIN_TOKEN,
        "GESSO_GATEWAY_GRACE_SECONDS": "0.2",
        **variables,
    }
    return load(Config, environment)


@contextlib.asynccontextmanager
async def serving_billing(config: Config, billing: Billing) -> AsyncIterator[str]:
    registrations = (
        Registration("gesso.billing.v1.Callers", billing_rpc.add_CallersServicer_to_server, billing),
        Registration("gesso.billing.v1.Limits", billing_rpc.add_LimitsServicer_to_server, billing),
        Registration("gesso.billing.v1.Accounts", billing_rpc.add_AccountsServicer_to_server, billing),
    )
    grants = {"gesso.billing.v1.Callers": frozenset({"gateway"}), "gesso.billing.v1.Limits": frozenset({"gateway"})}
    access = Access(parse_peers(format_peers(TOKENS)), grants)
    async with serving(
        config.billing_address, registrations, access=access, observer=_Unobserved(), grace_seconds=0
    ) as address:
        yield address


@contextlib.asynccontextmanager
async def serving_generator(config: Config, generator: Generator) -> AsyncIterator[str]:
    registrations = (
        Registration("gesso.generator.v1.Jobs", generator_rpc.add_JobsServicer_to_server, generator),
        Registration("gesso.generator.v1.Models", generator_rpc.add_ModelsServicer_to_server, generator),
    )
    grants = {"gesso.generator.v1.Jobs": frozenset({"gateway"}), "gesso.generator.v1.Models": frozenset({"gateway"})}
    access = Access(parse_peers(format_peers(TOKENS)), grants)
    async with serving(
        config.generator_address, registrations, access=access, observer=_Unobserved(), grace_seconds=0
    ) as address:
        yield address


@contextlib.asynccontextmanager
async def running_edge(folder: Path, **variables: str) -> AsyncIterator[Edge]:
    """An edge with both peers, until the block ends."""
    config = settings(folder, **variables)
    billing, generator = Billing(), Generator()
    async with (
        serving_billing(config, billing),
        serving_generator(config, generator),
        aiohttp.ClientSession() as session,
        running(config) as url,
    ):
        yield Edge(url, billing, generator, config, session)


@pytest.fixture
async def edge(tmp_path: Path) -> AsyncIterator[Edge]:
    """An edge with its default settings."""
    async with running_edge(tmp_path) as running_one:
        yield running_one
