"""Times as this API writes them: dates, hours, and how long ago something was. Pure; all in UTC."""

import datetime

from google.protobuf.timestamp_pb2 import Timestamp

_UNITS = (("year", 365 * 86_400), ("month", 30 * 86_400), ("day", 86_400), ("hour", 3_600), ("minute", 60))
"""The largest that fits names the time that has passed, in seconds."""


def moment(at: Timestamp) -> datetime.datetime:
    """A timestamp as a time in UTC."""
    return at.ToDatetime(tzinfo=datetime.UTC)


def iso(at: datetime.datetime) -> str:
    """As `2025-01-20T13:00:00Z`."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def date(at: datetime.datetime) -> str:
    """As `2025-01-20`."""
    return at.strftime("%Y-%m-%d")


def ago(at: datetime.datetime | None, now: datetime.datetime) -> str:
    """As `2 hours ago`; `just now` within a minute, `never` for None."""
    if at is None:
        return "never"
    seconds = (now - at).total_seconds()
    for unit, length in _UNITS:
        count = int(seconds // length)
        if count >= 1:
            return f"{count} {unit}{'' if count == 1 else 's'} ago"
    return "just now"
