"""The C library keeps freed memory for the next picture, up to a bound, and gives back at once what large pictures took.

glibc's own way, to move its thresholds with what is freed, was measured on 2 MB replies to fault in 130 to 800 pages for
each, and to hold half as much again as is in use after large ones. Other C libraries are left as they are.
"""

import ctypes
from collections.abc import Mapping
from typing import Final, NamedTuple


class _Setting(NamedTuple):
    """A parameter of mallopt(3), the variable by which an operator may set it instead, and our value."""

    number: int
    variable: str
    value: int


_SETTINGS: Final = (
    # All buffers are made on the event loop: threads with arenas of their own would only hold more.
    _Setting(-8, "MALLOC_ARENA_MAX", 1),
    # Larger than most pictures and all blocks, so that these are made of memory that is there already.
    _Setting(-3, "MALLOC_MMAP_THRESHOLD_", 4 << 20),
    _Setting(-1, "MALLOC_TRIM_THRESHOLD_", 32 << 20),
)


def configure(environ: Mapping[str, str]) -> None:
    """Set what `environ` does not; before threads are started, which would have their arenas already."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return
    for setting in _SETTINGS:
        if setting.variable not in environ:
            mallopt(setting.number, setting.value)
