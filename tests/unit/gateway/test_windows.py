"""What answers say of request limits."""

import pytest

from gateway.windows import reset_after


@pytest.mark.parametrize(("now", "seconds"), [(40.0, "20"), (40.1, "20"), (59.9, "1"), (60.0, "0"), (75.5, "0")])
def test_who_waits_as_long_as_told_is_in_the_next_window(now: float, seconds: str) -> None:
    assert reset_after({"X-RateLimit-Reset": "60"}, now) == {"X-RateLimit-Reset-After": seconds}


def test_where_nothing_limits_nothing_is_told() -> None:
    assert reset_after({}) == {}
