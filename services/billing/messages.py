"""Messages and domain values, from one to the other."""

import datetime
import json
import time
from collections.abc import Iterable

from google.protobuf.timestamp_pb2 import Timestamp

from billing.accounts import Account, AccountState, Change
from billing.budgets import Budget, Period
from billing.checks import MOST_MICROS, text, within
from billing.holds import Admission, Balance, Hold, HoldState, Outcome, Settlement
from billing.keys import ApiKey
from billing.operations.callers import Caller
from billing.operations.limits import Taken
from billing.plans import Window
from billing.preferences import Preferences
from billing.store.audit import AuditEntry
from billing.windows import HOUR_SECONDS, WindowState
from gesso.billing.v1 import billing_pb2 as pb
from gesso.errors.v1 import reason_pb2
from servicekit.faults import Fault, InvalidField, NotFound, to_proto
from servicekit.ids import is_id
from servicekit.timestamps import to_datetime, to_timestamp

_EPOCH = datetime.datetime.fromtimestamp(0, datetime.UTC)
_ACCOUNT_STATES = {
    AccountState.ACTIVE: pb.ACCOUNT_STATE_ACTIVE,
    AccountState.SUSPENDED: pb.ACCOUNT_STATE_SUSPENDED,
    AccountState.CLOSED: pb.ACCOUNT_STATE_CLOSED,
}
_HOLD_STATES = {
    HoldState.OPEN: pb.Hold.STATE_OPEN,
    HoldState.CAPTURED: pb.Hold.STATE_CAPTURED,
    HoldState.RELEASED: pb.Hold.STATE_RELEASED,
}
_WINDOWS = {Window.MINUTE: pb.WINDOW_MINUTE, Window.HOUR: pb.WINDOW_HOUR, Window.DAY: pb.WINDOW_DAY}
_PERIODS = {Period.DAY: pb.PERIOD_DAY, Period.MONTH: pb.PERIOD_MONTH}


def admission(message: pb.AdmitRequest.Admission) -> Admission | Fault:
    """Read one hold to place, or say what is wrong with it."""
    try:
        return Admission(
            hold_id=_own_id("hold", message.hold_id),
            account_id=_known_id("account", "acct", message.account_id),
            api_key_id=message.api_key_id and _known_id("api_key", "key", message.api_key_id),
            amount_micros=within("amount_micros", message.amount_micros, 0, MOST_MICROS),
            job_id=text("job_id", message.job_id, longest=100),
            review_at=to_datetime(message.review_at),
        )
    except Fault as fault:
        return fault


def settlement(message: pb.SettleRequest.Settlement) -> Settlement | Fault:
    """Read one hold to end, or say what is wrong with it."""
    try:
        return Settlement(
            hold_id=_own_id("hold", message.hold_id),
            account_id=_known_id("account", "acct", message.account_id),
            capture_micros=within("capture_micros", message.capture_micros, 0, MOST_MICROS),
            job_id=text("job_id", message.job_id, longest=100),
        )
    except Fault as fault:
        return fault


def admit_result(outcome: Outcome) -> pb.AdmitResponse.AdmitResult:
    """Write one outcome of an admission."""
    if isinstance(outcome, Fault):
        return pb.AdmitResponse.AdmitResult(fault=to_proto(outcome))
    return pb.AdmitResponse.AdmitResult(available_micros=outcome)


def settle_result(outcome: Outcome) -> pb.SettleResponse.SettleResult:
    """Write one outcome of a settlement."""
    if isinstance(outcome, Fault):
        return pb.SettleResponse.SettleResult(fault=to_proto(outcome))
    return pb.SettleResponse.SettleResult(available_micros=outcome)


