"""An answer at once that holds addresses is kept as a ticket: a crash before the downloads loses nothing that was paid."""

from collections.abc import Sequence

import msgspec

from generator.providers.base import Bought, Drawn, Memory, Order, Pixels, Ticket, UpstreamFault
from generator.providers.complaints import Stage, nonsense, refused
from generator.providers.deadline import Deadline
from generator.providers.downloads import Downloads


class Addressed(msgspec.Struct, frozen=True):
    """What an answer brought, as a ticket holds it: no key, and nothing that only this process knows."""

    addresses: Sequence[str]
    """One of each picture, in their order."""
    upstream_model: str
    warnings: Sequence[str] = ()
    refused_count: int = 0
    """Pictures that the vendor drew and withheld."""
    refused_bought: Bought = Bought.YES
    """Whether it charges for these."""
    revised_prompt: str = ""
    usage_json: bytes = b""
    seed: int | None = None
    """Of its one picture, where it is known."""

    @property
    def ticket(self) -> Ticket:
        """The ticket of it; `read_addressed` reads it."""
        return Ticket(msgspec.msgpack.encode(self))

    async def drawn(
        self, provider: str, order: Order, downloads: Downloads, memory: Memory, deadline: Deadline
    ) -> Drawn:
        """Fetch the pictures, at most as many as were ordered. Raises UpstreamFault where there is not one."""
        withheld = [refused(provider, Stage.OUTPUT, bought=self.refused_bought)] * self.refused_count
        fetched = await downloads.pictures(self.addresses[: order.count], order, memory, deadline)
        faults = [*withheld, *(one for one in fetched if isinstance(one, UpstreamFault))]
        pictures = [Pixels(one, self.seed) for one in fetched if not isinstance(one, UpstreamFault)]
        if not pictures:
            raise (faults or [nonsense(provider)])[0]
        missing = order.count - len(fetched) - self.refused_count
        return Drawn(
            pictures,
            self.upstream_model,
            faults=[*faults, *(nonsense(provider) for _ in range(missing))],
            revised_prompt=self.revised_prompt,
            usage_json=self.usage_json,
            warnings=self.warnings,
        )


def read_addressed(ticket: Ticket) -> Addressed:
    """Read what `Addressed.ticket` wrote."""
    return msgspec.msgpack.decode(ticket.data, type=Addressed)
