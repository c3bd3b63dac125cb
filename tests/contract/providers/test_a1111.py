"""The A1111 provider before a scripted server: sizes, masks, samplers, seeds, weights, and enlarging."""

import base64
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from generator.providers.a1111 import PROVIDER, A1111Provider, read_complaint
from generator.providers.base import Bought
from gesso.errors.v1 import reason_pb2 as reason
from gesso.generator.v1 import generator_pb2 as pb
from pictures.inspection import inspect
from servicekit.settings import SettingError
from testkit.sample_pictures import sample
from testkit.upstreams.a1111 import A1111Upstream

from .conformance import PAID_AND_FAILED, Conformance, Vendor, drawn_by, fault_of
from .conftest import CountedMemory, OrderMaker

PICTURE = sample("png", 640, 480).stamped(1)
MASK = sample("png", 16, 8).stamped(2)
ENVIRON = {"A1111_CHECKPOINTS": "sdxl=sd_xl_base_1.0.safetensors [31e35c80fc]"}


def basic(key: str) -> str:
    """A key as the header of the Basic scheme carries it."""
    return base64.b64encode(key.encode()).decode()


class TestConformance(Conformance):
    vendor = Vendor(
        factory=PROVIDER,
        upstream=A1111Upstream,
        variables=("A1111_API_AUTH", "A1111_BASE_URL"),
        upstream_model="sd_xl_base_1.0",
        key="platform:secret-0123456789",
        own_key="own:secret-0123456789",
        sent_as=basic,
        self_hosted=True,
        draw={"width": 64, "height": 64},
        ignored={"style": "vivid", "quality": "high", "lora_weights": "https://example.com/x.safetensors"},
        verdicts={"bad_base64": PAID_AND_FAILED},
        # It has no moderation, no limits and no money; a model that it does not have is another one.
        without=frozenset({"refusal", "output_refusal", "rate_limited", "out_of_quota", "model_not_found"}),
    )


@pytest.fixture
def server() -> A1111Upstream:
    """The server, scripted."""
    return A1111Upstream()


@pytest.fixture
async def a1111(server: A1111Upstream) -> AsyncIterator[A1111Provider]:
    """The provider before it."""
    async with server.running() as url:
        provider = A1111Provider({"A1111_BASE_URL": url, **ENVIRON})
        yield provider
        await provider.close()


@pytest.fixture
def sdxl(order: OrderMaker) -> OrderMaker:
    """Make an order of the checkpoint; options of the draw by a mapping."""

    def make(*, options_of_draw: Mapping[str, str] | None = None, **fields: Any) -> Any:
        made = order(**{"upstream_model": "sdxl", "width": 512, "height": 512, **fields})
        made.draw.options.update(options_of_draw or {})
        return made

    return make


def asked(server: A1111Upstream) -> dict[str, Any]:
    """The fields of the last call."""
    return dict(json.loads(server.requests[-1].body))


async def test_a_draw_becomes_the_servers_words_and_its_seeds_are_told(
    a1111: A1111Provider, server: A1111Upstream, sdxl: OrderMaker, memory: CountedMemory
) -> None:
    wanted = sdxl(count=2, negative_prompt="blur", seed=7, steps=30, guidance=6.5, width=1000, height=700)
    drawn = await drawn_by(a1111, wanted, memory)
    assert server.requests[-1].path == "/sdapi/v1/txt2img"
    assert asked(server) == {
        "prompt": "a red fox",
        "negative_prompt": "blur",
        "seed": 7,
        "steps": 30,
        "cfg_scale": 6.5,
        "batch_size": 2,
        "width": 1000,
        "height": 704,
        "override_settings": {"sd_model_checkpoint": "sd_xl_base_1.0.safetensors [31e35c80fc]"},
        "send_images": True,
        "save_images": False,
    }
    assert [picture.seed for picture in drawn.pictures] == [7, 8]
    assert (drawn.upstream_model, drawn.warnings) == ("sd_xl_base_1.0", [])


async def test_an_order_without_a_size_is_drawn_in_1024_squared(
    a1111: A1111Provider, server: A1111Upstream, sdxl: OrderMaker, memory: CountedMemory
) -> None:
    await drawn_by(a1111, sdxl(width=0, height=0), memory)
    assert (asked(server)["width"], asked(server)["height"]) == (1024, 1024)


async def test_a_published_checkpoint_is_asked_for_by_its_name_where_the_operator_names_none(
    server: A1111Upstream, sdxl: OrderMaker, memory: CountedMemory
) -> None:
    async with server.running() as url:
        provider = A1111Provider({"A1111_BASE_URL": url})
        drawn = await drawn_by(provider, sdxl(), memory)
        await provider.close()
    assert asked(server)["override_settings"] == {"sd_model_checkpoint": "sd_xl_base_1.0.safetensors"}
    assert not drawn.warnings


