"""The rules by which the BIG API counts tokens, writes times and sums a period."""

import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.dialects.bigapi.dashboard import PERIODS, rows_of, starts_of, success_rate
from gateway.dialects.bigapi.moments import ago, date, iso
from gateway.dialects.bigapi.tokens import MAX_TOKENS, check_tokens, token_count
from gesso.billing.v1.billing_pb2 import GetCallsResponse
from gesso.generator.v1.generator_pb2 import GetUsageResponse, Sums
from servicekit.faults import InvalidField
from servicekit.timestamps import to_timestamp

NOW = datetime.datetime(2026, 3, 1, 13, 45, 12, 345, tzinfo=datetime.UTC)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        (" \t\n", 0),
        ("abc123", 1),
        ("a red fox", 3),
        ("fox,hen", 3),
        ("snake_case", 3),
        ("it's", 3),
        ("...", 3),
        ("Größe Übung", 2),
        ("лиса 9", 2),
        ("狐狸", 2),
        ("a狐b", 3),
        ("きつね", 3),
        ("カメラ", 3),
        ("여우", 2),
        ("fox狐 fox", 3),
        ("🦊", 1),
        ("𠀀", 1),
        ("\u00a0x\u3000y", 2),
    ],
)
def test_tokens_are_counted_as_the_contract_says(text: str, count: int) -> None:
    assert token_count(text) == count


@given(st.text(), st.text())
def test_what_a_space_parts_counts_for_itself(one: str, other: str) -> None:
    assert token_count(f"{one} {other}") == token_count(one) + token_count(other)


@given(st.text(max_size=200))
def test_no_text_has_more_tokens_than_characters(text: str) -> None:
    assert token_count(text) <= len(text)


def test_the_longest_prompt_has_480_tokens() -> None:
    check_tokens("fox " * MAX_TOKENS, "tasks[0].prompt")
    check_tokens("狐" * MAX_TOKENS, "tasks[0].prompt")
    with pytest.raises(InvalidField, match=r"`tasks\[0\].prompt` must have at most 480 tokens, not 481."):
        check_tokens("狐" * (MAX_TOKENS + 1), "tasks[0].prompt")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "just now"),
        (0, "just now"),
        (59, "just now"),
        (60, "1 minute ago"),
        (3_599, "59 minutes ago"),
        (3_600, "1 hour ago"),
        (7_200, "2 hours ago"),
        (86_400, "1 day ago"),
        (2_592_000, "1 month ago"),
        (63_072_000, "2 years ago"),
    ],
)
def test_the_time_that_has_passed_is_told_in_words(seconds: int, words: str) -> None:
    assert ago(NOW - datetime.timedelta(seconds=seconds), NOW) == words


def test_what_was_never_used_says_so() -> None:
    assert ago(None, NOW) == "never"


@pytest.mark.parametrize(
    ("name", "count", "first", "last"),
    [
        ("24h", 24, "2026-02-28T14:00:00Z", "2026-03-01T13:00:00Z"),
        ("7d", 7, "2026-02-23", "2026-03-01"),
        ("30d", 30, "2026-01-31", "2026-03-01"),
        ("90d", 90, "2025-12-02", "2026-03-01"),
    ],
)
def test_a_period_has_a_row_for_each_of_its_steps(name: str, count: int, first: str, last: str) -> None:
    period = PERIODS[name]
    rows = rows_of(period, starts_of(period, NOW), [], GetUsageResponse())
    assert len({row.date for row in rows}) == len(rows) == count
    assert (rows[0].date, rows[-1].date) == (first, last)
    assert {(row.calls, row.credits) for row in rows} == {(0, 0)}


def _hour(at: datetime.datetime, calls: int) -> GetCallsResponse.Hour:
    return GetCallsResponse.Hour(start=to_timestamp(at), calls=calls)


def test_hours_come_together_in_their_day() -> None:
    midnight = NOW.replace(hour=0, minute=0, second=0, microsecond=0)
    hours = [
        _hour(midnight - datetime.timedelta(hours=1), 2),
        _hour(midnight, 3),
        _hour(midnight + datetime.timedelta(hours=13), 4),
    ]
    used = GetUsageResponse(
        buckets=[GetUsageResponse.Bucket(start=to_timestamp(midnight), sums=Sums(charge_micros=52_500))]
    )
    period = PERIODS["7d"]
    rows = rows_of(period, starts_of(period, NOW), hours, used)
    assert [(row.date, row.calls, row.credits) for row in rows[-2:]] == [
        ("2026-02-28", 2, 0),
        ("2026-03-01", 7, 10.5),
    ]
    by_hour = PERIODS["24h"]
    today = rows_of(by_hour, starts_of(by_hour, NOW), hours, GetUsageResponse())
    assert {row.date: row.calls for row in today if row.calls} == {
        "2026-02-28T23:00:00Z": 2,
        "2026-03-01T00:00:00Z": 3,
        "2026-03-01T13:00:00Z": 4,
    }


@pytest.mark.parametrize(
    ("succeeded", "failed", "rate"),
    [(0, 0, 0.0), (0, 3, 0.0), (5, 0, 100.0), (197, 3, 98.5), (2, 1, 66.67), (99_999, 1, 99.99)],
)
def test_the_rate_of_success_is_a_percentage(succeeded: int, failed: int, rate: float) -> None:
    found: Any = success_rate(succeeded, failed)
    assert (found, type(found)) == (rate, float)


def test_times_are_written_in_utc() -> None:
    assert (date(NOW), iso(NOW)) == ("2026-03-01", "2026-03-01T13:45:12Z")
