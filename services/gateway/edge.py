"""One request through the edge: its name, its route, its caller, its limits, its route's action; and the one log line about it.

These are plain calls, not a chain of framework middleware: each request passes all of them, and a chain costs more than they do.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import assert_never
from urllib.parse import parse_qsl

from aiohttp import web

from gateway import asked, jobs
from gateway.addresses import Addresses
from gateway.asked import REPLAYED
from gateway.bodies import Bodies, is_form
from gateway.clients.callers import Callers, digest
from gateway.clients.desk import CallersDesk, Services
from gateway.clients.limits import Limits, UsedUp
from gateway.desk import Desk
from gateway.dialects.base import Act, Buy, CancelJob, FollowJob, Route, Show, ShowJob, Unserved
from gateway.middleware.address import client_address
from gateway.middleware.cors import Cors
from gateway.middleware.faults import worded
from gateway.middleware.request_id import HEADER as REQUEST_ID
from gateway.middleware.request_id import request_id, traceparent
from gateway.plain import Plain
from gateway.purchases import Purchases
from gateway.routing import Found, Routes
from gateway.sending import Begun, Sending, whole
from gateway.validation import decode
from gateway.visit import Visit
from gateway.wire import Ask, Reply, target_parts
from gesso.errors.v1 import reason_pb2 as pb
from gesso.generator.v1.generator_pb2 import Quote
from servicekit.addresses import Network
from servicekit.calls import Call, CallObserver, enter, leave
from servicekit.crashpoints import crashpoint
from servicekit.faults import Fault, Internal
from servicekit.ids import derived_id, new_id


@dataclass(frozen=True, slots=True)
class Edge:
    """The parts that requests pass; `serve` is the whole of HTTP to aiohttp."""

    routes: Routes
    plain: Plain
    cors: Cors
    callers: Callers
    limits: Limits
    bodies: Bodies
    purchases: Purchases
    services: Services
    addresses: Mapping[str, Addresses]
    sending: Sending
    observer: CallObserver
    trusted_proxies: Sequence[Network]
    trust_traceparent: bool
    public_url: str

    async def serve(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request, and tell the observer about it."""
        visit = self._visit(request)
        call = Call(f"{request.method} *", visit.address, visit.request_id, visit.traceparent)
        token = enter(call)
        self.observer.call_started(call)
        visit.traceparent = call.traceparent
        error: BaseException | None = None
        try:
            begun, error = await self._answer(visit, request, call)
            call.notes["status"] = begun.reply.status
            return await self.sending.send(request, begun, self._headers(visit))
        except Fault as fault:
            # The head of the answer is on its way: only a broken connection can still say that the rest is missing.
            call.reason = fault.reason_name
            raise ConnectionResetError(fault.message) from fault
        except (asyncio.CancelledError, ConnectionError):
            call.notes["client_left"] = True
            raise
        finally:
            call.seconds = time.perf_counter() - call.started_at
            self.observer.call_finished(call, error)
            leave(token)

    def unreadable(self, peer: str) -> web.Response:
        """The answer to bytes that are no HTTP request: they have no path, so it is worded as outside all prefixes."""
        call = Call("unreadable", peer, request_id({}), reason="INVALID_FIELD")
        self.observer.call_started(call)
        fault = Fault(pb.REASON_INVALID_FIELD, "The request cannot be read as HTTP/1.1.")
        dialect = self.routes.dialect("")
        reply = worded(
            fault, dialect, request_id=call.request_id, public_url=self.public_url, purchase_began=False
        ).bearing({REQUEST_ID: call.request_id})
        call.notes["status"] = reply.status
        call.seconds = time.perf_counter() - call.started_at
        self.observer.call_finished(call, None)
        return whole(reply)

    def _visit(self, request: web.BaseRequest) -> Visit:
        headers = request.headers
        path, query = target_parts(request.raw_path)
        return Visit(
            ask=Ask(request.method, path, {}, dict(parse_qsl(query, keep_blank_values=True)) if query else {}, headers),
            request_id=request_id(headers),
            traceparent=traceparent(headers, trusted=self.trust_traceparent),
            address=client_address(request.remote or "", headers.get("X-Forwarded-For"), self.trusted_proxies),
            dialect=self.routes.dialect(path),
            started_at=asyncio.get_running_loop().time(),
        )

    async def _answer(self, visit: Visit, request: web.BaseRequest, call: Call) -> tuple[Begun, Exception | None]:
        """The reply, begun, and the error behind it where it is a bug's."""
        error: Exception | None = None
        try:
            begun = await self.sending.begin(await self._dispatch(visit, request, call))
        except Fault as raised:
            fault = raised
        except Exception as raised:  # noqa: BLE001 - the boundary of the process: a bug is logged and answered as one
            error, fault = raised, Internal()
        else:
            return begun, None
        call.reason = fault.reason_name
        reply = worded(
            fault,
            visit.dialect,
            request_id=visit.request_id,
            public_url=self.public_url,
            purchase_began=visit.purchase_began,
        )
        return Begun(reply), error

    async def _dispatch(self, visit: Visit, request: web.BaseRequest, call: Call) -> Reply:
        method, path = visit.ask.method, visit.ask.path
        label = self.plain.label(path)
        if label is not None:
            call.method = f"{method} {label}"
        if method == "OPTIONS" and (methods := self.plain.methods(path) or self.routes.methods(path)):
            return self.cors.preflight(visit.ask.headers, methods)
        if label is not None:
            return await self.plain.answer(visit.ask, visit.address, request)
        try:
            found = self.routes.find(method, path)
        except Fault:
            await self._count_stray(visit, call)
            raise
        call.method = f"{method} {found.route.path}"
        await self._admit(visit, found.route, call)
        return await self._act(visit, found, request)

    async def _admit(self, visit: Visit, route: Route, call: Call) -> None:
        """Who calls, and whether they may now."""
        if route.keyless:
            await self._count_stray(visit, call)
            return
        await self._identify(visit, call)
        if route.counts:
            await self._count(visit, is_call=visit.dialect.counts_calls and visit.ask.method == "POST")

    async def _count_stray(self, visit: Visit, call: Call) -> None:
        """Count a request that no route takes, or that needs no key, if it came with a good one; else it stays cheap."""
        try:
            await self._identify(visit, call)
            await self._count(visit, is_call=False)
        except UsedUp:
            raise
        except Fault:  # what is wrong with the key is not what is wrong with the request
            return

    async def _identify(self, visit: Visit, call: Call) -> None:
        api_key = visit.dialect.credential(visit.ask.headers)
        if api_key is None:
            raise Fault(pb.REASON_CREDENTIAL_MISSING, "No API key was sent: send `Authorization: Bearer YOUR_KEY`.")
        visit.key = digest(api_key)
        visit.caller = await self.callers.caller(visit.key)
        call.notes["account"] = visit.caller.account_id

    async def _count(self, visit: Visit, *, is_call: bool) -> None:
        dialect = visit.dialect
        if dialect.limited_by_address:
            visit.windows = await self.limits.take_address(visit.address, dialect.name, visit.caller)
            return
        try:
            visit.windows = await self.limits.take(visit.caller, dialect.name, is_call=is_call)
        except UsedUp as used_up:
            visit.windows = used_up.windows
            raise

    async def _act(self, visit: Visit, found: Found, request: web.BaseRequest) -> Reply:
        action = found.route.action
        if found.params:
            ask = visit.ask
            visit.ask = Ask(ask.method, ask.path, found.params, ask.query, ask.headers)
        match action:
            case Buy():
                visit.creation_id = visit.request_id
                reply = await self._buy(visit, found.route.name, action, request)
                crashpoint("gateway.before_reply")
                return reply
            case ShowJob():
                return await self.purchases.show(visit, visit.ask.params["id"])
            case CancelJob():
                return await self.purchases.cancel(visit, visit.ask.params["id"])
            case FollowJob():
                return await self.purchases.follow(visit, visit.ask.params["id"], action.events)
            case Show():
                return await action.answer(self._desk(visit), visit.visitor)
            case Act():
                return await self._change(visit, found.route.name, action, request)
            case Unserved():
                raise Fault(pb.REASON_NOT_IMPLEMENTED, action.message)
            case _:
                assert_never(action)

    async def _buy(self, visit: Visit, name: str, action: Buy, request: web.BaseRequest) -> Reply:
        if action.form is not None and is_form(request):
            async with self.bodies.form(request) as form:
                order = action.parse(action.form(form), visit.visitor)
                return await self.purchases.buy(visit, name, action, order)
        body = await self.bodies.json(request, partial(decode, shape=action.body))
        return await self.purchases.buy(visit, name, action, action.parse(body, visit.visitor))

    async def _change(self, visit: Visit, name: str, action: Act, request: web.BaseRequest) -> Reply:
        body = None
        if action.body is not None and action.body_optional and not request.body_exists:
            body = decode(b"{}", action.body)
        elif action.body is not None:
            body = await self.bodies.json(request, partial(decode, shape=action.body))
        wishes = asked.manner(visit.ask) if action.creates else asked.Manner()
        if wishes.dry_run:
            return visit.dialect.quoted(Quote())
        key = wishes.idempotency_key
        scope = (visit.caller.account_id, visit.dialect.name, name, visit.ask.path, key)
        visit.creation_id = derived_id("req", *scope) if key else new_id("req")
        reply = await action.answer(self._desk(visit), visit.visitor, body)
        self.callers.forget(visit.caller.account_id)
        return reply

    def _desk(self, visit: Visit) -> Desk:
        return CallersDesk(self.services, visit.visitor, self.addresses[visit.dialect.name])

    def _headers(self, visit: Visit) -> Mapping[str, str]:
        headers = {
            REQUEST_ID: visit.request_id,
            **self.cors.headers(visit.ask.headers),
            **visit.dialect.window_headers(visit.windows),
        }
        if visit.replayed:
            headers[REPLAYED] = "true"
        return headers if visit.job is None else headers | jobs.headers(visit.job)
