"""What each service is told by its environment when the whole platform runs on one machine: one table of variables.

A service gets the variables of its own row, and the operator's unless they are of another row; of the vendors' keys only
the generator gets any. The row's value holds, except that those of DEFAULTS give way to the operator's.
"""

import hashlib
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from embedded.layout import Layout, State
from embedded.ports import Ports, url_of


@dataclass(frozen=True, slots=True)
class Wiring:
    """What the values follow from: one platform's paths, secrets, database URLs (by service) and ports."""

    layout: Layout
    state: State
    database_urls: Mapping[str, str]
    host: str
    ports: Ports

    def token(self, name: str) -> str:
        """The token by which a service, or the operator, proves itself to the others."""
        return self.state.secrets[f"{name}_token"]

    def metrics_port(self, service: str) -> int:
        """Where a service serves its metrics."""
        return self.ports.metrics[NAMES.index(service)]


Variables = Mapping[str, Callable[[Wiring], str]]


@dataclass(frozen=True, slots=True)
class Service:
    """One service as a process: its name, which is its module too, its variables, and the path that says it is ready."""

    name: str
    variables: Variables
    ready_path: str = "/healthz"

    @property
    def argv(self) -> tuple[str, ...]:
        """How it is started: as a program, never imported."""
        return (sys.executable, "-m", self.name)


# Started together, stopped from the last to the first: the edge goes before what it calls.
NAMES = ("billing", "gallery", "webhooks", "generator", "gateway")
_CALLERS = (*NAMES, "operator")

SECRETS: tuple[str, ...] = (
    *(f"{name}_token" for name in _CALLERS),
    "caller_token_key",
    "link_key",
    "sealing_key",
    "secrets_key",
    "webhooks_secret_key",
)

# What an operator may set otherwise; the rest of the table is how the parts find each other.
DEFAULTS = frozenset(
    {"GESSO_STORE_URL", "GESSO_FALLBACK_ENGINE", "GESSO_CORS_ORIGINS", "GESSO_SECRETS_KEYS", "GESSO_UPLOADS_URL"}
)

# Set by the supervisor for all of them. The working folder is the state's, and must not be imported from. Forked children only
# become other programs: gRPC's own preparations for a fork end some of them before they do (seen with grpcio 1.85). Its event
# engine hands each message through more threads: one and its answer took 175 us of CPU with it, 105 without.
_PYTHON: Mapping[str, str] = {
    "PYTHONSAFEPATH": "1",
    "PYTHONUNBUFFERED": "1",
    "GRPC_ENABLE_FORK_SUPPORT": "0",
    "GRPC_EXPERIMENTS": "-event_engine_client,-event_engine_listener",
}

# What every service may know of the operator's environment, by beginning.
_COMMON_PREFIXES = ("PATH", "HOME", "LANG", "LC_", "TZ", "TMPDIR", "PYTHON", "SSL_", "OTEL_", "AWS_", "GESSO_")


def peers(wiring: Wiring) -> str:
    """Write the digests of all tokens in the form that servicekit.identity reads, without importing it: it is large."""
    digests = ((name, hashlib.sha256(wiring.token(name).encode()).hexdigest()) for name in sorted(_CALLERS))
    return ",".join(f"{name}:{digest}" for name, digest in digests)


def secret(name: str) -> Callable[[Wiring], str]:
    """The value of one of SECRETS."""
    return lambda wiring: wiring.state.secrets[name]


def address(service: str) -> Callable[[Wiring], str]:
    """The gRPC address of a service."""
    return lambda wiring: wiring.layout.socket(service)


def _served(name: str) -> Variables:
    """What every service that others call is told about itself."""
    upper = name.upper()
    return {
        f"GESSO_{upper}_LISTEN": address(name),
        f"GESSO_{upper}_DATABASE_URL": lambda wiring: wiring.database_urls[name],
        "GESSO_PEERS": peers,
        **_observed(name),
    }


def _observed(name: str) -> Variables:
    """What every service is told about its metrics."""
    return {f"GESSO_{name.upper()}_METRICS_LISTEN": lambda wiring: f"127.0.0.1:{wiring.metrics_port(name)}"}


