"""Who may call what in billing; the operator may call everything."""

from collections.abc import Mapping

_PACKAGE = "gesso.billing.v1"
_GATEWAY = frozenset({"gateway"})
_GENERATOR = frozenset({"generator"})

ACCESS: Mapping[str, frozenset[str]] = {
    f"{_PACKAGE}.Callers": _GATEWAY,
    f"{_PACKAGE}.Limits": _GATEWAY,
    f"{_PACKAGE}.Ledger/Admit": _GENERATOR,
    f"{_PACKAGE}.Ledger/AdmitBatches": _GENERATOR,
    f"{_PACKAGE}.Ledger/Settle": _GENERATOR,
    f"{_PACKAGE}.Ledger/SettleBatches": _GENERATOR,
    f"{_PACKAGE}.Ledger/Refund": _GENERATOR,
    f"{_PACKAGE}.Ledger/GetHold": _GENERATOR,
    f"{_PACKAGE}.Ledger/ListHolds": _GENERATOR,
    f"{_PACKAGE}.Ledger/GetBalance": frozenset({"gateway", "generator"}),
    f"{_PACKAGE}.Accounts/GetAccount": frozenset({"gateway", "generator", "gallery", "webhooks"}),
    f"{_PACKAGE}.Accounts/SetPreferences": _GATEWAY,
    f"{_PACKAGE}.ApiKeys": _GATEWAY,
    f"{_PACKAGE}.Budgets": _GATEWAY,
}

PROVING = frozenset({"gateway"})
"""Who must show by a caller's token that the account which a request names is the caller's: the edge faces the world."""
