"""Pictures by address are fetched from a real server: whole, bounded, from no forbidden place, and without a key."""

from collections.abc import AsyncIterator

import pybase64
import pytest
from aiohttp import web

from generator.providers.api import VendorApi
from generator.providers.base import Bought, UpstreamFault
from generator.providers.base64_reply import ReplyLimits
from generator.providers.deadline import Deadline
from generator.providers.downloads import Downloads, data_uris
from gesso.errors.v1 import reason_pb2 as reason
from testkit.sample_pictures import sample
from testkit.upstreams.results import ResultHost
from testkit.upstreams.serving import serving

from .conftest import CountedMemory, OrderMaker

OPEN = {"GESSO_EGRESS_ALLOW": "127.0.0.0/8"}
PICTURE = sample("png", 64, 64, size_bytes=3_000_000).stamped(1)


@pytest.fixture
async def host() -> AsyncIterator[ResultHost]:
    results = ResultHost()
    async with results.running():
        yield results


@pytest.fixture
async def downloads() -> AsyncIterator[Downloads]:
    opened = Downloads("acme", OPEN)
    yield opened
    await opened.close()


async def cause_of(downloads: Downloads, source: str, order: OrderMaker, memory: CountedMemory) -> str:
    """Why a picture cannot be had; it is paid in each case."""
    with pytest.raises(UpstreamFault) as caught:
        await downloads.picture(source, order(), memory, Deadline.after(20))
    assert (caught.value.reason, caught.value.bought) == (reason.REASON_UPSTREAM_BAD_IMAGE, Bought.YES)
    return caught.value.details["cause"]


async def test_a_picture_is_fetched_into_reserved_memory(
    downloads: Downloads, host: ResultHost, order: OrderMaker, memory: CountedMemory
) -> None:
    assert await downloads.picture(host.offer(PICTURE), order(), memory, Deadline.after(20)) == PICTURE
    assert len(PICTURE) <= sum(memory.reserved) <= len(PICTURE) + (1 << 20)


async def test_a_picture_that_is_not_there_yet_is_asked_for_again_and_given_up_in_the_end(
    downloads: Downloads, host: ResultHost, order: OrderMaker, memory: CountedMemory
) -> None:
    url = host.offer(PICTURE, behaviour="download_gone")
    assert await cause_of(downloads, url, order, memory)
    assert len(host.requests) == 4


async def test_a_picture_that_is_gone_for_good_is_asked_for_once(
    downloads: Downloads, host: ResultHost, order: OrderMaker, memory: CountedMemory
) -> None:
    assert await cause_of(downloads, host.offer(PICTURE, behaviour="download_expired"), order, memory)
    assert len(host.requests) == 1


async def test_what_a_broken_fetch_reserved_serves_the_next(
    downloads: Downloads, host: ResultHost, order: OrderMaker, memory: CountedMemory
) -> None:
    url = host.offer(PICTURE, behaviour="download_drop")
    assert await downloads.picture(url, order(), memory, Deadline.after(20)) == PICTURE
    assert sum(memory.reserved) <= len(PICTURE) + (1 << 20)


async def test_each_address_has_its_own_outcome(
    downloads: Downloads, host: ResultHost, order: OrderMaker, memory: CountedMemory
) -> None:
    good, text = host.offer(PICTURE), host.offer(b"<html>no</html>")
    first, second = await downloads.pictures([text, good], order(), memory, Deadline.after(20))
    assert isinstance(first, UpstreamFault)
    assert isinstance(second, bytearray)
    assert bytes(second) == PICTURE


async def test_a_data_uri_is_decoded(downloads: Downloads, order: OrderMaker, memory: CountedMemory) -> None:
    (uri,) = await data_uris([PICTURE], memory)
    assert uri.startswith("data:image/png;base64,")
    assert await downloads.picture(uri, order(), memory, Deadline.after(20)) == PICTURE


@pytest.mark.parametrize(
    "source",
    ["data:image/png;base64,%%%", "data:image/png", "data:text/html;base64," + pybase64.b64encode(b"<p>").decode()],
)
async def test_a_data_uri_without_a_picture_is_none(
    downloads: Downloads, order: OrderMaker, memory: CountedMemory, source: str
) -> None:
    assert await cause_of(downloads, source, order, memory) == "not_an_image"


async def test_a_picture_above_the_limit_is_not_read(
    host: ResultHost, order: OrderMaker, memory: CountedMemory
) -> None:
    small = Downloads("acme", OPEN, limits=ReplyLimits(picture_bytes=100_000))
    assert await cause_of(small, host.offer(PICTURE), order, memory) == "too_large"
    await small.close()
    assert sum(memory.reserved) <= 100_000


async def test_an_address_inside_the_platform_is_refused(
    host: ResultHost, order: OrderMaker, memory: CountedMemory
) -> None:
    closed = Downloads("acme", {})
    assert await cause_of(closed, host.offer(PICTURE), order, memory) == "forbidden_address"
    await closed.close()
    assert not host.requests


async def test_only_the_vendors_own_api_gets_its_key_and_only_if_it_needs_it(
    host: ResultHost, order: OrderMaker, memory: CountedMemory
) -> None:
    seen: list[str | None] = []

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        seen.append(request.headers.get("Authorization"))
        return web.Response(body=PICTURE)

    async with serving(answer) as origin:
        api = VendorApi("acme", base_url=origin, key="platform-key")
        downloads = Downloads("acme", OPEN, behind_key=api)
        for url in (f"{origin}/view/1.png", host.offer(PICTURE)):
            assert await downloads.picture(url, order(), memory, Deadline.after(20)) == PICTURE
        await api.close()
        await downloads.close()
    assert seen == ["Bearer platform-key"]
    assert all("Authorization" not in headers for headers in host.requests)
