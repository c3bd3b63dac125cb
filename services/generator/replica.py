"""A replica is a span of this process's life in which its leases hold; once they ran out it begins another, under a new id."""

import random

from servicekit.ids import new_id


class Replica:
    """Who this process is to the leases: the id stands in each leased task."""

    def __init__(self) -> None:
        self.id = new_id("rep")

    def renew_identity(self) -> None:
        """Begin a new span: nothing that was leased under the old id is ours any more."""
        self.id = new_id("rep")


def new_token() -> int:
    """A fencing token: a lease is known by it, and a write that bears another fails."""
    return random.getrandbits(62)
