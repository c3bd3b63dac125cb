"""A picture's link is signed and expires, its file is served safely, and its credentials say who drew it."""

import base64
import io
import re
import time
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from PIL import Image

from pictures.facts import Format, Standing
from pictures.manifests import read_manifest
from servicekit.links import Link, sign
from testkit.platform import MODEL, Account, PlatformUnderTest


@pytest.fixture
async def link(platform: PlatformUnderTest, account: Account) -> str:
    """The link to a small picture."""
    drawn = await platform.generate(
        account, {"model": "sketch", "prompt": "A pear", "size": "64x64", "response_format": "url"}
    )
    url: str = drawn.json["data"][0]["url"]
    return url


async def test_a_link_leads_to_the_files_origin_and_to_a_picture(platform: PlatformUnderTest, link: str) -> None:
    assert link.startswith(platform.state.files_url + "/")
    fetched = await platform.ask("GET", link)
    assert (fetched.status, fetched.headers["Content-Type"]) == (200, "image/png")
    assert fetched.headers["X-Content-Type-Options"] == "nosniff"
    head = await platform.ask("HEAD", link)
    assert (head.status, head.headers["Content-Length"]) == (200, str(len(fetched.body)))
    again = await platform.ask("GET", link, headers={"If-None-Match": fetched.headers["ETag"]})
    assert again.status == 304
    part = await platform.ask("GET", link, headers={"Range": "bytes=0-7"})
    assert (part.status, part.body) == (206, fetched.body[:8])


@pytest.mark.parametrize(
    "tampered",
    [
        pytest.param(lambda link: re.sub(r"e=\d+", "e=99999999999", link), id="a later expiry"),
        pytest.param(lambda link: link[:-1] + ("A" if link[-1] != "A" else "B"), id="another signature"),
        pytest.param(lambda link: re.sub(r"s=[^&]+", "s=", link), id="an empty signature"),
        pytest.param(lambda link: link.partition("?")[0], id="no signature"),
        pytest.param(lambda link: link + "&r=256", id="another rendition"),
        pytest.param(lambda link: link.replace(".png", ".webp"), id="another format"),
    ],
)
async def test_a_tampered_link_is_403(platform: PlatformUnderTest, link: str, tampered: Callable[[str], str]) -> None:
    assert (await platform.ask("GET", tampered(link))).status == 403


async def test_an_expired_link_is_403(platform: PlatformUnderTest, link: str) -> None:
    image_id = urlsplit(link).path.removeprefix("/i/").removesuffix(".png")
    key = bytes.fromhex(platform.state.secrets["link_key"])
    now = int(time.time())
    for expires_at, status in ((now + 60, 200), (now - 1, 403)):
        made = sign(Link(image_id, "png", expires_at), base_url=platform.state.files_url, key=key)
        assert (await platform.ask("GET", made)).status == status


DRAWN_BY = {
    "sketch": ("sketch-", "algorithmicMedia"),
    MODEL: (MODEL, "trainedAlgorithmicMedia"),
}
"""How the model that really ran is called, and the kind of source that it is, by the model asked for."""


@pytest.mark.usefixtures("upstream")
@pytest.mark.parametrize("output_format", ["png", "jpeg", "webp"])
@pytest.mark.parametrize("model", DRAWN_BY)
async def test_credentials_are_trusted_and_name_the_model_that_really_ran(
    platform: PlatformUnderTest, account: Account, model: str, output_format: Format
) -> None:
    asked = {"model": model, "prompt": "A tulip", "size": "1024x1024", "output_format": output_format}
    drawn = await platform.generate(account, {**asked, "response_format": "url"})
    data = (await platform.ask("GET", drawn.json["data"][0]["url"])).body
    Image.open(io.BytesIO(data)).load()
    manifest = read_manifest(data, output_format, anchors_pem=platform.anchors_pem)
    assert manifest is not None
    assert (manifest.standing, manifest.failures) == (Standing.TRUSTED, ())
    called, source_type = DRAWN_BY[model]
    assert manifest.source_type.rpartition("/")[2] == source_type
    assert drawn.headers["X-Gesso-Model"].startswith(called)
    assert drawn.headers["X-Gesso-Model"].encode() in data, "the model that ran stands in the manifest"


async def test_a_picture_in_base64_bears_its_credentials_too(platform: PlatformUnderTest, account: Account) -> None:
    asked = {"model": "sketch", "prompt": "A plum", "size": "64x64", "response_format": "b64_json"}
    drawn = await platform.generate(account, asked)
    data = base64.b64decode(drawn.json["data"][0]["b64_json"], validate=True)
    manifest = read_manifest(data, "png", anchors_pem=platform.anchors_pem)
    assert manifest is not None
    assert manifest.standing is Standing.TRUSTED
