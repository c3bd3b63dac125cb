"""A seed is told only where a caller could ask for it again: ours are 0 to 2^32 - 1, some vendors' are larger."""

_SEEDS = 1 << 32


def told_seed(seed: int | None) -> int | None:
    """The seed of a picture as its vendor tells it; None for one that we could not hand on."""
    return seed if seed is not None and 0 <= seed < _SEEDS else None
