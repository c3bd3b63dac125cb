"""Batches over a stream answer as calls do, also across faults, restarts and shutdowns."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gesso.billing.v1 import billing_pb2 as pb
from gesso.billing.v1 import billing_pb2_grpc as rpc
from gesso.errors.v1 import reason_pb2 as reasons
from servicekit.batches import Batches
from servicekit.boundary import batched
from servicekit.calls import Call, enter, leave
from servicekit.faults import Fault, InvalidField
from servicekit.identity import Access, parse_peers
from servicekit.server import Context, Registration, serving
from testkit.identities import SHARED_ENVIRONMENT, link_as

SERVICE = "gesso.billing.v1.Ledger"


class Echo(rpc.LedgerServicer):
    """Answers each admission with its amount; an amount below 0 is the whole batch's fault, 13 never ends."""

    async def Admit(self, request: pb.AdmitRequest, context: Context) -> pb.AdmitResponse:  # noqa: N802
        amounts = [item.amount_micros for item in request.admissions]
        if min(amounts) < 0:
            raise InvalidField("amount_micros", "An amount is at least 0.")
        if 13 in amounts:
            await asyncio.Event().wait()
        return pb.AdmitResponse(results=[pb.AdmitResponse.AdmitResult(available_micros=amount) for amount in amounts])

    AdmitBatches = batched(Admit)


class Observed:
    """Remembers the calls that a server saw."""

    def __init__(self) -> None:
        self.finished: list[Call] = []

    def call_started(self, call: Call) -> None:
        pass

    def call_finished(self, call: Call, error: BaseException | None) -> None:
        self.finished.append(call)


@contextlib.asynccontextmanager
async def ledger(folder: Path, observer: Observed) -> AsyncIterator[str]:
    access = Access(parse_peers(SHARED_ENVIRONMENT["GESSO_PEERS"]), {SERVICE: frozenset({"generator"})})
    registration = Registration(SERVICE, rpc.add_LedgerServicer_to_server, Echo())  # type: ignore[abstract]
    address = f"unix:{folder}/ledger.sock"
    async with serving(address, [registration], access=access, observer=observer, grace_seconds=30) as served:
        yield served


def batch(*amounts: int) -> pb.AdmitRequest:
    return pb.AdmitRequest(admissions=[pb.AdmitRequest.Admission(amount_micros=amount) for amount in amounts])


@contextlib.asynccontextmanager
async def calling(
    address: str, service: str = "generator", timeout_seconds: float = 10.0
) -> AsyncIterator[Batches[pb.AdmitRequest, pb.AdmitResponse]]:
    async with link_as(service, address) as link:
        stub = rpc.LedgerStub(link.channel)
        yield Batches(link, stub.Admit, stub.AdmitBatches, timeout_seconds=timeout_seconds)


async def answered(batches: Batches[pb.AdmitRequest, pb.AdmitResponse], *amounts: int) -> list[int]:
    return [result.available_micros for result in (await batches.call(batch(*amounts))).results]


async def test_batches_are_answered_in_order_over_one_stream_and_each_is_observed(tmp_path: Path) -> None:
    observer = Observed()
    async with ledger(tmp_path, observer) as address, calling(address) as batches:
        assert [await answered(batches, n, n + 1) for n in range(5)] == [[n, n + 1] for n in range(5)]
    assert {call.method for call in observer.finished} == {f"/{SERVICE}/AdmitBatches"}
    assert len(observer.finished) == 5
    assert {call.peer for call in observer.finished} == {"generator"}


async def test_a_stream_is_not_of_the_request_that_happened_to_open_it(tmp_path: Path) -> None:
    observer = Observed()
    async with ledger(tmp_path, observer) as address, calling(address) as batches:
        serving_one = enter(Call("POST /v1/images/generations", request_id="req_first"))
        await answered(batches, 1)
        leave(serving_one)
        await answered(batches, 2)
    assert [call.request_id for call in observer.finished] == ["", ""]


async def test_a_batch_beside_another_is_a_call_of_its_own(tmp_path: Path) -> None:
    observer = Observed()
    async with ledger(tmp_path, observer) as address, calling(address) as batches:
        found = await asyncio.gather(*(answered(batches, n) for n in range(4)))
    assert found == [[0], [1], [2], [3]]
    assert {call.method for call in observer.finished} == {f"/{SERVICE}/AdmitBatches", f"/{SERVICE}/Admit"}


async def test_a_fault_of_a_whole_batch_is_its_callers_and_the_next_batch_is_answered(tmp_path: Path) -> None:
    async with ledger(tmp_path, Observed()) as address, calling(address) as batches:
        await answered(batches, 1)
        with pytest.raises(Fault) as caught:
            await answered(batches, -1)
        assert caught.value.reason == reasons.REASON_INVALID_FIELD
        assert await answered(batches, 2) == [2]


async def test_who_may_not_call_the_method_may_not_stream_it(tmp_path: Path) -> None:
    async with ledger(tmp_path, Observed()) as address, calling(address, service="webhooks") as batches:
        with pytest.raises(Fault) as caught:
            await answered(batches, 1)
    assert caught.value.reason == reasons.REASON_FORBIDDEN


async def test_a_server_that_was_started_again_is_found_again(tmp_path: Path) -> None:
    async with calling(f"unix:{tmp_path}/ledger.sock") as batches:
        async with ledger(tmp_path, Observed()):
            assert await answered(batches, 1) == [1]
        with pytest.raises(Fault) as caught:
            await answered(batches, 2)
        assert caught.value.reason == reasons.REASON_UNAVAILABLE
        async with ledger(tmp_path, Observed()), asyncio.timeout(10):
            while True:
                with contextlib.suppress(Fault):
                    assert await answered(batches, 3) == [3]
                    break


async def test_a_resting_stream_does_not_hold_up_a_shutdown(tmp_path: Path) -> None:
    async with calling(f"unix:{tmp_path}/ledger.sock") as batches:
        async with ledger(tmp_path, Observed()):
            await answered(batches, 1)
            started = time.monotonic()
        assert time.monotonic() - started < 5


async def test_an_answer_that_does_not_come_is_a_timeout(tmp_path: Path) -> None:
    async with calling(f"unix:{tmp_path}/ledger.sock", timeout_seconds=1) as batches, ledger(tmp_path, Observed()):
        assert await answered(batches, 1) == [1]
        with pytest.raises(Fault) as caught:
            await answered(batches, 13)
        assert caught.value.reason == reasons.REASON_TIMEOUT
        assert await answered(batches, 2) == [2]
