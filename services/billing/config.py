"""The settings of the billing service."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from billing.plans import Plans, load
from servicekit import shared_settings as shared
from servicekit.settings import setting


@dataclass(frozen=True, slots=True)
class Config:
    """Every variable that billing reads."""

    listen: str = shared.listen("billing")
    database_url: str = shared.database_url("billing")
    database_connections: int = shared.database_connections("billing", 6)
    metrics_listen: str = shared.metrics_listen("billing")
    token: str = shared.token("billing")
    peers: Mapping[str, bytes] = shared.peers()
    caller_token_key: bytes = shared.caller_token_key()
    webhooks_address: str = setting(
        "GESSO_WEBHOOKS_ADDRESS", "Where the webhooks service is; without it events stay in the outbox.", default=""
    )
    plans: Plans = setting(
        "GESSO_BILLING_PLANS",
        "A TOML file of plans instead of the built-in services/billing/plans.toml.",
        default="",
        parse=lambda text: load(Path(text) if text else None),
    )
    grace_seconds: float = shared.grace_seconds("billing", 10)
