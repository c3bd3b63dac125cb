"""Each request to the files port is one call to the observer, and each refusal of aiohttp's own wears the port's words."""

import time
from collections.abc import Callable, Mapping

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from gesso.errors.v1 import reason_pb2 as pb
from servicekit.calls import Call, CallObserver, enter, leave
from servicekit.ids import new_id

Refusal = Callable[[int, str], web.StreamResponse]

_REASONS: Mapping[int, pb.Reason.ValueType] = {
    401: pb.REASON_CREDENTIAL_INVALID,
    403: pb.REASON_FORBIDDEN,
    404: pb.REASON_NOT_FOUND,
    405: pb.REASON_METHOD_NOT_ALLOWED,
    412: pb.REASON_CONFLICT,
    413: pb.REASON_PAYLOAD_TOO_LARGE,
    416: pb.REASON_INVALID_FIELD,
    422: pb.REASON_INVALID_FIELD,
    503: pb.REASON_UNAVAILABLE,
}


def observed(observer: CallObserver, refusal: Refusal) -> Middleware:
    """The middleware; probes of `/healthz` are nobody's call."""

    @web.middleware
    async def observe(request: web.Request, handler: Handler) -> web.StreamResponse:
        resource = request.match_info.route.resource
        path = resource.canonical if resource is not None else "*"
        if path == "/healthz":
            return await handler(request)
        call = Call(f"{request.method} {path}", request.remote or "", new_id("req"))
        token = enter(call)
        observer.call_started(call)
        error: BaseException | None = None
        try:
            response = await _answered(request, handler, refusal)
        except Exception as raised:
            error, call.reason = raised, _reason(500)
            raise
        else:
            call.notes["status"], call.reason = response.status, _reason(response.status)
            return response
        finally:
            call.seconds = time.perf_counter() - call.started_at
            observer.call_finished(call, error)
            leave(token)

    return observe


async def _answered(request: web.Request, handler: Handler, refusal: Refusal) -> web.StreamResponse:
    try:
        return await handler(request)
    except web.HTTPException as raised:
        answer = refusal(raised.status, raised.text or raised.reason)
        if "Allow" in raised.headers:
            answer.headers["Allow"] = raised.headers["Allow"]
        return answer


def _reason(status: int) -> str:
    if status < 400:
        return "OK"
    return pb.Reason.Name(_REASONS.get(status, pb.REASON_INTERNAL)).removeprefix("REASON_")
