"""What a dialect may ask of the platform on behalf of one caller, in the terms of the services' own messages."""

import datetime
from collections.abc import Sequence
from typing import Protocol

from gesso.billing.v1.billing_pb2 import Account, ApiKey, Balance, Budget, GetCallsResponse, Period, Preferences
from gesso.gallery.v1.gallery_pb2 import Storage
from gesso.generator.v1.generator_pb2 import (
    CustomModel,
    GetUsageRequest,
    GetUsageResponse,
    Job,
    ListJobsResponse,
    Model,
    Operation,
    Picture,
    ProviderKey,
)

Step = GetUsageRequest.Step


class Addresses(Protocol):
    """Where things that a reply names are found."""

    def picture(self, job: Job, picture: Picture) -> str:
        """A signed link to a picture, valid for the dialect's `link_seconds`."""

    def temporary(self, job: Job, picture: Picture, index: int) -> str:
        """A link without a query, whose path is the capability, to a picture that is deleted when its time is over."""

    def edge(self, path: str) -> str:
        """The absolute address of a path of this platform."""


class Desk(Protocol):
    """The platform, as the caller of one request may use it. Every method raises the Fault of the service that it asks."""

    @property
    def addresses(self) -> Addresses:
        """Where the things that an answer names are found."""

    async def models(self) -> Sequence[Model]:
        """Every public model."""

    async def job(self, name: str) -> Job:
        """One of the caller's jobs, by any of its names. Raises NotFound."""

    async def jobs(
        self, *, dialect: str = "", operations: Sequence[Operation.ValueType] = (), limit: int = 20, cursor: str = ""
    ) -> ListJobsResponse:
        """A page of the caller's jobs, newest first. Raises InvalidField for a cursor that was not given out."""

    async def usage(
        self,
        *,
        dialect: str = "",
        since: datetime.datetime | None = None,
        until: datetime.datetime | None = None,
        step: Step.ValueType = GetUsageRequest.STEP_UNSPECIFIED,
    ) -> GetUsageResponse:
        """What the caller's jobs did."""

    async def calls(
        self, dialect: str, since: datetime.datetime | None = None, until: datetime.datetime | None = None
    ) -> Sequence[GetCallsResponse.Hour]:
        """The requests that were counted as calls, by the hour."""

    async def account(self) -> Account:
        """The caller's account with its balance, plan and preferences."""

    async def balance(self) -> Balance:
        """What the caller has."""

    async def storage(self) -> Storage:
        """What the caller keeps."""

    async def set_preferences(self, preferences: Preferences) -> Account:
        """Change those that are present."""

    async def budgets(self) -> Sequence[Budget]:
        """The budgets of the whole account; those of single keys are not among them."""

    async def set_budget(
        self, period: Period.ValueType, *, limit_micros: int, alert_at_percent: Sequence[int] = ()
    ) -> Budget:
        """Set the account's budget of a period, or with 0 remove it."""

    async def api_keys(self) -> Sequence[ApiKey]:
        """The account's keys, revoked ones too, oldest first."""

    async def create_api_key(self, name: str, *, prefix: str) -> ApiKey:
        """A new key with its secret; a repeat of the request has the same answer, marked as replayed."""

    async def rotate_api_key(self, api_key_id: str, *, overlap_seconds: int) -> ApiKey:
        """A new secret for a key. Raises NotFound."""

    async def revoke_api_key(self, api_key_id: str) -> ApiKey:
        """End a key. Raises NotFound."""

    async def provider_keys(self) -> Sequence[ProviderKey]:
        """The caller's own provider keys, masked."""

    async def put_provider_key(self, provider: str, key: str) -> ProviderKey:
        """Store a provider key; it is sealed before it leaves the edge. A repeat has the same answer, marked as replayed."""

    async def delete_provider_key(self, provider: str) -> ProviderKey:
        """Forget one. Raises NotFound."""

    async def custom_models(self) -> Sequence[CustomModel]:
        """The account's own models."""

    async def create_custom_model(self, model: CustomModel) -> CustomModel:
        """Register one; a repeat of the request has the same answer, marked as replayed. Raises InvalidField or Conflict."""

    async def delete_custom_model(self, name: str) -> CustomModel:
        """Forget one. Raises NotFound."""
