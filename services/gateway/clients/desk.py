"""The desk of one caller: what dialects may ask, put to the services with the caller's token."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

from gateway.clients.billing import Billing
from gateway.clients.callers import Callers
from gateway.clients.gallery import Gallery
from gateway.clients.generator import Generator
from gateway.desk import Addresses, Step
from gateway.job_ids import job_name
from gateway.visitor import Visitor
from gesso.billing.v1 import billing_pb2 as billing_pb
from gesso.gallery.v1.gallery_pb2 import ImageAnalysis, MaskMeasures, MeasureMaskRequest, Storage
from gesso.generator.v1 import generator_pb2 as pb
from servicekit.timestamps import to_timestamp


@dataclass(frozen=True, slots=True)
class Services:
    """The edge's ends of the links."""

    billing: Billing
    generator: Generator
    gallery: Gallery
    callers: Callers


class CallersDesk:
    """Implements `gateway.desk.Desk` and `gateway.orders.Lens` for one visitor."""

    def __init__(self, services: Services, visitor: Visitor, addresses: Addresses) -> None:
        self.addresses = addresses
        self._billing = services.billing
        self._generator = services.generator
        self._gallery = services.gallery
        self._callers = services.callers
        self._caller = visitor.caller
        self._creation_id = visitor.creation_id

    async def models(self) -> Sequence[pb.Model]:
        return await self._generator.models()

    async def job(self, name: str) -> pb.Job:
        return await self._generator.job(self._caller.token, job_name(name))

    async def jobs(
        self, *, dialect: str = "", operations: Sequence[pb.Operation.ValueType] = (), limit: int = 20, cursor: str = ""
    ) -> pb.ListJobsResponse:
        request = pb.ListJobsRequest(
            caller_token=self._caller.token,
            page_size=limit,
            page_token=cursor,
            dialect=dialect,
            operations=operations,
        )
        return await self._generator.jobs(request)

    async def usage(
        self,
        *,
        dialect: str = "",
        since: datetime.datetime | None = None,
        until: datetime.datetime | None = None,
        step: Step.ValueType = pb.GetUsageRequest.STEP_UNSPECIFIED,
    ) -> pb.GetUsageResponse:
        request = pb.GetUsageRequest(
            caller_token=self._caller.token,
            dialect=dialect,
            since=to_timestamp(since),
            until=to_timestamp(until),
            step=step,
        )
        return await self._generator.usage(request)

    async def calls(
        self, dialect: str, since: datetime.datetime | None = None, until: datetime.datetime | None = None
    ) -> Sequence[billing_pb.GetCallsResponse.Hour]:
        return await self._billing.calls(self._caller, dialect, since, until)

    async def account(self) -> billing_pb.Account:
        return await self._billing.account(self._caller)

    async def balance(self) -> billing_pb.Balance:
        return await self._billing.balance(self._caller)

    async def storage(self) -> Storage:
        return await self._gallery.storage(self._caller)

    async def set_preferences(self, preferences: billing_pb.Preferences) -> billing_pb.Account:
        return await self._billing.set_preferences(self._caller, preferences)

    async def budgets(self) -> Sequence[billing_pb.Budget]:
        return await self._billing.budgets(self._caller)

    async def set_budget(
        self, period: billing_pb.Period.ValueType, *, limit_micros: int, alert_at_percent: Sequence[int] = ()
    ) -> billing_pb.Budget:
        budget = billing_pb.SetBudgetRequest(
            period=period, limit_micros=limit_micros, alert_at_percent=alert_at_percent
        )
        return await self._billing.set_budget(self._caller, budget)

    async def api_keys(self) -> Sequence[billing_pb.ApiKey]:
        await self._callers.tell(self._caller.account_id)
        return await self._billing.api_keys(self._caller)

    async def create_api_key(self, name: str, *, prefix: str) -> billing_pb.ApiKey:
        request = billing_pb.CreateApiKeyRequest(request_id=self._creation_id, name=name, prefix=prefix)
        return await self._billing.create_api_key(self._caller, request)

    async def rotate_api_key(self, api_key_id: str, *, overlap_seconds: int) -> billing_pb.ApiKey:
        request = billing_pb.RotateApiKeyRequest(
            request_id=self._creation_id, api_key_id=api_key_id, overlap_seconds=overlap_seconds
        )
        return await self._billing.rotate_api_key(self._caller, request)

    async def revoke_api_key(self, api_key_id: str) -> billing_pb.ApiKey:
        return await self._billing.revoke_api_key(self._caller, api_key_id)

    async def provider_keys(self) -> Sequence[pb.ProviderKey]:
        return await self._generator.provider_keys(self._caller.token)

    async def put_provider_key(self, provider: str, key: str) -> pb.ProviderKey:
        sealed = await self._generator.sealed(key)
        return await self._generator.put_provider_key(
            pb.PutProviderKeyRequest(
                caller_token=self._caller.token,
                provider=provider,
                sealed_secret=sealed,
                request_id=self._creation_id,
            )
        )

    async def delete_provider_key(self, provider: str) -> pb.ProviderKey:
        return await self._generator.delete_provider_key(self._caller.token, provider)

    async def custom_models(self) -> Sequence[pb.CustomModel]:
        return await self._generator.custom_models(self._caller.token)

    async def create_custom_model(self, model: pb.CustomModel) -> pb.CustomModel:
        return await self._generator.create_custom_model(self._caller.token, model, self._creation_id)

    async def delete_custom_model(self, name: str) -> pb.CustomModel:
        return await self._generator.delete_custom_model(self._caller.token, name)

    async def analysis(self, image_id: str) -> ImageAnalysis:
        return await self._gallery.analysis(self._caller, image_id)

    async def mask(self, mask_image_id: str, *, width: int, height: int, inverted: bool) -> MaskMeasures:
        request = MeasureMaskRequest(
            caller_token=self._caller.token,
            mask_image_id=mask_image_id,
            width=width,
            height=height,
            inverted=inverted,
        )
        return await self._gallery.mask(request)
