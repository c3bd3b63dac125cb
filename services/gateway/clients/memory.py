"""A bounded memory of answers that are true for seconds."""

from collections.abc import Callable
from typing import Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


class Memory(Generic[Key, Value]):
    """Values by key, each until its own time; at most `max_entries`, the oldest go first."""

    def __init__(self, clock: Callable[[], float], max_entries: int = 10_000) -> None:
        self._clock = clock
        self._max_entries = max_entries
        self._entries: dict[Key, tuple[Value, float]] = {}

    def get(self, key: Key) -> Value | None:
        """The value while it is true, else None."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        if entry[1] <= self._clock():
            del self._entries[key]
            return None
        return entry[0]

    def put(self, key: Key, value: Value, *, until: float) -> None:
        """Remember a value until a time of the clock."""
        self._entries.pop(key, None)
        while len(self._entries) >= self._max_entries:
            del self._entries[next(iter(self._entries))]
        self._entries[key] = (value, until)

    def drop_where(self, is_meant: Callable[[Value], bool]) -> None:
        """Forget the values that are meant."""
        for key in [key for key, (value, _) in self._entries.items() if is_meant(value)]:
            del self._entries[key]

    def __len__(self) -> int:
        return len(self._entries)
