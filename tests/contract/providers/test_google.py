"""The Google provider before a scripted Gemini API: what it asks for, and how refusals within successes are told."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pybase64
import pytest

from generator.catalogue_files import read_tables
from generator.providers.base import Bought, Drawn
from generator.providers.google import PROVIDER, GoogleProvider
from generator.providers.google_errors import blocked, finished, read_complaint
from generator.providers.google_models import MODELS
from gesso.errors.v1 import reason_pb2 as reason
from gesso.generator.v1 import generator_pb2 as pb
from testkit.sample_pictures import sample
from testkit.upstreams.google import GoogleUpstream

from .conformance import PAID_AND_FAILED, Conformance, Vendor, inspected
from .conftest import CountedMemory, OrderMaker

PICTURE = sample("png", 64, 32).stamped(1)
OTHER = sample("jpeg", 64, 64).stamped(2)


class TestConformance(Conformance):
    vendor = Vendor(
        factory=PROVIDER,
        upstream=GoogleUpstream,
        variables=("GEMINI_API_KEY", "GEMINI_BASE_URL"),
        upstream_model="gemini-nano-banana-2.1",
        key="AIza-platform-0123456789",
        own_key="AIza-own-0123456789",
        most=1,
        ignored={"negative_prompt": "blur", "style": "vivid", "quality": "high", "steps": 20, "guidance": 3.0},
        verdicts={"bad_base64": PAID_AND_FAILED},
    )


@pytest.fixture
def vendor() -> GoogleUpstream:
    """The vendor, scripted."""
    return GoogleUpstream()


@pytest.fixture
async def google(vendor: GoogleUpstream) -> AsyncIterator[GoogleProvider]:
    """The provider before it."""
    async with vendor.running() as url:
        provider = GoogleProvider({"GEMINI_API_KEY": "AIza-a", "GEMINI_BASE_URL": url})
        yield provider
        await provider.close()


def asked(vendor: GoogleUpstream) -> dict[str, Any]:
    """The body of the last order."""
    return dict(json.loads(vendor.requests[-1].body))


def test_every_model_that_the_catalogue_routes_here_has_its_line() -> None:
    routes = [route for model in read_tables(None, {}).models.values() for route in model.routes]
    assert {route.upstream_model for route in routes if route.provider == "google"} <= MODELS.keys()


@pytest.mark.parametrize("model", sorted(MODELS))
async def test_each_model_takes_what_it_is_sent(
    google: GoogleProvider, vendor: GoogleUpstream, order: OrderMaker, memory: CountedMemory, model: str
) -> None:
    for draw in ({"width": 1600, "height": 900}, {"aspect_ratio": "1:8", "resolution": "4K"}, {"seed": 2**32 - 1}):
        drawn = await google.submit(order(upstream_model=model, inputs=[PICTURE], **draw), memory)
        assert isinstance(drawn, Drawn)
        assert drawn.upstream_model == model
    assert not vendor.violations


@pytest.mark.parametrize(
    ("model", "draw", "expected", "size"),
    [
        ("gemini-2.5-flash-image", {"width": 1600, "height": 900}, {"aspectRatio": "16:9"}, (1360, 768)),
        (
            "gemini-3-pro-image",
            {"aspect_ratio": "3:2", "resolution": "2K"},
            {"aspectRatio": "3:2", "imageSize": "2K"},
            (2512, 1680),
        ),
        (
            "gemini-3-pro-image",
            {"width": 4096, "height": 4096},
            {"aspectRatio": "1:1", "imageSize": "4K"},
            (4096, 4096),
        ),
        ("gemini-3.1-flash-image", {"resolution": "512"}, {"imageSize": "512"}, (512, 512)),
        ("gemini-nano-banana-2.1", {"aspect_ratio": "1:4"}, {"aspectRatio": "1:4"}, (512, 2048)),
        (
            "gemini-3-pro-image",
            {"aspect_ratio": "16:9", "options": {"resolution": "2K"}},
            {"aspectRatio": "16:9", "imageSize": "2K"},
            (2736, 1536),
        ),
    ],
)
async def test_a_draw_is_asked_for_in_the_models_ratios_and_sizes(
    google: GoogleProvider,
    vendor: GoogleUpstream,
    order: OrderMaker,
    memory: CountedMemory,
    model: str,
    draw: dict[str, Any],
    expected: dict[str, str],
    size: tuple[int, int],
) -> None:
    facts = await inspected(google, order(upstream_model=model, **draw), memory)
    assert asked(vendor)["generationConfig"]["imageConfig"] == expected
    assert (facts.width, facts.height) == size
    assert not vendor.violations


async def test_an_edit_sends_its_pictures_behind_the_prompt_and_keeps_the_shape(
    google: GoogleProvider, vendor: GoogleUpstream, order: OrderMaker, memory: CountedMemory
) -> None:
    wanted = order(
        upstream_model="gemini-2.5-flash-image",
        operation=pb.OPERATION_IMAGE_TO_IMAGE,
        inputs=[PICTURE, OTHER],
        strength=0.5,
        seed=7,
    )
    drawn = await google.submit(wanted, memory)
    assert isinstance(drawn, Drawn)
    body = asked(vendor)
    (content,) = body["contents"]
    assert content["parts"][0] == {"text": "a red fox"}
    sent = [part["inlineData"] for part in content["parts"][1:]]
    assert [one["mimeType"] for one in sent] == ["image/png", "image/jpeg"]
    assert [pybase64.b64decode(one["data"]) for one in sent] == [PICTURE, OTHER]
    assert body["generationConfig"] == {"responseModalities": ["IMAGE"], "seed": 7}
    assert drawn.warnings == ["google ignores strength."]
    assert memory.reserved[0] >= len(PICTURE) + len(OTHER)


async def test_a_mask_and_a_seed_that_is_too_large_are_told(
    google: GoogleProvider, vendor: GoogleUpstream, order: OrderMaker, memory: CountedMemory
) -> None:
    wanted = order(
        upstream_model="gemini-3-pro-image",
        operation=pb.OPERATION_INPAINT,
        inputs=[PICTURE],
        mask=PICTURE,
        seed=2**31 + 5,
    )
    wanted.draw.options["person_generation"] = "allow_adult"
    drawn = await google.submit(wanted, memory)
    assert isinstance(drawn, Drawn)
    assert asked(vendor)["generationConfig"]["seed"] == 5
    assert {"google ignores mask.", "google ignores person_generation."} <= set(drawn.warnings)
    assert any("seed 5 instead" in warning for warning in drawn.warnings)
    assert drawn.pictures[0].seed is None


async def test_usage_and_the_model_that_drew_are_told(
    google: GoogleProvider, order: OrderMaker, memory: CountedMemory
) -> None:
    drawn = await google.submit(order(upstream_model="gemini-3.1-flash-lite-image", seed=3), memory)
    assert isinstance(drawn, Drawn)
    usage = json.loads(drawn.usage_json)
    assert usage == {"promptTokenCount": 8, "candidatesTokenCount": 1120, "totalTokenCount": 1128}
    assert [(picture.seed, picture.said_format) for picture in drawn.pictures] == [(3, "png")]


@pytest.mark.parametrize("told", ["SAFETY", "PROHIBITED_CONTENT", "RECITATION", "IMAGE_SAFETY", "IMAGE_RECITATION"])
def test_a_picture_that_is_withheld_is_a_refusal_of_what_was_drawn(told: str) -> None:
    assert finished(told).reason == reason.REASON_UPSTREAM_REFUSED
    assert blocked(told).bought is Bought.NO


@pytest.mark.parametrize("told", ["NO_IMAGE", "IMAGE_OTHER", "OTHER", "STOP", "MAX_TOKENS", ""])
def test_an_answer_without_a_picture_is_a_failure_that_another_try_may_mend(told: str) -> None:
    assert finished(told).reason == reason.REASON_UPSTREAM_FAILED


@pytest.mark.parametrize(
    ("error", "expected", "again_seconds"),
    [
        ({"status": "FAILED_PRECONDITION"}, reason.REASON_UPSTREAM_DENIED, None),
        ({"status": "INVALID_ARGUMENT"}, None, None),
        ({"status": "RESOURCE_EXHAUSTED", "details": [{"retryDelay": "0.5s"}]}, reason.REASON_UPSTREAM_RATE_LIMITED, 0.5),
        ({"status": "RESOURCE_EXHAUSTED", "details": [{"retryDelay": "9000s"}]}, reason.REASON_UPSTREAM_RATE_LIMITED, 3600),
        ({"status": "RESOURCE_EXHAUSTED", "details": [{"retryDelay": "soon"}]}, reason.REASON_UPSTREAM_RATE_LIMITED, None),
        ({"status": "UNAVAILABLE"}, None, None),
    ],
)  # fmt: skip
def test_an_error_is_told_by_its_status_and_details(
    error: dict[str, Any], expected: reason.Reason.ValueType | None, again_seconds: float | None
) -> None:
    complaint = read_complaint(400, json.dumps({"error": error}).encode())
    assert (complaint.reason, complaint.retry_after_seconds) == (expected, again_seconds)
