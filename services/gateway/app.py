"""The edge, put together: links to the four services, dialects, and the HTTP server around them."""

import contextlib
from collections.abc import AsyncIterator, Sequence

import aiohttp

from gateway import lifesigns
from gateway.addresses import Addresses
from gateway.admin import Admin
from gateway.bodies import Bodies
from gateway.clients.billing import Billing
from gateway.clients.callers import Callers
from gateway.clients.desk import Services
from gateway.clients.gallery import Gallery
from gateway.clients.generator import Generator
from gateway.clients.health import Health
from gateway.clients.limits import Limits
from gateway.config import Config
from gateway.dialects import DIALECTS
from gateway.dialects.base import Dialect
from gateway.edge import Edge
from gateway.hooks import Hooks
from gateway.manual.routes import Manual
from gateway.middleware.cors import Cors
from gateway.plain import Plain
from gateway.purchases import Purchases
from gateway.routing import Routes
from gateway.sending import Sending
from gateway.server import Listener
from gateway.sources import Sources
from servicekit.background import running_task
from servicekit.identity import Identity
from servicekit.link import Link
from servicekit.telemetry import Telemetry


@contextlib.asynccontextmanager
async def running(config: Config) -> AsyncIterator[str]:
    """Run the edge; yields its URL."""
    async with contextlib.AsyncExitStack() as stack:
        telemetry = await stack.enter_async_context(Telemetry.running("gateway", config.metrics_listen))
        links = [await stack.enter_async_context(link) for link in _links(config)]
        billing = links[0]
        sources = await stack.enter_async_context(Sources.open())
        services = await _services(stack, config, links)
        generator = services.generator
        await stack.enter_async_context(generator.watch.running())
        listener = Listener.bind(config.host, config.port)
        dialects = [make(config) for make in DIALECTS]
        callers = services.callers
        await stack.enter_async_context(running_task(callers.run()))
        bodies = Bodies(limit_bytes=config.body_limit_bytes, memory_bytes=config.body_memory_bytes)
        public_url = config.public_url or listener.url
        limits = Limits(billing)
        addresses = _addresses(config, dialects, public_url)
        signs = lifesigns.routes(Health(links))
        pages = (*signs, *Manual(dialects, signs, public_url).routes)
        hooks = Hooks(generator, limits, bodies, config.link_key)
        edge = Edge(
            routes=Routes(dialects),
            plain=Plain(pages, limits, Admin(config.admin_token, links), hooks, bodies),
            cors=Cors(config.cors_origins),
            callers=callers,
            limits=limits,
            bodies=bodies,
            purchases=Purchases(services, callers, addresses),
            services=services,
            addresses=addresses,
            sending=Sending(sources, memory_bytes=config.reply_memory_bytes),
            observer=telemetry,
            trusted_proxies=config.trusted_proxies,
            trust_traceparent=config.trust_traceparent,
            public_url=public_url,
        )
        await stack.enter_async_context(listener.serving(edge, generator.watch, grace_seconds=config.grace_seconds))
        yield listener.url


async def _services(stack: contextlib.AsyncExitStack, config: Config, links: Sequence[Link]) -> Services:
    session = await stack.enter_async_context(
        aiohttp.ClientSession(trust_env=False, cookie_jar=aiohttp.DummyCookieJar())
    )
    billing, generator, gallery, _ = links
    return Services(
        Billing(billing),
        Generator(generator),
        Gallery(gallery, session, files_url=config.uploads_url, identity=Identity("gateway", config.token)),
        Callers(billing),
    )


def _addresses(config: Config, dialects: Sequence[Dialect], public_url: str) -> dict[str, Addresses]:
    return {
        dialect.name: Addresses(
            public_url=public_url,
            files_url=config.files_url,
            link_key=config.link_key,
            link_seconds=dialect.link_seconds,
        )
        for dialect in dialects
    }


def _links(config: Config) -> list["contextlib.AbstractAsyncContextManager[Link]"]:
    identity = Identity("gateway", config.token)
    addresses = {
        "billing": config.billing_address,
        "generator": config.generator_address,
        "gallery": config.gallery_address,
        "webhooks": config.webhooks_address,
    }
    return [Link.open(address, component=name, identity=identity) for name, address in addresses.items()]
