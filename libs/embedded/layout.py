"""What lies where in $GESSO_HOME, and the one file that tells other commands how to reach the running platform.

lock          held by the supervisor that runs on this state
state.json    secrets made at the first start; ports, addresses and process ids of the present run; for us alone
pg/           PostgreSQL (see embedded.postgres)
run/          the services' Unix sockets, or a short folder in its place (see embedded.sockets)
store/        the object store
keys/         the local certificate authority and other keys that services make themselves
spool/        paid pictures that wait for the object store
logs/         one file for each process
"""

import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from embedded import sockets

_SECRET_BYTES = 32
_FOLDERS = ("run", "store", "keys", "spool", "logs")


class StateUnreadableError(Exception):
    """state.json is damaged; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths below one home; `sockets` may lie elsewhere."""

    home: Path
    sockets: Path

    @property
    def lock(self) -> Path:
        """The file that a running supervisor holds."""
        return self.home / "lock"

    @property
    def state_file(self) -> Path:
        """What other commands read."""
        return self.home / "state.json"

    @property
    def postgres(self) -> Path:
        """The database's state folder."""
        return self.home / "pg"

    @property
    def store(self) -> Path:
        """The object store's folder."""
        return self.home / "store"

    @property
    def keys(self) -> Path:
        """Where services keep keys that they make."""
        return self.home / "keys"

    @property
    def spool(self) -> Path:
        """Where pictures wait for the object store."""
        return self.home / "spool"

    def socket(self, service: str) -> str:
        """The gRPC address of a service, for its server and its clients alike."""
        return f"unix:{self.sockets / service}.sock"

    def log(self, name: str) -> Path:
        """The log of one process."""
        return self.home / "logs" / f"{name}.log"


@dataclass(frozen=True, slots=True)
class State:
    """What is written to state.json.

    `secrets` are kept from the first start on, as hexadecimals by name. The rest is of the present run: the edge's and
    the files' URLs, the services' gRPC addresses, the URLs of their metrics, and process ids, all by service name.
    """

    secrets: Mapping[str, str] = field(default_factory=dict)
    url: str = ""
    files_url: str = ""
    addresses: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, str] = field(default_factory=dict)
    pids: Mapping[str, int] = field(default_factory=dict)


def make(home: Path) -> Layout:
    """Make the folders, each of which only we may enter; the home itself stays open to whom the database runs as."""
    absolute = home.absolute()
    absolute.mkdir(parents=True, exist_ok=True)
    for name in _FOLDERS:
        (absolute / name).mkdir(mode=0o700, exist_ok=True)
    return Layout(absolute, sockets.make(sockets.choose(absolute / "run"), os.geteuid()))


def find(home: Path) -> State:
    """Return what state.json says; raises FileNotFoundError where no platform ever ran on this home, and StateUnreadableError."""
    file = home.absolute() / "state.json"
    try:
        return State(**json.loads(file.read_text()))
    except (ValueError, TypeError) as error:
        raise StateUnreadableError(
            f"{file} is not as it was written: put back a copy of it, it holds this state's keys"
        ) from error


def with_secrets(state: State, names: tuple[str, ...]) -> State:
    """Add the secrets that are missing; those that exist never change."""
    new = {name: secrets.token_hex(_SECRET_BYTES) for name in names if name not in state.secrets}
    return replace(state, secrets={**state.secrets, **new})


def save(layout: Layout, state: State) -> None:
    """Replace state.json as a whole, so that a reader or a crash meets the old one or the new one."""
    draft = layout.state_file.with_suffix(".draft")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(asdict(state), file, indent=2)
        file.flush()
        os.fsync(descriptor)
    draft.rename(layout.state_file)
