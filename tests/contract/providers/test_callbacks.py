"""Vendors that call back: each is given an address with the order, is known by its signature, and wakes the order's ticket."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest

from generator.providers import bfl, fal, magnific, replicate
from generator.providers.base import (
    Call,
    Callback,
    Called,
    Drawn,
    Order,
    Provider,
    ProviderFactory,
    Ticket,
    UpstreamFault,
)
from gesso.generator.v1 import generator_pb2 as pb
from testkit.eventually import eventually
from testkit.sample_pictures import sample
from testkit.upstreams.base import parse_behaviour
from testkit.upstreams.bfl import BflUpstream
from testkit.upstreams.calling import may_be_called
from testkit.upstreams.fal import FalUpstream
from testkit.upstreams.magnific import MagnificUpstream
from testkit.upstreams.queues import QueueUpstream
from testkit.upstreams.replicate import ReplicateUpstream
from testkit.webhooks import Answer, Received, WebhookReceiver, webhook_receiver

from .conftest import CountedMemory

SOON_SECONDS = 8.0
"""Well before the first poll of an order whose vendor will call."""


@dataclass(frozen=True)
class Vendor:
    """One vendor that calls back."""

    factory: ProviderFactory
    upstream: type[QueueUpstream]
    environ: Mapping[str, str]
    address: str
    model: str
    inputs: Sequence[bytes] = ()
    signs: bool = True
    """Whether a call bears a signature of itself, and not a secret alone."""


VENDORS = {
    "bfl": Vendor(
        bfl.PROVIDER, BflUpstream, {"BFL_API_KEY": "bfl_platform_0123456789"}, "BFL_BASE_URL", "flux-dev", signs=False
    ),
    "fal": Vendor(
        fal.PROVIDER, FalUpstream, {"FAL_KEY": "platform:secret-0123456789"}, "FAL_BASE_URL", "fal-ai/flux/dev"
    ),
    "magnific": Vendor(
        magnific.PROVIDER,
        MagnificUpstream,
        {"MAGNIFIC_API_KEY": "platform-0123456789", "MAGNIFIC_WEBHOOK_SECRET": MagnificUpstream.webhook_secret},
        "MAGNIFIC_BASE_URL",
        "image-upscaler-precision-v2",
        inputs=[sample("png", 320, 200).stamped(1)],
    ),
    "replicate": Vendor(
        replicate.PROVIDER,
        ReplicateUpstream,
        {"REPLICATE_API_TOKEN": "r8_platform0123456789"},
        "REPLICATE_BASE_URL",
        "black-forest-labs/flux-dev",
    ),
}
KEYED = ("fal", "replicate")
"""Vendors of whom the keys that verify calls are read."""


@dataclass
class Stage:
    """A vendor, its provider, and the place where it calls."""

    upstream: QueueUpstream
    provider: Provider
    receiver: WebhookReceiver
    order: Order
    vendor: Vendor

    @property
    def callback(self) -> Callback:
        assert self.order.callback is not None
        return self.order.callback

    @property
    def called(self) -> Called:
        assert isinstance(self.provider, Called)
        return self.provider

    def drawing(self, behaviour: str = "success", **fields: Any) -> "asyncio.Task[Drawn]":
        """Place an order and wait for its pictures, in a task of its own."""
        self.upstream.script.append(parse_behaviour(behaviour))
        return asyncio.create_task(self._drawn(replace(self.order, **fields)))

    async def _drawn(self, order: Order) -> Drawn:
        memory = CountedMemory()
        ticket = await self.provider.submit(order, memory)
        assert isinstance(ticket, Ticket)
        return await self.provider.collect(ticket, order, memory)

    async def received(self, count: int = 1) -> list[Received]:
        """The calls that came, as soon as there are so many."""

        async def enough() -> list[Received]:
            came = list(self.receiver.received)
            assert len(came) >= count
            return came

        return await eventually(enough)

    async def message_id(self, received: Received, **changes: Any) -> str | None:
        """What the provider makes of a call, some of it changed."""
        call = Call(
            self.callback, {**received.headers, **changes.pop("headers", {})}, changes.pop("body", received.body)
        )
        return await self.called.message_id(call)


@pytest.fixture(params=sorted(VENDORS))
async def stage(request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    """Each vendor in turn."""
    vendor = VENDORS[request.param]
    upstream = vendor.upstream()
    async with upstream.running() as base_url, webhook_receiver() as receiver:
        environ = {**vendor.environ, vendor.address: base_url, "GESSO_EGRESS_ALLOW": "127.0.0.0/8"}
        provider = vendor.factory.open(environ)
        callback = Callback(receiver.url + "/hooks/x/token", "token", "secret of the address")
        draw = pb.Draw(operation=pb.OPERATION_TEXT_TO_IMAGE, model="any", prompt="a fox", n=1)
        order = Order("job_1/0", draw, vendor.model, 1, {}, vendor.inputs, deadline_seconds=30.0, callback=callback)
        yield Stage(upstream, provider, receiver, order, vendor)
        await provider.close()


async def test_a_call_ends_the_wait_which_takes_one_look(stage: Stage) -> None:
    drawing = stage.drawing("slow:0.5")
    (received,) = await stage.received()
    assert await stage.message_id(received)
    assert not any(job.poll_count for job in stage.upstream.jobs.values() if not stage.upstream.is_ready(job))
    stage.called.wake(stage.callback.key)
    drawn = await asyncio.wait_for(drawing, SOON_SECONDS)
    assert len(drawn.pictures) == 1
    assert stage.upstream.purchases == 1


async def test_without_an_address_the_vendor_is_asked_for_none(stage: Stage) -> None:
    drawn = await asyncio.wait_for(stage.drawing(callback=None), SOON_SECONDS)
    assert len(drawn.pictures) == 1
    assert not stage.receiver.received


async def test_a_call_that_came_before_its_ticket_was_collected_is_not_lost(stage: Stage) -> None:
    ticket = await stage.provider.submit(stage.order, CountedMemory())
    assert isinstance(ticket, Ticket)
    await stage.received()
    assert not stage.called.wake(stage.callback.key)
    drawn = await asyncio.wait_for(stage.provider.collect(ticket, stage.order, CountedMemory()), SOON_SECONDS)
    assert len(drawn.pictures) == 1


async def test_a_duplicate_bears_the_id_of_the_first(stage: Stage) -> None:
    drawing = stage.drawing("callback_duplicate")
    first, second = await stage.received(2)
    assert await stage.message_id(first) == await stage.message_id(second) is not None
    stage.called.wake(stage.callback.key)
    assert len((await asyncio.wait_for(drawing, SOON_SECONDS)).pictures) == 1
    assert not stage.called.wake(stage.callback.key)


async def test_what_the_vendor_did_not_sign_is_not_its_call(stage: Stage) -> None:
    drawing = stage.drawing("callback_forged")
    (forged,) = await stage.received()
    assert await stage.message_id(forged) is None
    drawing.cancel()


async def test_a_call_that_was_changed_or_is_stale_is_not_its_call(stage: Stage) -> None:
    drawing = stage.drawing()
    (genuine,) = await stage.received()
    assert await stage.message_id(genuine)
    secrets = {name: "another" for name in genuine.headers if name.endswith("-secret")}
    stamps = {name: str(int(time.time()) - 301) for name in genuine.headers if name.endswith("-timestamp")}
    ids = {name: "another" for name in genuine.headers if name.endswith("-id")}
    signatures = {name: value[:-4] + "0000" for name, value in genuine.headers.items() if name.endswith("-signature")}
    proofs = (stamps, ids, signatures, dict.fromkeys(stamps, "soon"), dict.fromkeys(signatures, ""))
    for headers in proofs if stage.vendor.signs else (secrets, dict.fromkeys(secrets, "")):
        assert headers
        assert await stage.message_id(genuine, headers=headers) is None
    if stage.vendor.signs:
        assert await stage.message_id(genuine, body=genuine.body + b" ") is None
    drawing.cancel()


async def test_a_call_that_is_not_taken_comes_again(stage: Stage) -> None:
    stage.receiver.answers.append(Answer(503))
    drawing = stage.drawing()
    await stage.received(2)
    assert stage.upstream.calls.statuses == [503, 204]
    drawing.cancel()


@pytest.mark.parametrize("stage", KEYED, indirect=True)
async def test_keys_are_read_once_for_many_calls_and_forgeries(stage: Stage) -> None:
    drawing = stage.drawing()
    (genuine,) = await stage.received()
    before = _key_reads(stage.upstream)
    ids = await asyncio.gather(*(stage.message_id(genuine, body=genuine.body + b" " * (n % 2)) for n in range(40)))
    assert [name is not None for name in ids] == [n % 2 == 0 for n in range(40)]
    assert _key_reads(stage.upstream) - before == 1
    drawing.cancel()


@pytest.mark.parametrize("stage", KEYED, indirect=True)
async def test_while_keys_cannot_be_read_nobody_can_tell(stage: Stage) -> None:
    drawing = stage.drawing()
    (genuine,) = await stage.received()
    drawing.cancel()
    vendor = stage.vendor
    deaf = vendor.factory.open({**vendor.environ, vendor.address: "http://127.0.0.1:1"})
    assert isinstance(deaf, Called)
    for _ in range(2):
        with pytest.raises(UpstreamFault):
            await deaf.message_id(Call(stage.callback, genuine.headers, genuine.body))
    await deaf.close()


async def test_only_a_vendor_whose_calls_can_be_known_is_asked_to_call() -> None:
    hearing = {}
    for name, vendor in VENDORS.items():
        provider = vendor.factory.open({})
        assert isinstance(provider, Called)
        hearing[name] = provider.hears
        await provider.close()
    assert hearing == {"bfl": False, "fal": True, "magnific": False, "replicate": False}
    regional = bfl.PROVIDER.open({"BFL_BASE_URL": "https://api.eu.bfl.ai"})
    assert isinstance(regional, Called)
    assert regional.hears
    await regional.close()


def _key_reads(upstream: QueueUpstream) -> int:
    paths = ("/.well-known/jwks.json", "/v1/webhooks/default/secret")
    return sum(recorded.path in paths for recorded in upstream.requests)


def test_a_vendor_calls_over_tls_alone_except_on_this_machine() -> None:
    addresses = ("https://example.com/hooks", "http://127.0.0.1:1/hooks", "http://example.com/hooks", "ftp://127.0.0.1")
    assert [may_be_called(address) for address in addresses] == [True, True, False, False]
