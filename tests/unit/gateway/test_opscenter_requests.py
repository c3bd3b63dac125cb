"""An Ops-Center request becomes an order: every row of its document's tables."""

from typing import Any

import pytest

from gateway.dialects.opscenter import requests
from gateway.dialects.opscenter.requests import SIZES, GenerationRequest, edit, generation, variation
from gateway.openai_images.drawing import Facts, facts_of
from gateway.openai_images.pictures import edit_of_json, variation_of_json
from gateway.openai_images.requests import EditRequest, ImageReference, VariationRequest
from gateway.orders import Order
from gateway.validation import decode
from gesso.generator.v1.generator_pb2 import OPERATION_INPAINT, OPERATION_TEXT_TO_IMAGE, Draw
from servicekit.faults import InvalidField

PICTURE = ImageReference(image_url="https://example.com/a.png")
DOCUMENTED_SIZES = {
    "dall-e-3": ["1024x1024", "1792x1024", "1024x1792"],
    "dall-e-2": ["256x256", "512x512", "1024x1024"],
    "stable-diffusion-xl": ["512x512", "1024x1024", "1536x1536"],
    "stable-diffusion-3": ["512x512", "1024x1024", "1536x1536"],
}
EVERY_SIZE = sorted({size for sizes in DOCUMENTED_SIZES.values() for size in sizes} | {"768x768", "auto"})


def _order(**fields: Any) -> Order:
    return generation(GenerationRequest(**{"prompt": "a unicorn", **fields}))


def _refused(**fields: Any) -> str:
    with pytest.raises(InvalidField) as caught:
        _order(**fields)
    return caught.value.details["field"]


def test_the_defaults_are_the_documents() -> None:
    order = _order()
    assert list(order.purchase.draws) == [
        Draw(operation=OPERATION_TEXT_TO_IMAGE, model="dall-e-3", prompt="a unicorn", n=1, width=1024, height=1024)
    ]
    assert facts_of(order.purchase.facts) == Facts("url")
    assert not order.stream


def test_the_sizes_are_the_documents() -> None:
    assert {model: list(sizes) for model, sizes in SIZES.items()} == DOCUMENTED_SIZES


@pytest.mark.parametrize("size", EVERY_SIZE)
@pytest.mark.parametrize("model", DOCUMENTED_SIZES)
def test_each_model_takes_its_sizes_and_no_other(model: str, size: str) -> None:
    if size in DOCUMENTED_SIZES[model]:
        (draw,) = _order(model=model, size=size).purchase.draws
        assert f"{draw.width}x{draw.height}" == size
    else:
        assert _refused(model=model, size=size) == "size"


@pytest.mark.parametrize(
    ("model", "fields", "field"),
    [
        ("dall-e-3", {"quality": "standard"}, None),
        ("dall-e-3", {"quality": "hd"}, None),
        ("dall-e-3", {"style": "vivid"}, None),
        ("dall-e-3", {"style": "natural"}, None),
        *[
            (model, fields, field)
            for model in ("dall-e-2", "stable-diffusion-xl", "stable-diffusion-3")
            for fields, field in [
                ({"quality": "standard"}, None),
                ({"quality": "hd"}, "quality"),
                ({"style": "vivid"}, "style"),
                ({"style": "natural"}, "style"),
            ]
        ],
    ],
)
def test_quality_and_style_are_dall_e_3s(model: str, fields: dict[str, str], field: str | None) -> None:
    if field is None:
        (draw,) = _order(model=model, **fields).purchase.draws
        assert {name: getattr(draw, name) for name in fields} == fields
    else:
        assert _refused(model=model, **fields) == field


@pytest.mark.parametrize("response_format", ["url", "b64_json"])
@pytest.mark.parametrize("model", [*DOCUMENTED_SIZES, "gpt-image-1"])
def test_links_are_answered_unless_bytes_are_asked_for(model: str, response_format: str) -> None:
    assert facts_of(_order(model=model).purchase.facts).response_format == "url"
    asked = _order(model=model, response_format=response_format)
    assert facts_of(asked.purchase.facts).response_format == response_format


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"{}", "prompt"),
        (b'{"prompt": ""}', "prompt"),
        (b'{"prompt": 7}', "prompt"),
        (b'{"prompt": "a", "n": 0}', "n"),
        (b'{"prompt": "a", "n": 11}', "n"),
        (b'{"prompt": "a", "n": 1.5}', "n"),
        (b'{"prompt": "a", "n": "1"}', "n"),
        (b'{"prompt": "a", "quality": "high"}', "quality"),
        (b'{"prompt": "a", "style": "bold"}', "style"),
        (b'{"prompt": "a", "size": "large"}', "size"),
        (b'{"prompt": "a", "response_format": "png"}', "response_format"),
        (b'{"prompt": "a", "model": 3}', "model"),
    ],
)
def test_a_wrong_type_or_value_is_named(body: bytes, field: str) -> None:
    with pytest.raises(InvalidField) as caught:
        decode(body, GenerationRequest)
    assert caught.value.details["field"] == field


@pytest.mark.parametrize("count", [1, 2, 10])
def test_n_pictures_are_one_task(count: int) -> None:
    assert [draw.n for draw in _order(n=count).purchase.draws] == [count]


def test_null_is_absence_and_what_is_not_known_is_ignored() -> None:
    request = decode(b'{"prompt": "a unicorn", "n": null, "model": null, "seed": 4}', GenerationRequest)
    assert generation(request).purchase == _order().purchase


@pytest.mark.parametrize(
    ("model", "longest"), [("dall-e-2", 1_000), ("dall-e-3", 4_000), ("stable-diffusion-xl", 32_000)]
)
def test_the_longest_prompt_is_the_models(model: str, longest: int) -> None:
    assert _order(model=model, prompt="x" * longest)
    if longest < 32_000:  # beyond that the type of the field refuses
        assert _refused(model=model, prompt="x" * (longest + 1)) == "prompt"


def test_pictures_are_changed_by_the_model_that_takes_some() -> None:
    edited = edit(edit_of_json(EditRequest(prompt="a hat", images=[PICTURE], mask=PICTURE)))
    assert (edited.purchase.draws[0].model, edited.purchase.draws[0].operation) == ("dall-e-2", OPERATION_INPAINT)
    varied = variation(variation_of_json(VariationRequest(image=PICTURE)))
    assert (varied.purchase.draws[0].model, varied.purchase.draws[0].width) == ("dall-e-2", 1024)


@pytest.mark.parametrize(
    ("fields", "field"), [({"quality": "hd"}, "quality"), ({"size": "1536x1024"}, "size"), ({"prompt": " "}, "prompt")]
)
def test_an_edit_is_held_to_the_same_tables(fields: dict[str, Any], field: str) -> None:
    request = EditRequest(**{"prompt": "a hat", "images": [PICTURE], **fields})
    with pytest.raises(InvalidField) as caught:
        edit(edit_of_json(request))
    assert caught.value.details["field"] == field


def test_a_variation_has_the_sizes_of_its_model() -> None:
    with pytest.raises(InvalidField, match="`size` of dall-e-2 must be one of"):
        requests.variation(variation_of_json(VariationRequest(image=PICTURE, size="1536x1024")))
