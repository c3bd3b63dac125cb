"""Unix sockets lie in a folder that only we can enter, and whose path is short and plain enough for every client."""

import contextlib
import hashlib
import os
import re
import tempfile
from pathlib import Path

LONGEST_NAME_BYTES = 24
_LONGEST_PATH_BYTES = 107  # sockaddr_un.sun_path is 108 bytes with its closing zero
_STAND_IN = "gesso-sockets-"
_PLAIN = re.compile(r"[A-Za-z0-9/._-]+")  # what neither a DSN nor a gRPC target has to escape


class UnsafeFolderError(Exception):
    """A folder for sockets exists already and belongs to, or is open to, somebody else."""


def fits(folder: Path) -> bool:
    """Say whether sockets may lie in `folder`: short enough for the kernel, plain enough for a URL."""
    text = str(folder)
    return _PLAIN.fullmatch(text) is not None and len(text) + 1 + LONGEST_NAME_BYTES <= _LONGEST_PATH_BYTES


def choose(folder: Path) -> Path:
    """Return `folder` where it fits, else a short one whose name follows from it, so that each start finds it again."""
    absolute = folder.absolute()
    if fits(absolute):
        return absolute
    name = f"{_STAND_IN}{os.geteuid()}-{hashlib.sha256(os.fsencode(absolute)).hexdigest()[:16]}"
    temporary = Path(tempfile.gettempdir()) / name
    return temporary if fits(temporary) else Path("/tmp") / name  # noqa: S108  its owner is checked below


def make(folder: Path, owner_id: int) -> Path:
    """Make the folder for `owner_id` alone; raises UnsafeFolderError where what lies there is not such a folder."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = folder.lstat()
    if folder.is_symlink() or status.st_uid not in {os.geteuid(), owner_id}:
        raise UnsafeFolderError(
            f"{folder} belongs to user {status.st_uid}: remove it, or set TMPDIR to a folder of your own"
        )
    folder.chmod(0o700)
    if status.st_uid != owner_id:
        os.chown(folder, owner_id, -1)
    return folder


def leave(folder: Path) -> None:
    """Remove a folder that stood in for an unfit one, unless sockets of killed processes still lie in it."""
    if folder.name.startswith(_STAND_IN):
        with contextlib.suppress(OSError):
            folder.rmdir()
