"""A vendor that was given an address wakes its order by it, in whichever replica that waits; everybody else wakes nothing."""

import asyncio
from collections import deque
from dataclasses import dataclass, field

import pytest

from generator.providers.base import Call, Callback, Drawn, Memory, Order, Ticket
from gesso.errors.v1 import reason_pb2 as reasons
from gesso.generator.v1 import generator_pb2 as pb
from servicekit.callbacks import CallbackName, callback_token
from servicekit.faults import Fault
from servicekit.ids import new_id
from servicekit.sealing import seal
from servicekit.settings import SettingError
from testkit.eventually import eventually

from .house import House, ended
from .purchases import Customer, draw, purchase
from .scripted import Act, Scripted, ticket

LINK_KEY = "07" * 32
ON = {
    "GESSO_VENDOR_WEBHOOKS": "on",
    "GESSO_PUBLIC_URL": "https://gesso.example/",
    "GESSO_LINK_KEY": LINK_KEY,
}


@dataclass
class Calling(Scripted):
    """A provider whose vendor calls back: what it has drawn is there when it was woken. A call without `by` is a forgery."""

    hears: bool = True
    woken: list[str] = field(default_factory=list)
    bells: dict[str, asyncio.Event] = field(default_factory=dict)

    async def collect(self, ticket: Ticket, order: Order, memory: Memory) -> Drawn:
        assert order.callback is not None
        await self.bells.setdefault(order.callback.key, asyncio.Event()).wait()
        return await super().collect(ticket, order, memory)

    async def message_id(self, call: Call) -> str | None:
        assert call.callback.secret
        return call.headers.get("by")

    def wake(self, key: str) -> bool:
        self.woken.append(key)
        bell = self.bells.get(key)
        if bell is not None:
            bell.set()
        return bell is not None


async def waiting(provider: Calling) -> Callback:
    """Where the vendor of an order that waits was told to call."""

    async def begun() -> Callback:
        assert provider.bells
        callback = provider.orders[0].callback
        assert callback is not None
        return callback

    return await eventually(begun)


async def test_a_genuine_call_wakes_its_order_and_the_same_again_does_nothing(house: House, customer: Customer) -> None:
    alpha = Calling("alpha", acts=_queueing())
    async with house.generator({"alpha": alpha}, **ON) as generator:
        job = await generator.submit(customer.token(), purchase())
        callback = await waiting(alpha)
        assert callback.url == f"https://gesso.example/hooks/alpha/{callback.key}"
        for _ in range(2):
            await generator.deliver("alpha", callback.key, {"by": "message-1"})
        job = await ended(generator, customer.token(), job.id)
        assert (job.state, alpha.woken) == (pb.Job.STATE_SUCCEEDED, [callback.key])
        await generator.deliver("alpha", callback.key, {"by": "message-2"})
        assert alpha.woken[1] == callback.key  # another message is news, of whatever use


async def test_a_call_that_another_replica_hears_reaches_the_one_that_waits(house: House, customer: Customer) -> None:
    first, second = Calling("alpha", acts=_queueing()), Calling("alpha")
    async with (
        house.generator({"alpha": first}, **ON) as waits,
        house.generator({"alpha": second}, **ON) as hears,
    ):
        job = await waits.submit(customer.token(), purchase())
        callback = await waiting(first)
        await hears.deliver("alpha", callback.key, {"by": "message-1"})
        assert (await ended(waits, customer.token(), job.id)).state == pb.Job.STATE_SUCCEEDED
    assert callback.key in second.woken


async def test_another_replica_that_collects_waits_for_the_same_call(house: House, customer: Customer) -> None:
    first, second = Calling("alpha", acts=_queueing()), Calling("alpha")
    async with house.generator({"alpha": first}, **ON) as generator:
        job = await generator.submit(customer.token(), purchase())
        callback = await waiting(first)
    async with house.generator({"alpha": second}, **ON) as generator:
        await eventually(lambda: callback.key in second.bells)
        await generator.deliver("alpha", callback.key, {"by": "message-1"})
        assert (await ended(generator, customer.token(), job.id)).state == pb.Job.STATE_SUCCEEDED


