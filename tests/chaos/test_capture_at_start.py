"""A purchase that is captured at its start is captured once, and refunded once if at all, whoever is killed in between."""

import asyncio
import contextlib
import hashlib
import time

import pytest
from tests.chaos.orders import FINAL_SECONDS, Order, assert_paid

from cli.operator import operator
from cli.places import Place
from gesso.billing.v1.billing_pb2 import CallerClaims
from gesso.generator.v1 import generator_pb2 as pb
from gesso.generator.v1.generator_pb2_grpc import JobsStub
from servicekit.faults import Fault
from servicekit.identity import Identity
from servicekit.ids import new_id
from servicekit.link import Link
from servicekit.tokens import seal
from testkit.eventually import eventually
from testkit.platform import Account, PlatformUnderTest


@pytest.mark.parametrize(
    ("point", "script", "is_kept"),
    [
        ("generator.after_submitting", "", False),
        ("generator.after_start_capture", "[[slow:2]]", False),
        ("billing.before_settle_commit", "[[slow:1]]", True),
        ("billing.after_settle_commit", "[[slow:1]]", True),
        ("generator.after_settle", "[[refusal]]", True),
        ("generator.after_settle", "[[out_of_quota]]", False),
        ("generator.after_refund", "[[out_of_quota]]", False),
    ],
)
async def test_a_captured_purchase_survives_a_kill(
    standing: PlatformUnderTest, point: str, script: str, *, is_kept: bool
) -> None:
    account, service = await standing.account(usd=1), point.partition(".")[0]
    order = Order(account, point)
    starts, armed = standing.processes[service].starts, standing.arm(point)
    try:
        submitting = asyncio.create_task(_submit(standing, account, f"{order.prompt} {script}"))
        await eventually(lambda: armed.fired, timeout_seconds=FINAL_SECONDS)
        await submitting
    finally:
        armed.disarm()
    await standing.until_restarted(service, starts)
    await eventually(lambda: _settled(standing, account), timeout_seconds=FINAL_SECONDS)
    await assert_paid(standing, account, 1_000_000, order.price_micros if is_kept else 0)
    await standing.verify()


async def _settled(platform: PlatformUnderTest, account: Account) -> None:
    """Fail until the account's job has ended: its price is paid before."""
    services = operator(Place({"GESSO_HOME": str(platform.home)}))
    answer = await asyncio.to_thread(
        services.call,
        "gesso.generator.v1.Jobs/ListSettlements",
        pb.ListSettlementsRequest(page_size=1000),
        pb.ListSettlementsResponse,
    )
    assert [one.settled for one in answer.settlements if one.account_id == account.id] == [True]


async def _submit(platform: PlatformUnderTest, account: Account, prompt: str) -> None:
    """Submit as a gateway does whose dialect captures at the start; the answer may be lost with its service."""
    draw = pb.Draw(
        operation=pb.OPERATION_TEXT_TO_IMAGE,
        model=Order(account, "").model,
        prompt=prompt,
        n=1,
        width=1024,
        height=1024,
        quality="low",
    )
    purchase = pb.Purchase(
        request_id=new_id("req"),
        dialect="openai",
        route="generations",
        fingerprint=hashlib.sha256(prompt.encode()).digest(),
        draws=[draw],
        capture_at_start=True,
    )
    claims = CallerClaims(account_id=account.id, plan="enterprise", expires_at=int(time.time()) + 60)
    token = seal(claims, bytes.fromhex(platform.state.secrets["caller_token_key"]))
    request = pb.SubmitJobsRequest(submissions=[pb.SubmitJobsRequest.Submission(caller_token=token, purchase=purchase)])
    identity = Identity("gateway", platform.state.secrets["gateway_token"])
    async with Link.open(platform.state.addresses["generator"], component="generator", identity=identity) as link:
        with contextlib.suppress(Fault):
            (result,) = (await link.call(JobsStub(link.channel).SubmitJobs, request)).results
            assert result.HasField("job"), result
