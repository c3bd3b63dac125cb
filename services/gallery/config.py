"""The gallery's settings."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from servicekit.addresses import Network, parse_networks
from servicekit.identity import parse_peers
from servicekit.settings import optional_path, setting


@dataclass(frozen=True)
class Config:
    """What the gallery reads from the environment."""

    listen: str = setting("GESSO_GALLERY_LISTEN", "Where gRPC is served: `unix:/path` or `host:port`.")
    database_url: str = setting(
        "GESSO_GALLERY_DATABASE_URL", "PostgreSQL of the schema `gallery`, as the role `gallery`.", secret=True
    )
    database_connections: int = setting(
        "GESSO_GALLERY_DATABASE_CONNECTIONS", "Most connections to PostgreSQL.", default="4", parse=int
    )
    metrics_listen: str = setting(
        "GESSO_GALLERY_METRICS_LISTEN", "Where `/metrics` and `/healthz` are served.", default="127.0.0.1:0"
    )
    files_listen: str = setting(
        "GESSO_GALLERY_FILES_LISTEN", "Where pictures are served by signed links.", default="127.0.0.1:8081"
    )
    peers: Mapping[str, bytes] = setting(
        "GESSO_PEERS", "SHA-256 of each service's token: `name:hex`, separated by commas.", parse=parse_peers
    )
    caller_token_key: bytes = setting(
        "GESSO_CALLER_TOKEN_KEY",
        "Key of the caller tokens, in hex; the edge must not have it.",
        parse=bytes.fromhex,
        secret=True,
    )
    link_key: bytes = setting("GESSO_LINK_KEY", "Key of the file links, in hex.", parse=bytes.fromhex, secret=True)
    store_url: str = setting("GESSO_STORE_URL", "The object store: `file:///path` or `s3://bucket/prefix?endpoint=…`.")
    egress_allow: tuple[Network, ...] = setting(
        "GESSO_EGRESS_ALLOW",
        "Ranges that addresses named by callers may reach although they are not public.",
        default="",
        parse=parse_networks,
    )
    provenance_dir: Path = setting(
        "GESSO_PROVENANCE_DIR", "Where the local certificate authority keeps its keys.", parse=Path
    )
    certificates: Path | None = setting(
        "GESSO_PROVENANCE_CERTIFICATES",
        "PEM file of a signing certificate and its chain, in place of the local authority's.",
        default="",
        parse=optional_path,
    )
    certificate_key: Path | None = setting(
        "GESSO_PROVENANCE_KEY", "PEM file of that certificate's private key.", default="", parse=optional_path
    )
    input_limit_bytes: int = setting(
        "GESSO_INPUT_LIMIT_BYTES", "Largest input picture.", default=str(25 * 1024 * 1024), parse=int
    )
    input_timeout_seconds: float = setting(
        "GESSO_INPUT_TIMEOUT_SECONDS", "How long fetching an input may take.", default="30", parse=float
    )
    input_keep_seconds: int = setting(
        "GESSO_INPUT_KEEP_SECONDS", "How long an input picture is kept.", default="86400", parse=int
    )
    retention_seconds: float = setting(
        "GESSO_RETENTION_SECONDS", "Pause between two rounds of retention.", default="60", parse=float
    )
    unused_grace_seconds: float = setting(
        "GESSO_UNUSED_GRACE_SECONDS",
        "How long bytes stay after their last image was forgotten.",
        default="3600",
        parse=float,
    )
    grace_seconds: float = setting(
        "GESSO_GALLERY_GRACE_SECONDS", "How long running calls have to end at a shutdown.", default="10", parse=float
    )
