"""The settings that several services share: each variable is worded here, once."""

from typing import Any

from servicekit.addresses import parse_networks
from servicekit.identity import parse_peers
from servicekit.settings import setting


def listen(service: str) -> Any:
    """Where the service's gRPC is served."""
    return setting(f"GESSO_{service.upper()}_LISTEN", "Where gRPC is served: `unix:/path` or `host:port`.")


def database_url(service: str) -> Any:
    """The service's own schema, as its own role."""
    return setting(
        f"GESSO_{service.upper()}_DATABASE_URL",
        f"PostgreSQL of the schema `{service}`, as the role `{service}`.",
        secret=True,
    )


def database_connections(service: str, default: int) -> Any:
    """The size of its pool."""
    variable = f"GESSO_{service.upper()}_DATABASE_CONNECTIONS"
    return setting(variable, "Most connections to PostgreSQL.", default=str(default), parse=int)


def metrics_listen(service: str) -> Any:
    """Its own metrics port."""
    variable = f"GESSO_{service.upper()}_METRICS_LISTEN"
    return setting(variable, "Where `/metrics` and `/healthz` are served.", default="127.0.0.1:0")


def token(service: str) -> Any:
    """What it proves itself by."""
    return setting(f"GESSO_{service.upper()}_TOKEN", "This service's own token, shown to the others.", secret=True)


def grace_seconds(service: str, default: int) -> Any:
    """Its time to end in good order."""
    variable = f"GESSO_{service.upper()}_GRACE_SECONDS"
    meaning = "How long what runs has to end at a shutdown, before it is cut off or handed over."
    return setting(variable, meaning, default=str(default), parse=float)


def peers() -> Any:
    """Who the others are."""
    meaning = "SHA-256 of each service's token: `name:hex`, separated by commas."
    return setting("GESSO_PEERS", meaning, parse=parse_peers)


def caller_token_key() -> Any:
    """What callers are proven by inside."""
    meaning = "Key of the caller tokens, 32 bytes in hex; the edge must not have it."
    return setting("GESSO_CALLER_TOKEN_KEY", meaning, parse=bytes.fromhex, secret=True)


def egress_allow() -> Any:
    """What the egress guard opens."""
    meaning = "Ranges that addresses named by callers may reach although they are not public, separated by commas."
    return setting("GESSO_EGRESS_ALLOW", meaning, default="", parse=parse_networks)


def store_url() -> Any:
    """Where the bytes lie."""
    return setting("GESSO_STORE_URL", "The object store: `file:///path` or `s3://bucket/prefix?endpoint=…`.")
