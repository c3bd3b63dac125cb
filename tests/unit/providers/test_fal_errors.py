"""fal's errors are read by their type, also where the body was cut off in the input that it repeats."""

import json

import pytest

from generator.providers.base import Bought
from generator.providers.complaints import FAILED, REFUSED, Stage
from generator.providers.fal_errors import read_complaint

PICTURE = "data:image/png;base64," + "A" * 100_000


def _body(loc: list[str], **order: object) -> bytes:
    detail = {"loc": loc, "msg": "no", "type": "content_policy_violation", **order}
    return json.dumps({"detail": [{**detail, "input": {"image_url": PICTURE, "prompt": "x"}}]}).encode()


@pytest.mark.parametrize("cut", [None, 64 << 10, 300])
@pytest.mark.parametrize(
    ("loc", "stage"),
    [(["body", "prompt"], Stage.INPUT), (["body", "image_url"], Stage.INPUT), (["body"], Stage.OUTPUT)],
)
def test_a_refusal_is_known_though_its_end_is_missing(cut: int | None, loc: list[str], stage: Stage) -> None:
    complaint = read_complaint(422, _body(loc)[:cut])
    assert (complaint.reason, complaint.stage) == (REFUSED, stage)


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"detail', b'{"detail": "gone"}', b'{"detail": []}', b"[1]"])
def test_what_is_no_error_of_theirs_says_nothing(body: bytes) -> None:
    assert read_complaint(422, body).reason is None


@pytest.mark.parametrize("status", [500, 503, 504])
def test_a_request_that_its_runner_lost_has_failed_and_is_not_charged(status: int) -> None:
    complaint = read_complaint(status, b'{"detail": "gone", "error_type": "runner_disconnected"}')
    assert (complaint.reason, complaint.bought, complaint.code) == (FAILED, Bought.NO, "runner_disconnected")


def test_a_type_of_the_infrastructure_leaves_other_statuses_as_they_are() -> None:
    assert read_complaint(429, b'{"detail": "later", "error_type": "too_many"}').reason is None
