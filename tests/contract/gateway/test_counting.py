"""Each request of a key is counted once by billing, whether or not billing was asked about the key for it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from gateway.clients.callers import Callers
from gesso.billing.v1 import billing_pb2 as pb
from servicekit.background import running_task
from servicekit.calls import Call
from servicekit.identity import Access, parse_peers
from servicekit.server import serving
from testkit.eventually import eventually
from testkit.identities import SHARED_ENVIRONMENT, link_as
from testkit.scripted_service import scripted

KEY = b"k" * 32


class _Unobserved:
    def call_started(self, call: Call) -> None:
        pass

    def call_finished(self, call: Call, error: BaseException | None) -> None:
        pass


class Ledger:
    """Billing's end: how many requests it was told of, in the order of its being asked."""

    def __init__(self) -> None:
        self.told: list[int] = []
        self.now = 0.0

    async def authenticate(self, request: Any, _: Any) -> pb.AuthenticateResponse:
        response = pb.AuthenticateResponse()
        for credential in request.credentials:
            self.told.append(credential.requests)
            response.results.add(caller=pb.Caller(account_id="acct_1"))
        return response

    @asynccontextmanager
    async def asked(self, folder: Path) -> AsyncIterator[Callers]:
        """The callers of an edge before this billing."""
        services = (scripted("gesso.billing.v1.Callers", {"Authenticate": self.authenticate}),)
        peers = parse_peers(SHARED_ENVIRONMENT["GESSO_PEERS"])
        access = Access(peers, {"gesso.billing.v1.Callers": frozenset({"gateway"})})
        socket = f"unix:{folder}/billing.sock"
        async with (
            serving(socket, services, access=access, observer=_Unobserved()) as address,
            link_as("gateway", address) as link,
        ):
            yield Callers(link, clock=lambda: self.now)


async def test_requests_served_from_memory_are_told_with_the_next_question(tmp_path: Path) -> None:
    billing = Ledger()
    async with billing.asked(tmp_path) as callers:
        for _ in range(4):
            await callers.caller(KEY)
        billing.now = 6.0
        await callers.caller(KEY)
    assert billing.told == [1, 4]


async def test_requests_of_one_moment_are_each_counted_once(tmp_path: Path) -> None:
    billing = Ledger()
    async with billing.asked(tmp_path) as callers:
        await asyncio.gather(*(callers.caller(KEY) for _ in range(20)))
        await callers.tell("acct_1")
    assert sum(billing.told) == 20


async def test_what_an_accounts_keys_have_done_is_told_on_demand(tmp_path: Path) -> None:
    billing = Ledger()
    async with billing.asked(tmp_path) as callers:
        for _ in range(7):
            await callers.caller(KEY)
        await callers.tell("acct_2")
        assert billing.told == [1]
        await callers.tell("acct_1")
        await callers.tell("acct_1")
    assert billing.told == [1, 6]


async def test_the_last_requests_of_a_key_that_has_gone_quiet_are_told_too(tmp_path: Path) -> None:
    billing = Ledger()
    async with billing.asked(tmp_path) as callers, running_task(callers.run()):
        for _ in range(7):
            await callers.caller(KEY)
        billing.now = 6.0

        async def told() -> None:
            assert billing.told == [1, 6]

        await eventually(told)
