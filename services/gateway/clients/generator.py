"""The edge's calls to the generator: purchases gathered into batches, jobs, usage, own keys and models, the catalogue."""

import asyncio
import time
from collections.abc import Sequence

from gateway.clients.watch import Watch
from gateway.job_ids import JobName
from gesso.generator.v1 import generator_pb2 as pb
from gesso.generator.v1.generator_pb2_grpc import (
    CallbacksStub,
    CustomModelsStub,
    JobsStub,
    ModelsStub,
    SecretsStub,
    UsageStub,
)
from servicekit.coalescer import Coalescer
from servicekit.link import Link
from servicekit.sealing import seal

Submission = pb.SubmitJobsRequest.Submission
Submitted = pb.SubmitJobsResponse.SubmitJobResult
_SUBMIT_TIMEOUT_SECONDS = 30.0
_MOST_BYTES = 8 << 20
"""A link takes messages of twice that: long prompts of many callers must not make one that it refuses."""
_CATALOGUE_KEPT_SECONDS = 5.0
_SEALING_KEY_KEPT_SECONDS = 60.0


class Generator:
    """The generator as the edge sees it; `watch` waits for its jobs."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._jobs = JobsStub(link.channel)
        self._models = ModelsStub(link.channel)
        self._secrets = SecretsStub(link.channel)
        self._custom_models = CustomModelsStub(link.channel)
        self._usage = UsageStub(link.channel)
        self._callbacks = CallbacksStub(link.channel)
        # A batch that failed half-way is not sent again item by item: a purchase is sent once.
        self._submissions: Coalescer[Submission, Submitted] = Coalescer(
            self._flush, isolate=False, max_in_flight=2, weigh=Submission.ByteSize, max_weight=_MOST_BYTES
        )
        self._catalogue: tuple[Sequence[pb.Model], float] = ((), 0.0)
        self._reading = asyncio.Lock()
        self._sealing_key: tuple[bytes, float] = (b"", 0.0)
        self.watch = Watch(link)

    async def submit(self, submission: Submission) -> Submitted:
        """Hand in a purchase. Raises Fault where the batch as a whole failed; an item's own fault is in its result."""
        return await self._submissions.submit(submission)

    async def _flush(self, submissions: list[Submission]) -> Sequence[Submitted]:
        response = await self._link.call(
            self._jobs.SubmitJobs,
            pb.SubmitJobsRequest(submissions=submissions),
            timeout_seconds=_SUBMIT_TIMEOUT_SECONDS,
        )
        return response.results

    async def find(self, request: pb.FindJobRequest) -> pb.Job | None:
        """The job that stands for a purchase already. Raises Fault for a key that is running or has other content."""
        found = await self._link.call(self._jobs.FindJob, request)
        return found.job if found.HasField("job") else None

    async def job(self, caller_token: bytes, name: JobName) -> pb.Job:
        """One job of the caller's account. Raises Fault NOT_FOUND."""
        request = pb.GetJobRequest(caller_token=caller_token, job_id=name.id, number=name.number)
        return await self._link.call(self._jobs.GetJob, request)

    async def cancel(self, caller_token: bytes, name: JobName) -> pb.Job:
        """End what has not started. Raises Fault NOT_FOUND or CONFLICT."""
        request = pb.CancelJobRequest(caller_token=caller_token, job_id=name.id, number=name.number)
        return await self._link.call(self._jobs.CancelJob, request)

    async def jobs(self, request: pb.ListJobsRequest) -> pb.ListJobsResponse:
        """A page of jobs."""
        return await self._link.call(self._jobs.ListJobs, request)

    async def usage(self, request: pb.GetUsageRequest) -> pb.GetUsageResponse:
        """Sums of an account's jobs."""
        return await self._link.call(self._usage.GetUsage, request)

    async def deliver(self, request: pb.DeliverRequest) -> None:
        """Hand on a vendor's call. Raises Fault NOT_FOUND or FORBIDDEN for one that is no vendor's."""
        await self._link.call(self._callbacks.Deliver, request)

    async def models(self) -> Sequence[pb.Model]:
        """The catalogue, at most 5 s old."""
        async with self._reading:
            models, read_at = self._catalogue
            if not models or time.monotonic() - read_at > _CATALOGUE_KEPT_SECONDS:
                models = (await self._link.call(self._models.ListModels, pb.ListModelsRequest())).models
                self._catalogue = (models, time.monotonic())
            return models

    async def sealed(self, secret: str) -> bytes:
        """A caller's provider key, sealed so that only the generator reads it."""
        key, read_at = self._sealing_key
        if not key or time.monotonic() - read_at > _SEALING_KEY_KEPT_SECONDS:
            key = (await self._link.call(self._secrets.GetSealingKey, pb.GetSealingKeyRequest())).public_key
            self._sealing_key = (key, time.monotonic())
        return seal(key, secret)

    async def put_provider_key(self, request: pb.PutProviderKeyRequest) -> pb.ProviderKey:
        """Store a provider key."""
        return await self._link.call(self._secrets.PutProviderKey, request)

    async def provider_keys(self, caller_token: bytes) -> Sequence[pb.ProviderKey]:
        """An account's provider keys, masked."""
        request = pb.ListProviderKeysRequest(caller_token=caller_token)
        return (await self._link.call(self._secrets.ListProviderKeys, request)).keys

    async def delete_provider_key(self, caller_token: bytes, provider: str) -> pb.ProviderKey:
        """Forget one. Raises Fault NOT_FOUND."""
        request = pb.DeleteProviderKeyRequest(caller_token=caller_token, provider=provider)
        return await self._link.call(self._secrets.DeleteProviderKey, request)

    async def custom_models(self, caller_token: bytes) -> Sequence[pb.CustomModel]:
        """An account's own models."""
        request = pb.ListCustomModelsRequest(caller_token=caller_token)
        return (await self._link.call(self._custom_models.ListCustomModels, request)).models

    async def create_custom_model(
        self, caller_token: bytes, model: pb.CustomModel, request_id: str = ""
    ) -> pb.CustomModel:
        """Register one; a repeat of the request has the same answer, marked as replayed."""
        request = pb.CreateCustomModelRequest(caller_token=caller_token, model=model, request_id=request_id)
        return await self._link.call(self._custom_models.CreateCustomModel, request)

    async def delete_custom_model(self, caller_token: bytes, name: str) -> pb.CustomModel:
        """Forget one. Raises Fault NOT_FOUND."""
        request = pb.DeleteCustomModelRequest(caller_token=caller_token, name=name)
        return await self._link.call(self._custom_models.DeleteCustomModel, request)
