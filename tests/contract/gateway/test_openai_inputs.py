"""Edits and variations of the OpenAI dialect between scripted peers: what is brought in and bought, and what is told as wrong."""

import base64
from typing import Any

import aiohttp
import pytest

from gesso.errors.v1 import reason_pb2 as pb
from gesso.generator.v1 import generator_pb2
from servicekit.faults import Fault
from testkit.sample_pictures import sample

EDITS, VARIATIONS = "/v1/images/edits", "/v1/images/variations"
SQUARE, WIDE, JPEG = (
    sample("png", 64, 64).stamped(1),
    sample("png", 64, 32).stamped(2),
    sample("jpeg", 64, 64).stamped(3),
)


def _form(*files: tuple[str, bytes], **texts: str) -> aiohttp.FormData:
    form = aiohttp.FormData(default_to_multipart=True)
    for name, data in files:
        form.add_field(name, data, filename="picture")
    for name, text in texts.items():
        form.add_field(name, text)
    return form


async def _answer(edge: Any, path: str, form: aiohttp.FormData, **headers: str) -> tuple[int, Any]:
    async with edge.session.post(
        edge.url + path, data=form, headers={"Authorization": f"Bearer {edge.key}", **headers}
    ) as answer:
        return answer.status, await answer.json()


def _bought(edge: Any) -> Any:
    (draw,) = edge.generator.submissions[-1].purchase.draws
    return draw


async def test_uploaded_pictures_and_their_mask_are_brought_in(edge: Any, keep: Any) -> None:
    edge.generator.answer = edge.generator.drawing(keep(b"png"))
    form = _form(("image[]", SQUARE), ("image[]", JPEG), ("mask", SQUARE), prompt="a hat", model="gpt-image-1")
    status, body = await _answer(edge, EDITS, form)
    assert (status, base64.b64decode(body["data"][0]["b64_json"])) == (200, b"png")
    assert edge.gallery.uploaded == [SQUARE, JPEG, SQUARE]
    draw = _bought(edge)
    assert draw.operation == generator_pb2.OPERATION_INPAINT
    assert (len(draw.input_image_ids), draw.mask_image_id[:4]) == (2, "img_")


async def test_pictures_by_address_and_id_are_brought_in(edge: Any, keep: Any) -> None:
    edge.generator.answer = edge.generator.drawing(keep(b"png"))
    image_id = "img_01jzx4t7qam5v8n3b6c9d0e1f3"
    body = {"prompt": "a hat", "images": [{"image_url": "https://example.com/a.png"}, {"file_id": image_id}]}
    async with edge.post(body, path=EDITS) as answer:
        assert answer.status == 200
    assert [(item.url, item.image_id) for item in edge.gallery.imported] == [
        ("https://example.com/a.png", ""),
        ("", image_id),
    ]
    assert _bought(edge).input_image_ids[1] == image_id


async def test_a_data_uri_is_uploaded(edge: Any, keep: Any) -> None:
    edge.generator.answer = edge.generator.drawing(keep(b"png"))
    uri = f"data:image/png;base64,{base64.b64encode(SQUARE).decode()}"
    async with edge.post({"prompt": "a hat", "images": [{"image_url": uri}]}, path=EDITS) as answer:
        assert answer.status == 200
    assert edge.gallery.uploaded == [SQUARE]


async def test_a_variation_is_bought_from_its_picture(edge: Any, keep: Any) -> None:
    edge.generator.answer = edge.generator.drawing(keep(b"one"), keep(b"two"))
    status, body = await _answer(edge, VARIATIONS, _form(("image", SQUARE), n="2", size="256x256"))
    assert (status, [list(image) for image in body["data"]]) == (200, [["url"], ["url"]])
    draw = _bought(edge)
    assert (draw.operation, draw.model, draw.n) == (generator_pb2.OPERATION_IMAGE_TO_IMAGE, "dall-e-2", 2)
    assert len(draw.input_image_ids) == 1


