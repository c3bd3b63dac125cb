"""Inputs come in through the egress guard, are judged by their content, and are named by the field that sent them."""

from collections.abc import AsyncIterator, Sequence

import pytest
from aiohttp import web
from PIL import Image

from gesso.errors.v1 import reason_pb2 as reasons
from gesso.gallery.v1 import gallery_pb2 as pb
from servicekit.faults import Fault
from servicekit.ids import new_id
from testkit.identities import caller_token
from testkit.picture_samples import SAMPLES, draw, encoded
from testkit.sample_pictures import png_claiming

from .conftest import Gallery
from .test_images import ACCOUNT

_SIDEWAYS = Image.Exif()
_SIDEWAYS[0x0112] = 6
ANSWERS = {
    "/photo.jpg": SAMPLES["jpeg"](),
    "/portrait.jpg": encoded(draw(80, 60), "JPEG", exif=_SIDEWAYS),
    "/lies.png": SAMPLES["webp"](),
    "/page.png": b"<html>not a picture</html>",
    "/cut.png": SAMPLES["png"]()[:-20],
    "/large.png": b"\x00" * 4096,
    "/huge.png": png_claiming(8001, 8000),
}


@pytest.fixture
async def site() -> AsyncIterator[str]:
    async def answer(request: web.Request) -> web.Response:
        if request.path not in ANSWERS:
            return web.Response(status=404)
        return web.Response(body=ANSWERS[request.path], content_type="image/png")

    application = web.Application()
    application.router.add_get("/{name}", answer)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def bring_in(
    gallery: Gallery, *items: pb.ImportInputsRequest.ImportItem, request_id: str = "req_1"
) -> Sequence[pb.ImportInputsResponse.ImportResult]:
    request = pb.ImportInputsRequest(caller_token=caller_token(ACCOUNT), request_id=request_id, items=items)
    return (await gallery.gateway.call(gallery.inputs.ImportInputs, request)).results


async def test_a_picture_is_fetched_checked_and_kept_once_per_request(gallery: Gallery, site: str) -> None:
    item = pb.ImportInputsRequest.ImportItem(url=f"{site}/photo.jpg", field="init_image")
    (first,) = await bring_in(gallery, item)
    (second,) = await bring_in(gallery, item)
    assert first.image.id == second.image.id
    assert (first.image.format, first.image.width, first.image.height) == ("jpeg", 80, 60)
    assert first.image.source == pb.Image.SOURCE_INPUT
    (named,) = await bring_in(gallery, pb.ImportInputsRequest.ImportItem(image_id=first.image.id))
    assert named.image.id == first.image.id


async def test_a_photo_that_is_stored_on_its_side_is_as_large_as_it_is_shown(gallery: Gallery, site: str) -> None:
    (kept,) = await bring_in(gallery, pb.ImportInputsRequest.ImportItem(url=f"{site}/portrait.jpg", field="init_image"))
    assert (kept.image.width, kept.image.height) == (60, 80)


async def test_a_request_id_that_is_used_again_for_another_picture_brings_that_one(gallery: Gallery, site: str) -> None:
    (first,) = await bring_in(gallery, pb.ImportInputsRequest.ImportItem(url=f"{site}/photo.jpg"))
    (second,) = await bring_in(gallery, pb.ImportInputsRequest.ImportItem(url=f"{site}/lies.png"))
    assert (first.image.format, second.image.format) == ("jpeg", "webp")


async def test_a_picture_of_ones_own_is_held_to_the_same_limits(gallery: Gallery, site: str) -> None:
    (first,) = await bring_in(gallery, pb.ImportInputsRequest.ImportItem(url=f"{site}/photo.jpg"))
    named = pb.ImportInputsRequest.ImportItem(image_id=first.image.id, field="image", limit_bytes=100)
    (result,) = await bring_in(gallery, named)
    assert result.fault.reason == reasons.REASON_INPUT_NOT_AN_IMAGE
    assert dict(result.fault.details) == {"field": "image", "cause": "too_large"}


async def test_more_than_sixty_four_megapixels_are_refused_by_their_header(gallery: Gallery, site: str) -> None:
    (result,) = await bring_in(gallery, pb.ImportInputsRequest.ImportItem(url=f"{site}/huge.png", field="image"))
    assert dict(result.fault.details) == {"field": "image", "cause": "too_many_pixels"}


async def test_a_picture_of_another_account_is_not_found_by_its_id(gallery: Gallery, site: str) -> None:
    (first,) = await bring_in(gallery, pb.ImportInputsRequest.ImportItem(url=f"{site}/photo.jpg"))
    item = pb.ImportInputsRequest.ImportItem(image_id=first.image.id, field="image")
    request = pb.ImportInputsRequest(caller_token=caller_token(new_id("acct")), request_id="req_1", items=[item])
    (result,) = (await gallery.gateway.call(gallery.inputs.ImportInputs, request)).results
    assert (result.fault.reason, result.fault.details["field"]) == (reasons.REASON_NOT_FOUND, "image")


async def test_the_content_decides_what_a_picture_is(gallery: Gallery, site: str) -> None:
    (result,) = await bring_in(gallery, pb.ImportInputsRequest.ImportItem(url=f"{site}/lies.png", field="image"))
    assert result.image.format == "webp"


@pytest.mark.parametrize(
    ("path", "limit_bytes", "reason", "cause"),
    [
        ("/page.png", 0, reasons.REASON_INPUT_NOT_AN_IMAGE, "not_an_image"),
        ("/cut.png", 0, reasons.REASON_INPUT_NOT_AN_IMAGE, "truncated"),
        ("/large.png", 100, reasons.REASON_INPUT_NOT_AN_IMAGE, "too_large"),
        ("/missing.png", 0, reasons.REASON_INPUT_UNREACHABLE, "unreachable"),
    ],
)
async def test_what_is_no_usable_picture_is_refused_by_its_field(
    gallery: Gallery, site: str, path: str, limit_bytes: int, reason: reasons.Reason.ValueType, cause: str
) -> None:
    item = pb.ImportInputsRequest.ImportItem(url=site + path, field="init_image", limit_bytes=limit_bytes)
    (result,) = await bring_in(gallery, item)
    assert result.fault.reason == reason
    assert dict(result.fault.details) == {"field": "init_image", "cause": cause}
    assert "GIF" not in result.fault.message  # which formats are taken depends on the API that was asked


async def test_an_address_inside_the_network_is_forbidden(gallery: Gallery) -> None:
    item = pb.ImportInputsRequest.ImportItem(url="https://10.0.0.1/secret.png", field="image_url")
    (result,) = await bring_in(gallery, item)
    assert result.fault.details["cause"] == "forbidden"


async def test_a_caller_token_that_was_not_made_by_billing_is_refused(gallery: Gallery) -> None:
    request = pb.ImportInputsRequest(caller_token=b"x" * 64, request_id="req_2")
    with pytest.raises(Fault) as caught:
        await gallery.gateway.call(gallery.inputs.ImportInputs, request)
    assert caught.value.reason == reasons.REASON_CREDENTIAL_INVALID