def caller_result(found: Caller | Fault) -> pb.AuthenticateResponse.AuthenticateResult:
    """Write a caller, or why there is none."""
    if isinstance(found, Fault):
        return pb.AuthenticateResponse.AuthenticateResult(fault=to_proto(found))
    caller = pb.Caller(
        account_id=found.account_id,
        api_key_id=found.api_key_id,
        plan=found.plan,
        token=found.token,
        limited_dialects=found.limited_dialects,
        subscription=_subscription(found.plan, found.subscription_active, found.renews_at),
        preferences=_preferences(found.preferences),
    )
    return pb.AuthenticateResponse.AuthenticateResult(caller=caller)


def hour(field: str, moment: Timestamp) -> int:
    """Read the start of a UTC hour in Unix seconds. Raises InvalidField."""
    if moment.nanos or moment.seconds % HOUR_SECONDS:
        raise InvalidField(field, f"{field} takes the start of a UTC hour.")
    return moment.seconds


def calls_by_hour(counted: Iterable[tuple[int, int]]) -> pb.GetCallsResponse:
    """Write hours, each by its start in Unix seconds, and the calls in them."""
    hours = [pb.GetCallsResponse.Hour(start=Timestamp(seconds=start), calls=calls) for start, calls in counted]
    return pb.GetCallsResponse(hours=hours)


def limits_result(taken: Taken) -> pb.TakeLimitsResponse.TakeLimitsResult:
    """Write the windows after counting, and the fault where one is used up."""
    if isinstance(taken, Fault):
        return pb.TakeLimitsResponse.TakeLimitsResult(fault=to_proto(taken))
    windows = [
        pb.WindowState(window=_WINDOWS[w.window], limit=w.limit, remaining=w.remaining, reset_at=w.reset_at)
        for w in taken
    ]
    refusing = [window for window in taken if window.refuses]
    if not refusing:
        return pb.TakeLimitsResponse.TakeLimitsResult(windows=windows)
    last = max(refusing, key=lambda window: window.reset_at)
    return pb.TakeLimitsResponse.TakeLimitsResult(windows=windows, fault=to_proto(rate_limited(last)))


def rate_limited(window: WindowState) -> Fault:
    """The fault of a request that found a window used up."""
    return Fault(
        reason_pb2.REASON_RATE_LIMITED,
        f"The limit of {window.limit} requests per {window.window} is used up.",
        details={"window": str(window.window), "limit": str(window.limit)},
        retry_after_seconds=max(0.0, window.reset_at - time.time()),
    )


def balance(value: Balance) -> pb.Balance:
    """Write a balance."""
    return pb.Balance(
        account_id=value.account_id,
        posted_micros=value.posted_micros,
        held_micros=value.held_micros,
        available_micros=value.posted_micros - value.held_micros,
    )


def hold(value: Hold) -> pb.Hold:
    """Write a hold."""
    return pb.Hold(
        id=value.id,
        account_id=value.account_id,
        api_key_id=value.api_key_id,
        job_id=value.job_id,
        state=_HOLD_STATES[value.state],
        amount_micros=value.amount_micros,
        captured_micros=value.captured_micros,
        refunded_micros=value.refunded_micros,
        created_at=to_timestamp(value.created_at),
        review_at=to_timestamp(value.review_at),
        settled_at=to_timestamp(value.settled_at),
    )


def hold_state(state: pb.Hold.State.ValueType) -> HoldState | None:
    """Read a state; None for unspecified."""
    return next((known for known, number in _HOLD_STATES.items() if number == state), None)


def account(value: Account, storage_mb: int) -> pb.Account:
    """Write an account, with the storage of its plan."""
    return pb.Account(
        id=value.id,
        name=value.name,
        plan=value.plan,
        state=_ACCOUNT_STATES[value.state],
        created_at=to_timestamp(value.created_at),
        subscription=_subscription(value.plan, value.subscription_active, value.renews_at),
        limits=value.limits,
        balance=balance(Balance(value.id, value.posted_micros, value.held_micros)),
        email=value.email,
        preferences=_preferences(value.preferences),
        safety=value.safety,
        storage_mb=storage_mb,
    )


