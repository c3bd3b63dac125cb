"""Times between Python and protobuf: always aware, always UTC."""

import datetime
from typing import overload

from google.protobuf.timestamp_pb2 import Timestamp


@overload
def to_timestamp(moment: datetime.datetime) -> Timestamp: ...
@overload
def to_timestamp(moment: None) -> None: ...
def to_timestamp(moment: datetime.datetime | None) -> Timestamp | None:
    """Write a moment; None where there is none."""
    if moment is None:
        return None
    message = Timestamp()
    message.FromDatetime(moment)
    return message


def to_datetime(message: Timestamp) -> datetime.datetime:
    """Read a moment in UTC."""
    return message.ToDatetime(datetime.UTC)
