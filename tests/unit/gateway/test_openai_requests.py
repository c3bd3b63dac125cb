"""An OpenAI request becomes an order."""

from typing import Any

import pytest

from gateway.dialects.openai.requests import edit, generation, variation
from gateway.forms import Form
from gateway.openai_images.drawing import Facts, facts_of
from gateway.openai_images.pictures import (
    attach_masked,
    attach_pictures,
    attach_varied,
    edit_of_form,
    edit_of_json,
    variation_of_form,
    variation_of_json,
)
from gateway.openai_images.requests import EditRequest, GenerationRequest, ImageReference, VariationRequest
from gateway.orders import Lens, Order, Upload
from gateway.validation import decode
from gesso.gallery.v1.gallery_pb2 import Image
from gesso.generator.v1.generator_pb2 import (
    OPERATION_IMAGE_TO_IMAGE,
    OPERATION_INPAINT,
    OPERATION_TEXT_TO_IMAGE,
    Draw,
    Purchase,
)
from servicekit.faults import InvalidField

IMAGE_ID = "img_01jzx4t7qam5v8n3b6c9d0e1f3"
NO_LENS: Lens = None  # type: ignore[assignment]  # nothing is measured here


def _purchase(**fields: object) -> Purchase:
    request = GenerationRequest(**{"prompt": "a fox", **fields})  # type: ignore[arg-type]
    return generation(request, default_model="default").purchase


def test_what_is_absent_is_the_models_own_default() -> None:
    (draw,) = _purchase().draws
    assert draw == Draw(operation=OPERATION_TEXT_TO_IMAGE, model="default", prompt="a fox", n=1)


def test_every_field_reaches_the_draw() -> None:
    (draw,) = _purchase(
        model="m",
        n=3,
        size="1536x1024",
        quality="high",
        style="natural",
        background="opaque",
        moderation="low",
        output_format="webp",
        output_compression=80,
        user="u",
    ).draws
    assert draw == Draw(
        operation=OPERATION_TEXT_TO_IMAGE,
        model="m",
        prompt="a fox",
        n=3,
        width=1536,
        height=1024,
        quality="high",
        style="natural",
        background="opaque",
        output_format="webp",
        output_quality=80,
        options={"moderation": "low", "safety_identifier": "u"},
    )


@pytest.mark.parametrize(
    ("model", "asked", "answered"),
    [
        ("gpt-image-1", None, "b64_json"),
        ("gpt-image-2.5-flare", None, "b64_json"),
        ("chatgpt-image-latest", None, "b64_json"),
        ("dall-e-2", None, "url"),
        ("dall-e-3", None, "url"),
        ("flux-pro", None, "url"),
        ("gpt-image-1", "url", "url"),
        ("dall-e-3", "b64_json", "b64_json"),
    ],
)
def test_the_form_of_the_answer(model: str, asked: str | None, answered: str) -> None:
    assert facts_of(_purchase(model=model, response_format=asked).facts) == Facts(answered)  # type: ignore[arg-type]


def test_auto_is_not_echoed_before_it_is_decided() -> None:
    bought = _purchase(quality="auto", background="auto", size="auto")
    assert facts_of(bought.facts) == Facts("url")
    assert (bought.draws[0].quality, bought.draws[0].width) == ("auto", 0)


@pytest.mark.parametrize(("model", "longest"), [("dall-e-2", 1_000), ("dall-e-3", 4_000), ("gpt-image-1", 32_000)])
def test_the_longest_prompt_is_the_models(model: str, longest: int) -> None:
    assert len(_purchase(model=model, prompt="x" * longest).draws[0].prompt) == longest
    if longest < 32_000:  # beyond that the type of the field refuses
        with pytest.raises(InvalidField):
            _purchase(model=model, prompt="x" * (longest + 1))


def test_the_strongest_compression_is_not_the_default() -> None:
    assert _purchase(output_format="jpeg", output_compression=0).draws[0].output_quality == 1


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"prompt": " "}, "prompt"),
        ({"prompt": "a\0b"}, "prompt"),
        ({"size": "20000x10"}, "size"),
        ({"output_compression": 50}, "output_compression"),
        ({"background": "transparent", "output_format": "jpeg"}, "background"),
        ({"partial_images": 2}, "partial_images"),
    ],
)
def test_what_contradicts_itself_is_named(fields: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidField) as caught:
        _purchase(**fields)
    assert caught.value.details["field"] == field


