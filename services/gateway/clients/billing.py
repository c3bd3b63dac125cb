"""The edge's calls to billing on behalf of a caller, beside those of every request."""

import datetime
from collections.abc import Sequence

from gesso.billing.v1 import billing_pb2 as pb
from gesso.billing.v1.billing_pb2_grpc import AccountsStub, ApiKeysStub, BudgetsStub, LedgerStub, LimitsStub
from servicekit.link import Link
from servicekit.timestamps import to_timestamp


class Billing:
    """Billing as one caller may use it; each call bears the caller's token."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._accounts = AccountsStub(link.channel)
        self._api_keys = ApiKeysStub(link.channel)
        self._budgets = BudgetsStub(link.channel)
        self._ledger = LedgerStub(link.channel)
        self._limits = LimitsStub(link.channel)

    async def account(self, caller: pb.Caller) -> pb.Account:
        """The caller's account."""
        request = pb.GetAccountRequest(account_id=caller.account_id)
        return await self._link.call(self._accounts.GetAccount, request, caller_token=caller.token)

    async def balance(self, caller: pb.Caller) -> pb.Balance:
        """What the caller has."""
        request = pb.GetBalanceRequest(account_id=caller.account_id)
        return await self._link.call(self._ledger.GetBalance, request, caller_token=caller.token)

    async def set_preferences(self, caller: pb.Caller, preferences: pb.Preferences) -> pb.Account:
        """Change those that are present."""
        request = pb.SetPreferencesRequest(account_id=caller.account_id, preferences=preferences)
        return await self._link.call(self._accounts.SetPreferences, request, caller_token=caller.token)

    async def budgets(self, caller: pb.Caller) -> Sequence[pb.Budget]:
        """The account's own budgets."""
        request = pb.GetBudgetsRequest(account_id=caller.account_id)
        answer = await self._link.call(self._budgets.GetBudgets, request, caller_token=caller.token)
        return [budget for budget in answer.budgets if not budget.api_key_id]

    async def set_budget(self, caller: pb.Caller, budget: pb.SetBudgetRequest) -> pb.Budget:
        """Set or remove one."""
        budget.account_id = caller.account_id
        return await self._link.call(self._budgets.SetBudget, budget, caller_token=caller.token)

    async def calls(
        self, caller: pb.Caller, dialect: str, since: datetime.datetime | None, until: datetime.datetime | None
    ) -> Sequence[pb.GetCallsResponse.Hour]:
        """Counted calls by the hour."""
        request = pb.GetCallsRequest(
            account_id=caller.account_id,
            dialect=dialect,
            since=to_timestamp(since) if since else None,
            until=to_timestamp(until) if until else None,
        )
        return (await self._link.call(self._limits.GetCalls, request, caller_token=caller.token)).hours

    async def api_keys(self, caller: pb.Caller) -> Sequence[pb.ApiKey]:
        """All keys of the account."""
        request = pb.ListApiKeysRequest(account_id=caller.account_id)
        return (await self._link.call(self._api_keys.ListApiKeys, request, caller_token=caller.token)).api_keys

    async def create_api_key(self, caller: pb.Caller, request: pb.CreateApiKeyRequest) -> pb.ApiKey:
        """Make a key."""
        request.account_id = caller.account_id
        return await self._link.call(self._api_keys.CreateApiKey, request, caller_token=caller.token)

    async def rotate_api_key(self, caller: pb.Caller, request: pb.RotateApiKeyRequest) -> pb.ApiKey:
        """Give a key a new secret."""
        request.account_id = caller.account_id
        return await self._link.call(self._api_keys.RotateApiKey, request, caller_token=caller.token)

    async def revoke_api_key(self, caller: pb.Caller, api_key_id: str) -> pb.ApiKey:
        """End a key."""
        request = pb.RevokeApiKeyRequest(account_id=caller.account_id, api_key_id=api_key_id)
        return await self._link.call(self._api_keys.RevokeApiKey, request, caller_token=caller.token)
