"""The files port: pictures by signed and by temporary links, with ranges and entity tags, and a door for the edge's uploads.

User content has an origin of its own (GESSO_FILES_URL), so that nothing in it can reach the API's cookies or storage; every
answer forbids sniffing and scripts.
"""

import base64
import binascii
import contextlib
import hashlib
import hmac
import math
import time
import urllib.parse
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from aiohttp import hdrs, web
from google.protobuf.json_format import MessageToDict

from gallery.access import UPLOADERS
from gallery.conditions import verdict
from gallery.images import RENDITION_SIDES, Image
from gallery.inputs import Inputs, Place, too_large
from gallery.observing import observed
from gallery.ranges import Unsatisfiable, parse_range
from gallery.renditions import Renditions
from gallery.servicer import to_message
from gallery.store import Store
from gesso.errors.v1 import reason_pb2 as reasons
from pictures.facts import extension, media_type
from pictures.studio import StudioUnavailable
from servicekit.calls import CallObserver, note
from servicekit.faults import Fault, InvalidField, Unavailable
from servicekit.identity import SERVICE_KEY, TOKEN_KEY
from servicekit.ids import AccountId, new_id
from servicekit.links import verify
from servicekit.objects import ObjectNotFound, Objects, ObjectsError, StoreUnavailable
from servicekit.temporary_links import PREFIX, open_temporary_path
from servicekit.tokens import open_token

