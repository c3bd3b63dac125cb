"""The generator in its house: real billing, gallery and webhooks beside it, on one database, and a script for each provider."""

import contextlib
import itertools
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import asyncpg

from billing.app import running as running_billing
from billing.config import Config as BillingConfig
from cli.verification import breaches
from gallery.app import running as running_gallery
from gallery.config import Config as GalleryConfig
from generator.app import running as running_generator
from generator.config import Config as GeneratorConfig
from generator.providers.base import Provider
from gesso.billing.v1 import billing_pb2
from gesso.billing.v1.billing_pb2_grpc import AccountsStub, ApiKeysStub, LedgerStub
from gesso.gallery.v1 import gallery_pb2
from gesso.gallery.v1.gallery_pb2_grpc import ImagesStub
from gesso.generator.v1 import generator_pb2 as pb
from gesso.generator.v1 import generator_pb2_grpc as rpc
from servicekit.faults import Fault, from_proto
from servicekit.ids import new_id
from servicekit.link import Link
from servicekit.sealing import seal as seal_secret
from servicekit.settings import load
from testkit.database import Database
from testkit.eventually import eventually
from testkit.identities import SHARED_ENVIRONMENT, TOKENS, link_as
from testkit.ports import free_ports

from .purchases import CATALOGUE, Customer


