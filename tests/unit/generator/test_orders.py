"""How a task's pictures become orders, and what orders bring becomes one result."""

import json

import pytest

from generator.attempts import batches
from generator.drawing import next_route
from generator.gathered import Gathered, summed
from generator.providers.base import Drawn
from generator.router import Route
from generator.tickets import Ticketed, read_tickets, written_tickets
from gesso.errors.v1 import reason_pb2 as reasons
from gesso.generator.v1 import generator_pb2 as pb
from servicekit.faults import Fault


@pytest.mark.parametrize(
    ("positions", "size", "expected"),
    [
        ([0, 1, 2, 3], 4, [(0, 1, 2, 3)]),
        ([0, 1, 2, 3, 4], 2, [(0, 1), (2, 3), (4,)]),
        ([0, 1, 2], 1, [(0,), (1,), (2,)]),
        ([0, 2, 3, 7], 10, [(0,), (2, 3), (7,)]),
        ([], 4, []),
    ],
)
def test_orders_are_consecutive_and_no_longer_than_the_route_takes(
    positions: list[int], size: int, expected: list[tuple[int, ...]]
) -> None:
    assert batches(positions, size) == expected


def test_tickets_are_read_as_they_were_written() -> None:
    tickets = [Ticketed("alpha", "alpha-1", (0, 1), b"\x00id"), Ticketed("beta", "beta-1", (2,), b"")]
    assert read_tickets(written_tickets(tickets)) == tickets
    assert read_tickets(b"") == []


def test_untried_routes_come_first_and_then_the_one_that_rested_longest() -> None:
    one, two, three = (Route(name, "m", {}, 1) for name in ("one", "two", "three"))
    assert next_route([one, two, three], []) is one
    assert next_route([one, two, three], [one]) is two
    assert next_route([one, two], [one, two]) is one
    assert next_route([one, two], [two, one]) is two
    assert next_route([one], [one, one]) is one


def test_a_result_has_the_pictures_in_order_and_the_first_fault() -> None:
    gathered = Gathered()
    gathered.pictures[2] = pb.Picture(image_id="img_c")
    gathered.pictures[0] = pb.Picture(image_id="img_a")
    gathered.faults[3] = Fault(reasons.REASON_UPSTREAM_REFUSED, "late")
    gathered.faults[1] = Fault(reasons.REASON_UPSTREAM_FAILED, "early")
    result = gathered.result()
    assert [picture.image_id for picture in result.pictures] == ["img_a", "img_c"]
    assert result.fault.message == "early"
    assert gathered.open_positions(6) == [4, 5]


def test_what_several_orders_say_is_said_once() -> None:
    gathered = Gathered()
    for _ in range(2):
        gathered.take(Drawn([], "alpha-1", revised_prompt="better", warnings=["seed ignored"]), "alpha")
    result = gathered.result()
    assert (list(result.warnings), result.revised_prompt) == (["seed ignored"], "better")


@pytest.mark.parametrize(
    ("usages", "expected"),
    [
        ([], None),
        ([{"total": 1}], {"total": 1}),
        (
            [{"total": 1, "in": {"text": 2}}, {"total": 3, "in": {"text": 5, "image": 1}}],
            {"total": 4, "in": {"text": 7, "image": 1}},
        ),
        ([{"tier": "a"}, {"tier": "b"}], {"tier": "a"}),
    ],
)
def test_usage_is_added_up_over_orders(usages: list[object], expected: object) -> None:
    total = summed([json.dumps(usage).encode() for usage in usages])
    assert (json.loads(total) if total else None) == expected
