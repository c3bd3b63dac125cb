"""What every provider must do before its vendor's scripted upstream: one row for each vendor, the same cases for all.

class TestAcme(QueueConformance, AddressConformance):
    vendor = Vendor(factory=acme.PROVIDER, upstream=AcmeUpstream, variables=("ACME_API_KEY", "ACME_BASE_URL"), …)
"""

import logging
import socket
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, NamedTuple

import pytest

from generator.providers.base import Bought, Drawn, Memory, Order, Provider, ProviderFactory, Ticket, UpstreamFault
from gesso.errors.v1 import reason_pb2 as reason
from gesso.generator.v1 import generator_pb2 as pb
from pictures.facts import Facts, NotAPicture
from pictures.inspection import inspect
from testkit.upstreams.base import Behaviour, ScriptedUpstream, parse_behaviour

from .conftest import CountedMemory


class Verdict(NamedTuple):
    """What a behaviour of the vendor is to us."""

    reason: reason.Reason.ValueType
    bought: Bought
    retryable: bool = True


REFUSED_INPUT = Verdict(reason.REASON_UPSTREAM_REFUSED, Bought.NO, retryable=False)
REFUSED_OUTPUT = Verdict(reason.REASON_UPSTREAM_REFUSED, Bought.YES, retryable=False)
DENIED = Verdict(reason.REASON_UPSTREAM_DENIED, Bought.NO)
FAILED = Verdict(reason.REASON_UPSTREAM_FAILED, Bought.NO)
PAID_AND_FAILED = Verdict(reason.REASON_UPSTREAM_FAILED, Bought.YES)
IN_DOUBT = Verdict(reason.REASON_UPSTREAM_FAILED, Bought.UNKNOWN)

VERDICTS: Mapping[str, Verdict] = {
    "refusal": REFUSED_INPUT,
    "output_refusal": REFUSED_OUTPUT,
    "rate_limited": Verdict(reason.REASON_UPSTREAM_RATE_LIMITED, Bought.NO),
    "out_of_quota": DENIED,
    "unauthorized": DENIED,
    "model_not_found": FAILED,
    "bad_field": Verdict(reason.REASON_UPSTREAM_INVALID, Bought.NO, retryable=False),
    "server_error": FAILED,
    "server_error:503": FAILED,
    "server_error:504": IN_DOUBT,
    "drop_before_accept": IN_DOUBT,
    "drop_after_accept": IN_DOUBT,
    "drop_mid_answer": PAID_AND_FAILED,
    "garbage": PAID_AND_FAILED,
    "empty": PAID_AND_FAILED,
    "hang": Verdict(reason.REASON_TIMEOUT, Bought.UNKNOWN),
}
QUEUE_VERDICTS: Mapping[str, Verdict] = {
    **VERDICTS,
    "failed": FAILED,
    "lost": Verdict(reason.REASON_UPSTREAM_FAILED, Bought.UNKNOWN, retryable=False),
    "hang": Verdict(reason.REASON_TIMEOUT, Bought.YES),
}
# The bytes are no picture, or not the one that was promised: the provider says so, or leaves it to who inspects them.
_BAD_PICTURES = ("not_an_image", "truncated", "bomb")
_DEADLINE_SECONDS = 20.0
_SHORT_DEADLINE_SECONDS = 0.6


