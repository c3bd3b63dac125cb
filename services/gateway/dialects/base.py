"""What a dialect is: routes as data, a parse from the wire to a purchase, and words for what became of it.

A dialect knows no transport and no other dialect; nothing outside its own file or folder knows it. Adding one is that file and one
entry in `gateway.dialects`.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from gateway.about import About, Scheme
from gateway.wire import Ask, Reply
from gesso.errors.v1.reason_pb2 import Reason
from gesso.generator.v1.generator_pb2 import Job, Model, Picture, Purchase, Quote
from servicekit.faults import Fault


class Addresses(Protocol):
    """Where things that a reply names are found."""

    def picture(self, job: Job, picture: Picture) -> str:
        """A signed link to a picture, valid for the dialect's `link_seconds`."""

    def edge(self, path: str) -> str:
        """The absolute address of a path of this platform."""


class Platform(Protocol):
    """What a dialect's reading routes may ask of the platform, on behalf of the caller."""

    async def models(self) -> Sequence[Model]:
        """Every public model."""


@dataclass(frozen=True, slots=True)
class Buy:
    """A POST that costs money: the JSON body is checked against `body`, `parse` makes the purchase of it.

    `parse` fills draws, facts, webhook_url and keep_seconds; it raises Fault. The rest of the purchase is the edge's.
    """

    body: type[msgspec.Struct]
    parse: Callable[[Any, Ask], Purchase]


@dataclass(frozen=True, slots=True)
class ShowJob:
    """The polling path of jobs: `{id}` names any job of the caller."""


@dataclass(frozen=True, slots=True)
class Show:
    """A route that reads."""

    answer: Callable[[Platform, Ask], Awaitable[Reply]]


@dataclass(frozen=True, slots=True)
class Unserved:
    """A documented route that this version does not serve: 501 in the dialect's words."""

    message: str


Action = Buy | ShowJob | Show | Unserved


@dataclass(frozen=True, slots=True)
class Route:
    """One method and path; `{name}` in the path stands for one whole segment. `name` is the scope of idempotency keys."""

    method: str
    path: str
    name: str
    action: Action
    about: About


@dataclass(frozen=True, slots=True)
class Problem:
    """A fault about to be worded; `status` is that of the one status table, `public_url` where this platform's pages are."""

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

    def credential(self, headers: Mapping[str, str]) -> str | None:
        """The api key of a request, None where none was sent."""

    def job_path(self, job: Job) -> str:
        """Where the job is polled."""

    def accepted(self, job: Job, addresses: Addresses) -> Reply:
        """The answer to a call that does not wait."""

    def unfinished(self, job: Job, addresses: Addresses) -> Reply:
        """The answer to a poll before the job's end."""

    def overdue(self, job: Job, addresses: Addresses) -> Reply:
        """The answer to a call whose wait ran out, or raises Fault TIMEOUT. The job goes on."""

    def finished(self, job: Job, addresses: Addresses) -> Reply:
        """The answer of a job that has ended. Raises its Fault where that is the answer."""

    def quoted(self, quote: Quote) -> Reply:
        """The answer to a dry run."""

    def word(self, problem: Problem) -> Reply:
        """An error of any kind."""
