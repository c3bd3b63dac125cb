"""A seed is told only where a caller could ask for it again: ours are 0 to 2^32 - 1, some vendors' are larger."""

from collections.abc import Mapping

from generator.providers.base import Order

_SEEDS = 1 << 32


def told_seed(seed: int | None) -> int | None:
    """The seed of a picture as its vendor tells it; None for one that we could not hand on."""
    return seed if seed is not None and 0 <= seed < _SEEDS else None


def asked_seed(order: Order, fields: Mapping[str, object]) -> int | None:
    """The seed of an order's one picture at a vendor that tells none: the asked one, where `fields`, as sent, have it."""
    is_sent = order.draw.HasField("seed") and fields.get("seed") == order.draw.seed
    return order.draw.seed if is_sent and order.count == 1 else None
