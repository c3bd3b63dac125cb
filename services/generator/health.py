"""A circuit opens after five failures in a row, rests its route for 15 s, and lets one order probe whether it is well again.

Source: contract.md "Model names". Pure state: the caller brings the time (monotonic seconds).
"""

from dataclasses import dataclass

FAILURES_TO_OPEN = 5
REST_SECONDS = 15.0


@dataclass(slots=True)
class Circuit:
    """The health of one route.

    Closed: orders flow. Open: none until the rest is over. Half-open: orders that begin while no probe is out; the probe's
    outcome closes it or opens it anew.
    """

    failure_count: int = 0
    rests_until: float = 0.0
    probing: bool = False

    def admits(self, now: float) -> bool:
        """Whether an order may begin now."""
        return not self.is_open or (now >= self.rests_until and not self.probing)

    @property
    def is_open(self) -> bool:
        """Whether it has failed too often and no success has come since."""
        return self.failure_count >= FAILURES_TO_OPEN

    def rest_seconds(self, now: float) -> float:
        """How long to wait before asking again, where it admits none; a probe that is out may end it at any time."""
        return max(self.rests_until - now, 1.0)

    def began(self) -> bool:
        """An order begins; says whether it is the probe of an open circuit."""
        is_probe = self.is_open and not self.probing
        self.probing = self.probing or is_probe
        return is_probe

    def probe_ended(self) -> None:
        """The probe has ended; one that brought no verdict (it was cancelled) leaves the circuit to the next probe."""
        self.probing = False

    def succeeded(self) -> None:
        """The vendor answered as it should."""
        self.failure_count = 0

    def failed(self, now: float) -> None:
        """The vendor failed."""
        self.failure_count += 1
        if self.is_open:
            self.rests_until = now + REST_SECONDS
