"""What the orders of one task have brought so far: pictures and faults by position, and what the vendor said."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from generator.costs import Bill
from generator.providers.base import Drawn
from gesso.generator.v1 import generator_pb2 as pb
from servicekit.faults import Fault, to_proto


@dataclass(slots=True)
class Gathered:
    """Filled by the orders of a task as they come; `result` may be asked for at any time."""

    pictures: dict[int, pb.Picture] = field(default_factory=dict)
    faults: dict[int, Fault] = field(default_factory=dict)
    arrived: set[int] = field(default_factory=set)
    """Positions whose bytes are here, and are being kept."""
    provider: str = ""
    upstream_model: str = ""
    revised_prompt: str = ""
    warnings: list[str] = field(default_factory=list)
    echoed: dict[str, str] = field(default_factory=dict)
    usages: list[bytes] = field(default_factory=list)
    bills: list[Bill] = field(default_factory=list)
    """What each order costs."""

    def take(self, drawn: Drawn, provider: str) -> None:
        """Note what an order says beside its pictures."""
        self.provider = provider
        self.upstream_model = drawn.upstream_model
        self.revised_prompt = self.revised_prompt or drawn.revised_prompt
        self.echoed |= drawn.echoed
        self.warn(drawn.warnings)
        if drawn.usage_json:
            self.usages.append(drawn.usage_json)

    def warn(self, warnings: Iterable[str]) -> None:
        """Add what has not been said yet."""
        self.warnings.extend(warning for warning in warnings if warning not in self.warnings)

    def open_positions(self, count: int) -> list[int]:
        """Positions of which nothing is known."""
        return [position for position in range(count) if position not in self.pictures and position not in self.faults]

    def is_owed(self, count: int) -> bool:
        """Whether a vendor has, or may have, an order whose pictures have not come."""
        awaited = set(self.open_positions(count))
        return any(bill.sold_count and awaited.intersection(bill.positions) for bill in self.bills)

    def result(self) -> pb.Task:
        """Write what is frozen on the task: the pictures in order, and the first fault where some are missing."""
        result = pb.Task(
            pictures=[self.pictures[position] for position in sorted(self.pictures)],
            revised_prompt=self.revised_prompt,
            warnings=self.warnings,
            usage_json=summed(self.usages),
            echoed=self.echoed,
        )
        if self.faults:
            result.fault.CopyFrom(to_proto(self.faults[min(self.faults)]))
        return result


def summed(usages: list[bytes]) -> bytes:
    """One usage for all orders of a task: numbers added, all else from the first."""
    if len(usages) < 2:
        return usages[0] if usages else b""
    total = json.loads(usages[0])
    for usage in usages[1:]:
        total = _added(total, json.loads(usage))
    return json.dumps(total, separators=(",", ":")).encode()


def _added(left: Any, right: Any) -> Any:
    if isinstance(left, dict) and isinstance(right, dict):
        return {name: _added(left.get(name), right.get(name)) for name in {**left, **right}}
    if isinstance(left, int | float) and isinstance(right, int | float) and not isinstance(left, bool):
        return left + right
    return right if left is None else left