@dataclass(frozen=True)
class Vendor:
    """A vendor's row: how its provider is opened, what it is asked for, and in what it differs from the tables above."""

    factory: ProviderFactory
    upstream: type[ScriptedUpstream]
    variables: tuple[str, str]
    """The environment variables of its key and its base address."""
    upstream_model: str
    key: str = "platform-key-0123456789"
    """A key that the scripted upstream takes; `own_key` another, `bad_key` one that it does not take."""
    own_key: str = "own-key-0123456789"
    bad_key: str = "unknown"
    sent_as: Callable[[str], str] = str
    """How a key stands in the headers."""
    self_hosted: bool = False
    """Whether it is a server of the operator's own: its address alone configures it."""
    most: int = 4
    """Pictures in one order; 1 for a vendor that draws one at a time."""
    draw: Mapping[str, Any] = field(default_factory=dict)
    """Fields of the draw beside the prompt; `inputs` are those of the order."""
    inputs: Sequence[bytes] = ()
    options: Mapping[str, str] = field(default_factory=dict)
    ignored: Mapping[str, Any] = field(default_factory=dict)
    """Fields of the draw that this model cannot honour: each must be named by a warning."""
    verdicts: Mapping[str, Verdict] = field(default_factory=dict)
    """Where this vendor's failures mean something else."""
    tells_when: bool = True
    """Whether its rate limit says when to come back."""
    without: frozenset[str] = frozenset()
    """Behaviours of which this vendor has no form."""

    def environ(self, base_url: str, key: str | None = None) -> Mapping[str, str]:
        """The provider's environment."""
        name, address = self.variables
        return {name: self.key if key is None else key, address: base_url, "GESSO_EGRESS_ALLOW": "127.0.0.0/8"}

    def order(
        self,
        prompt: str = "a red fox",
        *,
        count: int = 1,
        secret: str | None = None,
        deadline_seconds: float = _DEADLINE_SECONDS,
        draw: Mapping[str, Any] | None = None,
    ) -> Order:
        """An order that the vendor can draw."""
        fields = {"operation": pb.OPERATION_TEXT_TO_IMAGE, "model": "any", **self.draw, **(draw or {})}
        return Order(
            task_id="job_1/0",
            draw=pb.Draw(n=count, prompt=prompt, **fields),
            upstream_model=self.upstream_model,
            count=count,
            options=self.options,
            inputs=self.inputs,
            secret=secret,
            deadline_seconds=deadline_seconds,
        )


async def drawn_by(provider: Provider, order: Order, memory: Memory) -> Drawn:
    """Place an order and wait for its pictures, as the worker does."""
    answer = await provider.submit(order, memory)
    return await provider.collect(answer, order, memory) if isinstance(answer, Ticket) else answer


async def fault_of(provider: Provider, order: Order, memory: Memory) -> UpstreamFault:
    """The fault that an order ends with."""
    with pytest.raises(UpstreamFault) as caught:
        await drawn_by(provider, order, memory)
    return caught.value


async def inspected(provider: Provider, order: Order, memory: Memory) -> Facts:
    """What the first picture of an order is, as the worker looks at it."""
    drawn = await drawn_by(provider, order, memory)
    return inspect(drawn.pictures[0].data)


def sent_headers(upstream: ScriptedUpstream) -> str:
    """All headers that came to the vendor's API, as one text."""
    return "\n".join(str(dict(recorded.headers)) for recorded in upstream.requests)