def test_a_stream_and_its_unfinished_pictures_are_asked_for() -> None:
    order = generation(GenerationRequest(prompt="a fox", stream=True, partial_images=3), default_model="m")
    assert (order.stream, order.purchase.draws[0].partial_images) == (True, 3)


def _edit(*parts: tuple[str, str | Upload]) -> Order:
    return edit(edit_of_form(Form(parts)), default_model="gpt-image-1")


def _upload(name: str = "a.png") -> Upload:
    return Upload(b"bytes", name)


def test_every_field_of_a_form_reaches_the_draw() -> None:
    order = _edit(
        ("image", _upload()),
        ("prompt", "a hat"),
        ("model", "gpt-image-1.5"),
        ("n", "2"),
        ("size", "1024x1536"),
        ("quality", "high"),
        ("background", "opaque"),
        ("input_fidelity", "high"),
        ("output_format", "webp"),
        ("output_compression", "80"),
        ("response_format", "url"),
        ("stream", "true"),
        ("partial_images", "1"),
        ("user", "u"),
    )
    (draw,) = order.purchase.draws
    assert draw == Draw(
        operation=OPERATION_IMAGE_TO_IMAGE,
        model="gpt-image-1.5",
        prompt="a hat",
        n=2,
        width=1024,
        height=1536,
        quality="high",
        background="opaque",
        output_format="webp",
        output_quality=80,
        options={"safety_identifier": "u", "input_fidelity": "high"},
        partial_images=1,
    )
    assert order.stream
    assert facts_of(order.purchase.facts) == Facts("url", "high", "opaque")


@pytest.mark.parametrize(
    "names", [("image",), ("image[]", "image[]", "image[]"), ("image[0]", "image[1]"), ("image",) * 16]
)
def test_the_pictures_of_a_form_come_under_any_of_its_names(names: tuple[str, ...]) -> None:
    order = _edit(("prompt", "a hat"), *((name, _upload()) for name in names))
    assert len(order.inputs) == len(names)
    assert {one.limit_bytes for one in order.inputs} == {25_000_000}
    assert {one.formats for one in order.inputs} == {frozenset({"png", "jpeg", "webp"})}


def test_a_mask_makes_an_edit_repaint() -> None:
    order = _edit(("prompt", "a hat"), ("image", _upload()), ("mask", _upload()))
    assert order.purchase.draws[0].operation == OPERATION_INPAINT
    assert [(one.field, one.limit_bytes, set(one.formats)) for one in order.inputs][1] == ("mask", 4_000_000, {"png"})


@pytest.mark.parametrize(
    ("parts", "field"),
    [
        ([("prompt", "a hat")], "image"),
        ([("prompt", "a hat"), ("image", "https://example.com/a.png")], "image"),
        ([("image", _upload())], "prompt"),
        ([("prompt", "a hat"), ("image", _upload()), ("n", "0")], "n"),
        ([("prompt", "a hat"), ("image", _upload()), ("n", "two")], "n"),
        ([("prompt", "a hat"), ("image", _upload()), ("stream", "perhaps")], "stream"),
        ([("prompt", "a hat"), ("image", _upload()), ("input_fidelity", "medium")], "input_fidelity"),
        ([("prompt", "a hat"), ("image", _upload()), ("mask", _upload()), ("mask", _upload())], "mask"),
        ([("prompt", "a hat"), *[("image[]", _upload())] * 17], "image"),
        ([("prompt", "a hat"), ("model", "dall-e-2"), *[("image[]", _upload())] * 2], "image"),
    ],
)
def test_a_wrong_form_is_told_its_field(parts: list[tuple[str, str | Upload]], field: str) -> None:
    with pytest.raises(InvalidField) as caught:
        _edit(*parts)
    assert caught.value.details["field"] == field


def _json_edit(body: bytes) -> Order:
    return edit(edit_of_json(decode(body, EditRequest)), default_model="gpt-image-1")


