"""What billing tells the outside: events as the webhooks service takes them."""

import datetime
import json

from billing.budgets import Alert
from gesso.webhooks.v1.webhooks_pb2 import Event
from servicekit.ids import derived_id

_MICROS_PER_USD = 1_000_000


def budget_alert(alert: Alert) -> bytes:
    """Return the serialized event of an alert. Source: contract.md imagegen "Webhooks": `budget.alert`."""
    budget = alert.budget
    data: dict[str, object] = {
        "scope": "api_key" if budget.api_key_id else "account",
        "period": budget.period,
        "limit_usd": budget.limit_micros / _MICROS_PER_USD,
        "spent_usd": budget.used_micros / _MICROS_PER_USD,
        "percent": alert.percent,
    }
    if budget.api_key_id:
        data["api_key_id"] = budget.api_key_id
    event = Event(
        id=derived_id("evt", *budget.key, budget.starts_at.isoformat(), str(budget.limit_micros), str(alert.percent)),
        account_id=budget.account_id,
        type="budget.alert",
        data_json=json.dumps(data).encode(),
    )
    event.occurred_at.FromDatetime(datetime.datetime.now(datetime.UTC))
    return event.SerializeToString()
