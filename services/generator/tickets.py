"""What the row of a task keeps of the orders that vendors have accepted: all that any worker needs to collect them."""

from collections.abc import Sequence

import msgspec


class Ticketed(msgspec.Struct, frozen=True, array_like=True):
    """An accepted order: who has it, which positions it fills, and the vendor's own words."""

    provider: str
    upstream_model: str
    positions: tuple[int, ...]
    data: bytes


def written_tickets(tickets: Sequence[Ticketed]) -> bytes:
    """Write the accepted orders of a task."""
    return msgspec.msgpack.encode(tickets)


def read_tickets(data: bytes) -> list[Ticketed]:
    """Read what `written_tickets` wrote."""
    return msgspec.msgpack.decode(data, type=list[Ticketed]) if data else []
