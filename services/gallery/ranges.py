"""One byte range of a GET, as RFC 9110 section 14 has it."""

import re

_ONE_RANGE = re.compile(r"bytes=(\d*)-(\d*)", re.IGNORECASE)


class Unsatisfiable(Exception):
    """The range begins behind the end: 416."""


def parse_range(header: str, size_bytes: int) -> tuple[int, int] | None:
    """Return (first, end not included) of the one range that is asked for, or None where the whole is to be sent.

    A range that is malformed, or one of several, is ignored, as the RFC allows. Raises Unsatisfiable.
    """
    match = _ONE_RANGE.fullmatch(header.strip())
    if match is None or match.group(1) == match.group(2) == "":
        return None
    first, last = match.groups()
    if not first:
        length = min(int(last), size_bytes)
        if length == 0:
            raise Unsatisfiable
        return size_bytes - length, size_bytes
    start, end = int(first), min(int(last) + 1 if last else size_bytes, size_bytes)
    if start >= size_bytes:
        raise Unsatisfiable
    return (start, end) if start < end else None
