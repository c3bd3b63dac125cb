"""The settings of the billing service."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from billing.plans import Plans, load
from servicekit.identity import parse_peers
from servicekit.settings import setting


@dataclass(frozen=True, slots=True)
class Config:
    """Every variable that billing reads."""

    listen: str = setting("GESSO_BILLING_LISTEN", "gRPC address to serve on: `unix:/path` or `host:port`.")
    database_url: str = setting(
        "GESSO_BILLING_DATABASE_URL", "PostgreSQL URL of the role and schema `billing`.", secret=True
    )
    database_connections: int = setting(
        "GESSO_BILLING_DATABASE_CONNECTIONS", "Most connections to PostgreSQL.", default="6", parse=int
    )
    metrics_listen: str = setting(
        "GESSO_BILLING_METRICS_LISTEN", "`host:port` for /metrics and /healthz.", default="127.0.0.1:0"
    )
    token: str = setting("GESSO_BILLING_TOKEN", "This service's own token, shown to the others.", secret=True)
    peers: Mapping[str, bytes] = setting(
        "GESSO_PEERS", "Digests of the services' tokens: `name:sha256,name:sha256`.", parse=parse_peers
    )
    caller_token_key: bytes = setting(
        "GESSO_CALLER_TOKEN_KEY",
        "Key of the caller tokens, 32 bytes in hex.",
        parse=bytes.fromhex,
        secret=True,
    )
    webhooks_address: str = setting(
        "GESSO_WEBHOOKS_ADDRESS", "Where the webhooks service is; without it events stay in the outbox.", default=""
    )
    plans: Plans = setting(
        "GESSO_BILLING_PLANS",
        "A TOML file of plans instead of the built-in services/billing/plans.toml.",
        default="",
        parse=lambda text: load(Path(text) if text else None),
    )
    grace_seconds: float = setting(
        "GESSO_BILLING_GRACE_SECONDS", "How long running calls have to end at a shutdown.", default="10", parse=float
    )