# Connections that wait to be accepted, while one of many is busy with a page full of pictures.
_BACKLOG = 1024
_LONGEST_CACHED_SECONDS = 24 * 3600
_DELETED = "This picture has been deleted."
_SAFE = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "ETag, Content-Range, Accept-Ranges, Content-Length, Retry-After",
    "Accept-Ranges": "bytes",
}
_PREFLIGHT = {
    **_SAFE,
    "Allow": "GET, HEAD, OPTIONS",
    "Access-Control-Allow-Methods": "GET, HEAD, OPTIONS",
    "Access-Control-Allow-Headers": "Range, If-Range, If-Match, If-None-Match",
    "Access-Control-Max-Age": "86400",
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a link grants until a Unix second, as far as the image stands so long."""

    image_id: str
    rendition: str
    expires_at: float
    extension: str = ""
    """Of the file's name, where the link itself does not vouch for it."""


@dataclass(frozen=True, slots=True)
class File:
    """What a link leads to: a key of the object store, with the entity's tag, type, size, and the Unix second of its end."""

    key: str
    etag: str
    content_type: str
    size_bytes: int
    expires_at: float


class Files:
    """The routes of the files port."""

    def __init__(
        self,
        store: Store,
        objects: Objects,
        renditions: Renditions,
        inputs: Inputs,
        *,
        link_key: bytes,
        caller_token_key: bytes,
        peers: Mapping[str, bytes],
        input_limit_bytes: int,
        observer: CallObserver,
    ) -> None:
        self._store = store
        self._objects = objects
        self._renditions = renditions
        self._inputs = inputs
        self._link_key = link_key
        self._caller_token_key = caller_token_key
        self._peers = peers
        self._input_limit_bytes = input_limit_bytes
        self._observer = observer

    def application(self) -> web.Application:
        """The aiohttp application."""
        application = web.Application(
            client_max_size=self._input_limit_bytes + 1, middlewares=[observed(self._observer, _refusal)]
        )
        application.on_response_prepare.append(_unnamed)
        for path, serve in (("/i/{name}", self.serve), (f"{PREFIX}{{name}}", self.serve_temporary)):
            application.router.add_get(path, serve)
            application.router.add_options(path, _preflight)
        application.router.add_post("/inputs", self.upload)
        application.router.add_get("/healthz", _alive)
        return application

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """GET and HEAD of a picture by a signed link."""
        link = verify(request.raw_path, key=self._link_key, now_seconds=time.time())
        if link is None:
            return _refusal(403, "This link is not valid, or its time is over: ask the API for the picture again.")
        return await self._serve(request, Wanted(link.image_id, link.rendition, link.expires_at))

    async def serve_temporary(self, request: web.Request) -> web.StreamResponse:
        """GET and HEAD of a picture by a temporary link: good as long as the image itself."""
        link = open_temporary_path(request.rel_url.raw_path, self._link_key)
        if link is None:
            return _refusal(404, _DELETED)
        return await self._serve(request, Wanted(link.image_id, "original", math.inf, link.extension))

    async def _serve(self, request: web.Request, wanted: Wanted) -> web.StreamResponse:
        try:
            file = await self._found(wanted)
        except (Unavailable, StoreUnavailable, StudioUnavailable):
            return _refusal(503, "The picture cannot be read at the moment.", retry_after="1")
        if file is None:
            return _refusal(404, _DELETED)
        asked = request.headers
        status = verdict(asked.get(hdrs.IF_MATCH), asked.get(hdrs.IF_NONE_MATCH), file.etag)
        if status == 412:
            return _refusal(412, "The picture is not the one that If-Match names: ask without it for this one.")
        if status == 304:
            return web.Response(status=304, headers=_headers(file))
        return await self._send(request, file, _headers(file))

    async def upload(self, request: web.Request) -> web.Response:
        """POST of an input picture by the edge; answers 201 with the image, or 422 with the fault, both as JSON.

        The bytes are the body. Headers: `gesso-caller-token`, the caller's token in base64; `gesso-image-id`, a name of the edge's
        for this input of this request, under which the same bytes are kept once; `gesso-field`, the request's field, in percent
        encoding; `gesso-limit-bytes`, the caller's own bound.
        """
        self._check_uploader(request)
        field = urllib.parse.unquote(request.headers.get("gesso-field", "image"))
        try:
            account_id = self._account(request)
            limit_bytes = _number(request, "gesso-limit-bytes")
            place = Place(account_id, request.headers.get("gesso-image-id") or new_id("img"))
            image = await self._inputs.upload(place, await request.read(), field=field, limit_bytes=limit_bytes)
        except web.HTTPRequestEntityTooLarge:
            return _fault_answer(too_large(field, self._input_limit_bytes))
        except Fault as fault:
            return _fault_answer(fault)
        return web.json_response(MessageToDict(to_message(image), preserving_proto_field_name=True), status=201)

    def _account(self, request: web.Request) -> AccountId:
        try:
            token = base64.b64decode(request.headers.get("gesso-caller-token", ""), validate=True)
        except binascii.Error:
            token = b""
        return AccountId(open_token(token, self._caller_token_key).account_id)

    async def _found(self, wanted: Wanted) -> File | None:
        image = await self._store.get(wanted.image_id)
        if image is None or not image.stands(datetime.now(UTC)):
            return None
        if wanted.extension not in ("", extension(image.format)):
            return None
        note("account", image.account_id)
        ends_at = math.inf if image.expires_at is None else image.expires_at.timestamp()
        try:
            return await self._file(image, wanted.rendition, min(ends_at, wanted.expires_at))
        except ObjectNotFound:
            return None

    async def _file(self, image: Image, rendition: str, expires_at: float) -> File | None:
        etag = f'"{image.digest.hex()}-{rendition}"'
        if rendition == "original":
            return File(image.blob_key, etag, media_type(image.format), image.byte_count, expires_at)
        if rendition not in RENDITION_SIDES:
            return None
        key, size_bytes = await self._renditions.of(image, rendition)
        return File(key, etag, "image/webp", size_bytes, expires_at)

    async def _send(self, request: web.Request, file: File, headers: dict[str, str]) -> web.StreamResponse:
        ranged = request.headers.get(hdrs.RANGE, "")
        if request.headers.get(hdrs.IF_RANGE, file.etag) != file.etag:
            ranged = ""
        try:
            span = parse_range(ranged, file.size_bytes)
        except Unsatisfiable:
            return web.Response(status=416, headers={**headers, "Content-Range": f"bytes */{file.size_bytes}"})
        start, end = span or (0, file.size_bytes)
        if span is not None:
            headers["Content-Range"] = f"bytes {start}-{end - 1}/{file.size_bytes}"
        response = web.StreamResponse(status=200 if span is None else 206, headers=headers)
        response.content_length = end - start
        if request.method == hdrs.METH_HEAD:
            await response.prepare(request)
            return response
        return await self._stream(request, response, file.key, start, end)

    async def _stream(
        self, request: web.Request, response: web.StreamResponse, key: str, start: int, end: int
    ) -> web.StreamResponse:
        chunks = self._objects.stream(key, start, end)
        try:
            first = await anext(chunks, b"")
        except ObjectNotFound:
            return _refusal(404, _DELETED)
        except StoreUnavailable:
            return _refusal(503, "The picture cannot be read at the moment.", retry_after="1")
        await response.prepare(request)
        remaining = end - start - len(first)
        with contextlib.suppress(ConnectionResetError, ObjectsError):
            await response.write(first)
            async for chunk in chunks:
                await response.write(chunk)
                remaining -= len(chunk)
        if remaining and request.transport is not None:
            request.transport.abort()  # the head is out: a body that ends early is all that can tell the client
        return response

    def _check_uploader(self, request: web.Request) -> None:
        service, token = request.headers.get(SERVICE_KEY, ""), request.headers.get(TOKEN_KEY, "")
        digest = hashlib.sha256(token.encode()).digest()
        if service not in UPLOADERS or not hmac.compare_digest(digest, self._peers.get(service, b"")):
            raise web.HTTPForbidden(text="Only the edge may post inputs.")


@contextlib.asynccontextmanager
async def serving_files(files: Files, listen: str) -> AsyncIterator[str]:
    """Serve on `host:port` (0 for any); yields `host:port`."""
    host, _, port = listen.rpartition(":")
    runner = web.AppRunner(files.application(), access_log=None, handle_signals=False, shutdown_timeout=5)
    await runner.setup()
    site = web.TCPSite(runner, host.strip("[]"), int(port), backlog=_BACKLOG)
    await site.start()
    try:
        yield f"{host}:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def _headers(file: File) -> dict[str, str]:
    remaining = int(min(max(0.0, file.expires_at - time.time()), _LONGEST_CACHED_SECONDS))
    return {
        **_SAFE,
        "Content-Type": file.content_type,
        "ETag": file.etag,
        "Cache-Control": f"private, max-age={remaining}, immutable",
    }


def _refusal(status: int, message: str, *, retry_after: str = "") -> web.Response:
    headers = {**_SAFE, "Cache-Control": "no-store", **({"Retry-After": retry_after} if retry_after else {})}
    return web.json_response({"error": {"message": message}}, status=status, headers=headers)


def _fault_answer(fault: Fault) -> web.Response:
    body = {"reason": fault.reason_name, "message": fault.message, "details": fault.details}
    return web.json_response(body, status=503 if fault.reason == reasons.REASON_UNAVAILABLE else 422)


def _number(request: web.Request, header: str) -> int:
    text = request.headers.get(header, "0")
    if not text.isdecimal():
        raise InvalidField(header, f"The header {header} is a number of bytes.")
    return int(text)


async def _unnamed(request: web.Request, response: web.StreamResponse) -> None:
    """What software answers is nobody's business."""
    response.headers["Server"] = "gesso"


async def _preflight(request: web.Request) -> web.Response:
    """What a browser asks before a page's script may ask with conditions; no link is looked at."""
    return web.Response(status=204, headers=_PREFLIGHT)


async def _alive(request: web.Request) -> web.Response:
    return web.Response(text="ok")
