"""`eventually` waits until an assertion holds, so that no test sleeps for a guessed time."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, overload

T = TypeVar("T")

_FIRST_PAUSE_SECONDS = 0.005
_LONGEST_PAUSE_SECONDS = 0.1


@overload
async def eventually(assertion: Callable[[], Awaitable[T]], *, timeout_seconds: float = ...) -> T: ...
@overload
async def eventually(assertion: Callable[[], T], *, timeout_seconds: float = ...) -> T: ...
async def eventually(assertion: Callable[[], Any], *, timeout_seconds: float = 10.0) -> Any:
    """Call ``assertion`` until it neither raises AssertionError nor returns False, and return what it returned.

    ``assertion`` is a function or a coroutine function. Between two calls the event loop runs for 5 ms at first, for
    100 ms at most. Errors other than AssertionError are raised at once: they are no matter of time. After
    ``timeout_seconds`` the last AssertionError is raised; a call that is still awaiting then is cancelled.
    """
    last: AssertionError | None = None
    pause_seconds = _FIRST_PAUSE_SECONDS
    try:
        async with asyncio.timeout(timeout_seconds):
            while True:
                try:
                    return await _holds(assertion)
                except AssertionError as unmet:
                    last = unmet
                await asyncio.sleep(pause_seconds)
                pause_seconds = min(pause_seconds * 1.5, _LONGEST_PAUSE_SECONDS)
    except TimeoutError:
        raise (last or AssertionError("the first attempt did not end")) from None


async def _holds(assertion: Callable[[], Any]) -> Any:
    value = assertion()
    if inspect.isawaitable(value):
        value = await value
    if value is False:
        raise AssertionError("the condition stayed False")
    return value
