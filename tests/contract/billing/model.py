"""A model of one account's money that is too small to be wrong: one operation at a time on plain numbers."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class ModelHold:
    amount: int
    state: str = "open"
    captured: int = 0
    refunded: int = 0


@dataclass(slots=True)
class Model:
    """Each method answers as billing does: the available micros, or the reason of the fault."""

    posted: int = 0
    holds: dict[str, ModelHold] = field(default_factory=dict)

    @property
    def held(self) -> int:
        return sum(hold.amount for hold in self.holds.values() if hold.state == "open")

    @property
    def available(self) -> int:
        return self.posted - self.held

    def grant(self, amount: int) -> int:
        self.posted += amount
        return self.available

    def admit(self, hold_id: str, amount: int) -> int | str:
        hold = self.holds.get(hold_id)
        if hold is not None:
            return self.available if hold.state == "open" and hold.amount == amount else "CONFLICT"
        if amount > self.available:
            return "INSUFFICIENT_FUNDS"
        self.holds[hold_id] = ModelHold(amount)
        return self.available

    def settle(self, hold_id: str, capture: int) -> int | str:
        hold = self.holds.get(hold_id)
        if hold is None and capture:
            return "NOT_FOUND"
        if hold is None:
            self.holds[hold_id] = ModelHold(0, "released")
            return self.available
        if hold.state != "open":
            return self.available if hold.captured == capture else "CONFLICT"
        if capture > hold.amount:
            return "CONFLICT"
        hold.state, hold.captured = ("captured" if capture else "released"), capture
        self.posted -= capture
        return self.available

    def refund(self, hold_id: str, amount: int) -> int | str:
        hold = self.holds.get(hold_id)
        if hold is None:
            return "NOT_FOUND"
        if hold.captured - hold.refunded < amount:
            return "CONFLICT"
        hold.refunded += amount
        self.posted += amount
        return self.available
