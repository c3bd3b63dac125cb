"""Callers' own keys for single tasks: sealed, in the memory of this replica alone, and gone with it."""

from generator.records import TaskRecord
from generator.secrets import Sealing


class KeptSecrets:
    """Boxes by task. They are opened only where an order is placed."""

    def __init__(self, sealing: Sealing) -> None:
        self._sealing = sealing
        self._boxes: dict[str, bytes] = {}

    def keep(self, task_id: str, sealed: bytes) -> None:
        """Keep a task's box. Raises Fault SECRET_LOST for one that is not sealed to this platform."""
        self._sealing.open(sealed)
        self._boxes[task_id] = sealed

    def open(self, task: TaskRecord) -> str | None:
        """The key that came with a task; None where none did. Raises Fault SECRET_LOST where it is gone."""
        return self._sealing.open(self._boxes.get(task.id, b"")) if task.holds_secret else None

    def forget(self, task_id: str) -> None:
        """Let go of a task's box."""
        self._boxes.pop(task_id, None)
