"""What a dialect is: routes as data, a parse from the wire to an order, and words for what became of it.

A dialect knows no transport and no other dialect; nothing outside its own file or folder knows it. Adding one is that file and one
entry in `gateway.dialects`.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from gateway.about import About, Scheme
from gateway.desk import Addresses as Addresses  # noqa: PLC0414 - every dialect names it beside the rest of its contract
from gateway.desk import Desk
from gateway.forms import Form
from gateway.orders import Order
from gateway.visitor import Visitor
from gateway.wire import Event, Reply
from gesso.billing.v1.billing_pb2 import WindowState
from gesso.errors.v1.reason_pb2 import Reason
from gesso.generator.v1.generator_pb2 import Job, Quote
from servicekit.faults import Fault

Updates = AsyncIterator[Job]
"""A job as it stands, and again each time that it changes; the last one has ended."""


@dataclass(frozen=True, slots=True)
class Buy:
    """A POST that costs money: the body is checked against `body`, `parse` makes the order of it, or raises Fault.

    `form` makes such a body of a multipart form, for routes that take one. `waits` is False where the call never waits for its
    job. `events` words the job as it goes on, for orders that ask for a stream.
    """

    body: type[msgspec.Struct]
    parse: Callable[[Any, Visitor], Order]
    form: Callable[[Form], Any] | None = None
    waits: bool = True
    events: "Callable[[Updates, Addresses], AsyncIterator[Event]] | None" = None


@dataclass(frozen=True, slots=True)
class ShowJob:
    """The polling path of jobs: `{id}` names any job of the caller."""


@dataclass(frozen=True, slots=True)
class CancelJob:
    """The path that cancels what has not started of job `{id}`; `Dialect.cancelled` words the job then."""


@dataclass(frozen=True, slots=True)
class FollowJob:
    """A stream of server-sent events about job `{id}`. Their ids count up and are the same whenever the job is followed: the edge
    leaves out those up to `Last-Event-ID`.
    """

    events: Callable[[Updates, Addresses], AsyncIterator[Event]]


@dataclass(frozen=True, slots=True)
class Show:
    """A route that reads."""

    answer: Callable[[Desk, Visitor], Awaitable[Reply]]


@dataclass(frozen=True, slots=True)
class Act:
    """A route that changes something and costs nothing; `body` is None where it takes none, and where `body_optional` says so an
    absent one is an empty object.

    `creates` says that the Idempotency-Key is honoured: `Visitor.creation_id` is the same for a repeat.
    """

    answer: Callable[[Desk, Visitor, Any], Awaitable[Reply]]
    body: type[msgspec.Struct] | None = None
    creates: bool = False
    body_optional: bool = False


@dataclass(frozen=True, slots=True)
class Unserved:
    """A documented route that this version does not serve: 501 in the dialect's words."""

    message: str


Action = Buy | ShowJob | CancelJob | FollowJob | Show | Act | Unserved


@dataclass(frozen=True, slots=True)
class Route:
    """One method and path; `{name}` in the path stands for one whole segment. `name` is the scope of idempotency keys.

    `counts` is False for a route that no limit counts, `keyless` True for one that asks for no key. `operation` is what the
    documentation calls it where another route bears its name, since both are the same.
    """

    method: str
    path: str
    name: str
    action: Action
    about: About
    counts: bool = True
    keyless: bool = False
    operation: str = ""


@dataclass(frozen=True, slots=True)
class Problem:
    """A fault about to be worded; `status` is the dialect's own for its reason, else that of the one status table.

    `public_url` is where this platform's pages are.
    """

    fault: Fault
    status: int
    request_id: str
    public_url: str = ""


class Dialect(Protocol):
    """One API that clients already speak. `name` is also the name of its price book and of its limits."""

    @property
    def name(self) -> str:
        """As `openai`."""

    @property
    def title(self) -> str:
        """Its name for people."""

    @property
    def text(self) -> str:
        """What it is, in a sentence or two."""

    @property
    def schemes(self) -> tuple[Scheme, ...]:
        """The ways to send an api key, any of which will do."""

    @property
    def error_body(self) -> type[msgspec.Struct]:
        """What `word` makes its bodies from."""

    @property
    def codes(self) -> Mapping[Reason.ValueType, str]:
        """The code that the error of each reason bears."""

    @property
    def special_codes(self) -> Mapping[str, Reason.ValueType]:
        """The codes that some errors of a reason bear in its place, as of a job that is not found."""

    @property
    def statuses(self) -> Mapping[Reason.ValueType, int]:
        """The statuses in which it differs from the one table."""

    @property
    def prefixes(self) -> tuple[str, ...]:
        """Paths below which every answer, also to an unknown path, wears this dialect's words."""

    @property
    def routes(self) -> tuple[Route, ...]:
        """All of them."""

    @property
    def wait_seconds(self) -> float:
        """How long a synchronous call waits for its job."""

    @property
    def link_seconds(self) -> int:
        """How long a link to a picture is valid."""

    @property
    def limited_by_address(self) -> bool:
        """Whether requests are limited by the client's address, under the dialect's name in billing's table of addresses."""

    @property
    def counts_calls(self) -> bool:
        """Whether its POST requests are counted for the account's statistics."""

    def credential(self, headers: Mapping[str, str]) -> str | None:
        """The api key of a request, None where none was sent."""

    def window_headers(self, windows: Sequence[WindowState]) -> Mapping[str, str]:
        """What every answer says of the caller's limits; see `gateway.windows`. Nothing where nothing limits."""

    def job_path(self, job: Job) -> str:
        """Where the job is polled."""

    def accepted(self, job: Job, addresses: Addresses) -> Reply:
        """The answer to a call that does not wait."""

    def unfinished(self, job: Job, addresses: Addresses) -> Reply:
        """The answer to a poll before the job's end."""

    def overdue(self, job: Job, addresses: Addresses) -> Reply:
        """The answer to a call whose wait ran out, or raises Fault TIMEOUT. The job goes on."""

    def finished(self, job: Job, addresses: Addresses) -> Reply:
        """The answer of a call whose job has ended. Raises its Fault where that is the answer."""

    def shown(self, job: Job, addresses: Addresses) -> Reply:
        """The answer to a poll after the job's end; most dialects answer as `finished` does."""

    def cancelled(self, job: Job, addresses: Addresses) -> Reply:
        """The answer to a cancellation, or raises Fault CONFLICT where nothing of the job could be."""

    def quoted(self, quote: Quote) -> Reply:
        """The answer to a dry run."""

    def word(self, problem: Problem) -> Reply:
        """An error of any kind."""
