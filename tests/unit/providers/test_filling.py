"""An order fills a model's inputs by its line of data; what fills nothing is told."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from generator.providers.base import Bought, Order, UpstreamFault
from generator.providers.filling import Filling
from gesso.errors.v1 import reason_pb2 as reason
from gesso.generator.v1 import generator_pb2 as pb

FILLING = Filling(
    "acme",
    {
        "prompt": "prompt",
        "negative_prompt": "negative_prompt",
        "n": "count",
        "seed": "seed",
        "steps": "steps",
        "guidance": "guidance",
        "strength": "strength",
        "weight_of_image": "likeness",
        "size": "size_object",
        "width": "width",
        "height": "height",
        "ratio": "ratio",
        "resolution": "resolution",
        "format": "format",
        "quality": "quality",
        "style": "style",
        "background": "background",
        "image": "picture",
        "image_1": "next_picture",
        "image_2": "next_picture",
        "images": "pictures",
        "mask": "mask",
        "loras": "loras",
    },
    aliases={"upsample": ("prompt_upsampling",)},
)


def order(
    *, count: int = 1, inputs: Sequence[bytes] = (), options: Mapping[str, str] | None = None, **draw: Any
) -> Order:
    fields = {"prompt": "a fox", "operation": pb.OPERATION_TEXT_TO_IMAGE, **draw}
    return Order("job_1/0", pb.Draw(n=count, **fields), "m", count, options or {}, inputs=inputs)


@pytest.mark.parametrize(
    ("line", "asked", "expected"),
    [
        ("prompt* n", {"count": 3}, {"prompt": "a fox", "n": 3}),
        ("seed steps", {"seed": 0, "steps": 5}, {"seed": 0, "steps": 5}),
        ("seed steps", {}, {}),
        ("seed=0..999", {"seed": 7}, {"seed": 7}),
        ("guidance=1..10 strength", {"guidance": 3.5, "strength": 0.25}, {"guidance": 3.5, "strength": 0.25}),
        ("weight_of_image", {"strength": 0.25}, {"weight_of_image": 0.75}),
        ("style=AUTO,REALISTIC", {"options": {"style": "auto"}}, {"style": "AUTO"}),
        ("steps:num", {"options": {"steps": "9"}}, {"steps": 9}),
        ("speed:num=1..5", {"options": {"speed": "5"}}, {"speed": 5}),
        ("speed:num=1..5", {"options": {"speed": "6"}}, {}),
        ("resolution=1K,2K", {"aspect_ratio": "16:9", "options": {"resolution": "2K"}}, {"resolution": "2K"}),
        ("size", {"width": 1000, "height": 500}, {"size": {"width": 1000, "height": 504}}),
        ("size", {}, {}),
        ("size=512..768", {"width": 2000, "height": 1000}, {"size": {"width": 768, "height": 512}}),
        ("size=1024x1024,1024x1536", {"aspect_ratio": "2:3"}, {"size": "1024x1536"}),
        ("width height", {"width": 640, "height": 320}, {"width": 640, "height": 320}),
        ("ratio=match_input,1:1,16:9", {"width": 1920, "height": 1080}, {"ratio": "16:9"}),
        ("resolution=1K,2K,4K", {"resolution": "4K"}, {"resolution": "4K"}),
        ("resolution=1K,2K,4K", {"width": 2048, "height": 1152}, {"resolution": "2K"}),
        ("resolution=1K,2K", {"width": 8000, "height": 8000}, {"resolution": "2K"}),
        ("resolution=1K,2K", {"options": {"resolution": "2K"}}, {"resolution": "2K"}),
        ("format=jpg,png", {"output_format": "jpeg"}, {"format": "jpg"}),
        ("format=jpeg,png", {"output_format": "webp"}, {"format": "png"}),
        ("quality=low,high", {"options": {"quality": "high"}}, {"quality": "high"}),
        ("style=AUTO,REALISTIC", {"style": "realistic"}, {"style": "REALISTIC"}),
        ("loras", {"lora_weights": "https://x/y"}, {"loras": [{"path": "https://x/y", "scale": 1.0}]}),
        ("speed=FAST,SLOW", {"options": {"speed": "fast"}}, {"speed": "FAST"}),
    ],
)
def test_an_order_fills_what_the_line_names(line: str, asked: Mapping[str, Any], expected: object) -> None:
    assert FILLING.fill(order(**asked), line).fields == expected


def test_options_of_the_draw_are_typed_and_may_have_another_name() -> None:
    wanted = order()
    wanted.draw.options.update({"raw": "true", "weight": "0.5", "prompt_upsampling": "false", "mode": "any"})
    filled = FILLING.fill(wanted, "raw:bool weight:num upsample:bool mode:word")
    assert filled.fields == {"raw": True, "weight": 0.5, "upsample": False, "mode": "any"}
    assert not filled.warnings


def test_an_option_that_is_no_value_of_its_input_is_told_and_not_sent() -> None:
    wanted = order()
    wanted.draw.options.update({"raw": "perhaps", "safety_identifier": "u_1"})
    filled = FILLING.fill(wanted, "prompt raw:bool")
    assert filled.fields == {"prompt": "a fox"}
    assert filled.warnings == ["acme ignores raw."]


def test_what_fills_nothing_is_told() -> None:
    wanted = order(negative_prompt="blur", seed=7, background="transparent", lora_weights="https://x/y")
    told = [warning.removeprefix("acme ignores ") for warning in FILLING.fill(wanted, "prompt seed").warnings]
    assert told == ["negative_prompt.", "transparent background.", "lora_weights."]


def test_pictures_beyond_those_that_the_model_takes_are_told() -> None:
    wanted = order(operation=pb.OPERATION_IMAGE_TO_IMAGE, inputs=[b"1", b"2", b"3"])
    assert FILLING.fill(wanted, "images*=2", pictures=["a", "b", "c"]).fields == {"images": ["a", "b"]}
    assert FILLING.fill(wanted, "images*=2", pictures=["a", "b", "c"]).warnings
    assert FILLING.fill(wanted, "image*", pictures=["a", "b", "c"]).fields == {"image": "a"}
    assert not FILLING.fill(wanted, "images*=3", pictures=["a", "b", "c"]).warnings


def test_an_input_that_must_be_filled_and_is_not_is_refused_before_anything_is_bought() -> None:
    with pytest.raises(UpstreamFault) as caught:
        FILLING.fill(order(), "prompt* image*")
    fault = caught.value
    assert (fault.reason, fault.bought, fault.details["field"]) == (reason.REASON_UPSTREAM_INVALID, Bought.NO, "image")


@pytest.mark.parametrize(
    ("line", "asked", "sent", "told"),
    [
        ("seed=0..999", {"seed": 1003}, {"seed": 3}, "the seed 3 instead of 1003"),
        ("steps=15..50", {"steps": 5}, {"steps": 15}, "steps 15, the nearest to 5"),
        ("guidance=1..10", {"guidance": 12.5}, {"guidance": 10.0}, "guidance 10, the nearest to 12.5"),
    ],
)
def test_a_number_beyond_the_range_of_an_input_is_changed_and_told(
    line: str, asked: Mapping[str, Any], sent: object, told: str
) -> None:
    filled = FILLING.fill(order(**asked), line)
    assert filled.fields == sent
    (warning,) = filled.warnings
    assert told in warning


def test_pictures_go_one_by_one_into_the_inputs_that_a_vendor_has_for_them() -> None:
    wanted = order(inputs=[b"1", b"2", b"3"], operation=pb.OPERATION_IMAGE_TO_IMAGE)
    filled = FILLING.fill(wanted, "image_1 image_2", pictures=["a", "b", "c"])
    assert filled.fields == {"image_1": "a", "image_2": "b"}
    assert filled.warnings == ["acme uses the first 2 of 3 input pictures."]
    assert FILLING.fill(order(), "image_1 image_2", pictures=["a"]).fields == {"image_1": "a"}