def change(message: pb.UpdateAccountRequest) -> Change:
    """Read a change of an account."""
    return Change(
        plan=message.plan if message.HasField("plan") else None,
        state=next((known for known, number in _ACCOUNT_STATES.items() if number == message.state), None),
        set_limits=dict(message.set_limits),
        remove_limits=tuple(message.remove_limits),
        subscription_active=message.subscription_active if message.HasField("subscription_active") else None,
        email=message.email if message.HasField("email") else None,
        set_safety=dict(message.set_safety),
    )


def change_of_preferences(message: pb.Preferences) -> Change:
    """Read the preferences that are wanted."""
    return Change(preferences=Preferences(**{field.name: value for field, value in message.ListFields()}))


def api_key(value: ApiKey, secret: str = "", *, replayed: bool = False) -> pb.ApiKey:
    """Write a key, with its secret where it was just made, or the answer that made it is repeated."""
    return pb.ApiKey(
        id=value.id,
        account_id=value.account_id,
        name=value.name,
        masked=value.masked,
        secret=secret,
        created_at=to_timestamp(value.created_at),
        revoked_at=to_timestamp(value.revoked_at),
        last_used_at=to_timestamp(value.last_used_at),
        request_count=value.request_count,
        number=value.number,
        replayed=replayed,
    )


def budget(value: Budget) -> pb.Budget:
    """Write a budget."""
    return pb.Budget(
        account_id=value.account_id,
        api_key_id=value.api_key_id,
        period=_PERIODS[value.period],
        limit_micros=value.limit_micros,
        spent_micros=value.spent_micros,
        held_micros=value.held_micros,
        alert_at_percent=value.alert_at_percent,
    )


def period(number: pb.Period.ValueType) -> Period:
    """Read a period. Raises InvalidField."""
    for known, value in _PERIODS.items():
        if value == number:
            return known
    raise InvalidField("period", "period takes PERIOD_DAY or PERIOD_MONTH.")


def audit_entry(value: AuditEntry) -> pb.AuditEntry:
    """Write an entry of the audit."""
    return pb.AuditEntry(
        id=value.id,
        occurred_at=to_timestamp(value.occurred_at),
        actor=value.actor,
        action=value.action,
        account_id=value.account_id,
        subject_id=value.subject_id,
        detail_json=value.detail_json.encode(),
        request_id=value.request_id,
    )


def hold_place(token: str) -> tuple[datetime.datetime, str]:
    """Read a page token of holds: the place of the last one in their order. Raises InvalidField."""
    if not token:
        return _EPOCH, ""
    try:
        micros, hold_id = json.loads(token)
        return _EPOCH + datetime.timedelta(microseconds=int(micros)), _own_id("hold", str(hold_id))
    except (ValueError, TypeError, OverflowError) as error:
        raise InvalidField("page_token", "page_token is not one of ours.") from error


def hold_page_token(last: Hold) -> str:
    """Write the place of a hold in their order."""
    return json.dumps([(last.created_at - _EPOCH) // datetime.timedelta(microseconds=1), last.id])


def _subscription(plan: str, active: bool, renews_at: datetime.datetime | None) -> pb.Subscription:
    return pb.Subscription(plan=plan, active=active, renews_at=to_timestamp(renews_at))


def _preferences(value: Preferences) -> pb.Preferences:
    return pb.Preferences(
        default_model=value.default_model,
        default_size=value.default_size,
        nsfw_filter=value.nsfw_filter,
        auto_save_gallery=value.auto_save_gallery,
    )


def _own_id(prefix: str, thing_id: str) -> str:
    if not is_id(prefix, thing_id):
        raise InvalidField(f"{prefix}_id", f"{prefix}_id takes {prefix}_ and a ULID.")
    return thing_id


def _known_id(kind: str, prefix: str, thing_id: str) -> str:
    """An ill-formed id names nothing that exists."""
    if not is_id(prefix, thing_id):
        raise NotFound(kind, thing_id)
    return thing_id
