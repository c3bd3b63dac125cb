"""The files port serves what a genuine link grants, as HTTP has it: ranges, tags, HEAD, no sniffing."""

import base64
import io
import json
import time
from collections.abc import Callable

import aiohttp
import pytest
from PIL import Image as PillowImage

from servicekit.ids import new_id
from servicekit.links import Link, sign
from testkit.eventually import eventually
from testkit.identities import LINK_KEY, TOKENS, caller_token
from testkit.picture_samples import SAMPLES, draw, encoded

from .conftest import Gallery
from .test_images import ACCOUNT, PNG, keep, picture


async def link_to(
    gallery: Gallery, *, rendition: str = "original", seconds: int = 60, data: bytes | None = None
) -> str:
    message = picture(data=data)
    await keep(gallery, message, data)
    link = Link(message.id, "png", int(time.time()) + seconds, rendition)
    return sign(link, base_url=gallery.files_url, key=LINK_KEY)


async def test_a_link_serves_the_whole_picture_safely(gallery: Gallery) -> None:
    async with aiohttp.ClientSession() as session, session.get(await link_to(gallery)) as answer:
        assert answer.status == 200
        assert await answer.read() == PNG
        assert answer.content_type == "image/png"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Accept-Ranges"] == "bytes"


async def test_head_tells_the_same_without_a_body(gallery: Gallery) -> None:
    url = await link_to(gallery)
    async with aiohttp.ClientSession() as session, session.get(url) as got, session.head(url) as head:
        assert head.status == 200
        assert head.headers["Content-Length"] == got.headers["Content-Length"]
        assert head.headers["ETag"] == got.headers["ETag"]
        assert await head.read() == b""


async def test_a_range_is_served_as_206_and_one_behind_the_end_as_416(gallery: Gallery) -> None:
    url, data = await link_to(gallery), PNG
    async with aiohttp.ClientSession() as session:
        async with session.get(url, headers={"Range": "bytes=10-19"}) as answer:
            assert answer.status == 206
            assert await answer.read() == data[10:20]
            assert answer.headers["Content-Range"] == f"bytes 10-19/{len(data)}"
        async with session.get(url, headers={"Range": f"bytes={len(data)}-"}) as answer:
            assert answer.status == 416
            assert answer.headers["Content-Range"] == f"bytes */{len(data)}"
        async with session.get(url, headers={"Range": "bytes=0-0", "If-Range": '"other"'}) as answer:
            assert answer.status == 200


async def test_a_known_tag_is_answered_with_304(gallery: Gallery) -> None:
    url = await link_to(gallery)
    async with aiohttp.ClientSession() as session:
        async with session.get(url) as answer:
            etag = answer.headers["ETag"]
        async with session.get(url, headers={"If-None-Match": etag}) as answer:
            assert answer.status == 304
            assert await answer.read() == b""


async def test_a_page_of_another_origin_may_ask_with_conditions_and_read_what_it_is_told(gallery: Gallery) -> None:
    url = await link_to(gallery)
    async with aiohttp.ClientSession() as session:
        async with session.options(url) as asked:
            assert asked.status == 204
            assert {"Range", "If-None-Match"} <= set(asked.headers["Access-Control-Allow-Headers"].split(", "))
        async with session.get(url, headers={"If-Match": '"other"'}) as other:
            assert (other.status, other.headers["Cache-Control"]) == (412, "no-store")
        async with session.get(url) as answer:
            assert {"ETag", "Content-Range"} <= set(answer.headers["Access-Control-Expose-Headers"].split(", "))


@pytest.mark.parametrize(
    ("change", "status"),
    [
        (lambda url: url.replace("&s=", "&s=x"), 403),
        (lambda url: url.partition("&s=")[0], 403),
        (lambda url: url.replace("/i/img_", "/i/img_0"), 403),
        (lambda url: url.replace(".png", ".jpg"), 403),
        (lambda url: url.replace("?e=", "?e=9"), 403),
    ],
)
async def test_a_link_that_was_changed_is_refused(gallery: Gallery, change: Callable[[str], str], status: int) -> None:
    async with aiohttp.ClientSession() as session, session.get(change(await link_to(gallery))) as answer:
        assert answer.status == status


async def test_an_expired_link_is_refused(gallery: Gallery) -> None:
    async with aiohttp.ClientSession() as session, session.get(await link_to(gallery, seconds=-1)) as answer:
        assert answer.status == 403


