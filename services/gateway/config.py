"""The edge's settings."""

from dataclasses import dataclass

from gateway import dialects
from servicekit import shared_settings as shared
from servicekit.addresses import Network, parse_networks
from servicekit.settings import base_url, flag, setting


def _origins(text: str) -> tuple[str, ...]:
    return tuple(origin.strip().rstrip("/") for origin in text.split(",") if origin.strip())


@dataclass(frozen=True)
class Config(dialects.Settings):
    """What the edge reads from the environment, beside what its dialects do."""

    host: str = setting("GESSO_HOST", "Address to listen on.", default="127.0.0.1")
    port: int = setting("GESSO_PORT", "Port to listen on; 0 for any.", default="8080", parse=int)
    metrics_listen: str = shared.metrics_listen("gateway")
    token: str = shared.token("gateway")
    billing_address: str = setting("GESSO_BILLING_ADDRESS", "Where billing listens: `unix:/path` or `host:port`.")
    generator_address: str = setting("GESSO_GENERATOR_ADDRESS", "Where the generator listens.")
    gallery_address: str = setting("GESSO_GALLERY_ADDRESS", "Where the gallery listens.")
    webhooks_address: str = setting("GESSO_WEBHOOKS_ADDRESS", "Where the webhooks service listens.")
    link_key: bytes = setting("GESSO_LINK_KEY", "Key of the file links, in hex.", parse=bytes.fromhex, secret=True)
    files_url: str = setting("GESSO_FILES_URL", "Public base of the gallery's file port.", parse=base_url)
    uploads_base: str = setting(
        "GESSO_UPLOADS_URL",
        "Where the gallery's file port is reached from the edge, for uploads; empty for GESSO_FILES_URL.",
        default="",
        parse=base_url,
    )
    public_url: str = setting(
        "GESSO_PUBLIC_URL",
        "Public base of this edge; empty for the address it listens on.",
        default="",
        parse=base_url,
    )
    admin_token: str = setting(
        "GESSO_ADMIN_TOKEN",
        "The operator's service token (its digest is in GESSO_PEERS), which opens /admin/rpc/ here; empty closes it.",
        default="",
        secret=True,
    )
    cors_origins: tuple[str, ...] = setting(
        "GESSO_CORS_ORIGINS",
        "Origins whose pages may read answers, separated by commas; `*` for all, without credentials.",
        default="*",
        parse=_origins,
    )
    trusted_proxies: tuple[Network, ...] = setting(
        "GESSO_TRUSTED_PROXIES",
        "Networks whose X-Forwarded-For is believed, separated by commas.",
        default="",
        parse=parse_networks,
    )
    trust_traceparent: bool = setting(
        "GESSO_TRUST_TRACEPARENT",
        "Whether requests may join a trace of their senders' by `traceparent`, sampled or not; off, each begins its own.",
        default="off",
        parse=flag,
    )
    body_limit_bytes: int = setting(
        "GESSO_BODY_LIMIT_BYTES", "Largest request body.", default=str(64 * 1024 * 1024), parse=int
    )
    body_memory_bytes: int = setting(
        "GESSO_BODY_MEMORY_BYTES",
        "Memory for large request bodies, all together.",
        default=str(128 * 1024 * 1024),
        parse=int,
    )
    reply_memory_bytes: int = setting(
        "GESSO_REPLY_MEMORY_BYTES",
        "Memory for pictures on their way into replies, all together.",
        default=str(16 * 1024 * 1024),
        parse=int,
    )
    grace_seconds: float = shared.grace_seconds("gateway", 10)

    @property
    def uploads_url(self) -> str:
        """Where uploads are posted."""
        return self.uploads_base or self.files_url
