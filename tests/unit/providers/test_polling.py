"""A ticket is asked about at its own pace, until its deadline, whatever becomes of single polls."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest

from generator.providers.base import Bought, UpstreamFault
from generator.providers.deadline import Deadline
from generator.providers.polling import NotNow, Pace, Pending, Poller
from gesso.errors.v1 import reason_pb2 as reason

QUICK = Pace(first_seconds=0.01, growth=2.0, most_seconds=0.05)


def fault(*, bought: Bought = Bought.YES) -> UpstreamFault:
    return UpstreamFault(reason.REASON_UPSTREAM_FAILED, "failed", bought=bought, retryable=False)


def answering(*answers: object) -> Callable[[], Awaitable[object]]:
    """A look that gives these answers, or raises those that are errors, one after the other."""
    left = iter(answers)

    async def look() -> object:
        answer = next(left)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return look


async def test_it_looks_until_there_is_an_answer() -> None:
    look = answering(Pending(), Pending(), "done")
    assert await Poller("acme", QUICK).until_done(look, Deadline.after(5)) == "done"


async def test_looks_that_fail_by_accident_do_not_end_the_wait() -> None:
    look = answering(NotNow(fault()), NotNow(fault(), most=2), Pending(), NotNow(fault(), most=2), "done")
    assert await Poller("acme", QUICK).until_done(look, Deadline.after(5)) == "done"


async def test_an_accident_that_repeats_is_none() -> None:
    lost = fault(bought=Bought.UNKNOWN)
    with pytest.raises(UpstreamFault) as caught:
        await Poller("acme", QUICK).until_done(answering(*[NotNow(lost, most=3)] * 3), Deadline.after(5))
    assert caught.value is lost


async def test_what_the_vendor_says_of_the_order_ends_the_wait() -> None:
    refused = fault()
    with pytest.raises(UpstreamFault) as caught:
        await Poller("acme", QUICK).until_done(answering(Pending(), refused), Deadline.after(5))
    assert caught.value is refused


async def test_at_the_deadline_the_purchase_stands() -> None:
    async def look() -> Pending:
        return Pending()

    with pytest.raises(UpstreamFault) as caught:
        await Poller("acme", QUICK).until_done(look, Deadline.after(0.1))
    assert (caught.value.reason, caught.value.bought) == (reason.REASON_TIMEOUT, Bought.YES)


async def test_a_look_that_hangs_is_ended_by_the_deadline() -> None:
    async def look() -> Pending:
        await asyncio.Event().wait()
        return Pending()

    with pytest.raises(UpstreamFault) as caught:
        await Poller("acme", QUICK).until_done(look, Deadline.after(0.1))
    assert caught.value.reason == reason.REASON_TIMEOUT


async def test_a_hint_of_the_vendor_goes_before_the_pace() -> None:
    started_at = time.monotonic()
    slow = Pace(first_seconds=0.01, growth=1000.0, most_seconds=1000.0)
    assert await Poller("acme", slow).until_done(answering(Pending(0.05), Pending(0.05), "done"), Deadline.after(5))
    assert 0.05 <= time.monotonic() - started_at < 2


async def test_a_crowd_is_asked_about_no_more_often_than_the_provider_allows() -> None:
    looks = 0

    async def look() -> Pending:
        nonlocal looks
        looks += 1
        return Pending()

    pace = Pace(first_seconds=0.01, growth=1.0, most_seconds=0.01, polls_per_second=100.0, uncrowded_count=0)
    poller = Poller("acme", pace)
    waits: list[Awaitable[object]] = [poller.until_done(look, Deadline.after(1.0)) for _ in range(100)]
    await asyncio.gather(*waits, return_exceptions=True)
    assert looks <= 150


async def test_so_many_tickets_as_one_job_has_are_asked_about_at_their_own_pace() -> None:
    poller = Poller("acme", Pace(first_seconds=0.01, polls_per_second=0.01, uncrowded_count=100))
    waits = [poller.until_done(answering(Pending(), "done"), Deadline.after(30)) for _ in range(100)]
    assert await asyncio.gather(*waits) == ["done"] * 100


async def test_polls_at_one_time_are_bounded() -> None:
    at_once, most = 0, 0

    async def look() -> str:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(0.02)
        at_once -= 1
        return "done"

    poller = Poller("acme", Pace(first_seconds=0.01, concurrent_polls=3))
    await asyncio.gather(*(poller.until_done(look, Deadline.after(5)) for _ in range(20)))
    assert most == 3


PATIENT = Pace(first_seconds=0.01, growth=1.0, most_seconds=0.01, uncalled_seconds=30.0)


async def test_a_ticket_whose_vendor_will_call_is_looked_at_when_it_does() -> None:
    poller, looks = Poller("acme", PATIENT), 0

    async def look() -> str:
        nonlocal looks
        looks += 1
        return "done"

    waiting = asyncio.create_task(poller.until_done(look, Deadline.after(5), called_by="mine"))
    with pytest.raises(TimeoutError):  # longer than the pause of one whose vendor does not call
        await asyncio.wait_for(asyncio.shield(waiting), 0.05)
    assert (looks, poller.wake("another's"), waiting.done()) == (0, False, False)
    assert poller.wake("mine")
    assert (await waiting, looks) == ("done", 1)
    assert not poller.wake("mine")


async def test_a_call_that_comes_before_its_ticket_waits_is_not_lost() -> None:
    poller = Poller("acme", PATIENT)
    assert not poller.wake("mine")
    async with asyncio.timeout(2):
        assert await poller.until_done(answering("done"), Deadline.after(5), called_by="mine") == "done"


async def test_a_call_is_a_hint_and_what_is_not_done_yet_is_looked_at_again_soon() -> None:
    poller = Poller("acme", PATIENT)
    poller.wake("mine")
    look = answering(Pending(), NotNow(fault()), Pending(), "done")
    async with asyncio.timeout(2):
        assert await poller.until_done(look, Deadline.after(5), called_by="mine") == "done"


async def test_without_a_call_polls_are_the_net_and_where_none_comes_none_is_waited_for() -> None:
    poller = Poller("acme", Pace(first_seconds=0.001, uncalled_seconds=0.2), chance=lambda: 0.5)
    lasted = []
    for number in range(6):
        started_at = time.monotonic()
        assert await poller.until_done(answering("done"), Deadline.after(5), called_by=str(number)) == "done"
        lasted.append(time.monotonic() - started_at)
    assert min(lasted[:3]) >= 0.2 > min(lasted[3:]), lasted  # the least, because a busy machine can only add
    poller.wake("one")  # calls come again
    started_at = time.monotonic()
    await poller.until_done(answering("done"), Deadline.after(5), called_by="two")
    assert time.monotonic() - started_at >= 0.2


async def test_calls_that_nobody_waits_for_are_forgotten_one_after_the_other() -> None:
    poller = Poller("acme", PATIENT)
    for number in range(1_001):
        poller.wake(str(number))
    async with asyncio.timeout(2):
        assert await poller.until_done(answering("done"), Deadline.after(5), called_by="1000") == "done"
    with pytest.raises(UpstreamFault):
        await poller.until_done(answering("done"), Deadline.after(0.1), called_by="0")
