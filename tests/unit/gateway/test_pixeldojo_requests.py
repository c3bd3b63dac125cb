"""A PixelDojo request becomes a purchase, or names the field that is wrong."""

import json
from typing import Any

import pytest

from gateway.dialects.pixeldojo.requests import FluxRequest, purchase, size_of
from gateway.validation import decode
from gesso.generator.v1.generator_pb2 import Draw
from servicekit.faults import InvalidField


def _draw(**fields: Any) -> Draw:
    (draw,) = purchase(decode(json.dumps({"prompt": "a lake", **fields}).encode(), FluxRequest)).draws
    return draw


@pytest.mark.parametrize(
    ("asked", "drawn"),
    [
        (None, "flux-pro"),
        ("flux-pro", "flux-pro"),
        ("flux-1.1-pro", "flux-1.1-pro"),
        ("flux-1.1-pro-ultra", "flux-1.1-pro-ultra"),
        ("flux-dev-single-lora", "flux-dev-single-lora"),
        ("flux-dev", "flux-dev-single-lora"),
    ],
)
def test_each_model_is_known_by_its_names(asked: str | None, drawn: str) -> None:
    assert _draw(model=asked).model == drawn


def test_what_is_absent_is_the_documents_default() -> None:
    draw = _draw()
    assert (draw.n, draw.aspect_ratio, draw.output_format, draw.output_quality) == (1, "1:1", "png", 80)
    assert not draw.HasField("seed")
    assert purchase(FluxRequest(prompt="a lake")).keep_seconds == 86_400


def test_a_lora_has_its_own_defaults() -> None:
    draw = _draw(model="flux-dev", lora_weights="owner/repo")
    assert (draw.lora_weights, draw.lora_scale, draw.steps, draw.guidance) == ("owner/repo", 0.7, 28, 3.5)


@pytest.mark.parametrize("ratio", ["1:1", "16:9", "9:16", "4:3", "3:4", "3:2", "2:3"])
def test_each_ratio_is_drawn(ratio: str) -> None:
    assert _draw(aspect_ratio=ratio).aspect_ratio == ratio
    width, height = size_of(ratio, 512 * 512)
    across, down = map(int, ratio.split(":"))
    assert width / height == pytest.approx(across / down, rel=0.06)
    assert (width % 16, height % 16) == (0, 0)
    assert width * height == pytest.approx(512 * 512, rel=0.06)


def test_a_quarter_of_a_megapixel_is_a_size() -> None:
    draw = _draw(megapixels="0.25", aspect_ratio="1:1")
    assert (draw.width, draw.height) == (512, 512)
    assert (_draw(megapixels="1").width, _draw(megapixels="1").height) == (0, 0)


@pytest.mark.parametrize(
    "weights",
    [
        "https://huggingface.co/mylora.safetensors",
        "https://example.com/a/b.safetensors?download=true",
        "owner/repo-1.0",
    ],
)
def test_weights_are_an_address_or_a_repository(weights: str) -> None:
    assert _draw(model="flux-dev-single-lora", lora_weights=weights).lora_weights == weights


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"prompt": ""}, "prompt"),
        ({"prompt": "   "}, "prompt"),
        ({"prompt": "x" * 10_001}, "prompt"),
        ({"prompt": 1}, "prompt"),
        ({"prompt": None}, "prompt"),
        ({"model": "flux-3"}, "model"),
        ({"aspect_ratio": "5:4"}, "aspect_ratio"),
        ({"num_outputs": 0}, "num_outputs"),
        ({"num_outputs": 5}, "num_outputs"),
        ({"num_outputs": "1"}, "num_outputs"),
        ({"seed": -1}, "seed"),
        ({"seed": 1.5}, "seed"),
        ({"output_format": "gif"}, "output_format"),
        ({"output_quality": 0}, "output_quality"),
        ({"output_quality": 101}, "output_quality"),
        ({"raw": True}, "raw"),
        ({"raw": "yes"}, "raw"),
        ({"raw": True, "model": "flux-1.1-pro"}, "raw"),
        ({"lora_weights": "owner/repo"}, "lora_weights"),
        ({"lora_scale": 0.7}, "lora_scale"),
        ({"model": "flux-dev", "lora_weights": "http://example.com/a.safetensors"}, "lora_weights"),
        ({"model": "flux-dev", "lora_weights": "https://example.com/a.zip"}, "lora_weights"),
        ({"model": "flux-dev", "lora_weights": "no-owner"}, "lora_weights"),
        ({"model": "flux-dev", "lora_scale": 2.1}, "lora_scale"),
        ({"model": "flux-dev", "lora_scale": -0.1}, "lora_scale"),
        ({"model": "flux-dev", "go_fast": True}, "go_fast"),
        ({"num_inference_steps": 0}, "num_inference_steps"),
        ({"num_inference_steps": 51}, "num_inference_steps"),
        ({"guidance_scale": -0.1}, "guidance_scale"),
        ({"guidance_scale": 10.1}, "guidance_scale"),
        ({"megapixels": "2"}, "megapixels"),
        ({"megapixels": 1}, "megapixels"),
    ],
    ids=lambda value: json.dumps(value)[:60] if isinstance(value, dict) else "",
)
def test_a_wrong_field_is_named(fields: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidField) as raised:
        _draw(**fields)
    assert raised.value.details["field"] == field
    assert f"`{field}`" in raised.value.message


def test_raw_is_ultras() -> None:
    assert _draw(model="flux-1.1-pro-ultra", raw=True).options == {"raw": "true"}
    assert _draw(raw=False).options == {}