@pytest.mark.parametrize(
    ("path", "files", "texts", "param", "code"),
    [
        (EDITS, [], {"prompt": "a hat"}, "image", "invalid_value"),
        (EDITS, [("image", SQUARE)], {}, "prompt", "invalid_value"),
        (EDITS, [("image", SQUARE)], {"prompt": " "}, "prompt", "invalid_value"),
        (EDITS, [("image", SQUARE)], {"prompt": "a", "n": "11"}, "n", "invalid_value"),
        (EDITS, [("image", SQUARE)], {"prompt": "a", "size": "big"}, "size", "invalid_value"),
        (EDITS, [("image", SQUARE)], {"prompt": "a", "quality": "best"}, "quality", "invalid_value"),
        (EDITS, [("image", SQUARE)], {"prompt": "a", "partial_images": "4"}, "partial_images", "invalid_value"),
        (EDITS, [("image", SQUARE), ("mask", WIDE)], {"prompt": "a"}, "mask", "invalid_value"),
        (EDITS, [("image", SQUARE), ("mask", JPEG)], {"prompt": "a"}, "mask", "invalid_image_file"),
        (EDITS, [("image", SQUARE), ("mask", b"\0" * 4_000_001)], {"prompt": "a"}, "mask", "invalid_image_file"),
        (EDITS, [("image", b"no picture")], {"prompt": "a"}, "image", "invalid_image_file"),
        (EDITS, [("image", b"\0" * 25_000_001)], {"prompt": "a"}, "image", "invalid_image_file"),
        (EDITS, [("image", WIDE)], {"prompt": "a", "model": "dall-e-2"}, "image", "invalid_value"),
        (VARIATIONS, [], {}, "image", "invalid_value"),
        (VARIATIONS, [("image", WIDE)], {}, "image", "invalid_value"),
        (VARIATIONS, [("image", JPEG)], {}, "image", "invalid_image_file"),
        (VARIATIONS, [("image", SQUARE)], {"response_format": "file"}, "response_format", "invalid_value"),
    ],
)
async def test_a_wrong_field_is_a_400_that_names_it(
    edge: Any, path: str, files: list[tuple[str, bytes]], texts: dict[str, str], param: str, code: str
) -> None:
    status, body = await _answer(edge, path, _form(*files, **texts))
    assert (status, body["error"]["param"], body["error"]["code"]) == (400, param, code)
    assert edge.generator.submissions == []


async def test_a_picture_that_cannot_be_had_is_named(edge: Any) -> None:
    edge.gallery.faults["https://example.com/a.png"] = Fault(pb.REASON_INPUT_UNREACHABLE, "It is not there.")
    async with edge.post({"prompt": "a", "images": [{"image_url": "https://example.com/a.png"}]}, path=EDITS) as answer:
        error = (await answer.json())["error"]
    assert (answer.status, error["param"], error["code"]) == (400, "images[0].image_url", "invalid_image_url")


async def test_a_form_that_is_none_and_a_body_of_another_kind_are_told_so(edge: Any) -> None:
    headers = {"Authorization": f"Bearer {edge.key}"}
    torn = {**headers, "Content-Type": "multipart/form-data; boundary=x"}
    async with edge.session.post(edge.url + EDITS, data=b"--x\r\nno form", headers=torn) as answer:
        assert answer.status == 400
    text = {**headers, "Content-Type": "text/plain"}
    async with edge.session.post(edge.url + VARIATIONS, data=b"a picture", headers=text) as answer:
        assert (answer.status, (await answer.json())["error"]["code"]) == (415, "unsupported_media_type")


async def test_the_same_edit_under_the_same_key_has_the_same_fingerprint(edge: Any, keep: Any) -> None:
    edge.generator.answer = edge.generator.drawing(keep(b"png"))
    edge.generator.scripts["FindJob"] = lambda _: generator_pb2.FindJobResponse()
    for data in (SQUARE, SQUARE, WIDE):
        form = _form(("image", data), prompt="a hat")
        assert (await _answer(edge, EDITS, form, **{"Idempotency-Key": "order-1"}))[0] == 200
    first, second, third = (one.purchase for one in edge.generator.submissions)
    assert first.fingerprint == second.fingerprint != third.fingerprint
    assert {one.route for one in (first, second, third)} == {"edits"}
