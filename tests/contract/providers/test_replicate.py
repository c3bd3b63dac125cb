"""The Replicate provider before a scripted vendor: where predictions are made, what they are asked for, and how they end."""

import hashlib
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from generator.catalogue_files import read_tables
from generator.providers.base import Bought, Ticket, UpstreamFault
from generator.providers.replicate import PROVIDER, ReplicateProvider
from generator.providers.replicate_models import MODELS
from gesso.errors.v1 import reason_pb2 as reason
from gesso.generator.v1 import generator_pb2 as pb
from testkit.sample_pictures import sample
from testkit.upstreams.replicate import ReplicateUpstream
from testkit.upstreams.specification import Specification

from .conformance import REFUSED_INPUT, AddressConformance, QueueConformance, Vendor, drawn_by, fault_of
from .conftest import CountedMemory, OrderMaker

PUBLISHED = Path(__file__).parents[4] / "shared" / "upstreams" / "specs" / "replicate.openapi.json"
SMALL = sample("png", 64, 32).stamped(1)
LARGE = sample("jpeg", 64, 64, size_bytes=400_000).stamped(2)


class TestConformance(QueueConformance, AddressConformance):
    vendor = Vendor(
        factory=PROVIDER,
        upstream=ReplicateUpstream,
        variables=("REPLICATE_API_TOKEN", "REPLICATE_BASE_URL"),
        upstream_model="black-forest-labs/flux-dev",
        key="r8_platform0123456789",
        own_key="r8_own0123456789",
        ignored={"negative_prompt": "blur", "style": "vivid", "quality": "high"},
        verdicts={"output_refusal": REFUSED_INPUT},  # an official model that draws nothing costs nothing
    )


@pytest.fixture
def vendor() -> ReplicateUpstream:
    """The vendor, scripted, with its published specification where that stands beside the checkout."""
    return ReplicateUpstream(specification=Specification.beside(PUBLISHED))


@pytest.fixture
async def replicate(vendor: ReplicateUpstream) -> AsyncIterator[ReplicateProvider]:
    """The provider before it."""
    async with vendor.running() as url:
        provider = ReplicateProvider(
            {"REPLICATE_API_TOKEN": "r8_key", "REPLICATE_BASE_URL": url, "GESSO_EGRESS_ALLOW": "127.0.0.0/8"}
        )
        yield provider
        await provider.close()


def asked(vendor: ReplicateUpstream) -> tuple[str, dict[str, Any]]:
    """Where the last prediction was made, and its body."""
    recorded = next(one for one in reversed(vendor.requests) if one.path.endswith("/predictions"))
    return recorded.path, json.loads(recorded.body)


def test_every_model_that_the_catalogue_routes_here_has_its_line() -> None:
    routes = [route for model in read_tables(None, {}).models.values() for route in model.routes]
    named = {route.upstream_model.partition(":")[0] for route in routes if route.provider == "replicate"}
    assert named <= MODELS.keys()


@pytest.mark.parametrize("model", sorted(MODELS))
async def test_each_model_is_asked_for_all_that_it_takes(
    replicate: ReplicateProvider, vendor: ReplicateUpstream, order: OrderMaker, memory: CountedMemory, model: str
) -> None:
    wanted = order(upstream_model=model, seed=7, width=1600, height=900, guidance=3.0, inputs=[SMALL], mask=SMALL)
    wanted.draw.options["scale_factor"] = "4"
    assert isinstance(await replicate.submit(wanted, memory), Ticket)
    _, body = asked(vendor)
    names = {token.partition("=")[0].partition(":")[0].rstrip("*") for token in MODELS[model].split()}
    assert body["input"].keys() <= names
    assert body["input"].items() >= ({"prompt": "a red fox"} if "prompt" in names else {}).items()
    assert not vendor.violations


@pytest.mark.parametrize(
    ("model", "path", "version"),
    [
        ("black-forest-labs/flux-dev", "/v1/models/black-forest-labs/flux-dev/predictions", None),
        ("deployments/acme/foxes", "/v1/deployments/acme/foxes/predictions", None),
        (f"acme/foxes:{'0a' * 32}", "/v1/predictions", f"acme/foxes:{'0a' * 32}"),
        ("stability-ai/sdxl", "/v1/predictions", hashlib.sha256(b"stability-ai/sdxl").hexdigest()),
    ],
)
async def test_a_prediction_is_made_where_its_model_lives(
    replicate: ReplicateProvider,
    vendor: ReplicateUpstream,
    order: OrderMaker,
    memory: CountedMemory,
    model: str,
    path: str,
    version: str | None,
) -> None:
    await drawn_by(replicate, order(upstream_model=model), memory)
    assert asked(vendor)[0] == path
    assert asked(vendor)[1].get("version") == version
    assert not vendor.violations
    assert not any("Prefer" in recorded.headers for recorded in vendor.requests)


