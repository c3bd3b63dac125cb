"""A durable file is complete under its name or absent, whichever of the process, the kernel or the power fails."""

import os
import secrets
from collections.abc import Sequence
from pathlib import Path

# The kernel takes at most this many buffers in one call.
_IOV_MAX = os.sysconf("SC_IOV_MAX")

Buffer = bytes | bytearray | memoryview


def create(path: Path, buffers: Sequence[Buffer], *, scratch: Path) -> bool:
    """Write ``buffers`` as the new file ``path``; False, and nothing changed, if that name is taken.

    On True the bytes and the name have been handed to the disk: the file is synced under a scratch name, then linked,
    then the directory is synced. ``scratch`` is an existing directory of the same file system; what a crash leaves there
    belongs to no one (see `sweep`). Blocks for the disk's sync time, so it runs in a thread. Raises OSError.
    """
    unfinished = scratch / secrets.token_hex(12)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)
    try:
        try:
            _write_all(descriptor, buffers)
            os.fdatasync(descriptor)
        finally:
            os.close(descriptor)
        return _link(unfinished, path)
    finally:
        unfinished.unlink()


def make_directory(path: Path) -> None:
    """Create ``path`` and its parents, and sync each name into its parent directory."""
    missing = [place for place in (path, *path.parents) if not place.exists()]
    path.mkdir(parents=True, exist_ok=True)
    for place in reversed(missing):
        sync_directory(place.parent)


def sync_directory(path: Path) -> None:
    """Hand the names in the directory ``path`` to the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sweep(scratch: Path, *, older_than: float) -> int:
    """Remove what crashed writers left in ``scratch`` before ``older_than`` (epoch seconds); return how many files."""
    left = [entry for entry in scratch.iterdir() if entry.stat().st_mtime < older_than]
    for entry in left:
        entry.unlink(missing_ok=True)
    return len(left)


def _link(unfinished: Path, path: Path) -> bool:
    try:
        path.hardlink_to(unfinished)
    except FileExistsError:
        # The name may be a moment old: its writer has not synced the directory, and this caller will rely on it.
        sync_directory(path.parent)
        return False
    except FileNotFoundError:
        make_directory(path.parent)
        return _link(unfinished, path)
    sync_directory(path.parent)
    return True


def _write_all(descriptor: int, buffers: Sequence[Buffer]) -> None:
    rest = [memoryview(buffer).cast("B") for buffer in buffers if len(buffer)]
    while rest:
        written = os.writev(descriptor, rest[:_IOV_MAX])
        while rest and written >= len(rest[0]):
            written -= len(rest.pop(0))
        if written:
            rest[0] = rest[0][written:]