class Generator:
    """One replica, spoken to as the gateway does."""

    def __init__(self, gateway: Link, operator: Link) -> None:
        self._link = gateway
        self._operator = operator
        self.jobs = rpc.JobsStub(gateway.channel)
        self.secrets = rpc.SecretsStub(gateway.channel)
        self.models = rpc.ModelsStub(gateway.channel)
        self._custom_models = rpc.CustomModelsStub(gateway.channel)
        self._usage = rpc.UsageStub(gateway.channel)
        self._callbacks = rpc.CallbacksStub(gateway.channel)
        self._settlements = rpc.JobsStub(operator.channel)
        self._operations = rpc.OperationsStub(operator.channel)
        self._costs = rpc.CostsStub(operator.channel)

    async def submit_all(
        self, token: bytes, *purchases: pb.Purchase, watch_id: str = "", dry_run: bool = False
    ) -> list[pb.SubmitJobsResponse.SubmitJobResult]:
        """Submit purchases in one call."""
        items = [
            pb.SubmitJobsRequest.Submission(caller_token=token, purchase=one, dry_run=dry_run, watch_id=watch_id)
            for one in purchases
        ]
        answer = await self._link.call(self.jobs.SubmitJobs, pb.SubmitJobsRequest(submissions=items))
        return list(answer.results)

    async def submit(self, token: bytes, one: pb.Purchase, *, watch_id: str = "") -> pb.Job:
        """Submit one purchase and return its job. Raises its Fault."""
        (result,) = await self.submit_all(token, one, watch_id=watch_id)
        if result.HasField("fault"):
            raise from_proto(result.fault)
        return result.job

    async def refused(self, token: bytes, one: pb.Purchase) -> Fault:
        """Submit one purchase that must be refused, and return why."""
        (result,) = await self.submit_all(token, one)
        assert result.HasField("fault"), result
        return from_proto(result.fault)

    async def job(self, token: bytes, job_id: str) -> pb.Job:
        """Read a job."""
        return await self._link.call(self.jobs.GetJob, pb.GetJobRequest(caller_token=token, job_id=job_id))

    async def find(self, token: bytes, one: pb.Purchase) -> pb.Job | None:
        """Ask for the job that stands for a purchase. Raises Fault."""
        request = pb.FindJobRequest(
            caller_token=token,
            dialect=one.dialect,
            route=one.route,
            idempotency_key=one.idempotency_key,
            fingerprint=one.fingerprint,
            join_recent=one.join_recent,
        )
        answer = await self._link.call(self.jobs.FindJob, request)
        return answer.job if answer.HasField("job") else None

    async def create_custom_model(self, token: bytes, model: pb.CustomModel, request_id: str = "") -> pb.CustomModel:
        """Register a model of the account's own."""
        request = pb.CreateCustomModelRequest(caller_token=token, model=model, request_id=request_id)
        return await self._link.call(self._custom_models.CreateCustomModel, request)

    async def custom_models(self, token: bytes) -> list[pb.CustomModel]:
        """The account's own models."""
        request = pb.ListCustomModelsRequest(caller_token=token)
        return list((await self._link.call(self._custom_models.ListCustomModels, request)).models)

    async def delete_custom_model(self, token: bytes, name: str) -> pb.CustomModel:
        """Forget one."""
        request = pb.DeleteCustomModelRequest(caller_token=token, name=name)
        return await self._link.call(self._custom_models.DeleteCustomModel, request)

    async def numbered(self, token: bytes, number: int) -> pb.Job:
        """Read a job by its number."""
        return await self._link.call(self.jobs.GetJob, pb.GetJobRequest(caller_token=token, number=number))

    async def page(
        self,
        token: bytes,
        *,
        size: int,
        page_token: str = "",
        operations: Sequence[pb.Operation.ValueType] = (),
    ) -> pb.ListJobsResponse:
        """Read a page of jobs."""
        request = pb.ListJobsRequest(caller_token=token, page_size=size, page_token=page_token, operations=operations)
        return await self._link.call(self.jobs.ListJobs, request)

    async def cancel(self, token: bytes, job_id: str) -> pb.Job:
        """Cancel a job."""
        return await self._link.call(self.jobs.CancelJob, pb.CancelJobRequest(caller_token=token, job_id=job_id))

    async def cancel_numbered(self, token: bytes, number: int) -> pb.Job:
        """Cancel a job by its number."""
        return await self._link.call(self.jobs.CancelJob, pb.CancelJobRequest(caller_token=token, number=number))

    async def usage(self, request: pb.GetUsageRequest) -> pb.GetUsageResponse:
        """Sum what an account's jobs did."""
        return await self._link.call(self._usage.GetUsage, request)

    async def catalogue(self) -> list[pb.Model]:
        """Every public model."""
        return list((await self._link.call(self.models.ListModels, pb.ListModelsRequest())).models)

    async def model(self, name: str) -> pb.Model:
        """One public model."""
        return await self._link.call(self.models.GetModel, pb.GetModelRequest(model=name))

    async def settlements(self) -> list[pb.ListSettlementsResponse.JobSettlement]:
        """What every job owes."""
        answer = await self._operator.call(self._settlements.ListSettlements, pb.ListSettlementsRequest(page_size=1000))
        return list(answer.settlements)

    async def costs(
        self, by: pb.GetCostsRequest.Key.ValueType = pb.GetCostsRequest.KEY_MODEL, *, since: str = "", until: str = ""
    ) -> pb.GetCostsResponse:
        """Ask what orders cost."""
        request = pb.GetCostsRequest(since=since, until=until, by=by)
        return await self._operator.call(self._costs.GetCosts, request)

    async def deliver(self, provider: str, token: str, headers: Mapping[str, str], body: bytes = b"{}") -> None:
        """Hand on a vendor's call, as the edge does. Raises its Fault."""
        request = pb.DeliverRequest(provider=provider, token=token, headers=headers, body=body)
        await self._link.call(self._callbacks.Deliver, request)

    def watch(self, requests: AsyncIterator[pb.WatchJobsRequest]) -> Any:
        """Open a stream of changes."""
        return self.jobs.WatchJobs(requests, metadata=self._link.metadata())

    async def pause(self, *, paused: bool) -> None:
        """Set the operator's pause."""
        await self._operator.call(
            self._operations.SetMaintenance, pb.SetMaintenanceRequest(paused=paused, retry_after_seconds=7)
        )

    async def sealing_key(self) -> bytes:
        """The key that own provider keys are sealed to."""
        answer = await self._link.call(self.secrets.GetSealingKey, pb.GetSealingKeyRequest())
        return answer.public_key

    async def put_key(self, token: bytes, provider: str, key: str, request_id: str = "") -> pb.ProviderKey:
        """Store an account's own key for a provider, sealed as the edge does it. Raises its Fault."""
        box = seal_secret(await self.sealing_key(), key)
        request = pb.PutProviderKeyRequest(
            caller_token=token, provider=provider, sealed_secret=box, request_id=request_id
        )
        return await self._link.call(self.secrets.PutProviderKey, request)

    async def keys(self, token: bytes) -> list[pb.ProviderKey]:
        """An account's own keys."""
        request = pb.ListProviderKeysRequest(caller_token=token)
        return list((await self._link.call(self.secrets.ListProviderKeys, request)).keys)

    async def delete_key(self, token: bytes, provider: str) -> pb.ProviderKey:
        """Delete an account's own key. Raises its Fault."""
        request = pb.DeleteProviderKeyRequest(caller_token=token, provider=provider)
        return await self._link.call(self.secrets.DeleteProviderKey, request)

    async def rewrap_keys(self) -> tuple[int, int]:
        """Put all stored keys under the operator's current one; how many were, and how many were before. Raises its Fault."""
        done = await self._operator.call(self._operations.RewrapProviderKeys, pb.RewrapProviderKeysRequest())
        return done.rewrapped, done.current


