"""Billing's gRPC face: messages to domain values and back, nothing else. The contract is billing.proto."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from billing import messages
from billing.accounts import Account
from billing.checks import page_size
from billing.holds import Outcome
from billing.operations import accounts, api_keys, auditing, budgets, callers, funds, ledger, limits, verification
from gesso.billing.v1 import billing_pb2 as pb
from gesso.billing.v1 import billing_pb2_grpc as rpc
from servicekit import calls
from servicekit.boundary import batched
from servicekit.faults import Fault, InvalidField
from servicekit.server import Context
from servicekit.timestamps import to_datetime

_MOST_ITEMS = 256
Message = TypeVar("Message")
Item = TypeVar("Item")


class CallersServicer(rpc.CallersServicer):
    """gesso.billing.v1.Callers."""

    def __init__(self, operations: callers.Callers) -> None:
        self._operations = operations

    async def Authenticate(self, request: pb.AuthenticateRequest, context: Context) -> pb.AuthenticateResponse:
        """Resolve credentials."""
        asked = [callers.Credential(item.key_digest, item.requests) for item in _bounded(request.credentials)]
        found = await self._operations.authenticate(asked)
        return pb.AuthenticateResponse(results=map(messages.caller_result, found))


class LimitsServicer(rpc.LimitsServicer):
    """gesso.billing.v1.Limits."""

    def __init__(self, operations: limits.Limits) -> None:
        self._operations = operations

    async def TakeLimits(self, request: pb.TakeLimitsRequest, context: Context) -> pb.TakeLimitsResponse:
        """Count requests."""
        asked = [
            limits.Asked(item.dialect, item.caller_token or item.figures_of, item.address, item.is_call)
            for item in _bounded(request.takings)
        ]
        taken = await self._operations.take(asked)
        return pb.TakeLimitsResponse(results=map(messages.limits_result, taken))

    TakeLimitsBatches = batched(TakeLimits)

    async def GetCalls(self, request: pb.GetCallsRequest, context: Context) -> pb.GetCallsResponse:
        """Show how often an account called, by the hour."""
        since = messages.hour("since", request.since) if request.HasField("since") else None
        until = messages.hour("until", request.until) if request.HasField("until") else None
        counted = await self._operations.calls(request.account_id, request.dialect, since, until)
        return messages.calls_by_hour(counted)


class LedgerServicer(rpc.LedgerServicer):
    """gesso.billing.v1.Ledger."""

    def __init__(self, operations: ledger.Ledger, money: funds.Funds, verify: verification.Verification) -> None:
        self._operations = operations
        self._funds = money
        self._verification = verify

    async def Admit(self, request: pb.AdmitRequest, context: Context) -> pb.AdmitResponse:
        """Place holds."""
        items = [messages.admission(item) for item in _bounded(request.admissions)]
        outcomes = await _sound(items, self._operations.admit)
        return pb.AdmitResponse(results=map(messages.admit_result, outcomes))

    async def Settle(self, request: pb.SettleRequest, context: Context) -> pb.SettleResponse:
        """End holds."""
        items = [messages.settlement(item) for item in _bounded(request.settlements)]
        outcomes = await _sound(items, self._operations.settle)
        return pb.SettleResponse(results=map(messages.settle_result, outcomes))

    AdmitBatches = batched(Admit)

    SettleBatches = batched(Settle)

    async def Refund(self, request: pb.RefundRequest, context: Context) -> pb.Refunded:
        """Give captured money back."""
        balance, refunded_micros = await self._funds.refund(
            request.account_id, request.hold_id, request.amount_micros, request.request_id, request.cause
        )
        return pb.Refunded(balance=messages.balance(balance), refunded_micros=refunded_micros)

    async def GrantCredits(self, request: pb.GrantCreditsRequest, context: Context) -> pb.Balance:
        """Add money."""
        return messages.balance(
            await self._funds.grant(request.account_id, request.amount_micros, request.request_id, request.cause)
        )

    async def GetBalance(self, request: pb.GetBalanceRequest, context: Context) -> pb.Balance:
        """Show what an account has."""
        return messages.balance(await self._funds.balance(request.account_id))

    async def GetHold(self, request: pb.GetHoldRequest, context: Context) -> pb.Hold:
        """Show one hold."""
        return messages.hold(await self._funds.hold(request.account_id, request.hold_id))

    async def ListHolds(self, request: pb.ListHoldsRequest, context: Context) -> pb.ListHoldsResponse:
        """List holds, oldest first."""
        size = page_size(request.page_size)
        asked = funds.HoldsAsked(
            state=messages.hold_state(request.state),
            review_before=to_datetime(request.review_before) if request.HasField("review_before") else None,
            account_id=request.account_id or None,
        )
        holds = await self._funds.holds(asked, messages.hold_place(request.page_token), size)
        following = messages.hold_page_token(holds[-1]) if len(holds) == size else ""
        return pb.ListHoldsResponse(holds=map(messages.hold, holds), next_page_token=following)

    async def VerifyLedger(self, request: pb.VerifyLedgerRequest, context: Context) -> pb.VerifyLedgerResponse:
        """Check every invariant."""
        verified = await self._verification.verify()
        return pb.VerifyLedgerResponse(
            breaches=[
                pb.VerifyLedgerResponse.Breach(
                    invariant=breach.invariant,
                    account_id=breach.account_id,
                    subject_id=breach.subject_id,
                    detail=breach.detail,
                )
                for breach in verified.breaches
            ],
            accounts_checked=verified.accounts,
            entries_checked=verified.entries,
            holds_checked=verified.holds,
        )


class AccountsServicer(rpc.AccountsServicer):
    """gesso.billing.v1.Accounts."""

    def __init__(self, operations: accounts.Accounts) -> None:
        self._operations = operations

    async def CreateAccount(self, request: pb.CreateAccountRequest, context: Context) -> pb.Account:
        """Make an account."""
        made = await self._operations.create(
            request.name, request.plan, request.grant_micros, request.request_id, request.email
        )
        return self._shown(made)

    async def GetAccount(self, request: pb.GetAccountRequest, context: Context) -> pb.Account:
        """Show one account."""
        return self._shown(await self._operations.get(request.account_id))

    async def UpdateAccount(self, request: pb.UpdateAccountRequest, context: Context) -> pb.Account:
        """Change one account."""
        return self._shown(await self._operations.update(request.account_id, messages.change(request)))

    async def ListAccounts(self, request: pb.ListAccountsRequest, context: Context) -> pb.ListAccountsResponse:
        """List accounts, oldest first."""
        size = page_size(request.page_size)
        found = await self._operations.listed(request.page_token, size)
        following = found[-1].id if len(found) == size else ""
        return pb.ListAccountsResponse(accounts=map(self._shown, found), next_page_token=following)

    async def SetPreferences(self, request: pb.SetPreferencesRequest, context: Context) -> pb.Account:
        """Change an account's preferences."""
        change = messages.change_of_preferences(request.preferences)
        return self._shown(await self._operations.update(request.account_id, change))

    def _shown(self, account: Account) -> pb.Account:
        return messages.account(account, self._operations.storage_mb(account))


