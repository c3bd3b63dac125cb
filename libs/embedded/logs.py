"""Each child writes straight into its own log file, cut when it grows: no line passes through the supervisor."""

import asyncio
import logging
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

LIMIT_BYTES = 16 * 1024 * 1024
_LOG = logging.getLogger(__name__)
_LOOK_SECONDS = 30.0
_TAIL_BYTES = 4096


def open_for_append(path: Path) -> int:
    """Return a descriptor that appends to the log; the caller closes it."""
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)


def tail(path: Path, since_bytes: int = 0) -> str:
    """Return the last lines written after `since_bytes`, at most 4 KB of them."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(min(since_bytes, size), size - _TAIL_BYTES))
            return file.read().decode(errors="replace").strip()
    except FileNotFoundError:
        return ""


def size_bytes(path: Path) -> int:
    """Return how much the log holds, 0 where there is none yet."""
    return path.stat().st_size if path.exists() else 0


def cut(path: Path, limit_bytes: int = LIMIT_BYTES) -> bool:
    """Move a log over the limit into `<name>.1` and empty it in place, because its writer keeps it open.

    Lines written between the copy and the cut are lost; that is the price of not standing between writer and file.
    """
    if size_bytes(path) <= limit_bytes:
        return False
    shutil.copyfile(path, path.with_name(path.name + ".1"))
    os.truncate(path, 0)
    return True


async def keep_small(paths: Iterable[Path]) -> None:
    """Cut the logs that grow too long, until cancelled."""
    watched = tuple(paths)
    while True:
        await asyncio.sleep(_LOOK_SECONDS)
        for path in watched:
            try:
                await asyncio.to_thread(cut, path)
            except OSError as error:  # a full disk is no reason to stop the platform
                _LOG.warning("%s could not be cut: %s", path, error)
