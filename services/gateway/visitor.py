"""Who asks for what: all that a dialect may know of a request beside its body."""

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.wire import Ask
from gesso.billing.v1.billing_pb2 import Caller, Preferences


@dataclass(frozen=True, slots=True)
class Visitor:
    """One authenticated request."""

    ask: Ask
    caller: Caller
    request_id: str
    creation_id: str
    """Names what the request creates: the same for a repeat with the same Idempotency-Key."""

    @property
    def query(self) -> Mapping[str, str]:
        """The parameters behind the question mark."""
        return self.ask.query

    @property
    def params(self) -> Mapping[str, str]:
        """The named segments of the path."""
        return self.ask.params

    @property
    def account_id(self) -> str:
        """Who pays."""
        return self.caller.account_id

    @property
    def preferences(self) -> Preferences:
        """What the account prefers; what is absent is the platform's default."""
        return self.caller.preferences
