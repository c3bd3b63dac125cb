"""Which pages of other origins may read answers, and what a preflight is told. Pure.

Source: contract.md, "Requests and answers".
"""

from collections.abc import Mapping, Sequence

from gateway.wire import Reply

EXPOSED = (
    "X-Request-ID",
    "X-Gesso-Job-Id",
    "X-Gesso-Provider",
    "X-Gesso-Model",
    "X-Gesso-Cost-Usd",
    "X-Gesso-Warnings",
    "X-Should-Retry",
    "X-RateLimit-Limit",
    "X-RateLimit-Remaining",
    "X-RateLimit-Reset",
    "X-RateLimit-Reset-After",
    "X-Quota-Limit",
    "X-Quota-Remaining",
    "X-Quota-Reset",
    "Idempotent-Replayed",
    "Preference-Applied",
    "Retry-After",
    "Location",
    "Deprecation",
    "Sunset",
)
_EXPOSED = ", ".join(EXPOSED)
_PREFLIGHT_KEPT_SECONDS = "86400"
_DEFAULT_HEADERS = "Authorization, Content-Type, Idempotency-Key, Prefer, X-API-Key, X-Request-ID"


class Cors:
    """The rule for one list of origins; `*` in it stands for every origin, without credentials."""

    def __init__(self, origins: Sequence[str]) -> None:
        self._origins = frozenset(origins)
        self._every = "*" in self._origins

    def headers(self, request_headers: Mapping[str, str]) -> dict[str, str]:
        """What an answer bears; nothing where no page of another origin asked."""
        origin = request_headers.get("Origin")
        if origin is None:
            return {}
        if self._every:
            return {"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": _EXPOSED}
        if origin not in self._origins:
            return {"Vary": "Origin"}
        return {
            "Access-Control-Allow-Origin": origin,
            "Access-Control-Expose-Headers": _EXPOSED,
            "Vary": "Origin",
        }

    def preflight(self, request_headers: Mapping[str, str], methods: Sequence[str]) -> Reply:
        """The answer to OPTIONS on a path that knows `methods`."""
        allowed = ", ".join((*methods, "OPTIONS"))
        wanted = request_headers.get("Access-Control-Request-Headers", "")
        return Reply(
            204,
            headers={
                "Allow": allowed,
                "Access-Control-Allow-Methods": allowed,
                "Access-Control-Allow-Headers": wanted if wanted and wanted.isascii() else _DEFAULT_HEADERS,
                "Access-Control-Max-Age": _PREFLIGHT_KEPT_SECONDS,
            },
        )
