"""Jobs, holds and pictures that do not fit are named; what is still on its way is no breach."""

import pytest

from cli.verification import Settlement, breaches
from gesso.billing.v1.billing_pb2 import Hold
from gesso.gallery.v1.gallery_pb2 import Image
from gesso.generator.v1.generator_pb2 import Job

HOLD = Hold(id="hold_1", job_id="job_1", state=Hold.STATE_CAPTURED, amount_micros=40, captured_micros=30)
IMAGE = Image(id="img_1", account_id="acct_1", job_id="job_1", source=Image.SOURCE_DRAWN)


def job(
    state: Job.State.ValueType = Job.STATE_SUCCEEDED, *, settled: bool = True, charge_micros: int = 30
) -> Settlement:
    return Settlement(
        job_id="job_1",
        account_id="acct_1",
        hold_id="hold_1",
        state=state,
        hold_micros=40,
        charge_micros=charge_micros,
        image_ids=["img_1"],
        settled=settled,
    )


def held(state: Hold.State.ValueType, captured_micros: int = 0) -> Hold:
    return Hold(id="hold_1", job_id="job_1", state=state, amount_micros=40, captured_micros=captured_micros)


def found(settlement: Settlement | None, hold: Hold | None = HOLD, image: Image | None = IMAGE) -> list[str]:
    crossed = breaches(
        [settlement] if settlement else [],
        {hold.id: hold} if hold else {},
        {image.id: image} if image else {},
        {settlement.job_id} if settlement else (),
    )
    return [breach.invariant for breach in crossed]


def test_a_settled_job_with_its_hold_and_picture_is_sound() -> None:
    assert found(job()) == []


@pytest.mark.parametrize("settled", [True, False])
def test_an_open_hold_is_a_breach_once_its_job_says_that_it_is_settled(*, settled: bool) -> None:
    assert found(job(settled=settled), held(Hold.STATE_OPEN)) == (["ended_job_is_settled"] if settled else [])


@pytest.mark.parametrize("settled", [True, False])
def test_another_amount_than_what_is_owed_is_a_breach_at_once(*, settled: bool) -> None:
    assert found(job(settled=settled, charge_micros=31)) == ["capture_is_charge"]
    assert found(job(settled=settled), held(Hold.STATE_RELEASED)) == ["capture_is_charge"]
    assert found(job(charge_micros=41), held(Hold.STATE_CAPTURED, 41)) == ["charge_within_hold"]


@pytest.mark.parametrize(
    ("settled", "captured_micros", "refunded_micros", "charge_micros", "expected"),
    [
        (True, 40, 0, 40, []),
        (True, 40, 40, 0, []),
        (True, 40, 10, 30, []),
        (False, 40, 0, 0, []),
        (True, 40, 0, 0, ["refund_is_made"]),
        (True, 30, 0, 30, ["capture_is_charge"]),
    ],
    ids=["kept", "refunded", "a part refunded", "not yet refunded", "never refunded", "captured in part"],
)
def test_a_job_captured_at_its_start_is_captured_whole_and_refunded_what_it_does_not_owe(
    *, settled: bool, captured_micros: int, refunded_micros: int, charge_micros: int, expected: list[str]
) -> None:
    hold = held(Hold.STATE_CAPTURED, captured_micros)
    hold.refunded_micros = refunded_micros
    one = job(Job.STATE_FAILED, settled=settled, charge_micros=charge_micros)
    one.captured_at_start = True
    del one.image_ids[:]
    assert found(one, hold, None) == expected


def test_only_a_job_captured_at_its_start_is_charged_for_no_picture() -> None:
    one = job()
    del one.image_ids[:]
    assert found(one, image=None) == ["charge_has_pictures"]


def test_an_ended_job_has_its_hold_and_its_own_pictures() -> None:
    assert found(job(), None) == ["ended_job_has_hold"]
    assert found(job(), image=None) == ["delivered_image_is_kept"]
    other = Image(id="img_1", account_id="acct_2", job_id="job_1", source=Image.SOURCE_DRAWN)
    assert found(job(), image=other) == ["delivered_image_is_own"]


def test_a_refused_job_holds_nothing_once_it_is_settled() -> None:
    assert found(job(Job.STATE_REFUSED), image=None)[0] == "refused_job_holds_nothing"
    assert found(job(Job.STATE_REFUSED, settled=False), held(Hold.STATE_OPEN)) == []


def test_money_and_pictures_have_a_job_behind_them() -> None:
    assert found(None) == ["hold_has_job", "image_has_job"]
    assert found(None, held(Hold.STATE_RELEASED), None) == []
