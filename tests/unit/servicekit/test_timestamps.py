"""Times survive the way through protobuf."""

import datetime

from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st

from servicekit.timestamps import to_datetime, to_timestamp

MOMENTS = st.datetimes(timezones=st.just(datetime.UTC))


@given(MOMENTS)
def test_a_moment_comes_back_and_is_written_as_protobuf_writes_it(moment: datetime.datetime) -> None:
    expected = Timestamp()
    expected.FromDatetime(moment)
    assert to_timestamp(moment) == expected
    assert to_datetime(expected) == moment


def test_another_zone_is_the_same_moment() -> None:
    zone = datetime.timezone(datetime.timedelta(hours=5, minutes=30))
    moment = datetime.datetime(2026, 11, 20, 12, 0, 0, 123456, tzinfo=zone)
    assert to_datetime(to_timestamp(moment)) == moment


def test_no_moment_is_none() -> None:
    assert to_timestamp(None) is None
