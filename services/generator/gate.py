"""The gate says whether new purchases are let in: not while the operator pauses, the object store is away, or the process ends."""

from generator.store.operations import Maintenance
from generator.storehouse import Storehouse
from gesso.errors.v1 import reason_pb2 as reasons
from servicekit.faults import Fault, Unavailable


class Gate:
    """Asked before each purchase; told by the pulse and by the end of the process."""

    def __init__(self, storehouse: Storehouse) -> None:
        self._storehouse = storehouse
        self._maintenance = Maintenance(paused=False, retry_after_seconds=0)
        self._closed = False
        self.told_count = 0

    def maintain(self, maintenance: Maintenance) -> None:
        """The operator has said so, here or to another replica."""
        self._maintenance = maintenance
        self.told_count += 1

    def close(self) -> None:
        """The process ends."""
        self._closed = True

    def check(self) -> None:
        """Let a purchase in. Raises Fault MAINTENANCE, Unavailable."""
        if self._maintenance.paused:
            raise Fault(
                reasons.REASON_MAINTENANCE,
                "Purchases are paused by the operator.",
                retry_after_seconds=float(self._maintenance.retry_after_seconds),
            )
        if self._closed:
            raise Unavailable("generator")
        self._storehouse.check()