def _calls(name: str, *called: str) -> Variables:
    """What a service is told that calls others: its own token, and where they are."""
    token = {f"GESSO_{name.upper()}_TOKEN": secret(f"{name}_token")}
    return {**token, **{f"GESSO_{other.upper()}_ADDRESS": address(other) for other in called}}


def _store_url(wiring: Wiring) -> str:
    return wiring.layout.store.as_uri()


def _public_url(wiring: Wiring) -> str:
    return wiring.state.url


def _files_url(wiring: Wiring) -> str:
    return wiring.state.files_url


def _uploads_url(wiring: Wiring) -> str:
    """The files port as this machine reaches it: the public name may be of a proxy that is not reached from here."""
    return url_of(wiring.host, wiring.ports.files)


SERVICES: tuple[Service, ...] = (
    Service(
        "billing",
        {**_served("billing"), **_calls("billing", "webhooks"), "GESSO_CALLER_TOKEN_KEY": secret("caller_token_key")},
    ),
    Service(
        "gallery",
        {
            **_served("gallery"),
            "GESSO_GALLERY_FILES_LISTEN": lambda wiring: f"{wiring.host}:{wiring.ports.files}",
            "GESSO_CALLER_TOKEN_KEY": secret("caller_token_key"),
            "GESSO_LINK_KEY": secret("link_key"),
            "GESSO_STORE_URL": _store_url,
            "GESSO_PROVENANCE_DIR": lambda wiring: str(wiring.layout.keys / "provenance"),
        },
    ),
    Service(
        "webhooks",
        {**_served("webhooks"), "GESSO_WEBHOOKS_SECRET_KEY": secret("webhooks_secret_key")},
    ),
    Service(
        "generator",
        {
            **_served("generator"),
            **_calls("generator", "billing", "gallery", "webhooks"),
            "GESSO_CALLER_TOKEN_KEY": secret("caller_token_key"),
            "GESSO_LINK_KEY": secret("link_key"),
            "GESSO_SEALING_KEY": secret("sealing_key"),
            "GESSO_SECRETS_KEYS": lambda wiring: f"home:{wiring.state.secrets['secrets_key']}",
            "GESSO_PUBLIC_URL": _public_url,
            "GESSO_FILES_URL": _files_url,
            "GESSO_STORE_URL": _store_url,
            "GESSO_SPOOL_DIR": lambda wiring: str(wiring.layout.spool),
            "GESSO_FALLBACK_ENGINE": lambda _: "sketch",
        },
    ),
    Service(
        "gateway",
        {
            **_observed("gateway"),
            **_calls("gateway", "billing", "generator", "gallery", "webhooks"),
            "GESSO_HOST": lambda wiring: wiring.host,
            "GESSO_PORT": lambda wiring: str(wiring.ports.edge),
            "GESSO_PUBLIC_URL": _public_url,
            "GESSO_FILES_URL": _files_url,
            "GESSO_UPLOADS_URL": _uploads_url,
            "GESSO_LINK_KEY": secret("link_key"),
            "GESSO_ADMIN_TOKEN": secret("operator_token"),
            "GESSO_CORS_ORIGINS": lambda _: "*",
        },
        ready_path="/readyz",
    ),
)


def inherited(service: str, operators: Mapping[str, str], others: frozenset[str]) -> dict[str, str]:
    """Choose what a service may know of the operator's environment: the generator all, the others no vendor's key.

    `others` are variables of other services' rows, which stay theirs.
    """
    known = {name: value for name, value in operators.items() if name not in others}
    if service == "generator":
        return known
    return {name: value for name, value in known.items() if name.startswith(_COMMON_PREFIXES)}


def environment(service: Service, wiring: Wiring, operators: Mapping[str, str]) -> dict[str, str]:
    """Return the whole environment of a service's process."""
    others = frozenset(name for row in SERVICES for name in row.variables) - frozenset(service.variables)
    theirs = inherited(service.name, operators, others)
    ours = {
        name: value(wiring) for name, value in service.variables.items() if not (name in DEFAULTS and name in theirs)
    }
    return {"PATH": os.defpath, **theirs, **ours, **_PYTHON}