async def test_a_checkpoint_that_the_server_does_not_have_is_told(
    a1111: A1111Provider, sdxl: OrderMaker, memory: CountedMemory
) -> None:
    drawn = await drawn_by(a1111, sdxl(upstream_model="juggernaut"), memory)
    assert drawn.upstream_model == "sd_xl_base_1.0"
    assert drawn.warnings == ["a1111 has no checkpoint juggernaut, and drew with sd_xl_base_1.0."]


async def test_a_grid_before_the_pictures_is_left_out(
    a1111: A1111Provider, sdxl: OrderMaker, memory: CountedMemory
) -> None:
    drawn = await drawn_by(a1111, sdxl(prompt="a fox [[duplicate]]", count=2), memory)
    assert len(drawn.pictures) == 2
    assert not drawn.faults


async def test_a_change_of_a_picture_has_its_size_and_a_strength(
    a1111: A1111Provider, server: A1111Upstream, sdxl: OrderMaker, memory: CountedMemory
) -> None:
    wanted = sdxl(operation=pb.OPERATION_IMAGE_TO_IMAGE, inputs=[PICTURE], strength=0.4, width=0, height=0)
    drawn = await drawn_by(a1111, wanted, memory)
    assert server.requests[-1].path == "/sdapi/v1/img2img"
    assert base64.b64decode(asked(server)["init_images"][0]) == PICTURE
    assert asked(server).items() >= {"denoising_strength": 0.4, "width": 640, "height": 480}.items()
    assert "inpainting_fill" not in asked(server)
    assert not drawn.warnings


@pytest.mark.parametrize(
    ("mode", "filling"), [("original", 1), ("fill", 1), ("latent_noise", 2), ("latent_nothing", 3), (None, 1)]
)
async def test_a_mask_is_white_where_it_is_repainted_and_as_large_as_its_picture(
    a1111: A1111Provider,
    server: A1111Upstream,
    sdxl: OrderMaker,
    memory: CountedMemory,
    mode: str | None,
    filling: int,
) -> None:
    options = {"mask_blur": "4", **({"inpaint_mode": mode} if mode else {})}
    wanted = sdxl(operation=pb.OPERATION_INPAINT, inputs=[PICTURE], mask=MASK, options_of_draw=options)
    drawn = await drawn_by(a1111, wanted, memory)
    mask = inspect(base64.b64decode(asked(server)["mask"]))
    assert (mask.width, mask.height, mask.has_alpha) == (640, 480, False)
    expected = {"inpainting_fill": filling, "inpainting_mask_invert": 0, "inpaint_full_res": False, "mask_blur": 0}
    assert asked(server).items() >= expected.items()
    assert not drawn.warnings
    assert not server.violations


async def test_a_mask_that_is_not_blurred_yet_is_left_to_the_servers_own_blur(
    a1111: A1111Provider, server: A1111Upstream, sdxl: OrderMaker, memory: CountedMemory
) -> None:
    await drawn_by(a1111, sdxl(operation=pb.OPERATION_INPAINT, inputs=[PICTURE], mask=MASK), memory)
    assert "mask_blur" not in asked(server)


@pytest.mark.parametrize(
    ("options", "expected", "warnings"),
    [
        ({"scheduler": "DPMSolverMultistep"}, {"sampler_name": "DPM++ 2M"}, []),
        ({"scheduler": "K_EULER"}, {"sampler_name": "Euler"}, []),
        ({"sampler": "k_euler_a"}, {"sampler_name": "Euler a"}, []),
        ({"sampler": "k_dpmpp_2m_karras"}, {"sampler_name": "DPM++ 2M", "scheduler": "karras"}, []),
        ({"sampler": "ddim", "scheduler": "karras"}, {"sampler_name": "DDIM", "scheduler": "karras"}, []),
        ({"sampler": "ddim", "scheduler": "K_EULER"}, {"sampler_name": "DDIM"}, ["a1111 ignores scheduler."]),
        ({"scheduler": "DEIS"}, {}, ["a1111 ignores scheduler."]),
    ],
)
async def test_samplers_and_schedules_are_asked_for_by_the_servers_names(
    a1111: A1111Provider,
    server: A1111Upstream,
    sdxl: OrderMaker,
    memory: CountedMemory,
    options: dict[str, str],
    expected: dict[str, str],
    warnings: list[str],
) -> None:
    drawn = await drawn_by(a1111, sdxl(options_of_draw=options), memory)
    assert {name: asked(server)[name] for name in ("sampler_name", "scheduler") if name in asked(server)} == expected
    assert drawn.warnings == warnings


