"""A ProductAI request becomes an order, or is refused by the code that its document has for it."""

import json
from typing import Any

import pytest

from gateway.dialects.productai.requests import (
    MODELS,
    CustomModelRequest,
    CustomRequest,
    GenerateRequest,
    UpscaleRequest,
    custom,
    custom_model,
    generation,
    upscale,
)
from gateway.orders import Order
from gateway.validation import decode
from gesso.errors.v1 import reason_pb2 as pb
from gesso.generator.v1.generator_pb2 import OPERATION_IMAGE_TO_IMAGE, OPERATION_UPSCALE, Draw
from servicekit.faults import Fault

URL = "https://example.com/photo.jpg"


def _generated(**fields: Any) -> Order:
    body = {"image_url": URL, "prompt": "a beach", "model": "kontext-pro", **fields}
    return generation(decode(json.dumps(body).encode(), GenerateRequest))


def _draw(**fields: Any) -> Draw:
    (draw,) = _generated(**fields).purchase.draws
    return draw


@pytest.mark.parametrize("model", MODELS)
def test_each_model_edits_one_picture(model: str) -> None:
    order = _generated(model=model)
    (draw,) = order.purchase.draws
    assert (draw.operation, draw.model, draw.n) == (OPERATION_IMAGE_TO_IMAGE, model, 1)
    assert order.purchase.capture_at_start
    (wanted,) = order.inputs
    assert (wanted.field, wanted.origin, wanted.limit_bytes) == ("image_url", URL, 10 * 1024 * 1024)
    assert wanted.formats == {"png", "jpeg", "webp"}


@pytest.mark.parametrize("model", MODELS)
def test_two_pictures_are_for_three_models(model: str) -> None:
    urls = [URL, "https://example.com/b.png"]
    if model in ("nanobanana", "nanobananapro", "seedream"):
        order = _generated(model=model, image_url=urls)
        assert [wanted.field for wanted in order.inputs] == ["image_url[0]", "image_url[1]"]
        return
    with pytest.raises(Fault) as raised:
        _generated(model=model, image_url=urls)
    assert raised.value.reason == pb.REASON_INPUT_UNREACHABLE


def test_three_pictures_are_too_many_for_any() -> None:
    with pytest.raises(Fault) as raised:
        _generated(model="nanobanana", image_url=[URL] * 3)
    assert raised.value.reason == pb.REASON_INPUT_UNREACHABLE


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    ("asked", "ratio"), [(None, "1:1"), ("SQUARE", "1:1"), ("LANDSCAPE", "3:2"), ("PORTRAIT", "2:3")]
)
def test_every_model_knows_three_shapes(model: str, asked: str | None, ratio: str) -> None:
    assert _draw(model=model, aspect_ratio=asked).aspect_ratio == ratio


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    ("asked", "ratio"),
    [
        ("LANDSCAPE_4_3", "4:3"),
        ("LANDSCAPE_5_4", "5:4"),
        ("SQUARE_1_1", "1:1"),
        ("PORTRAIT_4_5", "4:5"),
        ("PORTRAIT_3_4", "3:4"),
        ("4:3", "4:3"),
        ("9:16", "9:16"),
        ("16:9", "16:9"),
    ],
)
def test_more_shapes_are_for_two_models(model: str, asked: str, ratio: str) -> None:
    if model in ("nanobanana", "nanobananapro"):
        assert _draw(model=model, aspect_ratio=asked).aspect_ratio == ratio
        return
    _refused("aspect_ratio", model=model, aspect_ratio=asked)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("resolution", ["1K", "2K", "4K"])
def test_resolutions_are_for_two_models(model: str, resolution: str) -> None:
    if model in ("nanobanana", "nanobananapro"):
        assert _draw(model=model, resolution=resolution).resolution == resolution
        assert _draw(model=model).resolution == "2K"
        return
    _refused("resolution", model=model, resolution=resolution)


@pytest.mark.parametrize(("asked", "drawn"), [(None, "png"), ("png", "png"), ("jpg", "jpeg"), ("jpeg", "jpeg")])
def test_each_format_is_drawn(asked: str | None, drawn: str) -> None:
    assert _draw(output_format=asked).output_format == drawn


def _refused(field: str, **fields: Any) -> None:
    with pytest.raises(Fault) as raised:
        _generated(**fields)
    assert (raised.value.reason, raised.value.details["field"]) == (pb.REASON_INVALID_FIELD, field)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"prompt": ""}, "prompt"),
        ({"prompt": " "}, "prompt"),
        ({"prompt": 5}, "prompt"),
        ({"prompt": "x" * 10_001}, "prompt"),
        ({"image_url": 5}, "image_url"),
        ({"image_url": []}, "image_url"),
        ({"model": 5}, "model"),
        ({"output_format": "webp"}, "output_format"),
        ({"aspect_ratio": "WIDE"}, "aspect_ratio"),
        ({"model": "nanobanana", "aspect_ratio": "7:1"}, "aspect_ratio"),
        ({"model": "nanobanana", "resolution": "8K"}, "resolution"),
    ],
)
def test_a_wrong_field_is_named(fields: dict[str, Any], field: str) -> None:
    _refused(field, **fields)


@pytest.mark.parametrize("model", ["dall-e-3", "custom-avatars", "gpt"])
def test_a_model_of_another_name_is_unknown(model: str) -> None:
    with pytest.raises(Fault) as raised:
        _generated(model=model)
    assert raised.value.reason == pb.REASON_UNKNOWN_MODEL


@pytest.mark.parametrize(("asked", "factor"), [(None, "2"), (2, "2"), (4, "4")])
def test_an_upscaling_doubles_unless_asked(asked: int | None, factor: str) -> None:
    order = upscale(UpscaleRequest(URL, asked))  # type: ignore[arg-type]
    (draw,) = order.purchase.draws
    assert (draw.operation, draw.options["scale_factor"]) == (OPERATION_UPSCALE, factor)


def test_an_upscaling_by_another_factor_is_refused() -> None:
    with pytest.raises(Fault) as raised:
        decode(b'{"image_url": "https://example.com/a.png", "scale_factor": 3}', UpscaleRequest)
    assert raised.value.details["field"] == "scale_factor"


def test_a_model_of_ones_own_has_a_name_of_its_own() -> None:
    order = custom(CustomRequest(URL, "brand style", "custom-owesa-avatars"))
    assert order.purchase.draws[0].model == "custom-owesa-avatars"
    with pytest.raises(Fault) as raised:
        custom(CustomRequest(URL, "brand style", "owesa-avatars"))
    assert raised.value.reason == pb.REASON_UNKNOWN_MODEL


def test_a_model_is_registered_by_its_name() -> None:
    body = {"name": "custom-a", "provider": "fal", "base_model": "flux-dev-single-lora", "weights_url": "owner/repo"}
    assert custom_model(decode(json.dumps(body).encode(), CustomModelRequest)).name == "custom-a"
    with pytest.raises(Fault) as raised:
        decode(json.dumps({**body, "name": "avatars"}).encode(), CustomModelRequest)
    assert raised.value.details["field"] == "name"
