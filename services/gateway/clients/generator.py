"""The edge's calls to the generator: purchases gathered into batches, jobs and the catalogue read."""

import asyncio
import time
from collections.abc import Sequence

from gateway.clients.watch import Watch
from gesso.generator.v1.generator_pb2 import (
    GetJobRequest,
    Job,
    ListModelsRequest,
    Model,
    SubmitJobsRequest,
    SubmitJobsResponse,
)
from gesso.generator.v1.generator_pb2_grpc import JobsStub, ModelsStub
from servicekit.coalescer import Coalescer
from servicekit.link import Link

Submission = SubmitJobsRequest.Submission
Submitted = SubmitJobsResponse.SubmitJobResult
_SUBMIT_TIMEOUT_SECONDS = 30.0
_MOST_BYTES = 8 << 20
"""A link takes messages of twice that: long prompts of many callers must not make one that it refuses."""
_CATALOGUE_KEPT_SECONDS = 5.0


class Generator:
    """The generator as the edge sees it; `watch` waits for its jobs."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._jobs = JobsStub(link.channel)
        self._models = ModelsStub(link.channel)
        # A batch that failed half-way is not sent again item by item: a purchase is sent once.
        self._submissions: Coalescer[Submission, Submitted] = Coalescer(
            self._flush, isolate=False, max_in_flight=2, weigh=Submission.ByteSize, max_weight=_MOST_BYTES
        )
        self._catalogue: tuple[Sequence[Model], float] = ((), 0.0)
        self._reading = asyncio.Lock()
        self.watch = Watch(link)

    async def submit(self, submission: Submission) -> Submitted:
        """Hand in a purchase. Raises Fault where the batch as a whole failed; an item's own fault is in its result."""
        return await self._submissions.submit(submission)

    async def _flush(self, submissions: list[Submission]) -> Sequence[Submitted]:
        response = await self._link.call(
            self._jobs.SubmitJobs, SubmitJobsRequest(submissions=submissions), timeout_seconds=_SUBMIT_TIMEOUT_SECONDS
        )
        return response.results

    async def job(self, caller_token: bytes, job_id: str) -> Job:
        """One job of the caller's account. Raises Fault NOT_FOUND."""
        return await self._link.call(self._jobs.GetJob, GetJobRequest(caller_token=caller_token, job_id=job_id))

    async def models(self) -> Sequence[Model]:
        """The catalogue, at most 5 s old."""
        async with self._reading:
            models, read_at = self._catalogue
            if not models or time.monotonic() - read_at > _CATALOGUE_KEPT_SECONDS:
                models = (await self._link.call(self._models.ListModels, ListModelsRequest())).models
                self._catalogue = (models, time.monotonic())
            return models
