"""The headers of answers, and which answers bear them. Source: contract.md, "Calls, jobs and retries"."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from msgspec import Meta

from gateway.asked import REPLAYED
from gateway.dialects.base import Action, Buy, CancelJob, Dialect, FollowJob, Route, ShowJob
from gateway.jobs import WARNINGS
from gateway.manual.reasons import EXPLAINED
from gateway.middleware.request_id import HEADER as REQUEST_ID
from gesso.billing.v1.billing_pb2 import WINDOW_DAY, WINDOW_HOUR, WINDOW_MINUTE, WindowState
from gesso.errors.v1.reason_pb2 import Reason


@dataclass(frozen=True, slots=True)
class Header:
    """A header of an answer; `kind` is the type of its value as msgspec describes types."""

    text: str
    example: Any
    kind: Any = str


HEADERS: Mapping[str, Header] = {
    REQUEST_ID: Header(
        "The request's id: the one that was sent, or a new one. It finds the request in the logs.", "req_01JZX4"
    ),
    "X-Gesso-Job-Id": Header("The job that the answer is about.", "job_01JZX4T7Q2M5V8N3B6C9D0E1F2"),
    "X-Gesso-Provider": Header("Who drew, once the job has ended.", "sketch"),
    "X-Gesso-Model": Header("The model that really ran, once the job has ended.", "sketch-1.0"),
    "X-Gesso-Cost-Usd": Header("What was charged, in US dollars, once the job has ended.", "0.04"),
    WARNINGS: Header(
        "What of the request could not be honoured, once the job has ended; absent where all of it was.",
        "openai ignores seed",
    ),
    REPLAYED: Header("`true` where the job stood already, so that nothing was bought.", "true"),
    "Preference-Applied": Header("`respond-async` where that was asked for.", "respond-async"),
    "Location": Header("The path at which to ask again.", "/v1/images/jobs/job_01JZX4T7Q2M5V8N3B6C9D0E1F2"),
    "Retry-After": Header("Seconds after which to ask again.", 1, Annotated[int, Meta(ge=1)]),
    "X-Should-Retry": Header("`false` where a repeat could buy twice: the official SDKs heed it.", "false"),
    "Deprecation": Header("When the model was retired (RFC 9745); an alias serves it.", "@1763078400"),
    "Sunset": Header("When the model's name may cease to work (RFC 8594).", "Tue, 12 May 2026 00:00:00 GMT"),
    "WWW-Authenticate": Header("How to send an API key.", 'Bearer realm="gesso"'),
    "Allow": Header("The methods that the path takes.", "GET, HEAD"),
    "X-RateLimit-Limit": Header(
        "Requests that the window with the fewest left allows in all.", 60, Annotated[int, Meta(ge=0)]
    ),
    "X-RateLimit-Remaining": Header("Requests that are left in it.", 58, Annotated[int, Meta(ge=0)]),
    "X-RateLimit-Reset": Header("When it ends, in Unix seconds.", 1_753_000_000, Annotated[int, Meta(ge=0)]),
    "X-RateLimit-Reset-After": Header("Seconds until it ends.", 36, Annotated[int, Meta(ge=0)]),
    "X-Quota-Limit": Header("Requests that the day allows in all.", 10_000, Annotated[int, Meta(ge=0)]),
    "X-Quota-Remaining": Header("Requests that are left of the day.", 9_842, Annotated[int, Meta(ge=0)]),
    "X-Quota-Reset": Header("When the UTC day ends, in Unix seconds.", 1_753_056_000, Annotated[int, Meta(ge=0)]),
    "Cache-Control": Header("How long the page may be kept.", "public, max-age=300"),
}

_OF_A_JOB = (
    "X-Gesso-Job-Id",
    "X-Gesso-Provider",
    "X-Gesso-Model",
    "X-Gesso-Cost-Usd",
    WARNINGS,
    "Deprecation",
    "Sunset",
)


def of_success(action: Action, status: int) -> tuple[str, ...]:
    """The headers of an answer that is no error."""
    if isinstance(action, Buy):
        return (REQUEST_ID, *_OF_A_JOB, REPLAYED, *(("Preference-Applied",) if status == 202 else ()))
    return (REQUEST_ID, *_OF_A_JOB) if isinstance(action, ShowJob | CancelJob | FollowJob) else (REQUEST_ID,)


_WINDOWS = tuple(
    WindowState(window=window, limit=60, remaining=58, reset_at=1_753_000_000)
    for window in (WINDOW_MINUTE, WINDOW_HOUR, WINDOW_DAY)
)


def of_limits(dialect: Dialect, route: Route) -> tuple[str, ...]:
    """The headers about the caller's limits on the answers of a route that counts, where something limits the caller."""
    return tuple(dialect.window_headers(_WINDOWS)) if route.counts else ()


def of_error(action: Action | None, status: int, reasons: Iterable[Reason.ValueType]) -> tuple[str, ...]:
    """The headers of an error for any of these reasons; `action` None for a path that belongs to no dialect."""
    buys = isinstance(action, Buy)
    borne = {
        REQUEST_ID: True,
        "Retry-After": any(EXPLAINED[reason].passes for reason in reasons),
        "WWW-Authenticate": status == 401,
        "Allow": status == 405,
        "X-Should-Retry": status >= 500 and isinstance(action, Buy | ShowJob | FollowJob),
        REPLAYED: buys and status >= 400,
        **dict.fromkeys(_OF_A_JOB, isinstance(action, Buy | ShowJob | CancelJob | FollowJob)),
    }
    return tuple(name for name, is_borne in borne.items() if is_borne)
