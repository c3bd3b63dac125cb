"""The MiniMax provider before a scripted vendor: what it asks for, and failures that come as successes."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pybase64
import pytest

from generator.catalogue_files import read_tables
from generator.providers.base import Bought, Drawn, UpstreamFault
from generator.providers.minimax import PROVIDER, MiniMaxProvider
from generator.providers.minimax_errors import read_code, read_complaint
from gesso.errors.v1 import reason_pb2 as reason
from gesso.generator.v1 import generator_pb2 as pb
from testkit.sample_pictures import sample
from testkit.upstreams.minimax import MiniMaxUpstream

from .conformance import PAID_AND_FAILED, Conformance, Vendor, fault_of
from .conftest import CountedMemory, OrderMaker

PICTURE = sample("png", 64, 64).stamped(1)
OTHER = sample("jpeg", 64, 64).stamped(2)


class TestConformance(Conformance):
    vendor = Vendor(
        factory=PROVIDER,
        upstream=MiniMaxUpstream,
        variables=("MINIMAX_API_KEY", "MINIMAX_BASE_URL"),
        upstream_model="image-01",
        key="mm-platform-0123456789",
        own_key="mm-own-0123456789",
        most=9,
        ignored={"negative_prompt": "blur", "style": "vivid", "quality": "high", "steps": 20, "guidance": 3.0},
        verdicts={"bad_base64": PAID_AND_FAILED},
        tells_when=False,
        without=frozenset({"bad_field", "model_not_found"}),  # it names no field, and has one code for both
    )


@pytest.fixture
def vendor() -> MiniMaxUpstream:
    """The vendor, scripted."""
    return MiniMaxUpstream()


@pytest.fixture
async def minimax(vendor: MiniMaxUpstream) -> AsyncIterator[MiniMaxProvider]:
    """The provider before it."""
    async with vendor.running() as url:
        provider = MiniMaxProvider({"MINIMAX_API_KEY": "mm-a", "MINIMAX_BASE_URL": url})
        yield provider
        await provider.close()


def asked(vendor: MiniMaxUpstream) -> dict[str, Any]:
    """The fields of the last order."""
    return dict(json.loads(vendor.requests[-1].body))


def test_every_model_that_the_catalogue_routes_here_is_known() -> None:
    routes = [route for model in read_tables(None, {}).models.values() for route in model.routes]
    assert {route.upstream_model for route in routes if route.provider == "minimax"} == {"image-01"}


@pytest.mark.parametrize(
    ("draw", "expected"),
    [
        ({}, {}),
        ({"aspect_ratio": "16:9"}, {"width": 1360, "height": 768}),
        ({"aspect_ratio": "5:4"}, {"width": 1136, "height": 912}),
        ({"width": 1000, "height": 1500}, {"width": 1000, "height": 1504}),
        ({"width": 256, "height": 256}, {"width": 512, "height": 512}),
        ({"width": 4096, "height": 4096}, {"width": 2048, "height": 2048}),
    ],
)
async def test_a_size_is_asked_for_by_its_sides(
    minimax: MiniMaxProvider,
    vendor: MiniMaxUpstream,
    order: OrderMaker,
    memory: CountedMemory,
    draw: dict[str, Any],
    expected: dict[str, int],
) -> None:
    drawn = await minimax.submit(order(upstream_model="image-01", **draw), memory)
    assert isinstance(drawn, Drawn)
    usual = {"model": "image-01", "response_format": "base64", "prompt": "a red fox", "n": 1}
    assert asked(vendor) == {**usual, **expected}
    assert not vendor.violations
    assert not drawn.warnings


async def test_seed_and_optimizer_are_passed_on_and_the_seed_is_told_of_a_picture_alone(
    minimax: MiniMaxProvider, vendor: MiniMaxUpstream, order: OrderMaker, memory: CountedMemory
) -> None:
    wanted = order(upstream_model="image-01", seed=7)
    wanted.draw.options["prompt_upsampling"] = "true"
    drawn = await minimax.submit(wanted, memory)
    assert isinstance(drawn, Drawn)
    assert asked(vendor).items() >= {"seed": 7, "prompt_optimizer": True}.items()
    assert [picture.seed for picture in drawn.pictures] == [7]
    several = await minimax.submit(order(upstream_model="image-01", seed=7, count=2), memory)
    assert isinstance(several, Drawn)
    assert [picture.seed for picture in several.pictures] == [None, None]


async def test_a_picture_is_the_reference_of_a_character_and_that_is_told(
    minimax: MiniMaxProvider, vendor: MiniMaxUpstream, order: OrderMaker, memory: CountedMemory
) -> None:
    wanted = order(
        upstream_model="image-01-live",
        operation=pb.OPERATION_IMAGE_TO_IMAGE,
        inputs=[OTHER, PICTURE],
        width=1600,
        height=900,
    )
    drawn = await minimax.submit(wanted, memory)
    assert isinstance(drawn, Drawn)
    (subject,) = asked(vendor)["subject_reference"]
    assert subject["type"] == "character"
    head, _, text = subject["image_file"].partition(",")
    assert (head, pybase64.b64decode(text)) == ("data:image/jpeg;base64", OTHER)
    assert asked(vendor)["aspect_ratio"] == "16:9"
    assert any("draws anew" in warning for warning in drawn.warnings)
    assert any("first 1 of 2" in warning for warning in drawn.warnings)
    assert not vendor.violations


async def test_a_prompt_that_is_too_long_is_refused_before_it_is_bought(
    minimax: MiniMaxProvider, vendor: MiniMaxUpstream, order: OrderMaker, memory: CountedMemory
) -> None:
    fault = await fault_of(minimax, order(upstream_model="image-01", prompt="x" * 1501), memory)
    assert (fault.reason, fault.bought, fault.details["field"]) == (
        reason.REASON_UPSTREAM_INVALID,
        Bought.NO,
        "prompt",
    )
    assert not vendor.requests


async def test_pictures_that_were_withheld_are_refusals_and_the_others_are_kept(
    minimax: MiniMaxProvider, order: OrderMaker, memory: CountedMemory
) -> None:
    wanted = order(upstream_model="image-01", prompt="a fox [[output_refusal:2]]", count=3)
    drawn = await minimax.submit(wanted, memory)
    assert isinstance(drawn, Drawn)
    assert len(drawn.pictures) == 1
    assert [fault.reason for fault in drawn.faults] == [reason.REASON_UPSTREAM_REFUSED] * 2


async def test_all_pictures_withheld_is_a_refusal(
    minimax: MiniMaxProvider, order: OrderMaker, memory: CountedMemory
) -> None:
    with pytest.raises(UpstreamFault) as caught:
        await minimax.submit(order(upstream_model="image-01", prompt="a fox [[output_refusal:1]]"), memory)
    assert caught.value.reason == reason.REASON_UPSTREAM_REFUSED


async def test_an_invalid_parameter_is_told_as_such(
    minimax: MiniMaxProvider, order: OrderMaker, memory: CountedMemory
) -> None:
    fault = await fault_of(minimax, order(upstream_model="image-01", prompt="a fox [[bad_field]]"), memory)
    assert (fault.reason, fault.bought, fault.retryable) == (reason.REASON_UPSTREAM_INVALID, Bought.NO, False)


@pytest.mark.parametrize(
    ("code", "expected", "bought"),
    [
        (1000, reason.REASON_UPSTREAM_FAILED, Bought.UNKNOWN),
        (1001, reason.REASON_UPSTREAM_FAILED, Bought.UNKNOWN),
        (1004, reason.REASON_UPSTREAM_DENIED, None),
        (1039, reason.REASON_UPSTREAM_RATE_LIMITED, None),
        (9999, reason.REASON_UPSTREAM_FAILED, Bought.UNKNOWN),
    ],
)
def test_a_code_is_told_by_the_table(code: int, expected: reason.Reason.ValueType, bought: Bought | None) -> None:
    complaint = read_code(code)
    assert (complaint.reason, complaint.bought, complaint.code) == (expected, bought, str(code))


def test_the_code_of_an_answer_that_is_no_success_goes_before_its_status() -> None:
    assert read_complaint(500, b'{"base_resp":{"status_code":1008}}').reason == reason.REASON_UPSTREAM_DENIED
    for body in (b"<html>", b'{"base_resp":{"status_code":0}}', b'{"base_resp":{"status_code":9999}}'):
        assert read_complaint(500, body).reason is None
