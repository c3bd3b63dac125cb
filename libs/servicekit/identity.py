"""Between services each call names its sender and proves it by a token; a table at each server says who may call what.

Over Unix sockets the folder's permissions keep others out too; over TCP the token is what does.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass

from servicekit.faults import Forbidden

SERVICE_KEY = "gesso-service"
TOKEN_KEY = "gesso-service-token"  # noqa: S105 - the name of a metadata field
REQUEST_ID_KEY = "gesso-request-id"
TRACE_KEY = "traceparent"
CALLER_TOKEN_KEY = "gesso-caller-token"  # noqa: S105 - the name of a header
"""For which account the edge calls: billing's token in base64."""

OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class Identity:
    """Who this process is to the others."""

    service: str
    token: str

    def metadata(self) -> tuple[tuple[str, str], ...]:
        """The metadata that each outgoing call carries."""
        return ((SERVICE_KEY, self.service), (TOKEN_KEY, self.token))


def parse_peers(text: str) -> dict[str, bytes]:
    """Read `name:sha256hex,name:sha256hex` into digests by name. Raises ValueError."""
    peers = {}
    for entry in filter(None, text.split(",")):
        name, _, digest = entry.strip().partition(":")
        peers[name] = bytes.fromhex(digest)
        if not name or len(peers[name]) != hashlib.sha256().digest_size:
            raise ValueError("entries of the form service:sha256-in-hex, separated by commas")
    return peers


def format_peers(tokens: Mapping[str, str]) -> str:
    """Write the peers of these tokens in the form that `parse_peers` reads."""
    return ",".join(f"{name}:{hashlib.sha256(token.encode()).hexdigest()}" for name, token in sorted(tokens.items()))


class Access:
    """Who may call what: `grants` maps a full service name (`gesso.billing.v1.Ledger`) or method (`…Ledger/Admit`) to callers.

    The operator may call everything. A method's own entry replaces its service's.
    """

    def __init__(self, peers: Mapping[str, bytes], grants: Mapping[str, frozenset[str]]) -> None:
        self._peers = dict(peers)
        self._grants = dict(grants)
        self._known: set[tuple[str, str]] = set()

    def check(self, method: str, service: str, token: str) -> None:
        """Raise Forbidden unless the named service proves itself and may call `/package.Service/Method`."""
        if (service, token) not in self._known:
            self._authenticate(service, token)
        path = method.removeprefix("/")
        allowed = self._grants.get(path)
        if allowed is None:  # an empty entry of the method's own lets nobody in but the operator
            allowed = self._grants.get(path.partition("/")[0], frozenset())
        if service != OPERATOR and service not in allowed:
            raise Forbidden(f"The service {service!r} may not call {path}.")

    def _authenticate(self, service: str, token: str) -> None:
        expected = self._peers.get(service)
        if expected is None or not hmac.compare_digest(hashlib.sha256(token.encode()).digest(), expected):
            raise Forbidden("The call names no service that this one knows.")
        self._known.add((service, token))
