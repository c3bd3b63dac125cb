"""The yardstick: a bare aiohttp server that hands each request to the upstream and its answer back, and does nothing else."""

import sys
from collections.abc import AsyncIterator

import aiohttp
import uvloop
from aiohttp import web

_UPSTREAM: web.AppKey[str] = web.AppKey("upstream", str)
_SESSION: web.AppKey[aiohttp.ClientSession] = web.AppKey("session", aiohttp.ClientSession)


async def _forward(request: web.Request) -> web.Response:
    headers = {"Authorization": "Bearer sk-upstream", "Content-Type": "application/json"}
    url = f"{request.app[_UPSTREAM]}/images/generations"
    async with request.app[_SESSION].post(url, data=await request.read(), headers=headers) as answer:
        return web.Response(status=answer.status, body=await answer.read(), content_type="application/json")


async def _sessions(application: web.Application) -> AsyncIterator[None]:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), trust_env=False) as session:
        application[_SESSION] = session
        yield


def main() -> None:
    """Serve on the port in argv[1], in front of the upstream in argv[2]."""
    uvloop.install()
    application = web.Application(client_max_size=1 << 26)
    application[_UPSTREAM] = sys.argv[2]
    application.router.add_post("/v1/images/generations", _forward)
    application.cleanup_ctx.append(_sessions)
    web.run_app(application, host="127.0.0.1", port=int(sys.argv[1]), access_log=None, print=None)


if __name__ == "__main__":
    main()
