"""The webhooks service's settings."""

from collections.abc import Mapping
from dataclasses import dataclass

from servicekit.addresses import Network, parse_networks
from servicekit.identity import parse_peers
from servicekit.settings import setting
from webhooks.schedule import DEFAULT, parse_schedule


@dataclass(frozen=True)
class Config:
    """What the webhooks service reads from the environment."""

    listen: str = setting("GESSO_WEBHOOKS_LISTEN", "Where gRPC is served: `unix:/path` or `host:port`.")
    database_url: str = setting(
        "GESSO_WEBHOOKS_DATABASE_URL", "PostgreSQL of the schema `webhooks`, as the role `webhooks`.", secret=True
    )
    database_connections: int = setting(
        "GESSO_WEBHOOKS_DATABASE_CONNECTIONS", "Most connections to PostgreSQL.", default="4", parse=int
    )
    metrics_listen: str = setting(
        "GESSO_WEBHOOKS_METRICS_LISTEN", "Where `/metrics` and `/healthz` are served.", default="127.0.0.1:0"
    )
    peers: Mapping[str, bytes] = setting(
        "GESSO_PEERS", "SHA-256 of each service's token: `name:hex`, separated by commas.", parse=parse_peers
    )
    secret_key: bytes = setting(
        "GESSO_WEBHOOKS_SECRET_KEY",
        "Key under which signing secrets rest, 32 bytes in hex.",
        parse=bytes.fromhex,
        secret=True,
    )
    egress_allow: tuple[Network, ...] = setting(
        "GESSO_EGRESS_ALLOW",
        "Ranges that addresses named by callers may reach although they are not public.",
        default="",
        parse=parse_networks,
    )
    schedule_seconds: tuple[float, ...] = setting(
        "GESSO_WEBHOOKS_SCHEDULE_SECONDS",
        "Pauses between the attempts of a delivery.",
        default=",".join(f"{pause:g}" for pause in DEFAULT),
        parse=parse_schedule,
    )
    timeout_seconds: float = setting(
        "GESSO_WEBHOOKS_TIMEOUT_SECONDS", "How long one attempt may take.", default="15", parse=float
    )
    concurrency: int = setting("GESSO_WEBHOOKS_CONCURRENCY", "Most attempts at the same time.", default="32", parse=int)
    keep_days: int = setting(
        "GESSO_WEBHOOKS_KEEP_DAYS", "How long ended deliveries can be listed.", default="30", parse=int
    )
    grace_seconds: float = setting(
        "GESSO_WEBHOOKS_GRACE_SECONDS",
        "How long running attempts have to end at a shutdown.",
        default="10",
        parse=float,
    )
