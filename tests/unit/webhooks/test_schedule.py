"""When a delivery is tried again."""

import pytest

from webhooks.schedule import DEFAULT, Outcome, next_pause, parse_retry_after, parse_schedule

FAILED = Outcome(500, "the endpoint answered 500")


def pause(outcome: Outcome, *, attempt: int = 1, chance: float = 0.5) -> float | None:
    return next_pause((10.0, 100.0), attempt, outcome, chance=chance)


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_a_delivered_event_is_not_sent_again(status: int) -> None:
    assert pause(Outcome(status)) is None


@pytest.mark.parametrize("status", [0, 100, 301, 302, 400, 401, 404, 429, 500, 503])
def test_every_failure_but_410_is_tried_again(status: int) -> None:
    assert pause(Outcome(status, "failed")) == 10.0


def test_410_ends_the_delivery() -> None:
    assert pause(Outcome(410, "gone")) is None


def test_pauses_follow_the_schedule_and_end_with_it() -> None:
    assert [pause(FAILED, attempt=number) for number in (1, 2, 3)] == [10.0, 100.0, None]


@pytest.mark.parametrize(("chance", "expected"), [(0.0, 9.0), (1.0, 11.0)])
def test_pauses_are_spread_by_a_tenth(chance: float, expected: float) -> None:
    assert pause(FAILED, chance=chance) == pytest.approx(expected)


@pytest.mark.parametrize(("asked", "expected"), [(5.0, 10.0), (60.0, 60.0), (90_000.0, 3600.0)])
def test_retry_after_is_honoured_up_to_an_hour(asked: float, expected: float) -> None:
    assert pause(Outcome(429, "slow down", retry_after_seconds=asked)) == expected


def test_retry_after_is_read_as_seconds_or_as_a_date() -> None:
    assert parse_retry_after("120", now_seconds=0) == 120
    assert parse_retry_after("Thu, 01 Jan 1970 00:02:00 GMT", now_seconds=60) == 60
    assert parse_retry_after("soon", now_seconds=0) is None
    assert parse_retry_after("", now_seconds=0) is None


def test_the_default_schedule_lasts_about_three_days() -> None:
    assert 70 * 3600 < sum(DEFAULT) < 80 * 3600
    assert parse_schedule(",".join(str(seconds) for seconds in DEFAULT)) == DEFAULT


@pytest.mark.parametrize("text", ["a", "-1", "1,x", "9999999"])
def test_a_schedule_that_cannot_be_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_schedule(text)
