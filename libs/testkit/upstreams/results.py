"""The host of a vendor's results: pictures by address, on another port than the API, which remembers what it is sent."""

import secrets
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import web

from testkit.upstreams.serving import serving

_ERRORS_BEFORE_SUCCESS = 2


@dataclass(slots=True)
class _Offer:
    data: bytes
    content_type: str
    behaviour: str
    fetch_count: int = 0


class ResultHost:
    """Serves what was offered. ``requests`` are the headers of the last 10,000 fetches, in their order."""

    def __init__(self) -> None:
        self.requests: deque[Mapping[str, str]] = deque(maxlen=10_000)
        self._offers: dict[str, _Offer] = {}
        self._origin = ""

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Serve on a port of its own."""
        async with serving(self._serve) as self._origin:
            yield

    def offer(self, data: bytes, content_type: str = "image/png", *, behaviour: str = "success") -> str:
        """Return the address of a picture, which meets whoever fetches it with a ``download_*`` behaviour."""
        path = f"/files/{secrets.token_hex(8)}.{content_type.partition('/')[2]}"
        self._offers[path] = _Offer(data, content_type, behaviour)
        return self._origin + path

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        self.requests.append(request.headers)
        offer = self._offers.get(request.path.removeprefix("/moved"))
        if offer is None or offer.behaviour == "download_gone":
            return web.Response(status=404, text="<Error><Code>NoSuchKey</Code></Error>")
        if offer.behaviour == "download_expired":
            return web.Response(status=410, text="<Error><Code>Expired</Code></Error>")
        offer.fetch_count += 1
        if offer.behaviour == "download_error" and offer.fetch_count <= _ERRORS_BEFORE_SUCCESS:
            return web.Response(status=503, text="Slow down")
        if offer.behaviour == "download_redirect" and not request.path.startswith("/moved"):
            return web.Response(status=302, headers={"Location": f"{self._origin}/moved{request.path}"})
        if offer.behaviour == "download_drop" and offer.fetch_count == 1:
            return await _broken(request, offer)
        return web.Response(body=offer.data, content_type=offer.content_type)


async def _broken(request: web.BaseRequest, offer: _Offer) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": offer.content_type})
    response.content_length = len(offer.data)
    await response.prepare(request)
    await response.write(offer.data[: len(offer.data) // 2])
    if request.transport is not None:
        request.transport.abort()
    return response
