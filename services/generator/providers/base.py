"""What a provider is: it translates our order into one vendor's words, and the vendor's answer into pictures and facts.

A provider does not retry, bill, store or route. It says of each failure whether the vendor may have sold something (`Bought`),
because that alone decides whether the order may be placed again. Adding a vendor is one file and one entry point
`gesso.providers`; see CONTRIBUTING.md.
"""

import enum
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, runtime_checkable

from generator.providers.allowance import Allowance
from generator.providers.variables import Variable
from gesso.errors.v1.reason_pb2 import Reason
from gesso.generator.v1.generator_pb2 import Draw
from servicekit.faults import Fault


class Bought(enum.Enum):
    """Whether the vendor may have accepted (and charged for) the order that failed."""

    NO = "no"
    """Certainly not: no byte was sent, or the vendor said so."""
    UNKNOWN = "unknown"
    """The connection died, or time ran out, after the request was sent."""
    YES = "yes"
    """It was accepted, and what came back is of no use."""


class UpstreamFault(Fault):
    """A vendor's failure, classified where it was read.

    `reason` is one of UPSTREAM_* or TIMEOUT or INTERNAL; `retryable` says whether the same order may succeed later or by
    another route (a refusal of the content never may).
    """

    def __init__(
        self,
        reason: Reason.ValueType,
        message: str,
        *,
        bought: Bought,
        retryable: bool,
        details: Mapping[str, str] | None = None,
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(reason, message, details=details, retry_after_seconds=retry_after_seconds)
        self.bought = bought
        self.retryable = retryable


@dataclass(frozen=True, slots=True)
class Callback:
    """Where a vendor may tell that an order has ended. The address is the capability: it goes to that vendor alone."""

    url: str = field(repr=False)
    key: str = field(repr=False)
    """By which a poller knows the order: the same in every process."""
    secret: str = field(repr=False)
    """For a vendor that says back, or signs with, a secret that it is given."""


@dataclass(frozen=True, slots=True)
class Order:
    """One purchase at one vendor: a task's draw on one route.

    `inputs` and `mask` are checked pictures; `mask` is white where it is to be repainted. `secret` is the key to use instead of
    the platform's own (the account's BYOK key or the request's), None for the platform's.
    """

    task_id: str
    draw: Draw
    upstream_model: str
    count: int
    options: Mapping[str, str]
    """The route's own options, from the catalogue (as `quality` that an alias stands for)."""
    inputs: Sequence[bytes] = ()
    mask: bytes | None = None
    secret: str | None = field(default=None, repr=False)
    deadline_seconds: float = 300.0
    """Left until the job's deadline, and beyond it for as long as a late picture is taken in."""
    on_partial: "Callable[[Pixels], Awaitable[None]] | None" = field(default=None, repr=False, compare=False)
    """Shows an unfinished picture, up to `draw.partial_images` of them; None where nobody looks. It raises nothing."""
    on_allowance: Callable[[Allowance], None] | None = field(default=None, repr=False, compare=False)
    """Is told what the answer to a placed order says of the vendor's rate; `api.py` does so for all that it speaks for."""
    callback: Callback | None = field(default=None, repr=False, compare=False)
    """Where the vendor is to call when the order has ended; None where it is not to."""


@dataclass(frozen=True, slots=True)
class Pixels:
    """One picture as the vendor sent it: encoded bytes, not yet inspected."""

    data: bytes | bytearray | memoryview
    seed: int | None = None
    said_format: str = ""
    """What the vendor says that it is (png, jpeg, webp); empty where it does not say. A picture that is another is refused."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """What an order brought: fewer pictures than ordered is a result, `faults` then says why, one for each missing picture."""

    pictures: Sequence[Pixels]
    upstream_model: str
    faults: Sequence[UpstreamFault] = ()
    revised_prompt: str = ""
    usage_json: bytes = b""
    cost_micros: int | None = None
    """What the vendor says it charges us; None where it does not say."""
    metered: Mapping[str, float] = field(default_factory=dict)
    """What the vendor bills by beside its usage object, as seconds, under its own names: the catalogue has the rates."""
    echoed: Mapping[str, str] = field(default_factory=dict)
    warnings: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Ticket:
    """The vendor's own id of an accepted order, by which any worker can collect it. `data` is opaque to all but the provider."""

    data: bytes


class Memory(Protocol):
    """The process's bound on picture bytes in flight."""

    async def reserve(self, byte_count: int) -> None:
        """Wait until so many more bytes may be held; the task that runs the order gives them back when it ends."""


class Provider(Protocol):
    """One vendor.

    `submit` places the order: a vendor that answers with pictures returns Drawn, one that queues returns its Ticket at once.
    `collect` waits for a ticket's pictures; it may be called again by another worker after a crash. Both raise UpstreamFault.
    """

    name: str
    free_to_repeat: bool
    """Whether placing an order twice costs nothing (an engine of our own)."""
    trained: bool
    """Whether a learned model draws (for the picture's credentials)."""

    @property
    def configured(self) -> bool:
        """Whether it has what it needs (a key, a base address) to serve."""

    async def submit(self, order: Order, memory: Memory) -> Drawn | Ticket:
        """Place an order."""

    async def collect(self, ticket: Ticket, order: Order, memory: Memory) -> Drawn:
        """Wait for the pictures of an accepted order."""

    async def close(self) -> None:
        """Let go of connections and children."""


@dataclass(frozen=True, slots=True)
class Found:
    """An order that a vendor says it has."""

    vendor_id: str
    """Its own name for it, which stands in the ticket too."""
    ticket: Ticket


@runtime_checkable
class Finder(Protocol):
    """A provider whose vendor can be asked which orders it took: what became of one whose answer was lost."""

    async def find(self, order: Order, since: datetime) -> Sequence[Found]:
        """Orders just like this one that the vendor took since then, the oldest first; others' may be among them.

        The order has no inputs at hand. Raises UpstreamFault where it cannot be known, now or at all.
        """


@dataclass(frozen=True, slots=True)
class Call:
    """What somebody sent to a callback's address; header names are in lower case."""

    callback: Callback
    headers: Mapping[str, str]
    body: bytes


@runtime_checkable
class Called(Protocol):
    """A provider whose vendor calls back. A call is a hint: its ticket is then asked about, as it would be in time."""

    @property
    def hears(self) -> bool:
        """Whether it has what it needs to know its vendor's calls from others'."""

    async def message_id(self, call: Call) -> str | None:
        """The vendor's own name of a message that is genuine and not stale; None for one that is not.

        Raises UpstreamFault where that cannot be known now.
        """

    def wake(self, key: str) -> bool:
        """Have the order with this key of a callback looked at now; whether it waits in this process."""


@dataclass(frozen=True, slots=True)
class ProviderFactory:
    """What the entry point `gesso.providers` names: makes the provider from the environment, at the generator's start."""

    name: str
    variables: Sequence[Variable]
    """All that it reads."""
    open: Callable[[Mapping[str, str]], Provider]
    """Makes it from what it declares; no network is touched and no child started. Raises SettingError."""