def test_an_edit_as_json_names_its_pictures() -> None:
    order = _json_edit(
        b'{"prompt": "a hat", "images": [{"image_url": "https://example.com/a.png"}, {"file_id": "%s"}],'
        b' "mask": {"image_url": "data:image/png;base64,AAAA"}}' % IMAGE_ID.encode()
    )
    assert [(one.field, one.origin) for one in order.inputs] == [
        ("images[0].image_url", "https://example.com/a.png"),
        ("images[1].file_id", IMAGE_ID),
        ("mask.image_url", "data:image/png;base64,AAAA"),
    ]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b'{"prompt": "a hat"}', "images"),
        (b'{"prompt": "a hat", "images": []}', "images"),
        (b'{"prompt": "a hat", "images": [%s]}' % b",".join([b'{"image_url": "https://e.com/a.png"}'] * 17), "images"),
        (b'{"prompt": "a hat", "images": [{}]}', "images[0]"),
        (b'{"prompt": "a hat", "images": [{"image_url": 7}]}', "images[0].image_url"),
        (b'{"prompt": "a hat", "images": [{"image_url": "https://e.com/a", "file_id": "b"}]}', "images[0]"),
        (b'{"prompt": "a hat", "images": [{"file_id": "file-abc"}]}', "images[0].file_id"),
        (b'{"images": [{"image_url": "https://e.com/a.png"}]}', "prompt"),
        (b'{"prompt": "a hat", "images": [{"image_url": "https://e.com/a.png"}], "mask": {}}', "mask"),
    ],
)
def test_a_wrong_edit_as_json_is_told_its_field(body: bytes, field: str) -> None:
    with pytest.raises(InvalidField) as caught:
        _json_edit(body)
    assert caught.value.details["field"] == field


async def test_the_last_picture_of_a_masked_edit_is_its_mask() -> None:
    purchase = Purchase(draws=[Draw(model="gpt-image-1")])
    pictures = [Image(id=name, width=8, height=4) for name in ("a", "b", "m")]
    await attach_masked(purchase, pictures, NO_LENS)
    assert (list(purchase.draws[0].input_image_ids), purchase.draws[0].mask_image_id) == (["a", "b"], "m")


async def test_a_mask_of_another_size_is_told_both() -> None:
    pictures = [Image(id="a", width=8, height=4), Image(id="m", width=4, height=8)]
    with pytest.raises(InvalidField, match="8x4 pixels, not 4x8") as caught:
        await attach_masked(Purchase(draws=[Draw(model="gpt-image-1")]), pictures, NO_LENS)
    assert caught.value.details["field"] == "mask"


@pytest.mark.parametrize("attach", [attach_pictures, attach_varied])
async def test_dall_e_2_takes_square_pictures(attach: Any) -> None:
    purchase = Purchase(draws=[Draw(model="dall-e-2")])
    await attach(purchase, [Image(id="a", width=8, height=8)], NO_LENS)
    assert list(purchase.draws[0].input_image_ids) == ["a"]
    with pytest.raises(InvalidField, match="must be square, not 8x4"):
        await attach(purchase, [Image(id="a", width=8, height=4)], NO_LENS)


def test_a_variation_is_drawn_from_its_picture_and_answered_by_links() -> None:
    order = variation(
        variation_of_form(Form([("image", _upload()), ("n", "2"), ("size", "1024x1024"), ("user", "u")])),
        default_model="gpt-image-1",
    )
    (draw,), (taken,) = order.purchase.draws, order.inputs
    assert (draw.operation, draw.model, draw.n, draw.width) == (OPERATION_IMAGE_TO_IMAGE, "gpt-image-1", 2, 1024)
    assert draw.prompt
    assert facts_of(order.purchase.facts) == Facts("url")
    assert (taken.field, taken.limit_bytes, set(taken.formats)) == ("image", 4_000_000, {"png"})


@pytest.mark.parametrize(
    ("size", "model", "drawing"),
    [
        (None, None, "gpt-image-1"),
        ("1024x1024", None, "gpt-image-1"),
        ("512x512", None, "dall-e-2"),
        ("256x256", None, "dall-e-2"),
        ("256x256", "sketch", "sketch"),
    ],
)
def test_every_size_of_the_specification_has_a_model_that_varies_in_it(
    size: str | None, model: str | None, drawing: str
) -> None:
    request = VariationRequest(image=ImageReference(file_id=IMAGE_ID), size=size, model=model)
    order = variation(variation_of_json(request), default_model="gpt-image-1")
    assert order.purchase.draws[0].model == drawing


def test_a_variation_as_json_names_its_picture() -> None:
    request = decode(
        b'{"image": {"file_id": "%s"}, "response_format": "b64_json"}' % IMAGE_ID.encode(), VariationRequest
    )
    order = variation(variation_of_json(request), default_model="gpt-image-1")
    assert (order.inputs[0].origin, facts_of(order.purchase.facts).response_format) == (IMAGE_ID, "b64_json")


def test_a_variation_without_a_picture_is_told_so() -> None:
    with pytest.raises(InvalidField, match="`image` is required"):
        variation_of_form(Form([("n", "1")]))