class ApiKeysServicer(rpc.ApiKeysServicer):
    """gesso.billing.v1.ApiKeys."""

    def __init__(self, operations: api_keys.ApiKeys) -> None:
        self._operations = operations

    async def CreateApiKey(self, request: pb.CreateApiKeyRequest, context: Context) -> pb.ApiKey:
        """Make a key."""
        made = await self._operations.create(
            request.account_id, request.name, request.prefix, request.secret, request.request_id
        )
        return messages.api_key(made.key, made.secret, replayed=made.replayed)

    async def ListApiKeys(self, request: pb.ListApiKeysRequest, context: Context) -> pb.ListApiKeysResponse:
        """List an account's keys."""
        found = await self._operations.listed(request.account_id)
        return pb.ListApiKeysResponse(api_keys=map(messages.api_key, found))

    async def RotateApiKey(self, request: pb.RotateApiKeyRequest, context: Context) -> pb.ApiKey:
        """Give a key a new secret."""
        made = await self._operations.rotate(
            request.account_id, request.api_key_id, request.overlap_seconds, request.request_id
        )
        return messages.api_key(made.key, made.secret, replayed=made.replayed)

    async def RevokeApiKey(self, request: pb.RevokeApiKeyRequest, context: Context) -> pb.ApiKey:
        """End a key."""
        asked = request.account_id, request.api_key_id, request.key_digest
        return messages.api_key(await self._operations.revoke(*asked))


class BudgetsServicer(rpc.BudgetsServicer):
    """gesso.billing.v1.Budgets."""

    def __init__(self, operations: budgets.Budgets) -> None:
        self._operations = operations

    async def GetBudgets(self, request: pb.GetBudgetsRequest, context: Context) -> pb.GetBudgetsResponse:
        """Show an account's budgets."""
        found = await self._operations.of(request.account_id)
        return pb.GetBudgetsResponse(budgets=map(messages.budget, found))

    async def SetBudget(self, request: pb.SetBudgetRequest, context: Context) -> pb.Budget:
        """Set or remove one budget."""
        budget = await self._operations.set(
            request.account_id,
            request.api_key_id,
            messages.period(request.period),
            request.limit_micros,
            request.alert_at_percent,
        )
        return messages.budget(budget)


class AuditServicer(rpc.AuditServicer):
    """gesso.billing.v1.Audit."""

    def __init__(self, operations: auditing.Auditing) -> None:
        self._operations = operations

    async def ListAuditEntries(
        self, request: pb.ListAuditEntriesRequest, context: Context
    ) -> pb.ListAuditEntriesResponse:
        """List the audit, newest first."""
        size = page_size(request.page_size)
        if request.page_token and not request.page_token.isdecimal():
            raise InvalidField("page_token", "page_token is not one of ours.")
        found = await self._operations.listed(request.account_id, int(request.page_token or 0) or None, size)
        following = str(found[-1].id) if len(found) == size else ""
        return pb.ListAuditEntriesResponse(entries=map(messages.audit_entry, found), next_page_token=following)


def _bounded(items: Sequence[Message]) -> Sequence[Message]:
    """Return the items of a batch and note their number. Raises InvalidField for too many."""
    if len(items) > _MOST_ITEMS:
        raise InvalidField("items", f"A batch takes at most {_MOST_ITEMS} items.")
    calls.note("items", len(items))
    return items


async def _sound(
    items: Sequence[Item | Fault], operate: Callable[[Sequence[Item]], Awaitable[list[Outcome]]]
) -> list[Outcome]:
    """Operate on the items that could be read; each of the others keeps its own fault."""
    outcomes = iter(await operate([item for item in items if not isinstance(item, Fault)]))
    return [item if isinstance(item, Fault) else next(outcomes) for item in items]
