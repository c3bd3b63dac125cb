"""`eventually` returns when its assertion holds, and raises what still failed when time is up."""

import asyncio

import pytest

from testkit.eventually import eventually
from testkit.ports import free_ports


async def test_it_returns_the_value_of_the_first_call_that_holds() -> None:
    left = [None, None, "found"]

    def assertion() -> str:
        value = left.pop(0)
        assert value is not None
        return value

    assert await eventually(assertion) == "found"


async def test_it_awaits_coroutine_functions() -> None:
    ready = asyncio.Event()
    asyncio.get_running_loop().call_later(0.02, ready.set)

    async def assertion() -> int:
        assert ready.is_set()
        return 7

    assert await eventually(assertion) == 7


async def test_it_raises_the_last_failure_when_time_is_up() -> None:
    def assertion() -> None:
        raise AssertionError("still one job running")

    with pytest.raises(AssertionError, match="still one job running"):
        await eventually(assertion, timeout_seconds=0.05)


async def test_a_condition_that_stays_false_fails() -> None:
    with pytest.raises(AssertionError, match="stayed False"):
        await eventually(lambda: False, timeout_seconds=0.05)


async def test_a_call_that_never_ends_is_given_up() -> None:
    with pytest.raises(AssertionError, match="did not end"):
        await eventually(asyncio.Event().wait, timeout_seconds=0.05)


async def test_other_errors_are_raised_at_once() -> None:
    def assertion() -> None:
        raise KeyError("job")

    with pytest.raises(KeyError):
        await eventually(assertion, timeout_seconds=60)


def test_free_ports_are_distinct() -> None:
    assert len(set(free_ports(20) + free_ports(20))) == 40
