"""Who is who between the services of a test: fixed tokens, the keys that they share, and links that speak as any of them."""

import contextlib
import time
from collections.abc import AsyncIterator

from gesso.billing.v1.billing_pb2 import CallerClaims
from servicekit.identity import Identity, format_peers
from servicekit.link import Link
from servicekit.tokens import TTL_SECONDS, seal

SERVICES = ("gateway", "billing", "generator", "gallery", "webhooks", "operator")
TOKENS = {name: f"token-of-{name}" for name in SERVICES}
CALLER_TOKEN_KEY = bytes(range(32))
LINK_KEY = bytes(range(32, 64))

SHARED_ENVIRONMENT = {
    "GESSO_PEERS": format_peers(TOKENS),
    "GESSO_CALLER_TOKEN_KEY": CALLER_TOKEN_KEY.hex(),
    "GESSO_LINK_KEY": LINK_KEY.hex(),
    "GESSO_EGRESS_ALLOW": "127.0.0.0/8",
}
"""What every service of a test platform is given alike."""


def caller_token(account_id: str, *, api_key_id: str = "key_test", plan: str = "pro") -> bytes:
    """A caller token as billing would make it, fresh."""
    claims = CallerClaims(
        account_id=account_id, api_key_id=api_key_id, plan=plan, expires_at=int(time.time()) + TTL_SECONDS
    )
    return seal(claims, CALLER_TOKEN_KEY)


@contextlib.asynccontextmanager
async def link_as(service: str, address: str) -> AsyncIterator[Link]:
    """A link to `address` that speaks as `service`."""
    async with Link.open(address, component="peer", identity=Identity(service, TOKENS[service])) as link:
        yield link