async def test_forgeries_and_guesses_wake_nothing(house: House, customer: Customer) -> None:
    alpha = Calling("alpha", acts=_queueing())
    async with house.generator({"alpha": alpha, "beta": Scripted("beta")}, **ON) as generator:
        await generator.submit(customer.token(), purchase())
        callback = await waiting(alpha)
        never_given = callback_token(CallbackName("alpha", f"{new_id('job')}/0", 0), bytes(32))
        deaf = callback_token(CallbackName("beta", f"{new_id('job')}/0", 0), bytes.fromhex(LINK_KEY))
        for provider, token, headers, reason in (
            ("alpha", callback.key, {}, reasons.REASON_FORBIDDEN),
            ("alpha", never_given, {"by": "x"}, reasons.REASON_NOT_FOUND),
            ("alpha", "guessed", {"by": "x"}, reasons.REASON_NOT_FOUND),
            ("beta", deaf, {"by": "x"}, reasons.REASON_NOT_FOUND),
            ("gamma", callback.key, {"by": "x"}, reasons.REASON_NOT_FOUND),
        ):
            with pytest.raises(Fault) as caught:
                await generator.deliver(provider, token, headers)
            assert caught.value.reason == reason
        assert not alpha.woken
        alpha.bells[callback.key].set()


async def test_each_order_of_a_task_has_an_address_of_its_own(house: House, customer: Customer) -> None:
    alpha = Calling("alpha", acts=_queueing(2))
    async with house.generator({"alpha": alpha}, **ON) as generator:
        job = await generator.submit(customer.token(), purchase(draw("single", n=2)))
        await eventually(lambda: len(alpha.bells) == 2)
        for key in list(alpha.bells):
            await generator.deliver("alpha", key, {"by": "message"})
        assert len((await ended(generator, customer.token(), job.id)).tasks[0].pictures) == 2


async def test_who_brings_a_key_or_has_not_turned_it_on_is_not_called(house: House, customer: Customer) -> None:
    off, on, deaf = Calling("alpha"), Calling("alpha"), Calling("alpha", hears=False)
    async with house.generator({"alpha": off}, **{**ON, "GESSO_VENDOR_WEBHOOKS": "off"}) as generator:
        await ended(generator, customer.token(), (await generator.submit(customer.token(), purchase())).id)
        token = callback_token(CallbackName("alpha", f"{new_id('job')}/0", 0), bytes.fromhex(LINK_KEY))
        with pytest.raises(Fault) as caught:
            await generator.deliver("alpha", token, {"by": "x"})
        assert caught.value.reason == reasons.REASON_NOT_FOUND
    async with house.generator({"alpha": on}, **ON) as generator:
        sealed = seal(await generator.sealing_key(), "sk-of-the-caller")
        mine = purchase(draw(sealed_secret=sealed, sealed_for="alpha"))
        await ended(generator, customer.token(), (await generator.submit(customer.token(), mine)).id)
    async with house.generator({"alpha": deaf}, **ON) as generator:
        await ended(generator, customer.token(), (await generator.submit(customer.token(), purchase())).id)
    assert [one.orders[0].callback for one in (off, on, deaf)] == [None, None, None]


@pytest.mark.parametrize(
    "lacking", [{"GESSO_PUBLIC_URL": ""}, {"GESSO_LINK_KEY": ""}, {"GESSO_PUBLIC_URL": "http://gesso.example"}]
)
async def test_vendors_that_could_not_call_stop_the_start(house: House, lacking: dict[str, str]) -> None:
    with pytest.raises(SettingError, match="GESSO_VENDOR_WEBHOOKS"):
        async with house.generator({"alpha": Calling("alpha")}, **{**ON, **lacking}):
            raise AssertionError("it started")


def _queueing(count: int = 1) -> deque[Act]:
    return deque(ticket(b"their-id") for _ in range(count))
