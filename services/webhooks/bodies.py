"""The body of a delivery: `{"id","event","timestamp","data"}`, the same bytes at every attempt (contract.md, "Webhooks")."""

import msgspec

from webhooks.deliveries import Event


def body(event: Event) -> bytes:
    """The JSON that is sent and signed; `data` is passed through as it was published."""
    return msgspec.json.encode(
        {
            "id": event.id,
            "event": event.type,
            "timestamp": event.occurred_at.isoformat(timespec="seconds").replace("+00:00", "Z"),
            "data": msgspec.Raw(event.data),
        }
    )
