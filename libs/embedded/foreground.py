"""The platform stays in the foreground until it is told to stop; being told twice, it stops without waiting for anyone."""

import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path

from embedded.platform import Platform, up

_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


async def stay(
    home: Path,
    operators: Mapping[str, str],
    announce: Callable[[Platform], Awaitable[None]],
    before_edge: Callable[[], Awaitable[None]] | None = None,
) -> None:
    """Run the platform, announce it once it is ready, and return after SIGTERM, SIGINT or SIGHUP; raises what `up` does.

    A signal counts from the first moment, also while the platform still starts. The second one cuts the orderly stop
    short: what then still runs is killed by its leash when we end.
    """
    with _cancelled_by_signals() as signalled:
        try:
            async with up(home, operators, before_edge) as platform:
                await announce(platform)
                await platform.until_given_up()
        except asyncio.CancelledError:
            if not signalled.is_set():
                raise


@contextlib.contextmanager
def _cancelled_by_signals() -> Iterator[asyncio.Event]:
    """Cancel the present task at each signal; the event says that there was one."""
    loop, task, signalled = asyncio.get_running_loop(), asyncio.current_task(), asyncio.Event()
    assert task is not None

    def stop() -> None:
        signalled.set()
        task.cancel()

    for number in _STOP_SIGNALS:
        loop.add_signal_handler(number, stop)
    try:
        yield signalled
    finally:
        for number in _STOP_SIGNALS:
            loop.remove_signal_handler(number)
