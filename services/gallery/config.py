"""The gallery's settings."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from servicekit import shared_settings as shared
from servicekit.addresses import Network
from servicekit.settings import optional_path, setting


@dataclass(frozen=True)
class Config:
    """What the gallery reads from the environment."""

    listen: str = shared.listen("gallery")
    database_url: str = shared.database_url("gallery")
    database_connections: int = shared.database_connections("gallery", 4)
    metrics_listen: str = shared.metrics_listen("gallery")
    files_listen: str = setting(
        "GESSO_GALLERY_FILES_LISTEN", "Where pictures are served by signed links.", default="127.0.0.1:8081"
    )
    peers: Mapping[str, bytes] = shared.peers()
    caller_token_key: bytes = shared.caller_token_key()
    link_key: bytes = setting("GESSO_LINK_KEY", "Key of the file links, in hex.", parse=bytes.fromhex, secret=True)
    store_url: str = shared.store_url()
    egress_allow: tuple[Network, ...] = shared.egress_allow()
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
        "GESSO_RETENTION_SECONDS",
        "Pause between two rounds of retention: so long may a file outlive its time.",
        default="60",
        parse=float,
    )
    unused_grace_seconds: float = setting(
        "GESSO_UNUSED_GRACE_SECONDS",
        "How long bytes stay after their last image was forgotten; 0 removes them in the same round.",
        default="0",
        parse=float,
    )
    grace_seconds: float = shared.grace_seconds("gallery", 10)
