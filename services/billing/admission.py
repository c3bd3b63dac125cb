"""Admission decides a flush of holds: the account's state, its balance and its budgets, in the order of the items.

The rule is pure: it gets what the database says of the accounts that the flush has locked, and returns what is to be
written and one outcome per item. Source: design.md "One request, top to bottom", step 2.
"""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from billing import budgets
from billing.accounts import AccountState, refusal
from billing.budgets import Alert, Budget
from billing.holds import Admission, Hold, HoldState, Outcome, Wallet
from servicekit.faults import Conflict, Fault, InsufficientFunds, NotFound


@dataclass(frozen=True, slots=True)
class Placed:
    """A hold that is to be written, and when it counts as placed."""

    admission: Admission
    placed_at: datetime.datetime


@dataclass(slots=True)
class Admitted:
    """What a flush comes to: one outcome per item, and what is to be written. `held` is what each account holds more."""

    outcomes: list[Outcome] = field(default_factory=list)
    placed: list[Placed] = field(default_factory=list)
    held: dict[str, int] = field(default_factory=dict)
    budgets: dict[str, list[Budget]] = field(default_factory=dict)
    alerts: list[Alert] = field(default_factory=list)


def admit(
    admissions: Sequence[Admission],
    wallets: Mapping[str, Wallet],
    known: Mapping[str, Hold],
    standing: Mapping[str, Sequence[Budget]],
    now: datetime.datetime,
) -> Admitted:
    """Decide holds in order. `known` are the holds that exist under these ids, `standing` each account's budgets."""
    moments = {account: budgets.moment_of_hold(now, standing.get(account, ())) for account in wallets}
    result = Admitted(
        budgets={account: [budgets.at(b, moments[account]) for b in standing[account]] for account in standing}
    )
    first: dict[str, Admission] = {}
    for admission in admissions:
        wallet = wallets.get(admission.account_id)
        earlier = first.get(admission.hold_id) or known.get(admission.hold_id)
        if wallet is None:
            outcome: Outcome = NotFound("account", admission.account_id)
        elif earlier is not None:
            outcome = _repeated(admission, earlier) or _available(wallet, result)
        else:
            outcome = _place(admission, wallet, moments[wallet.account_id], result)
            if not isinstance(outcome, Fault):
                first[admission.hold_id] = admission
        result.outcomes.append(outcome)
    return result


def _available(wallet: Wallet, result: Admitted) -> int:
    return wallet.available_micros - result.held.get(wallet.account_id, 0)


def _repeated(admission: Admission, earlier: Admission | Hold) -> Fault | None:
    """A repeat is answered as the first was; other contents, and a hold that has ended already, are a conflict."""
    if earlier.account_id != admission.account_id or earlier.amount_micros != admission.amount_micros:
        return Conflict("hold", admission.hold_id, "placed", "The hold was placed with another amount or account.")
    if isinstance(earlier, Hold) and earlier.state is not HoldState.OPEN:
        return Conflict("hold", admission.hold_id, earlier.state, "The hold was settled already.")
    return None


def _place(admission: Admission, wallet: Wallet, placed_at: datetime.datetime, result: Admitted) -> Outcome:
    if wallet.state is not AccountState.ACTIVE:
        return refusal(wallet.state)
    available, amount = _available(wallet, result), admission.amount_micros
    if amount > available:
        return InsufficientFunds(required_micros=amount, available_micros=available)
    if wallet.has_budgets and (fault := _reserve(admission, result)):
        return fault
    result.held[wallet.account_id] = result.held.get(wallet.account_id, 0) + amount
    result.placed.append(Placed(admission, placed_at))
    return available - amount


def _reserve(admission: Admission, result: Admitted) -> Fault | None:
    """Take the amount from every budget that bounds the key, or from none."""
    standing = result.budgets.get(admission.account_id, [])
    reserved: list[Budget] = []
    alerts: list[Alert] = []
    for budget in standing:
        outcome = budgets.reserve(budget, admission.amount_micros) if budget.bounds(admission.api_key_id) else budget
        if isinstance(outcome, Fault):
            return outcome
        remembered, raised = budgets.alerted(outcome)
        reserved.append(remembered)
        alerts.extend(raised)
    standing[:] = reserved
    result.alerts.extend(alerts)
    return None
