"""A lock file tells the living from the dead better than a process id: the kernel frees it with its last holder."""

import asyncio
import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

_POLL_SECONDS = 0.02


class InUseError(Exception):
    """Another living process holds the lock file `path`."""

    def __init__(self, path: Path, what: str) -> None:
        super().__init__(f"{what} (it holds {path})")
        self.path = path


def take(path: Path) -> int | None:
    """Take the lock and return its descriptor, or None where another process holds it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


@contextlib.contextmanager
def held(path: Path, refusal: str) -> Iterator[None]:
    """Hold the lock for the block; raises InUseError with the words of `refusal` where it is held already."""
    descriptor = take(path)
    if descriptor is None:
        raise InUseError(path, refusal)
    try:
        yield
    finally:
        os.close(descriptor)


async def wait_for(path: Path, deadline_seconds: float, refusal: str) -> int:
    """Return the lock's descriptor once its last holder is gone; raises InUseError after `deadline_seconds`."""
    end = time.monotonic() + deadline_seconds
    while (descriptor := take(path)) is None:
        if time.monotonic() > end:
            raise InUseError(path, refusal)
        await asyncio.sleep(_POLL_SECONDS)
    return descriptor
