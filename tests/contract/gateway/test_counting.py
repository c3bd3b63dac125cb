"""Each request of a key is counted once by billing, whether or not billing was asked about the key for it."""

from pathlib import Path
from typing import Any

from gateway.clients.callers import Callers
from gesso.billing.v1 import billing_pb2 as pb
from servicekit.calls import Call
from servicekit.identity import Access, parse_peers
from servicekit.server import serving
from testkit.identities import SHARED_ENVIRONMENT, link_as
from testkit.scripted_service import scripted

KEY = b"k" * 32


class _Unobserved:
    def call_started(self, call: Call) -> None:
        pass

    def call_finished(self, call: Call, error: BaseException | None) -> None:
        pass


async def test_requests_served_from_memory_are_told_with_the_next_question(tmp_path: Path) -> None:
    told: list[int] = []

    async def authenticate(request: Any, _: Any) -> pb.AuthenticateResponse:
        told.extend(credential.requests for credential in request.credentials)
        return pb.AuthenticateResponse(
            results=[
                pb.AuthenticateResponse.AuthenticateResult(caller=pb.Caller(account_id="acct_1"))
                for _ in request.credentials
            ]
        )

    services = (scripted("gesso.billing.v1.Callers", {"Authenticate": authenticate}),)
    access = Access(
        parse_peers(SHARED_ENVIRONMENT["GESSO_PEERS"]), {"gesso.billing.v1.Callers": frozenset({"gateway"})}
    )
    now = 0.0
    async with (
        serving(f"unix:{tmp_path}/billing.sock", services, access=access, observer=_Unobserved()) as address,
        link_as("gateway", address) as link,
    ):
        callers = Callers(link, clock=lambda: now)
        for _ in range(4):
            await callers.caller(KEY)
        now = 6.0
        await callers.caller(KEY)
    assert told == [1, 4]