class House:
    """The services around the generator, and accounts to submit with."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database = database
        self.folder = folder
        self._numbers = itertools.count(1)

    def socket(self, service: str) -> str:
        """Where a service listens."""
        return f"unix:{self.folder}/{service}.sock"

    @contextlib.asynccontextmanager
    async def billing(self) -> AsyncIterator[None]:
        """Run billing."""
        environment = {
            **SHARED_ENVIRONMENT,
            "GESSO_BILLING_LISTEN": self.socket("billing"),
            "GESSO_BILLING_DATABASE_URL": self.database.url("billing"),
            "GESSO_BILLING_TOKEN": TOKENS["billing"],
        }
        async with running_billing(load(BillingConfig, environment)):
            yield

    @contextlib.asynccontextmanager
    async def gallery(self) -> AsyncIterator[None]:
        """Run the gallery."""
        (port,) = free_ports(1)
        environment = {
            **SHARED_ENVIRONMENT,
            "GESSO_GALLERY_LISTEN": self.socket("gallery"),
            "GESSO_GALLERY_DATABASE_URL": self.database.url("gallery"),
            "GESSO_GALLERY_FILES_LISTEN": f"127.0.0.1:{port}",
            "GESSO_STORE_URL": self.store_url,
            "GESSO_PROVENANCE_DIR": str(self.folder / "provenance"),
        }
        async with running_gallery(load(GalleryConfig, environment)):
            yield

    @property
    def store_url(self) -> str:
        """The object store of all services."""
        return (self.folder / "store").as_uri()

    def environment(self, **others: str) -> dict[str, str]:
        """The settings of one more replica of the generator."""
        number = next(self._numbers)
        catalogue = self.folder / "catalogue.toml"
        catalogue.write_text(CATALOGUE)
        return {
            **SHARED_ENVIRONMENT,
            "GESSO_GENERATOR_LISTEN": self.socket(f"generator-{number}"),
            "GESSO_GENERATOR_DATABASE_URL": self.database.url("generator"),
            "GESSO_GENERATOR_TOKEN": TOKENS["generator"],
            "GESSO_GENERATOR_LEASE_SECONDS": "1.5",
            "GESSO_GENERATOR_SWEEP_SECONDS": "1",
            "GESSO_GENERATOR_GRACE_SECONDS": "0.2",
            "GESSO_SEALING_KEY": bytes(range(32)).hex(),
            "GESSO_BILLING_ADDRESS": self.socket("billing"),
            "GESSO_GALLERY_ADDRESS": self.socket("gallery"),
            "GESSO_STORE_URL": self.store_url,
            "GESSO_SPOOL_DIR": str(self.folder / f"spool-{number}"),
            "GESSO_FILES_URL": "http://files.test",
            "GESSO_CATALOGUE": str(catalogue),
            **others,
        }

    @contextlib.asynccontextmanager
    async def generator(self, providers: Mapping[str, Provider], **others: str) -> AsyncIterator[Generator]:
        """Run one replica with these providers."""
        config = load(GeneratorConfig, self.environment(**others))
        async with running_generator(config, providers) as address, self.speaking(address) as generator:
            yield generator

    @contextlib.asynccontextmanager
    async def speaking(self, address: str) -> AsyncIterator[Generator]:
        """Speak to a replica that runs."""
        async with link_as("gateway", address) as gateway, link_as("operator", address) as operator:
            yield Generator(gateway, operator)

    async def customer(self, *, grant_micros: int = 1_000_000) -> Customer:
        """Make an account with money and a key."""
        async with link_as("operator", self.socket("billing")) as link:
            account = await link.call(
                AccountsStub(link.channel).CreateAccount,
                billing_pb2.CreateAccountRequest(
                    request_id=new_id("req"), name="Ada", plan="pro", grant_micros=grant_micros
                ),
            )
        return Customer(account.id, await self.api_key(account.id))

    async def api_key(self, account_id: str) -> str:
        """Make one more key of an account."""
        async with link_as("operator", self.socket("billing")) as link:
            request = billing_pb2.CreateApiKeyRequest(request_id=new_id("req"), account_id=account_id, name="main")
            return (await link.call(ApiKeysStub(link.channel).CreateApiKey, request)).id

    async def balance(self, account_id: str) -> billing_pb2.Balance:
        """An account's balance."""
        async with link_as("operator", self.socket("billing")) as link:
            request = billing_pb2.GetBalanceRequest(account_id=account_id)
            return await link.call(LedgerStub(link.channel).GetBalance, request)

    async def grant(self, account_id: str, amount_micros: int) -> None:
        """Give an account money."""
        async with link_as("operator", self.socket("billing")) as link:
            request = billing_pb2.GrantCreditsRequest(
                request_id=new_id("req"), account_id=account_id, amount_micros=amount_micros, cause="test"
            )
            await link.call(LedgerStub(link.channel).GrantCredits, request)

    async def holds(self) -> dict[str, billing_pb2.Hold]:
        """Every hold, by the id of its job."""
        async with link_as("operator", self.socket("billing")) as link:
            answer = await link.call(LedgerStub(link.channel).ListHolds, billing_pb2.ListHoldsRequest(page_size=1000))
        return {hold.job_id: hold for hold in answer.holds}

    async def breaches(self, generator: Generator) -> list[object]:
        """What breaks an invariant, as `gesso ledger verify` finds it."""
        settlements = await generator.settlements()
        async with link_as("operator", self.socket("billing")) as link:
            inside = await link.call(LedgerStub(link.channel).VerifyLedger, billing_pb2.VerifyLedgerRequest())
        holds = {hold.id: hold for hold in (await self.holds()).values()}
        images = {image.id: image for image in await self.images()}
        job_ids = {one.job_id for one in settlements}
        return [*inside.breaches, *breaches(settlements, holds, images, job_ids)]

    async def images(self) -> list[gallery_pb2.Image]:
        """Every image that the gallery knows."""
        async with link_as("operator", self.socket("gallery")) as link:
            request = gallery_pb2.ListImagesRequest(page_size=1000)
            return list((await link.call(ImagesStub(link.channel).ListImages, request)).images)

    async def rows(self, query: str, *arguments: object) -> list[asyncpg.Record]:
        """Look at the generator's tables."""
        connection = await asyncpg.connect(self.database.url("generator"))
        try:
            return list(await connection.fetch(query, *arguments))
        finally:
            await connection.close()


async def ended(generator: Generator, caller: bytes, job_id: str) -> pb.Job:
    """Wait until a job has ended and its hold is settled, and return it."""

    async def over() -> pb.Job:
        (settlement,) = [one for one in await generator.settlements() if one.job_id == job_id]
        assert settlement.settled, settlement
        return await generator.job(caller, job_id)

    return await eventually(over)
