"""Calls over gRPC: counted by account, dialect and UTC hour beside the windows, for people's figures."""

import time

import asyncpg
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from gesso.billing.v1 import billing_pb2 as pb
from servicekit.faults import Fault
from testkit.eventually import eventually
from testkit.identities import caller_token

from .client import Billing, Replica

Taking = pb.TakeLimitsRequest.Taking
HOUR = 3_600


async def this_hour() -> int:
    """The start of the hour, which has some seconds left."""
    await eventually(lambda: time.time() % HOUR < HOUR - 10, timeout_seconds=20)
    return int(time.time()) // HOUR * HOUR


async def test_calls_are_counted_by_dialect_across_replicas_and_other_requests_are_not(replica: Replica) -> None:
    hour = await this_hour()
    async with replica() as one, replica() as other:
        account = await one.account()
        token = caller_token(account.id)
        call = Taking(caller_token=token, dialect="bigapi", is_call=True)
        await one.take(call, call, Taking(caller_token=token, dialect="bigapi"))
        await other.take(call, Taking(caller_token=token, dialect="imagegen", is_call=True))

        assert await one.calls(pb.GetCallsRequest(account_id=account.id, dialect="bigapi")) == {hour: 3}
        assert await one.calls(pb.GetCallsRequest(account_id=account.id, dialect="imagegen")) == {hour: 1}
        assert await one.calls(pb.GetCallsRequest(account_id=account.id, dialect="openai")) == {}


async def test_a_caller_whom_no_window_limits_is_counted_too(billing: Billing) -> None:
    hour = await this_hour()
    account = await billing.account(plan="enterprise")
    (taken,) = await billing.take(Taking(caller_token=caller_token(account.id), dialect="bigapi", is_call=True))
    assert not taken.windows
    assert not taken.HasField("fault")
    assert await billing.calls(pb.GetCallsRequest(account_id=account.id, dialect="bigapi")) == {hour: 1}


async def test_what_a_limit_refuses_is_a_call_and_what_names_no_caller_is_none(
    billing: Billing, tables: asyncpg.Connection
) -> None:
    await this_hour()
    account = await billing.account(plan="free")
    call = Taking(caller_token=caller_token(account.id), dialect="bigapi", is_call=True)
    results = await billing.take(
        *[call] * 11,
        Taking(address="192.0.2.1", dialect="productai", is_call=True),
        Taking(caller_token=b"x" * 80, dialect="bigapi", is_call=True),
    )
    assert results[10].fault.details["window"] == "minute"
    rows = await tables.fetch("SELECT account_id, dialect, calls FROM call_hours")
    assert [tuple(row) for row in rows] == [(account.id, "bigapi", 11)]


async def test_hours_are_shown_from_since_until_before_until(billing: Billing, tables: asyncpg.Connection) -> None:
    account = await billing.account()
    rows = [(account.id, "bigapi", start * HOUR, start) for start in (3, 1, 2, 5)]
    await tables.copy_records_to_table("call_hours", records=rows)

    def between(since: int | None, until: int | None) -> pb.GetCallsRequest:
        return pb.GetCallsRequest(
            account_id=account.id,
            dialect="bigapi",
            since=None if since is None else Timestamp(seconds=since * HOUR),
            until=None if until is None else Timestamp(seconds=until * HOUR),
        )

    assert await billing.calls(between(None, None)) == {1 * HOUR: 1, 2 * HOUR: 2, 3 * HOUR: 3, 5 * HOUR: 5}
    assert await billing.calls(between(2, 5)) == {2 * HOUR: 2, 3 * HOUR: 3}
    assert await billing.calls(between(3, None)) == {3 * HOUR: 3, 5 * HOUR: 5}
    assert await billing.calls(between(None, 2)) == {1 * HOUR: 1}


@pytest.mark.parametrize(
    ("field", "request_"),
    [
        ("dialect", pb.GetCallsRequest(dialect="morse")),
        ("since", pb.GetCallsRequest(dialect="bigapi", since=Timestamp(seconds=1))),
        ("until", pb.GetCallsRequest(dialect="bigapi", until=Timestamp(seconds=HOUR, nanos=1))),
    ],
)
async def test_a_wrong_question_is_refused_by_name(billing: Billing, field: str, request_: pb.GetCallsRequest) -> None:
    request_.account_id = (await billing.account()).id
    with pytest.raises(Fault) as refused:
        await billing.calls(request_)
    assert refused.value.details == {"field": field}