async def test_the_latest_version_of_a_community_model_is_asked_for_once(
    replicate: ReplicateProvider, vendor: ReplicateUpstream, order: OrderMaker, memory: CountedMemory
) -> None:
    for _ in range(2):
        await replicate.submit(order(upstream_model="stability-ai/sdxl"), memory)
    assert [recorded.path for recorded in vendor.requests].count("/v1/models/stability-ai/sdxl") == 1


async def test_large_pictures_are_uploaded_and_small_ones_are_sent_as_data(
    replicate: ReplicateProvider, vendor: ReplicateUpstream, order: OrderMaker, memory: CountedMemory
) -> None:
    for picture in (SMALL, LARGE):
        wanted = order(
            upstream_model="black-forest-labs/flux-kontext-pro",
            operation=pb.OPERATION_IMAGE_TO_IMAGE,
            inputs=[picture],
        )
        await replicate.submit(wanted, memory)
        sent = asked(vendor)[1]["input"]["input_image"]
        assert sent.startswith("data:image/png;base64,") if picture is SMALL else vendor.uploads[sent] == LARGE
    assert not vendor.violations


async def test_an_upload_that_fails_buys_nothing(
    replicate: ReplicateProvider, vendor: ReplicateUpstream, order: OrderMaker, memory: CountedMemory
) -> None:
    wanted = order(upstream_model="black-forest-labs/flux-kontext-pro", inputs=[LARGE], secret="unknown")
    fault = await fault_of(replicate, wanted, memory)
    assert (fault.reason, fault.bought) == (reason.REASON_UPSTREAM_DENIED, Bought.NO)
    assert vendor.purchases == 0


@pytest.mark.parametrize(("model", "bought"), [("stability-ai/sdxl", Bought.YES), ("qwen/qwen-image", Bought.NO)])
async def test_a_community_model_that_fails_has_cost_its_seconds(
    replicate: ReplicateProvider, order: OrderMaker, memory: CountedMemory, model: str, bought: Bought
) -> None:
    fault = await fault_of(replicate, order(upstream_model=model, prompt="a fox [[failed]]"), memory)
    assert (fault.reason, fault.bought) == (reason.REASON_UPSTREAM_FAILED, bought)


async def test_a_model_whose_output_is_one_address_answers_its_picture(
    replicate: ReplicateProvider, order: OrderMaker, memory: CountedMemory
) -> None:
    wanted = order(upstream_model="nightmareai/real-esrgan", operation=pb.OPERATION_UPSCALE, prompt="", inputs=[SMALL])
    wanted.draw.options["scale_factor"] = "4"
    drawn = await drawn_by(replicate, wanted, memory)
    assert len(drawn.pictures) == 1
    assert not drawn.warnings


async def test_the_seconds_that_a_model_ran_are_told_for_its_cost(
    replicate: ReplicateProvider, order: OrderMaker, memory: CountedMemory
) -> None:
    drawn = await drawn_by(replicate, order(upstream_model="stability-ai/sdxl"), memory)
    assert drawn.metered == {"predict_time": 2.31}


async def test_an_order_is_found_in_the_vendors_list_by_its_model_its_input_and_its_time(
    replicate: ReplicateProvider, vendor: ReplicateUpstream, order: OrderMaker, memory: CountedMemory
) -> None:
    before, flux = datetime.now(UTC), "black-forest-labs/flux-dev"
    wanted = order(upstream_model=flux, seed=7)
    for other in (order(upstream_model=flux, seed=8), order(upstream_model="black-forest-labs/flux-schnell", seed=7)):
        await replicate.submit(other, memory)
    assert not await replicate.find(wanted, before)
    await replicate.submit(wanted, memory)
    (found,) = await replicate.find(wanted, before)
    assert found.vendor_id.encode() in found.ticket.data
    assert len((await replicate.collect(found.ticket, wanted, memory)).pictures) == 1
    assert not await replicate.find(wanted, datetime.now(UTC))


@pytest.mark.parametrize("model", ["stability-ai/sdxl", f"someone/painter:{'c' * 64}", "deployments/someone/painter"])
async def test_an_order_of_a_version_or_a_deployment_is_found_too(
    replicate: ReplicateProvider, order: OrderMaker, memory: CountedMemory, model: str
) -> None:
    before = datetime.now(UTC)
    await replicate.submit(order(upstream_model=model, seed=7), memory)
    assert len(await replicate.find(order(upstream_model=model, seed=7), before)) == 1
    assert not await replicate.find(order(upstream_model=model, seed=8), before)


async def test_an_order_that_was_sent_with_pictures_cannot_be_told_from_others(
    replicate: ReplicateProvider, order: OrderMaker
) -> None:
    wanted = order(input_image_ids=["img_01j00000000000000000000000"])
    with pytest.raises(UpstreamFault) as caught:
        await replicate.find(wanted, datetime.now(UTC))
    assert caught.value.bought is Bought.UNKNOWN
