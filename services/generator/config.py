"""The generator's settings."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from generator.keyring import NamedKey, parse_keys
from generator.ranking import Preference, parse_weights
from generator.safety import Action, parse_actions, parse_groups
from generator.secrets import new_sealing_key, parse_sealing_key
from servicekit import shared_settings as shared
from servicekit.settings import base_url, flag, optional_path, setting


def _stand_in(text: str) -> str | None:
    return None if text in ("", "none") else text


def _sealing_key(text: str) -> bytes:
    return parse_sealing_key(text) if text else new_sealing_key()


@dataclass(frozen=True)
class Config:
    """What the generator reads from the environment. Providers read their vendor's own variables beside it."""

    listen: str = shared.listen("generator")
    database_url: str = shared.database_url("generator")
    database_connections: int = shared.database_connections("generator", 6)
    metrics_listen: str = shared.metrics_listen("generator")
    token: str = shared.token("generator")
    peers: Mapping[str, bytes] = shared.peers()
    caller_token_key: bytes = shared.caller_token_key()
    link_key: bytes = setting(
        "GESSO_LINK_KEY",
        "Key of the file links, in hex; without it a webhook's event names its pictures by id alone.",
        default="",
        parse=bytes.fromhex,
        secret=True,
    )
    sealing_key: bytes = setting(
        "GESSO_SEALING_KEY",
        "Private key, 32 bytes in hex, to which callers' own provider keys are sealed; the same on every replica."
        " Without it each process makes its own.",
        default="",
        parse=_sealing_key,
        secret=True,
    )
    secrets_keys: tuple[NamedKey, ...] = setting(
        "GESSO_SECRETS_KEYS",
        "Keys under which accounts' own provider keys rest, as `id:hex,id:hex` of 32 bytes each, the same on every replica."
        " The first seals, all of them open. To change keys, add the new one last on every replica, then put it first on every"
        " replica, run `gesso keys rewrap`, and take the old one away. Without it the key follows from GESSO_SEALING_KEY.",
        default="",
        parse=parse_keys,
        secret=True,
    )
    billing_address: str = setting("GESSO_BILLING_ADDRESS", "Where billing is served.")
    gallery_address: str = setting("GESSO_GALLERY_ADDRESS", "Where the gallery is served.")
    webhooks_address: str = setting(
        "GESSO_WEBHOOKS_ADDRESS", "Where the webhooks service is; without it events stay in the outbox.", default=""
    )
    public_url: str = setting(
        "GESSO_PUBLIC_URL", "Public base address of the edge, where vendors call back.", default="", parse=base_url
    )
    vendor_webhooks: bool = setting(
        "GESSO_VENDOR_WEBHOOKS",
        "Whether vendors that can are asked to call back when an order has ended, below GESSO_PUBLIC_URL, which they must reach:"
        " orders are then asked about less often. Needs GESSO_LINK_KEY, the same as the edge's.",
        default="off",
        parse=flag,
    )
    files_url: str = setting(
        "GESSO_FILES_URL", "Public base address of the gallery's files port.", default="", parse=base_url
    )
    store_url: str = shared.store_url()
    spool_dir: Path = setting(
        "GESSO_SPOOL_DIR", "Where this replica keeps paid pictures while the object store is away.", parse=Path
    )
    fallback_engine: str | None = setting(
        "GESSO_FALLBACK_ENGINE",
        "The engine that stands in for models whose provider is not configured: `sketch` or `none`.",
        default="none",
        parse=_stand_in,
    )
    catalogue_path: Path | None = setting(
        "GESSO_CATALOGUE", "A TOML file of the operator's own models and prices.", default="", parse=optional_path
    )
    provider_weights: Mapping[str, float] = setting(
        "GESSO_PROVIDER_WEIGHTS",
        "Preference between providers, as `openai=2,fal=0`; 0 leaves one out.",
        default="",
        parse=parse_weights,
    )
    route_preference: Preference = setting(
        "GESSO_ROUTE_PREFERENCE",
        "What decides between a model's providers that weigh the same: `primary` (that of its first route in the catalogue, then"
        " the others by what a picture costs the platform there) or `price` (that cost alone).",
        default="primary",
        parse=Preference,
    )
    safety_policy: Mapping[str, Action] = setting(
        "GESSO_SAFETY_POLICY",
        "What becomes of prompts by group of rules, as `violence=flag,sexual=block`: `block`, `flag` or `off`; `all` stands for"
        " every group. Groups that are not named keep what the rules say; `sexual_minors` always blocks.",
        default="",
        parse=parse_actions,
    )
    safety_relaxable: frozenset[str] | None = setting(
        "GESSO_SAFETY_RELAXABLE",
        "Groups that an account may turn off for itself by its preference `nsfw_filter`, as `sexual,violence`, or `none`; without"
        " it those that the rules name.",
        default="",
        parse=parse_groups,
    )
    safety_rules_path: Path | None = setting(
        "GESSO_SAFETY_RULES",
        "A TOML file of the operator's own prompt rules, read after the shipped ones.",
        default="",
        parse=optional_path,
    )
    task_capacity: int = setting(
        "GESSO_GENERATOR_TASKS", "Most tasks that one replica works on at once.", default="256", parse=int
    )
    waiting_task_capacity: int = setting(
        "GESSO_GENERATOR_WAITING_TASKS",
        "Most tasks beside those that one replica has wait for vendors' queues; each costs some 30 KB, and polls.",
        default="4000",
        parse=int,
    )
    picture_bytes: int = setting(
        "GESSO_GENERATOR_PICTURE_BYTES",
        "Most bytes of pictures in flight in one replica; tasks wait for room.",
        default=str(96 << 20),
        parse=int,
    )
    spool_bytes: int = setting(
        "GESSO_SPOOL_BYTES", "Most bytes that the spool may hold.", default=str(4 << 30), parse=int
    )
    job_deadline_seconds: float = setting(
        "GESSO_JOB_DEADLINE_SECONDS", "How long a job may take before it fails.", default="600", parse=float
    )
    ask_seconds: float = setting(
        "GESSO_GENERATOR_ASK_SECONDS",
        "How long a vendor is asked about an order whose answer was lost, until it is believed that it has none such.",
        default="30",
        parse=float,
    )
    salvage_seconds: float = setting(
        "GESSO_GENERATOR_SALVAGE_SECONDS",
        "How long after a job's deadline its late pictures are still taken in, uncharged.",
        default="120",
        parse=float,
    )
    late_seconds: float = setting(
        "GESSO_GENERATOR_LATE_SECONDS",
        "How long after that vendors with queues are looked after now and then for pictures of tasks that ended without; 0 for"
        " never.",
        default="3600",
        parse=float,
    )
    lease_seconds: float = setting(
        "GESSO_GENERATOR_LEASE_SECONDS",
        "How long a replica's leases hold without renewal; it renews each third of it.",
        default="30",
        parse=float,
    )
    sweep_seconds: float = setting(
        "GESSO_GENERATOR_SWEEP_SECONDS", "Pause between two rounds of the sweeper.", default="30", parse=float
    )
    grace_seconds: float = shared.grace_seconds("generator", 20)
