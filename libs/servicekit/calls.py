"""A Call is what is known of one incoming call while it is served: for its log line, its metrics and its trace."""

import contextvars
import time
from dataclasses import dataclass, field
from typing import Protocol

OK = "OK"


@dataclass(slots=True)
class Call:
    """One incoming call, gRPC or HTTP.

    `reason` is OK or the reason of the fault that ended it; `notes` are added by whoever serves it (account, items) and go to
    the log line as they are.
    """

    method: str
    peer: str = ""
    request_id: str = ""
    traceparent: str = ""
    started_at: float = field(default_factory=time.perf_counter)
    seconds: float = 0.0
    reason: str = OK
    notes: dict[str, object] = field(default_factory=dict)


class CallObserver(Protocol):
    """Is told when a call begins and ends; the telemetry of a process is one."""

    def call_started(self, call: Call) -> None:
        """A call begins; its trace may begin with it."""

    def call_finished(self, call: Call, error: BaseException | None) -> None:
        """A call has ended, `seconds` and `reason` are set; `error` is what was raised beside faults."""


_current: contextvars.ContextVar[Call | None] = contextvars.ContextVar("gesso_call", default=None)


def current() -> Call | None:
    """The call that this code serves, or None in background work."""
    return _current.get()


def enter(call: Call) -> "contextvars.Token[Call | None]":
    """Make a call the current one; `leave` ends it."""
    return _current.set(call)


def leave(token: "contextvars.Token[Call | None]") -> None:
    """Make the call before it the current one again."""
    _current.reset(token)


def note(name: str, value: object) -> None:
    """Add a field to the log line of the current call, if there is one."""
    call = _current.get()
    if call is not None:
        call.notes[name] = value
