"""The DashScope provider before a scripted vendor: at once and by tasks, sizes with a star, edits, and what its errors mean."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pybase64
import pytest

from generator.catalogue_files import read_tables
from generator.providers.base import Bought
from generator.providers.complaints import DENIED, RATE_LIMITED, REFUSED, Stage
from generator.providers.dashscope import PROVIDER, DashScopeProvider
from generator.providers.dashscope_errors import Failure, complaint_of, read_complaint
from generator.providers.dashscope_models import MODELS, model_of
from gesso.errors.v1 import reason_pb2 as reason
from gesso.generator.v1 import generator_pb2 as pb
from testkit.sample_pictures import sample
from testkit.upstreams.dashscope import DashScopeUpstream

from .conformance import (
    REFUSED_INPUT,
    AddressConformance,
    QueueConformance,
    TicketConformance,
    Vendor,
    drawn_by,
    fault_of,
)
from .conftest import CountedMemory, OrderMaker

MODEL = "qwen-image-2.0"
PICTURE = sample("png", 640, 480).stamped(1)
OTHER = sample("jpeg", 640, 640).stamped(2)
_VENDOR = Vendor(
    factory=PROVIDER,
    upstream=DashScopeUpstream,
    variables=("DASHSCOPE_API_KEY", "DASHSCOPE_BASE_URL"),
    upstream_model=MODEL,
    key="sk-platform-0123456789",
    own_key="sk-own-0123456789",
    ignored={"guidance": 3.0, "steps": 20, "style": "vivid"},
    verdicts={"output_refusal": REFUSED_INPUT},  # drawn, withheld and not charged
)


class TestConformance(TicketConformance, AddressConformance):
    vendor = _VENDOR


class TestConformanceOfTasks(QueueConformance, AddressConformance):
    vendor = replace(_VENDOR, upstream_model="qwen-image-plus", most=1)


@pytest.fixture
def vendor() -> DashScopeUpstream:
    """The vendor, scripted."""
    return DashScopeUpstream()


@pytest.fixture
async def dashscope(vendor: DashScopeUpstream) -> AsyncIterator[DashScopeProvider]:
    """The provider before it."""
    async with vendor.running() as url:
        environ = {"DASHSCOPE_API_KEY": "sk-12345678", "DASHSCOPE_BASE_URL": url, "GESSO_EGRESS_ALLOW": "127.0.0.0/8"}
        provider = DashScopeProvider(environ)
        yield provider
        await provider.close()


def asked(vendor: DashScopeUpstream) -> dict[str, Any]:
    """The body of the last order."""
    return dict(json.loads(next(one.body for one in reversed(vendor.requests) if one.method == "POST")))


def test_every_model_that_the_catalogue_routes_here_has_its_line() -> None:
    routes = [route for model in read_tables(None, {}).models.values() for route in model.routes]
    assert {route.upstream_model for route in routes if route.provider == "dashscope"} <= MODELS.keys()


def test_a_snapshot_is_the_model_that_it_was_taken_of() -> None:
    assert model_of("qwen-image-2.0-pro-2026-03-03") is MODELS["qwen-image-2.0-pro"]
    assert model_of("qwen-image-plus-2026-01-09").is_queued


async def test_a_picture_is_asked_for_at_once_by_a_message(
    dashscope: DashScopeProvider, vendor: DashScopeUpstream, order: OrderMaker, memory: CountedMemory
) -> None:
    wanted = order(upstream_model=MODEL, count=2, width=1600, height=900, seed=7, negative_prompt="blur")
    wanted.draw.options["prompt_upsampling"] = "false"
    drawn = await drawn_by(dashscope, wanted, memory)
    assert asked(vendor) == {
        "model": MODEL,
        "input": {"messages": [{"role": "user", "content": [{"text": "a red fox"}]}]},
        "parameters": {
            "n": 2,
            "size": "1600*912",
            "seed": 7,
            "negative_prompt": "blur",
            "prompt_extend": False,
            "watermark": False,
        },
    }
    assert (len(drawn.pictures), drawn.warnings) == (2, [])
    assert json.loads(drawn.usage_json)["image_count"] == 2


@pytest.mark.parametrize("model", [MODEL, "qwen-image"])
async def test_the_seed_of_a_picture_is_told_where_it_was_the_asked_one(
    dashscope: DashScopeProvider, order: OrderMaker, memory: CountedMemory, model: str
) -> None:
    for seed, told in ((7, 7), ((1 << 32) - 1, None)):
        drawn = await drawn_by(dashscope, order(upstream_model=model, seed=seed), memory)
        assert [picture.seed for picture in drawn.pictures] == [told]


async def test_the_first_generation_is_a_task_of_fixed_sizes_that_tells_the_prompt_it_drew(
    dashscope: DashScopeProvider, vendor: DashScopeUpstream, order: OrderMaker, memory: CountedMemory
) -> None:
    drawn = await drawn_by(dashscope, order(upstream_model="qwen-image-plus", width=1600, height=900), memory)
    assert asked(vendor) == {
        "model": "qwen-image-plus",
        "input": {"prompt": "a red fox"},
        "parameters": {"size": "1664*928", "watermark": False},
    }
    assert vendor.requests[0].headers["X-DashScope-Async"] == "enable"
    assert drawn.revised_prompt == "A fox, redder"
    assert not vendor.violations


@pytest.mark.parametrize(
    ("model", "draw", "size"),
    [
        (MODEL, {}, None),
        (MODEL, {"width": 256, "height": 256}, "512*512"),
        (MODEL, {"width": 4096, "height": 4096}, "2048*2048"),
        (MODEL, {"aspect_ratio": "16:9", "resolution": "2K"}, "2720*1536"),
        ("qwen-image-max", {"aspect_ratio": "9:16"}, "928*1664"),
        ("qwen-image-max", {"width": 1024, "height": 1024}, "1328*1328"),
    ],
)
async def test_a_size_is_one_that_the_model_draws(
    dashscope: DashScopeProvider,
    vendor: DashScopeUpstream,
    order: OrderMaker,
    memory: CountedMemory,
    model: str,
    draw: dict[str, Any],
    size: str | None,
) -> None:
    await dashscope.submit(order(upstream_model=model, **draw), memory)
    assert asked(vendor)["parameters"].get("size") == size
    assert not vendor.violations


@pytest.mark.parametrize("model", [MODEL, "qwen-image-edit", "qwen-image-edit-max"])
async def test_an_edit_sends_its_pictures_before_its_prompt(
    dashscope: DashScopeProvider, vendor: DashScopeUpstream, order: OrderMaker, memory: CountedMemory, model: str
) -> None:
    wanted = order(upstream_model=model, operation=pb.OPERATION_IMAGE_TO_IMAGE, inputs=[PICTURE, OTHER], mask=PICTURE)
    drawn = await drawn_by(dashscope, wanted, memory)
    *pictures, text = asked(vendor)["input"]["messages"][0]["content"]
    assert [pybase64.b64decode(one["image"].partition(",")[2]) for one in pictures] == [PICTURE, OTHER]
    assert text == {"text": "a red fox"}
    assert drawn.warnings == ["dashscope ignores mask."]
    assert not vendor.violations


async def test_an_edit_without_a_picture_is_refused_before_it_is_bought(
    dashscope: DashScopeProvider, vendor: DashScopeUpstream, order: OrderMaker, memory: CountedMemory
) -> None:
    fault = await fault_of(dashscope, order(upstream_model="qwen-image-edit"), memory)
    assert (fault.bought, fault.details["field"]) == (Bought.NO, "images")
    assert not vendor.requests


async def test_a_text_that_is_too_long_for_the_vendor_is_cut_and_that_is_told(
    dashscope: DashScopeProvider, vendor: DashScopeUpstream, order: OrderMaker, memory: CountedMemory
) -> None:
    wanted = order(upstream_model=MODEL, prompt="a fox " * 200, negative_prompt="b" * 501)
    assert (await drawn_by(dashscope, wanted, memory)).warnings == [
        "dashscope reads the first 800 characters of the prompt.",
        "dashscope reads the first 500 characters of the negative_prompt.",
    ]
    sent = asked(vendor)
    assert sent["input"]["messages"][0]["content"] == [{"text": ("a fox " * 200)[:800]}]
    assert sent["parameters"]["negative_prompt"] == "b" * 500


@pytest.mark.parametrize("model", [MODEL, "qwen-image-plus"])
async def test_a_withheld_picture_is_a_refusal_that_was_not_charged(
    dashscope: DashScopeProvider, order: OrderMaker, memory: CountedMemory, model: str
) -> None:
    fault = await fault_of(dashscope, order(upstream_model=model, prompt="a fox [[output_refusal]]"), memory)
    assert (fault.reason, fault.bought) == (reason.REASON_UPSTREAM_REFUSED, Bought.NO)
    assert fault.details["stage"] == "output"


def test_codes_are_read_without_their_tails_and_parameters_from_the_message() -> None:
    assert complaint_of(Failure("Throttling.AllocationQuota")).reason == RATE_LIMITED
    assert complaint_of(Failure("Workspace.AccessDenied")).reason == DENIED
    withheld = complaint_of(Failure("DataInspectionFailed", "Output data may contain inappropriate content."))
    assert (withheld.reason, withheld.stage) == (REFUSED, Stage.OUTPUT)
    invalid = b'{"code":"InvalidParameter","message":"Value error, the size does not match"}'
    assert read_complaint(400, invalid).field == "size"
    assert read_complaint(502, b"<html>").reason is None
