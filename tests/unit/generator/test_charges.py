"""What a task owes as it ends, as a table; and whose fault each reason is."""

from dataclasses import replace

import pytest

from generator.charges import OTHERS, PLATFORMS_OWN, charge_micros
from generator.records import JobRecord
from gesso.errors.v1 import reason_pb2 as reasons
from gesso.generator.v1 import generator_pb2 as pb

from .jobs import PRICE_MICROS, job, task

NONE = reasons.REASON_UNSPECIFIED
OWN, REFUSED = reasons.REASON_UPSTREAM_DENIED, reasons.REASON_UPSTREAM_REFUSED
N = 3


def charged(begun: int, delivered: int, reason: reasons.Reason.ValueType, *, at_start: bool) -> int:
    """What a task for N pictures owes, the first of them at half the price."""
    state = pb.Task.STATE_KEPT if delivered else pb.Task.STATE_FAILED
    ended = task(state, delivered=delivered, reason=reason, attempt_count=begun)
    whole = job([ended], n=N)
    whole.purchase.capture_at_start = at_start
    prices = [PRICE_MICROS // 2, PRICE_MICROS, 2 * PRICE_MICROS][:delivered]
    return charge_micros(whole, ended, ended.result or pb.Task(), prices)


def test_every_reason_is_either_the_platforms_own_or_anothers_fault() -> None:
    assert not PLATFORMS_OWN & OTHERS
    assert set(reasons.Reason.values()) - {NONE} == PLATFORMS_OWN | OTHERS


@pytest.mark.parametrize(
    ("delivered", "reason", "expected"),
    [(3, NONE, 2_500), (1, REFUSED, 500), (2, OWN, 1_500), (0, REFUSED, 0), (0, OWN, 0)],
)
def test_delivered_pictures_are_charged_each_at_its_price_and_none_above_what_was_held(
    delivered: int, reason: reasons.Reason.ValueType, expected: int
) -> None:
    assert charged(1, delivered, reason, at_start=False) == expected


@pytest.mark.parametrize(
    ("begun", "delivered", "reason", "expected"),
    [
        (1, 3, NONE, 3_000),
        (1, 1, REFUSED, 3_000),
        (1, 1, OWN, 1_000),
        (2, 0, REFUSED, 3_000),
        (1, 0, reasons.REASON_TIMEOUT, 3_000),
        (1, 0, OWN, 0),
        (0, 0, REFUSED, 0),
        (0, 0, reasons.REASON_TIMEOUT, 0),
    ],
    ids=["all", "some", "some, own fault", "refused", "late", "own fault", "refused before", "late before"],
)
def test_captured_at_the_start_all_is_kept_but_what_is_missing_by_the_platforms_own_fault(
    begun: int, delivered: int, reason: reasons.Reason.ValueType, expected: int
) -> None:
    assert charged(begun, delivered, reason, at_start=True) == expected


def of_two(first_attempts: int, first_micros: int) -> JobRecord:
    """A captured job of which the second task never began."""
    begun = replace(task(pb.Task.STATE_FAILED, attempt_count=first_attempts), charge_micros=first_micros)
    whole = job([begun, task(pb.Task.STATE_CANCELLED, 1, attempt_count=0)])
    whole.purchase.capture_at_start = True
    return replace(whole, available_micros=10_000)


def test_a_job_of_which_a_task_began_is_captured_whole_and_refunded_what_it_does_not_owe() -> None:
    begun = of_two(1, PRICE_MICROS)
    assert (begun.capture_micros, begun.refund_micros) == (2 * PRICE_MICROS, PRICE_MICROS)
    assert begun.available_in_the_end_micros == 10_000 + PRICE_MICROS


def test_a_job_that_never_began_is_released() -> None:
    waited = of_two(0, 0)
    assert (waited.captured_at_start, waited.capture_micros, waited.refund_micros) == (False, 0, 0)
