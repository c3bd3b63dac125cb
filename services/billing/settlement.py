"""Settlement decides a flush of ended holds: what is captured, what is released, and which are repeats.

The rule is pure, as admission is. Source: design.md "One request, top to bottom", step 7, and its tombstones.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from billing import budgets
from billing.budgets import Budget
from billing.holds import Hold, HoldState, Outcome, Settlement, Wallet
from servicekit.faults import Conflict, Fault, NotFound


@dataclass(slots=True)
class Settled:
    """What a flush comes to: one outcome per item, and what is to be written.

    `ended` are holds and what is captured of each; `posted` and `held` what each account has and holds less.
    """

    outcomes: list[Outcome] = field(default_factory=list)
    ended: list[tuple[Hold, int]] = field(default_factory=list)
    tombstones: list[Settlement] = field(default_factory=list)
    posted: dict[str, int] = field(default_factory=dict)
    held: dict[str, int] = field(default_factory=dict)
    budgets: dict[str, list[Budget]] = field(default_factory=dict)


def settle(
    settlements: Sequence[Settlement],
    wallets: Mapping[str, Wallet],
    holds: Mapping[str, Hold],
    standing: Mapping[str, Sequence[Budget]],
) -> Settled:
    """Decide settlements in order. `holds` are those that exist under these ids, `standing` each account's budgets."""
    result = Settled(budgets={account: list(found) for account, found in standing.items()})
    ended: dict[str, int] = {}
    for settlement in settlements:
        wallet = wallets.get(settlement.account_id)
        if wallet is None:
            result.outcomes.append(NotFound("account", settlement.account_id))
            continue
        fault = _end(settlement, holds.get(settlement.hold_id), ended, result)
        result.outcomes.append(fault or _available(wallet, result))
    return result


def _available(wallet: Wallet, result: Settled) -> int:
    account = wallet.account_id
    return wallet.available_micros - result.posted.get(account, 0) + result.held.get(account, 0)


def _end(settlement: Settlement, hold: Hold | None, ended: dict[str, int], result: Settled) -> Fault | None:
    hold_id, capture = settlement.hold_id, settlement.capture_micros
    if hold is not None and hold.account_id != settlement.account_id:
        return NotFound("hold", hold_id)
    if hold_id in ended or (hold is not None and hold.state is not HoldState.OPEN):
        return _again(settlement, ended.get(hold_id, hold.captured_micros if hold else 0))
    if hold is None:
        if capture > 0:
            return NotFound("hold", hold_id)
        result.tombstones.append(settlement)
    elif capture > hold.amount_micros:
        return Conflict(
            "hold", hold_id, hold.state, f"The hold of {hold.amount_micros} micros does not cover {capture}."
        )
    else:
        _capture(hold, capture, result)
    ended[hold_id] = capture
    return None


def _again(settlement: Settlement, captured_micros: int) -> Fault | None:
    """The same settlement again is the same answer; another amount is a conflict."""
    if captured_micros == settlement.capture_micros:
        return None
    return Conflict("hold", settlement.hold_id, "settled", f"The hold was settled with {captured_micros} micros.")


def _capture(hold: Hold, capture: int, result: Settled) -> None:
    account = hold.account_id
    result.ended.append((hold, capture))
    result.posted[account] = result.posted.get(account, 0) + capture
    result.held[account] = result.held.get(account, 0) + hold.amount_micros
    if account in result.budgets:
        result.budgets[account] = [
            budgets.settle(b, hold.created_at, hold.amount_micros, capture) if b.bounds(hold.api_key_id) else b
            for b in result.budgets[account]
        ]
