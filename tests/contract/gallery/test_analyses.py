"""An account's pictures are measured for itself alone: what colours they have, and what of a picture a mask marks."""

import hashlib

import pytest
from PIL import Image, ImageDraw

from gesso.errors.v1 import reason_pb2 as reasons
from gesso.gallery.v1 import gallery_pb2 as pb
from gesso.gallery.v1.gallery_pb2_grpc import InputsStub
from servicekit.faults import Fault
from servicekit.ids import new_id
from servicekit.objects import blob_key
from testkit.identities import caller_token
from testkit.picture_samples import encoded

from .conftest import Gallery
from .test_images import ACCOUNT, picture
from .test_images import keep as keep_message


async def keep(gallery: Gallery, shown: Image.Image) -> str:
    """Keep a picture as drawn; returns its id."""
    data = encoded(shown, "PNG")
    message = picture(data=data)
    message.width, message.height = shown.size
    message.blob_key = blob_key(ACCOUNT, hashlib.sha256(data).digest(), "png")
    await keep_message(gallery, message, data)
    return message.id


async def measured(
    gallery: Gallery, mask_id: str, width: int, height: int, *, inverted: bool = False
) -> pb.MaskMeasures:
    request = pb.MeasureMaskRequest(
        caller_token=caller_token(ACCOUNT), mask_image_id=mask_id, width=width, height=height, inverted=inverted
    )
    return await gallery.gateway.call(gallery.inputs.MeasureMask, request)


async def test_dominant_colours_are_told_by_area(gallery: Gallery) -> None:
    shown = Image.new("RGB", (300, 200), "#3357ff")
    shown.paste("#ff5733", (0, 0, 200, 200))
    image_id = await keep(gallery, shown)
    request = pb.AnalyseImageRequest(caller_token=caller_token(ACCOUNT), image_id=image_id)
    analysis = await gallery.gateway.call(gallery.inputs.AnalyseImage, request)
    assert list(analysis.dominant_colors) == ["#ff5733", "#3357ff"]


async def test_a_mask_tells_its_area_and_its_regions_in_the_pictures_size(gallery: Gallery) -> None:
    mask = Image.new("L", (100, 100), 0)
    brush = ImageDraw.Draw(mask)
    brush.rectangle((10, 20, 39, 59), fill=255)
    brush.rectangle((80, 80, 89, 89), fill=255)
    found = await measured(gallery, await keep(gallery, mask), 200, 200)
    assert found.area_percent == pytest.approx(13.0)
    boxes = [(one.x, one.y, one.width, one.height) for one in found.regions]
    assert boxes == [(20, 40, 60, 80), (160, 160, 20, 20)]
    inverted = await measured(gallery, await keep(gallery, mask), 100, 100, inverted=True)
    assert inverted.area_percent == pytest.approx(87.0)
    assert [(one.x, one.y, one.width, one.height) for one in inverted.regions] == [(0, 0, 100, 100)]


async def test_white_strokes_on_nothing_are_what_is_marked_and_a_hole_where_nothing_is_white(gallery: Gallery) -> None:
    strokes = Image.new("RGBA", (100, 50), (0, 0, 0, 0))
    strokes.paste((255, 255, 255, 255), (0, 0, 25, 50))
    hole = Image.new("RGBA", (100, 50), (0, 0, 0, 255))
    hole.paste((0, 0, 0, 0), (0, 0, 25, 50))
    for mask in (strokes, hole):
        assert (await measured(gallery, await keep(gallery, mask), 100, 50)).area_percent == pytest.approx(25.0)


@pytest.mark.parametrize(("width", "height"), [(0, 10), (10, 0), (9000, 9000), (40_000, 1)])
async def test_a_mask_is_not_measured_at_a_size_that_no_picture_has(gallery: Gallery, width: int, height: int) -> None:
    with pytest.raises(Fault) as caught:
        await measured(gallery, await keep(gallery, Image.new("L", (9, 9))), width, height)
    assert caught.value.reason == reasons.REASON_INVALID_FIELD


async def test_another_accounts_picture_does_not_exist(gallery: Gallery) -> None:
    image_id = await keep(gallery, Image.new("L", (9, 9)))
    stranger = caller_token(new_id("acct"))
    asked = pb.AnalyseImageRequest(caller_token=stranger, image_id=image_id)
    with pytest.raises(Fault) as caught:
        await gallery.gateway.call(gallery.inputs.AnalyseImage, asked)
    assert caught.value.reason == reasons.REASON_NOT_FOUND
    measuring = pb.MeasureMaskRequest(caller_token=stranger, mask_image_id=image_id, width=9, height=9)
    with pytest.raises(Fault) as caught:
        await gallery.gateway.call(gallery.inputs.MeasureMask, measuring)
    assert caught.value.reason == reasons.REASON_NOT_FOUND


async def test_only_the_edge_asks_for_measures(gallery: Gallery) -> None:
    request = pb.AnalyseImageRequest(caller_token=caller_token(ACCOUNT), image_id=new_id("img"))
    with pytest.raises(Fault) as caught:
        await gallery.generator.call(InputsStub(gallery.generator.channel).AnalyseImage, request)
    assert caught.value.reason == reasons.REASON_FORBIDDEN
