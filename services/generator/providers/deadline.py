"""A deadline is a moment of the monotonic clock, so that the steps of one order share what is left of its time."""

import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Deadline:
    """The moment, in seconds of `time.monotonic`."""

    at: float

    @classmethod
    def after(cls, seconds: float) -> "Deadline":
        """The deadline so many seconds from now."""
        return cls(time.monotonic() + seconds)

    @property
    def left_seconds(self) -> float:
        """What is left of it, never less than 0."""
        return max(self.at - time.monotonic(), 0.0)
