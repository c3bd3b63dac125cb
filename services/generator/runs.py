"""A run is one task while it is worked on in this process, as it stands."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from generator.gathered import Gathered
from generator.records import JobRecord, TaskRecord
from generator.store.tasks import Beginning
from generator.tickets import Ticketed, read_tickets
from gesso.generator.v1 import generator_pb2 as pb


@dataclass(slots=True)
class Run:
    """`job` and `task` are replaced as the steps are taken; `gathered` is filled by the orders."""

    job: JobRecord
    task: TaskRecord
    began: Callable[["Run", Beginning], None]
    """Called when an intent to order is durable, before the order goes out."""
    shown: Callable[["Run", pb.Picture], None] = lambda _run, _picture: None
    """Called when an unfinished picture can be seen."""
    rested: Callable[["Run"], None] = lambda _run: None
    """Called when it begins or ends to do nothing but wait for vendors' queues."""
    gathered: Gathered = field(default_factory=Gathered)
    answerable: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once it is durable that the task is begun or ended, or the run is over."""
    begun_at: datetime | None = None
    """When the latest order was set out to be placed in this process."""
    lost: bool = False
    """The lease is another's, or the task was cancelled."""
    ending: "asyncio.Task[None] | None" = None
    """What ends the task at its deadline, while its order may still be under way."""
    work: "asyncio.Task[None] | None" = None
    tickets: list[Ticketed] = field(init=False)
    """The orders of it that vendors have accepted, in this process and before."""
    _order_count: int = 0
    _waiting_count: int = 0

    def __post_init__(self) -> None:
        """Take up what an earlier worker has left."""
        self.tickets = read_tickets(self.task.tickets)

    @property
    def rests(self) -> bool:
        """Whether all of its orders wait for vendors' queues: then it costs next to nothing."""
        return 0 < self._order_count == self._waiting_count

    @contextmanager
    def ordering(self) -> Iterator[None]:
        """An order of it is under way."""
        self._order_count += 1
        self.rested(self)
        try:
            yield
        finally:
            self._order_count -= 1
            self.rested(self)

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """An order of it waits for its vendor's queue."""
        self._waiting_count += 1
        self.rested(self)
        try:
            yield
        finally:
            self._waiting_count -= 1
            self.rested(self)

    @property
    def draw(self) -> pb.Draw:
        """What is to be drawn."""
        return self.job.purchase.draws[self.task.index]

    @property
    def lease_token(self) -> int:
        """The token that every write of the task bears."""
        assert self.task.lease_token is not None, "only who holds the lease works"
        return self.task.lease_token