async def test_a_route_names_the_servers_sampler_as_an_option(
    a1111: A1111Provider, server: A1111Upstream, sdxl: OrderMaker, memory: CountedMemory
) -> None:
    await drawn_by(a1111, sdxl(options={"sampler_name": "UniPC", "restore_faces": "true"}), memory)
    assert asked(server).items() >= {"sampler_name": "UniPC", "restore_faces": True}.items()
    fault = await fault_of(a1111, sdxl(options={"sampler_name": "Restart"}), memory)
    assert (fault.reason, fault.bought, fault.retryable) == (reason.REASON_UPSTREAM_FAILED, Bought.NO, True)


@pytest.mark.parametrize(
    ("fields", "prompt"),
    [
        ({"lora_weights": "fluffy-fur", "lora_scale": 0.8}, "a red fox <lora:fluffy-fur:0.8>"),
        ({"lora_weights": "fluffy fur.safetensors"}, "a red fox <lora:fluffy fur:1>"),
        ({"options": {"lora": "fluffy-fur", "lora_scale": "0.5"}}, "a red fox <lora:fluffy-fur:0.5>"),
    ],
)
async def test_weights_of_the_servers_folder_are_a_tag_of_the_prompt(
    a1111: A1111Provider,
    server: A1111Upstream,
    sdxl: OrderMaker,
    memory: CountedMemory,
    fields: dict[str, Any],
    prompt: str,
) -> None:
    drawn = await drawn_by(a1111, sdxl(**fields), memory)
    assert asked(server)["prompt"] == prompt
    assert not drawn.warnings


@pytest.mark.parametrize("weights", ["https://example.com/x.safetensors", "owner/repo", "x:1><lora:y"])
async def test_weights_that_lie_elsewhere_are_told_to_be_ignored(
    a1111: A1111Provider, server: A1111Upstream, sdxl: OrderMaker, memory: CountedMemory, weights: str
) -> None:
    drawn = await drawn_by(a1111, sdxl(lora_weights=weights), memory)
    assert asked(server)["prompt"] == "a red fox"
    assert drawn.warnings == ["a1111 ignores lora_weights."]


async def test_a_picture_is_enlarged_by_the_servers_upscaler(
    a1111: A1111Provider, server: A1111Upstream, sdxl: OrderMaker, memory: CountedMemory
) -> None:
    wanted = sdxl(
        upstream_model="R-ESRGAN 4x+",
        operation=pb.OPERATION_UPSCALE,
        prompt="",
        inputs=[PICTURE],
        options_of_draw={"scale_factor": "4", "enhance_faces": "true"},
    )
    drawn = await drawn_by(a1111, wanted, memory)
    assert server.requests[-1].path == "/sdapi/v1/extra-single-image"
    assert base64.b64decode(asked(server)["image"]) == PICTURE
    sent = {name: value for name, value in asked(server).items() if name != "image"}
    assert sent == {"upscaler_1": "R-ESRGAN 4x+", "resize_mode": 0, "upscaling_resize": 4, "gfpgan_visibility": 1}
    assert inspect(drawn.pictures[0].data).width == 2560
    assert (drawn.upstream_model, drawn.warnings) == ("R-ESRGAN 4x+", [])


async def test_what_would_be_larger_than_is_kept_is_not_enlarged(
    a1111: A1111Provider, server: A1111Upstream, sdxl: OrderMaker, memory: CountedMemory
) -> None:
    large = sample("png", 3000, 3000).stamped(1)
    wanted = sdxl(operation=pb.OPERATION_UPSCALE, inputs=[large], options_of_draw={"scale_factor": "4"})
    fault = await fault_of(a1111, wanted, memory)
    assert (fault.reason, fault.details["field"]) == (reason.REASON_UPSTREAM_INVALID, "scale_factor")
    assert not server.requests


def test_checkpoints_that_cannot_be_read_are_refused_at_the_start() -> None:
    with pytest.raises(SettingError, match=r"A1111_CHECKPOINTS: .* no name=file"):
        PROVIDER.open({"A1111_CHECKPOINTS": "sdxl"})


def test_a_validation_names_its_field_and_an_exception_itself() -> None:
    assert read_complaint(422, b'{"detail":[{"loc":["body","steps"],"msg":"m"}]}').field == "steps"
    assert read_complaint(500, b'{"error":"OutOfMemoryError","detail":"d"}').code == "OutOfMemoryError"
    assert read_complaint(502, b"<html>").code == ""
