"""Times between Python and protobuf: always aware, always UTC, to the microsecond."""

import datetime
from typing import overload

from google.protobuf.timestamp_pb2 import Timestamp

_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_DAY_SECONDS = 86_400


@overload
def to_timestamp(moment: datetime.datetime) -> Timestamp: ...
@overload
def to_timestamp(moment: None) -> None: ...
def to_timestamp(moment: datetime.datetime | None) -> Timestamp | None:
    """Write a moment; None where there is none. By hand: `FromDatetime` takes ten times as long, and jobs are full of times."""
    if moment is None:
        return None
    since = moment - _EPOCH
    return Timestamp(seconds=since.days * _DAY_SECONDS + since.seconds, nanos=since.microseconds * 1000)


def to_datetime(message: Timestamp) -> datetime.datetime:
    """Read a moment in UTC."""
    return _EPOCH + datetime.timedelta(seconds=message.seconds, microseconds=message.nanos // 1000)
