"""The webhooks service's settings."""

from collections.abc import Mapping
from dataclasses import dataclass

from servicekit import shared_settings as shared
from servicekit.addresses import Network
from servicekit.settings import setting
from webhooks.schedule import DEFAULT, parse_schedule


@dataclass(frozen=True)
class Config:
    """What the webhooks service reads from the environment."""

    listen: str = shared.listen("webhooks")
    database_url: str = shared.database_url("webhooks")
    database_connections: int = shared.database_connections("webhooks", 4)
    metrics_listen: str = shared.metrics_listen("webhooks")
    peers: Mapping[str, bytes] = shared.peers()
    secret_key: bytes = setting(
        "GESSO_WEBHOOKS_SECRET_KEY",
        "Key under which signing secrets rest, 32 bytes in hex.",
        parse=bytes.fromhex,
        secret=True,
    )
    egress_allow: tuple[Network, ...] = shared.egress_allow()
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
    grace_seconds: float = shared.grace_seconds("webhooks", 10)
