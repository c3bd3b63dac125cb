"""Background work of a service: a task that runs as long as the block, and whose crash ends the process instead of hiding."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Coroutine
from typing import Any


@contextlib.asynccontextmanager
async def running_task(work: Coroutine[Any, Any, None]) -> AsyncIterator["asyncio.Task[None]"]:
    """Run `work` beside the block and cancel it at the end.

    Work that raises is a bug: it is reported through the loop's exception handler and the process is asked to stop, so that
    whoever supervises it starts it again.
    """
    task = asyncio.create_task(work)
    task.add_done_callback(_check)
    try:
        yield task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait([task])


def _check(task: "asyncio.Task[None]") -> None:
    if task.cancelled() or task.exception() is None:
        return
    context = {"message": "background work crashed; the process stops", "exception": task.exception(), "task": task}
    task.get_loop().call_exception_handler(context)
    os.kill(os.getpid(), signal.SIGTERM)
