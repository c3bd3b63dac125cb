"""Plans are data: what each includes, and which request limits hold for it in each dialect.

Source: contract.md "Plans, accounts and limits"; the figures are in plans.toml.
"""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from importlib import resources
from pathlib import Path
from typing import Any

from servicekit.faults import InvalidField

KEYLESS = "keyless"

ALLOWANCES = ("storage_mb", "retention_days", "max_concurrency")
"""What a plan includes beside request limits, and an account may have a figure of its own for; 0 is no bound, as in a plan."""

_MOST_REQUESTS = 10**12
_LARGEST_ALLOWANCE = 2**31 - 1


class Window(StrEnum):
    """A fixed window of a request limit, aligned to UTC."""

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"

    @property
    def seconds(self) -> int:
        """Its length."""
        return _WINDOW_SECONDS[self]


_WINDOW_SECONDS: Mapping[Window, int] = {Window.MINUTE: 60, Window.HOUR: 3600, Window.DAY: 86400}
Limits = Mapping[Window, int]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a plan includes. 0 means no bound for `storage_mb` and `max_concurrency`, and for ever for `retention_days`."""

    name: str
    subscription: bool
    storage_mb: int
    retention_days: int
    monthly_micros: int
    max_concurrency: int
    markup_percent: int


@dataclass(frozen=True, slots=True)
class Plans:
    """Every plan, and the limits of each (dialect, plan) and of client addresses."""

    by_name: Mapping[str, Plan]
    limits: Mapping[tuple[str, str], Limits]
    by_address: Mapping[str, Limits]
    dialects: tuple[str, ...]
    tables: Mapping[str, str]

    def plan(self, name: str) -> Plan:
        """Return a plan by name. Raises InvalidField."""
        found = self.by_name.get(name)
        if found is None:
            raise InvalidField("plan", f"No plan is named {name!r}; there are {', '.join(self.by_name)}.")
        return found

    def plan_of(self, name: str, overrides: Mapping[str, int]) -> Plan:
        """Return what an account has of a plan, its own figures for allowances in place of the plan's. Raises InvalidField."""
        plan = self.plan(name)
        return replace(
            plan,
            storage_mb=overrides.get("storage_mb", plan.storage_mb),
            retention_days=overrides.get("retention_days", plan.retention_days),
            max_concurrency=overrides.get("max_concurrency", plan.max_concurrency),
        )

    def limits_of(self, plan: str, overrides: Mapping[str, int], dialect: str) -> Limits:
        """Return an account's limits in one dialect: the plan's, replaced by its overrides; an override of 0 lifts one.

        A dialect that takes another one's table takes its overrides too, where it has none of its own.
        """
        limits = self.limits.get((dialect, plan), {})
        if overrides:
            own = {**_own(overrides, self.tables.get(dialect, "")), **_own(overrides, dialect)}
            limits = {window: limit for window, limit in {**limits, **own}.items() if limit > 0}
        return limits

    def limits_of_address(self, dialect: str, overrides: Mapping[str, int] | None = None) -> tuple[str, Limits]:
        """Return the name under which a client address is counted for a dialect, and its limits.

        `overrides` are those of the account that calls from there: its own figures for the dialect go before the address's.
        """
        name = dialect if dialect in self.by_address else KEYLESS
        limits = {**self.by_address[name], **_own(overrides or {}, name)}
        return name, {window: limit for window, limit in limits.items() if limit > 0}

    def limited_dialects(self, plan: str, overrides: Mapping[str, int]) -> tuple[str, ...]:
        """Return the dialects in which some window limits this account's requests, by account or by address."""
        return tuple(d for d in self.dialects if d in self.by_address or self.limits_of(plan, overrides, d))

    def largest_override(self, name: str) -> int:
        """Return how large an account's own figure may be. Raises InvalidField for what is neither limit nor allowance."""
        if name in ALLOWANCES:
            return _LARGEST_ALLOWANCE
        dialect, _, window = name.partition(".")
        if dialect in self.dialects and window in tuple(Window):
            return _MOST_REQUESTS
        known = f"write a dialect and a window, as imagegen.minute, or {', '.join(ALLOWANCES)}"
        raise InvalidField("limits", f"{name!r} is no limit: {known}.")


def load(path: Path | None = None) -> Plans:
    """Read the plans from a file, or those that come with the platform. Raises ValueError for a file that makes no sense."""
    try:
        text = (path or resources.files("billing").joinpath("plans.toml")).read_text(encoding="utf-8")
        return _parse(tomllib.loads(text))
    except (OSError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"no plans can be read from {path}: {error!r}") from error


def _parse(data: Mapping[str, Any]) -> Plans:
    plans = {name: Plan(name, **row) for name, row in data["plans"].items()}
    same = tuple(data["mapping"]["same"])
    tables = {name: _table(rows, plans, same) for name, rows in data["tables"].items()}
    by_dialect = {dialect: tables[table] for dialect, table in data["dialects"].items() if table}
    return Plans(
        by_name=plans,
        limits={(dialect, plan): row for dialect, rows in by_dialect.items() for plan, row in rows.items()},
        by_address={name: _limits(row) for name, row in data["addresses"].items()},
        dialects=tuple(data["dialects"]),
        tables=dict(data["dialects"]),
    )


def _table(rows: Mapping[str, Mapping[str, int]], plans: Iterable[str], same: tuple[str, ...]) -> dict[str, Limits]:
    listed = {plan: _limits(row) for plan, row in rows.items()}
    nearest = next((listed[plan] for plan in same if plan in listed), None)
    shared = {plan: nearest for plan in same if plan in plans and nearest is not None}
    return {**shared, **listed}


def _own(overrides: Mapping[str, int], dialect: str) -> Limits:
    return {window: overrides[name] for window in Window if (name := f"{dialect}.{window}") in overrides}


def _limits(row: Mapping[str, int]) -> Limits:
    if any(not isinstance(limit, int) or limit < 1 for limit in row.values()):
        raise ValueError(f"a limit is a whole number from 1: {row}")
    return {Window(window): limit for window, limit in row.items()}
