"""Billing as the tests speak to it: the stubs of one replica, and the messages that most tests send."""

import datetime
import hashlib
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from gesso.billing.v1 import billing_pb2 as pb
from gesso.billing.v1 import billing_pb2_grpc as rpc
from servicekit.faults import Fault, from_proto
from servicekit.ids import new_id
from servicekit.link import Link
from servicekit.timestamps import to_timestamp

Result = int | Fault


def request_id() -> str:
    """A request id that no test has used."""
    return new_id("req")


class Billing:
    """The stubs of one replica, and the calls that most tests make."""

    def __init__(self, link: Link, address: str) -> None:
        self.link = link
        self.address = address
        self.callers = rpc.CallersStub(link.channel)
        self.limits = rpc.LimitsStub(link.channel)
        self.ledger = rpc.LedgerStub(link.channel)
        self.accounts = rpc.AccountsStub(link.channel)
        self.api_keys = rpc.ApiKeysStub(link.channel)
        self.budgets = rpc.BudgetsStub(link.channel)
        self.audit = rpc.AuditStub(link.channel)

    async def account(self, *, grant_micros: int = 0, plan: str = "pro", name: str = "Ada") -> pb.Account:
        request = pb.CreateAccountRequest(request_id=request_id(), name=name, plan=plan, grant_micros=grant_micros)
        return await self.link.call(self.accounts.CreateAccount, request)

    async def update(self, request: pb.UpdateAccountRequest) -> pb.Account:
        return await self.link.call(self.accounts.UpdateAccount, request)

    async def key(self, account_id: str, *, secret: str = "", prefix: str = "") -> pb.ApiKey:
        request = pb.CreateApiKeyRequest(
            request_id=request_id(), account_id=account_id, name="main", secret=secret, prefix=prefix
        )
        return await self.link.call(self.api_keys.CreateApiKey, request)

    async def set_preferences(self, account_id: str, preferences: pb.Preferences) -> pb.Account:
        request = pb.SetPreferencesRequest(account_id=account_id, preferences=preferences)
        return await self.link.call(self.accounts.SetPreferences, request)

    async def caller(self, key: pb.ApiKey) -> pb.Caller:
        (found,) = await self.authenticate(hashlib.sha256(key.secret.encode()).digest())
        assert isinstance(found, pb.Caller)
        return found

    async def authenticate(self, *digests: bytes, requests: int = 0) -> list[pb.Caller | Fault]:
        credentials = [pb.AuthenticateRequest.Credential(key_digest=digest, requests=requests) for digest in digests]
        response = await self.link.call(self.callers.Authenticate, pb.AuthenticateRequest(credentials=credentials))
        return [from_proto(r.fault) if r.HasField("fault") else r.caller for r in response.results]

    async def admit(self, *admissions: pb.AdmitRequest.Admission) -> list[Result]:
        response = await self.link.call(self.ledger.Admit, pb.AdmitRequest(admissions=admissions))
        return [from_proto(r.fault) if r.HasField("fault") else r.available_micros for r in response.results]

    async def settle(self, *settlements: pb.SettleRequest.Settlement) -> list[Result]:
        response = await self.link.call(self.ledger.Settle, pb.SettleRequest(settlements=settlements))
        return [from_proto(r.fault) if r.HasField("fault") else r.available_micros for r in response.results]

    async def balance(self, account_id: str) -> pb.Balance:
        return await self.link.call(self.ledger.GetBalance, pb.GetBalanceRequest(account_id=account_id))

    async def hold(self, account_id: str, hold_id: str) -> pb.Hold:
        return await self.link.call(self.ledger.GetHold, pb.GetHoldRequest(account_id=account_id, hold_id=hold_id))

    async def budget(
        self, account_id: str, limit_micros: int, *, api_key_id: str = "", alerts: tuple[int, ...] = ()
    ) -> pb.Budget:
        request = pb.SetBudgetRequest(
            account_id=account_id,
            api_key_id=api_key_id,
            period=pb.PERIOD_DAY,
            limit_micros=limit_micros,
            alert_at_percent=alerts,
        )
        return await self.link.call(self.budgets.SetBudget, request)

    async def take(self, *takings: pb.TakeLimitsRequest.Taking) -> list[pb.TakeLimitsResponse.TakeLimitsResult]:
        response = await self.link.call(self.limits.TakeLimits, pb.TakeLimitsRequest(takings=takings))
        return list(response.results)

    async def calls(self, request: pb.GetCallsRequest) -> dict[int, int]:
        """Calls by the hour's start in Unix seconds."""
        response = await self.link.call(self.limits.GetCalls, request)
        assert [hour.start.seconds for hour in response.hours] == sorted(hour.start.seconds for hour in response.hours)
        return {hour.start.seconds: hour.calls for hour in response.hours}

    async def breaches(self) -> list[str]:
        response = await self.link.call(self.ledger.VerifyLedger, pb.VerifyLedgerRequest())
        return [f"{b.invariant} {b.subject_id}: {b.detail}" for b in response.breaches]


def admission(
    account_id: str, amount_micros: int, *, hold_id: str = "", api_key_id: str = "", review_in_seconds: int = 3600
) -> pb.AdmitRequest.Admission:
    """A hold to place, with a fresh id unless one is given."""
    review_at = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=review_in_seconds)
    return pb.AdmitRequest.Admission(
        hold_id=hold_id or new_id("hold"),
        account_id=account_id,
        api_key_id=api_key_id,
        amount_micros=amount_micros,
        job_id=new_id("job"),
        review_at=to_timestamp(review_at),
    )


def settlement(hold: pb.AdmitRequest.Admission, capture_micros: int) -> pb.SettleRequest.Settlement:
    """The end of a hold."""
    return pb.SettleRequest.Settlement(
        hold_id=hold.hold_id, account_id=hold.account_id, capture_micros=capture_micros, job_id=hold.job_id
    )


def reasons(results: list[Result]) -> list[str]:
    """What each item came to: OK or the reason of its fault."""
    return [result.reason_name if isinstance(result, Fault) else "OK" for result in results]


Replica = Callable[[], AbstractAsyncContextManager[Billing]]
"""Starts one more replica on the test's database."""