class Conformance:
    """The cases of every vendor."""

    vendor: ClassVar[Vendor]
    expected: ClassVar[Mapping[str, Verdict]] = VERDICTS

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """One case for each behaviour that the vendor knows."""
        if "behaviour" in metafunc.fixturenames:
            table = {**self.expected, **self.vendor.verdicts}
            metafunc.parametrize("behaviour", [name for name in table if name not in self.vendor.without])
        if "bad_picture" in metafunc.fixturenames:
            metafunc.parametrize("bad_picture", [name for name in _BAD_PICTURES if name not in self.vendor.without])

    @pytest.fixture
    def upstream(self) -> ScriptedUpstream:
        """The vendor, scripted."""
        return self.vendor.upstream()

    @pytest.fixture
    async def base_url(self, upstream: ScriptedUpstream) -> AsyncIterator[str]:
        """Where it runs."""
        async with upstream.running() as url:
            yield url

    @pytest.fixture
    async def provider(self, base_url: str) -> AsyncIterator[Provider]:
        """The provider, with the platform's key."""
        opened = self.vendor.factory.open(self.vendor.environ(base_url))
        yield opened
        await opened.close()

    async def test_an_order_brings_its_pictures_and_says_which_model_drew_them(
        self, provider: Provider, upstream: ScriptedUpstream, memory: CountedMemory
    ) -> None:
        drawn = await drawn_by(provider, self.vendor.order(), memory)
        assert len(drawn.pictures) == 1
        assert inspect(drawn.pictures[0].data).width > 0
        assert drawn.upstream_model
        assert upstream.purchases == 1
        assert not upstream.violations
        assert sum(memory.reserved) >= len(drawn.pictures[0].data)

    async def test_several_pictures_are_one_order_and_differ(
        self, provider: Provider, upstream: ScriptedUpstream, memory: CountedMemory
    ) -> None:
        drawn = await drawn_by(provider, self.vendor.order(count=self.vendor.most), memory)
        assert len({bytes(picture.data) for picture in drawn.pictures}) == self.vendor.most
        assert upstream.purchases == 1
        assert not upstream.violations

    async def test_pictures_beyond_those_ordered_are_left_out(self, provider: Provider, memory: CountedMemory) -> None:
        drawn = await drawn_by(provider, self.vendor.order("a fox [[duplicate]]"), memory)
        assert len(drawn.pictures) == 1

    async def test_fewer_pictures_than_ordered_are_a_result(self, provider: Provider, memory: CountedMemory) -> None:
        if self.vendor.most > 1 and "partial" not in self.vendor.without:
            drawn = await drawn_by(provider, self.vendor.order("a fox [[partial]]", count=2), memory)
            assert len(drawn.pictures) == 1

    async def test_the_platforms_key_opens_the_vendor(
        self, provider: Provider, upstream: ScriptedUpstream, memory: CountedMemory
    ) -> None:
        await drawn_by(provider, self.vendor.order(), memory)
        assert self.vendor.sent_as(self.vendor.key) in sent_headers(upstream)

    async def test_an_orders_own_key_is_used_instead_of_the_platforms(
        self, provider: Provider, upstream: ScriptedUpstream, memory: CountedMemory
    ) -> None:
        await drawn_by(provider, self.vendor.order(secret=self.vendor.own_key), memory)
        assert self.vendor.sent_as(self.vendor.own_key) in sent_headers(upstream)
        assert self.vendor.sent_as(self.vendor.key) not in sent_headers(upstream)

    async def test_an_own_key_serves_where_the_platform_has_none(self, base_url: str, memory: CountedMemory) -> None:
        provider = self.vendor.factory.open(self.vendor.environ(base_url, key=""))
        assert provider.configured == self.vendor.self_hosted
        drawn = await drawn_by(provider, self.vendor.order(secret=self.vendor.own_key), memory)
        await provider.close()
        assert drawn.pictures

    async def test_an_own_key_that_is_refused_is_not_tried_again(
        self, provider: Provider, memory: CountedMemory
    ) -> None:
        fault = await fault_of(provider, self.vendor.order(secret=self.vendor.bad_key), memory)
        assert Verdict(fault.reason, fault.bought, fault.retryable) == DENIED._replace(retryable=False)

    async def test_a_key_that_would_break_the_header_is_refused_before_anything_is_sent(
        self, provider: Provider, upstream: ScriptedUpstream, memory: CountedMemory
    ) -> None:
        fault = await fault_of(provider, self.vendor.order(secret=self.vendor.own_key + "\r\nX-Evil: 1"), memory)
        assert (fault.reason, fault.bought) == (reason.REASON_UPSTREAM_DENIED, Bought.NO)
        assert not upstream.requests

    async def test_each_failure_is_told_by_reason_purchase_and_repeatability(
        self,
        provider: Provider,
        upstream: ScriptedUpstream,
        memory: CountedMemory,
        behaviour: str,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        caplog.set_level(logging.DEBUG)
        seconds = _SHORT_DEADLINE_SECONDS if behaviour == "hang" else _DEADLINE_SECONDS
        upstream.script.append(parse_behaviour(behaviour))
        order = self.vendor.order("a most secret fox", secret=self.vendor.own_key, deadline_seconds=seconds)
        fault = await fault_of(provider, order, memory)
        expected = {**self.expected, **self.vendor.verdicts}[behaviour]
        if expected.reason == reason.REASON_UPSTREAM_DENIED:  # the caller's own key has no other route
            expected = expected._replace(retryable=False)
        assert Verdict(fault.reason, fault.bought, fault.retryable) == expected
        assert fault.details["provider"] == provider.name
        assert upstream.purchases <= 1
        told = f"{fault.message} {dict(fault.details)} {caplog.text}"
        assert self.vendor.own_key not in told
        assert "most secret fox" not in told

    async def test_a_refusal_says_what_was_refused(self, provider: Provider, memory: CountedMemory) -> None:
        for behaviour, stage in (("refusal", "input"), ("output_refusal", "output")):
            if behaviour not in self.vendor.without:
                fault = await fault_of(provider, self.vendor.order(f"a fox [[{behaviour}]]"), memory)
                assert fault.details["stage"] == stage

    async def test_a_field_that_the_vendor_refuses_is_named(self, provider: Provider, memory: CountedMemory) -> None:
        if "bad_field" not in self.vendor.without:
            fault = await fault_of(provider, self.vendor.order("a fox [[bad_field]]"), memory)
            assert fault.details["field"]

    async def test_a_rate_limit_says_when_to_come_back(
        self, provider: Provider, upstream: ScriptedUpstream, memory: CountedMemory
    ) -> None:
        if self.vendor.tells_when and "rate_limited" not in self.vendor.without:
            upstream.script.append(Behaviour("rate_limited", seconds=3))
            fault = await fault_of(provider, self.vendor.order(), memory)
            assert fault.retry_after_seconds == 3

    async def test_what_is_no_whole_picture_is_refused_as_paid_or_left_to_who_inspects_it(
        self, provider: Provider, memory: CountedMemory, bad_picture: str
    ) -> None:
        with pytest.raises((UpstreamFault, NotAPicture)) as caught:
            await inspected(provider, self.vendor.order(f"a fox [[{bad_picture}]]"), memory)
        assert getattr(caught.value, "bought", Bought.YES) is Bought.YES

    async def test_a_vendor_that_cannot_be_reached_sold_nothing(self, memory: CountedMemory) -> None:
        with socket.socket() as unheard:
            unheard.bind(("127.0.0.1", 0))
            provider = self.vendor.factory.open(self.vendor.environ(f"http://127.0.0.1:{unheard.getsockname()[1]}"))
            fault = await fault_of(provider, self.vendor.order(), memory)
            await provider.close()
        assert (fault.reason, fault.bought) == (reason.REASON_UPSTREAM_FAILED, Bought.NO)

    async def test_what_the_vendor_cannot_honour_is_told_as_a_warning(
        self, provider: Provider, upstream: ScriptedUpstream, memory: CountedMemory
    ) -> None:
        drawn = await drawn_by(provider, self.vendor.order(draw=self.vendor.ignored), memory)
        for name in self.vendor.ignored:
            assert any(name in warning for warning in drawn.warnings), f"nothing is said of {name}: {drawn.warnings}"
        assert not upstream.violations

    async def test_it_is_configured_by_the_vendors_own_variables(self) -> None:
        assert not self.vendor.factory.open({}).configured
        key, address = self.vendor.variables
        given = {address: "http://127.0.0.1:1"} if self.vendor.self_hosted else {key: self.vendor.key}
        assert self.vendor.factory.open(given).configured


class TicketConformance(Conformance):
    """And those of a vendor whose order is a ticket, by which another process collects the pictures."""

    async def test_another_process_collects_what_one_has_ordered(
        self, base_url: str, upstream: ScriptedUpstream, memory: CountedMemory
    ) -> None:
        first, second = (self.vendor.factory.open(self.vendor.environ(base_url)) for _ in range(2))
        order = self.vendor.order("a fox [[slow:0.3]]", count=self.vendor.most)
        ticket = await first.submit(order, memory)
        await first.close()
        assert isinstance(ticket, Ticket)
        drawn = await second.collect(ticket, replace(order, inputs=()), memory)
        again = await second.collect(ticket, order, memory)
        await second.close()
        assert len(drawn.pictures) == self.vendor.most
        assert [bytes(one.data) for one in again.pictures] == [bytes(one.data) for one in drawn.pictures]
        assert upstream.purchases == 1

    async def test_a_ticket_is_not_the_place_of_a_key(self, provider: Provider, memory: CountedMemory) -> None:
        ticket = await provider.submit(self.vendor.order(secret=self.vendor.own_key), memory)
        assert isinstance(ticket, Ticket)
        assert self.vendor.own_key.encode() not in ticket.data


class QueueConformance(TicketConformance):
    """And those of a vendor that is polled."""

    expected = QUEUE_VERDICTS

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """One more case for each way in which polls fail."""
        super().pytest_generate_tests(metafunc)
        if "poll_fault" in metafunc.fixturenames:
            metafunc.parametrize("poll_fault", ["poll_error", "poll_drop", "poll_limited", "slow:0.8"])

    async def test_polls_that_fail_do_not_lose_the_pictures(
        self, provider: Provider, upstream: ScriptedUpstream, memory: CountedMemory, poll_fault: str
    ) -> None:
        drawn = await drawn_by(provider, self.vendor.order(f"a fox [[{poll_fault}]]"), memory)
        assert len(drawn.pictures) == 1
        assert upstream.purchases == 1


class AddressConformance(Conformance):
    """And those of a vendor that answers with addresses of pictures on another host."""

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """One more case for each accident of a download."""
        super().pytest_generate_tests(metafunc)
        if "accident" in metafunc.fixturenames:
            metafunc.parametrize("accident", ["download_error", "download_drop", "download_redirect"])

    async def test_the_host_of_the_pictures_gets_no_key(
        self, provider: Provider, upstream: ScriptedUpstream, memory: CountedMemory
    ) -> None:
        await drawn_by(provider, self.vendor.order(secret=self.vendor.own_key), memory)
        assert upstream.results.requests
        assert all("Authorization" not in headers for headers in upstream.results.requests)
        assert self.vendor.own_key not in "\n".join(str(dict(headers)) for headers in upstream.results.requests)

    async def test_a_download_that_fails_by_accident_is_tried_again(
        self, provider: Provider, upstream: ScriptedUpstream, memory: CountedMemory, accident: str
    ) -> None:
        drawn = await drawn_by(provider, self.vendor.order(f"a fox [[{accident}]]"), memory)
        assert inspect(drawn.pictures[0].data).width > 0
        assert upstream.purchases == 1

    async def test_a_picture_that_is_not_there_was_paid(self, provider: Provider, memory: CountedMemory) -> None:
        fault = await fault_of(provider, self.vendor.order("a fox [[download_expired]]"), memory)
        assert (fault.reason, fault.bought) == (reason.REASON_UPSTREAM_BAD_IMAGE, Bought.YES)

    async def test_an_address_inside_the_platform_is_not_fetched(
        self, base_url: str, upstream: ScriptedUpstream, memory: CountedMemory
    ) -> None:
        closed = {**self.vendor.environ(base_url), "GESSO_EGRESS_ALLOW": ""}
        provider = self.vendor.factory.open(closed)
        fault = await fault_of(provider, self.vendor.order(), memory)
        await provider.close()
        assert (fault.reason, fault.bought) == (reason.REASON_UPSTREAM_BAD_IMAGE, Bought.YES)
        assert fault.details["cause"] == "forbidden_address"
        assert not upstream.results.requests
