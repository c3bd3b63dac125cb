"""What answers say of a caller's request limits. Pure.

Source: contract.md, "Plans, accounts and limits": the window with the fewest requests left, times in Unix seconds.
"""

import math
import time
from collections.abc import Mapping, Sequence

from gesso.billing.v1.billing_pb2 import WINDOW_DAY, WindowState


def rate_limit(windows: Sequence[WindowState]) -> dict[str, str]:
    """`X-RateLimit-*` of the window with the fewest left; of equal ones the one that ends last. Nothing where nothing limits."""
    if not windows:
        return {}
    tightest = min(windows, key=lambda window: (window.remaining, -window.reset_at))
    return {
        "X-RateLimit-Limit": str(tightest.limit),
        "X-RateLimit-Remaining": str(tightest.remaining),
        "X-RateLimit-Reset": str(tightest.reset_at),
    }


def reset_after(headers: Mapping[str, str], now: float | None = None) -> dict[str, str]:
    """`X-RateLimit-Reset-After`: whole seconds after which these headers' window has ended."""
    if "X-RateLimit-Reset" not in headers:
        return {}
    seconds = int(headers["X-RateLimit-Reset"]) - (time.time() if now is None else now)
    return {"X-RateLimit-Reset-After": str(max(0, math.ceil(seconds)))}


def quota(windows: Sequence[WindowState]) -> dict[str, str]:
    """`X-Quota-*`: the day's window."""
    day = next((window for window in windows if window.window == WINDOW_DAY), None)
    if day is None:
        return {}
    return {
        "X-Quota-Limit": str(day.limit),
        "X-Quota-Remaining": str(day.remaining),
        "X-Quota-Reset": str(day.reset_at),
    }