async def test_a_rendition_is_a_smaller_webp(gallery: Gallery) -> None:
    url = await link_to(gallery, rendition="thumb", data=encoded(draw(800, 600), "PNG"))
    async with aiohttp.ClientSession() as session:
        for _ in range(2):
            async with session.get(url) as answer:
                assert answer.status == 200
                assert answer.content_type == "image/webp"
                shown = PillowImage.open(io.BytesIO(await answer.read()))
                assert (shown.format, max(shown.size)) == ("WEBP", 256)


def uploading(**headers: str) -> dict[str, str]:
    """The headers of the edge."""
    return {
        "gesso-service": "gateway",
        "gesso-service-token": TOKENS["gateway"],
        "gesso-caller-token": base64.b64encode(caller_token(ACCOUNT)).decode(),
        **headers,
    }


async def test_an_upload_is_kept_once_under_its_name_and_other_bytes_are_another_picture(gallery: Gallery) -> None:
    headers, ids = uploading(**{"gesso-image-id": new_id("img")}), []
    async with aiohttp.ClientSession() as session:
        for data in (SAMPLES["jpeg"](), SAMPLES["jpeg"](), SAMPLES["png"]()):
            async with session.post(f"{gallery.files_url}/inputs", data=data, headers=headers) as answer:
                image = await answer.json()
                ids.append(image["id"])
                assert (image["width"], image["height"]) == (80, 60)
    assert ids[0] == ids[1] != ids[2]


async def test_an_upload_above_its_bound_is_refused_by_its_field(gallery: Gallery) -> None:
    data = SAMPLES["jpeg"]()
    for headers, size in (
        ({"gesso-limit-bytes": str(len(data) - 1), "gesso-field": "init%5Fimage"}, len(data)),
        ({"gesso-field": "init_image"}, 25 * 1024 * 1024 + 1),
    ):
        async with (
            aiohttp.ClientSession() as session,
            session.post(
                f"{gallery.files_url}/inputs", data=data.ljust(size, b"x"), headers=uploading(**headers)
            ) as answer,
        ):
            body = await answer.json()
            assert (answer.status, body["reason"]) == (422, "INPUT_NOT_AN_IMAGE")
            assert body["details"] == {"field": "init_image", "cause": "too_large"}


async def test_an_upload_for_nobody_is_refused(gallery: Gallery) -> None:
    headers = uploading(**{"gesso-caller-token": "no base64"})
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{gallery.files_url}/inputs", data=SAMPLES["jpeg"](), headers=headers) as answer,
    ):
        assert (answer.status, (await answer.json())["reason"]) == (422, "CREDENTIAL_INVALID")


async def test_an_upload_is_checked_and_kept(gallery: Gallery) -> None:
    headers = uploading()
    async with aiohttp.ClientSession() as session:
        async with session.post(f"{gallery.files_url}/inputs", data=SAMPLES["jpeg"](), headers=headers) as answer:
            assert answer.status == 201
            assert (await answer.json())["format"] == "jpeg"
        async with session.post(f"{gallery.files_url}/inputs", data=b"<html>", headers=headers) as answer:
            assert answer.status == 422
            assert (await answer.json())["reason"] == "INPUT_NOT_AN_IMAGE"
        headers["gesso-service-token"] = "wrong"
        async with session.post(f"{gallery.files_url}/inputs", data=SAMPLES["jpeg"](), headers=headers) as answer:
            assert answer.status == 403


async def test_what_is_not_served_is_refused_in_one_form(gallery: Gallery) -> None:
    url = await link_to(gallery)
    async with aiohttp.ClientSession() as session:
        for method, address, status in (
            ("DELETE", url, 405),
            ("GET", gallery.files_url, 404),
            ("GET", url.partition("?")[0], 403),
            ("POST", f"{gallery.files_url}/inputs", 403),
        ):
            async with session.request(method, address) as answer:
                assert answer.status == status
                assert (await answer.json())["error"]["message"]
                assert answer.headers["X-Content-Type-Options"] == "nosniff"
                assert answer.headers["Server"] == "gesso"
                assert ("GET" in answer.headers.get("Allow", "")) == (status == 405)


async def test_each_request_is_counted_and_logged_with_its_account(
    gallery: Gallery, capfd: pytest.CaptureFixture[str]
) -> None:
    url = await link_to(gallery)
    async with aiohttp.ClientSession() as session:
        for address in (url, url + "0"):
            async with session.get(address) as answer:
                await answer.read()

    def logged() -> None:
        lines = [json.loads(line) for line in capfd.readouterr().err.splitlines() if "GET /i/{name}" in line]
        seen.extend((line["status"], line["reason"], line.get("account")) for line in lines)
        assert seen == [(200, "OK", ACCOUNT), (403, "FORBIDDEN", None)]

    seen: list[tuple[int, str, str | None]] = []
    await eventually(logged)
