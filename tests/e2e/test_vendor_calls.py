"""On the running platform a vendor that queues calls back through the edge, and its picture is there long before the first poll."""

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from testkit.eventually import eventually
from testkit.platform import PlatformUnderTest, running_platform
from testkit.upstreams.base import Behaviour
from testkit.upstreams.queues import QueueUpstream
from testkit.upstreams.vendors import VENDORS

POLL_SECONDS = 10.0
"""An order whose vendor will call is polled later than this for the first time."""
MODELS = {"fal": "stable-diffusion-xl", "replicate": "flux-pro"}


@pytest.fixture(scope="module", params=sorted(MODELS))
async def stage(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[PlatformUnderTest, QueueUpstream, str]]:
    """A platform that buys from one vendor, which calls back."""
    vendor = VENDORS[request.param]
    upstream = vendor.upstream()
    assert isinstance(upstream, QueueUpstream)
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(upstream.running())
        environment = {vendor.address: url, vendor.key: vendor.value, "GESSO_VENDOR_WEBHOOKS": "on"}
        folder = tmp_path_factory.mktemp(request.param)
        platform = await stack.enter_async_context(running_platform(folder, environment=environment))
        yield platform, upstream, MODELS[request.param]


async def test_a_picture_is_there_as_soon_as_its_vendor_calls(
    stage: tuple[PlatformUnderTest, QueueUpstream, str],
) -> None:
    platform, upstream, model = stage
    account = await platform.account()
    for behaviour in ("slow:0.5", "callback_duplicate"):
        started_at = time.monotonic()
        answer = await platform.generate(account, {"model": model, "prompt": f"a fox [[{behaviour}]]"})
        assert (answer.status, time.monotonic() - started_at < POLL_SECONDS) == (200, True), answer.body
    assert set(upstream.calls.statuses) == {204}
    assert upstream.purchases == 2
    assert (await platform.verify())["jobs"] == 2


async def test_what_is_no_vendors_call_is_turned_away_and_harms_nothing(
    stage: tuple[PlatformUnderTest, QueueUpstream, str],
) -> None:
    platform, upstream, model = stage
    account = await platform.account()
    upstream.calls.statuses.clear()
    upstream.purchases = 0
    upstream.script.append(Behaviour("callback_forged"))
    job = await platform.generate(account, {"model": model, "prompt": "a hare"}, headers={"Prefer": "respond-async"})
    assert job.status == 202

    async def turned_away() -> None:
        assert 403 in upstream.calls.statuses

    await eventually(turned_away)
    guessed = await platform.ask("POST", "/hooks/fal/guessed", json={"request_id": "x", "status": "OK"})
    assert guessed.status == 404
    shown = await platform.gesso("jobs", "show", job.json["id"], "--json")
    assert shown.json["state"] in ("queued", "running")
    assert upstream.purchases == 1
