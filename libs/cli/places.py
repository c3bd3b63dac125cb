"""Where the platform is and who we are to it: from $GESSO_URL, else from the state folder of the one on this machine."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cli.errors import CommandFailed
from embedded.layout import State, StateUnreadableError, find
from servicekit.settings import base_url

DEFAULT_HOME = ".gesso"
DEMO_KEY_FILE = "demo.key"


@dataclass(frozen=True, slots=True)
class Place:
    """The environment of a command, read once."""

    environ: Mapping[str, str]

    @classmethod
    def here(cls) -> "Place":
        """The place that this process's environment names."""
        return cls(os.environ)

    @property
    def home(self) -> Path:
        """The state folder."""
        return Path(self.environ.get("GESSO_HOME") or DEFAULT_HOME)

    @property
    def remote_url(self) -> str:
        """The edge's address where $GESSO_URL names one, else empty. Raises CommandFailed where it is no address."""
        url = self.environ.get("GESSO_URL") or ""
        try:
            return base_url(url)
        except ValueError as error:
            raise CommandFailed(f"GESSO_URL must be an address as http://127.0.0.1:8080, not {url!r}.") from error

    def state(self) -> State:
        """What the platform on this machine wrote down. Raises CommandFailed where there is none."""
        try:
            return find(self.home)
        except FileNotFoundError as error:
            raise CommandFailed(
                f"No platform has run in {self.home.absolute()}: start it with `make run`, or set GESSO_HOME or GESSO_URL."
            ) from error
        except StateUnreadableError as error:
            raise CommandFailed(f"{error}.") from error
        except PermissionError as error:
            raise CommandFailed(f"{self.home.absolute()} belongs to another user: run this as that user.") from error

    def edge_url(self) -> str:
        """Where people's commands go."""
        return self.remote_url or self.state().url

    @property
    def is_operators(self) -> bool:
        """Whether the operator's commands can be used here."""
        return not self.remote_url or bool(self.environ.get("GESSO_ADMIN_TOKEN"))

    def admin_token(self) -> str:
        """The operator's token for a remote platform. Raises CommandFailed."""
        token = self.environ.get("GESSO_ADMIN_TOKEN")
        if not token:
            raise CommandFailed("With GESSO_URL the operator's commands need GESSO_ADMIN_TOKEN, as the edge has it.")
        return token

    def api_key(self) -> str:
        """The key of people's commands: $GESSO_API_KEY, else the demo account's. Raises CommandFailed."""
        key = self.environ.get("GESSO_API_KEY") or self.environ.get("GESSO_DEMO_KEY")
        if key:
            return key
        try:
            return (self.home / DEMO_KEY_FILE).read_text().strip()
        except OSError as error:
            raise CommandFailed("Set GESSO_API_KEY to an api key of your account.") from error
