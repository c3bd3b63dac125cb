"""One vendor's API over HTTP: its address, the key that opens it, JSON in and out, and each failure classified once.

api = VendorApi("acme", base_url=…, key=…, authorize=bearer, complaint=read_complaint)
job = await api.ask("POST", "v1/images", order, body={"prompt": …}, answer=Job)     # a small answer of JSON
async with api.post("v1/images", order, body=…) as answer:                          # an answer with pictures
    skeleton, pictures = await read_pictures(answer, memory, LIMITS, count=order.count, keys={"b64_json"})
news = await api.poll(url, order, answer=Status)                                    # within Poller.until_done
"""

import logging
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from functools import lru_cache
from typing import TypeVar

import aiohttp
import msgspec
from yarl import URL

from generator.providers.allowance import Allowance, read_allowance
from generator.providers.base import Bought, Order, UpstreamFault
from generator.providers.complaints import DENIED, FAILED, Complaint, ReadComplaint, by_status, fault_of, nonsense
from generator.providers.http import VendorHttp, bought_by, read_error, retry_after_seconds
from generator.providers.multipart import Form
from generator.providers.polling import NotNow

T = TypeVar("T")

_MOST_JSON_BYTES = 1 << 20
_POLL_SECONDS = 20.0
# A poll answered so says nothing of the order; all else that is no success does.
_NOT_NOW = frozenset({408, 409, 425, 429})
_NOT_THERE = frozenset({404, 410})
# A job that was accepted a moment ago may not be known everywhere at the vendor yet, and a page of a gateway may take its place.
_MOST_ACCIDENTS = 4
_log = logging.getLogger(__name__)

Authorize = Callable[[str], Mapping[str, str]]
"""The headers that carry a key."""


def bearer(key: str) -> Mapping[str, str]:
    """The usual header."""
    return {"Authorization": f"Bearer {key}"}


class VendorApi:
    """A vendor's API, with the platform's key or the order's own."""

    def __init__(
        self,
        provider: str,
        *,
        base_url: str,
        key: str,
        authorize: Authorize = bearer,
        complaint: ReadComplaint = by_status,
        domain: str = "",
    ) -> None:
        """An empty `key` serves only orders that bring their own. No network is touched.

        `domain` is the vendor's where other hosts of it answer too, as those of regions; it counts while the base is one of them.
        """
        self.provider = provider
        self.base = URL(base_url.rstrip("/") + "/")
        self._domain = domain if domain and _is_within(self.base, domain) else ""
        self._key = key
        self._authorize = authorize
        self._complaint = complaint
        self._http = VendorHttp(provider)

    @property
    def has_key(self) -> bool:
        """Whether the platform has a key."""
        return bool(self._key)

    def own(self, url: str) -> URL | None:
        """The address if it is one of this API, to which its key may go; None for any other host."""
        try:
            place = URL(url)
        except ValueError:
            return None
        return place if self._is_own(place) else None

    def _is_own(self, place: URL) -> bool:
        if not place.absolute:
            return False
        return place.origin() == self.base.origin() or (bool(self._domain) and _is_within(place, self._domain))

    def url(self, path: str | URL) -> URL:
        """A path below the base address; a URL goes through, and must be this API's own."""
        if isinstance(path, URL):
            assert self._is_own(path), "the key goes to no other host"
            return path
        return _below(self.base, path)

    @asynccontextmanager
    async def answered(
        self,
        method: str,
        path: str | URL,
        order: Order,
        *,
        body: object | Form | None = None,
        headers: Mapping[str, str] | None = None,
        deadline_seconds: float | None = None,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Give a success (2xx) to be read within the block; `body` is a Form or any JSON.

        Raises UpstreamFault for all else, classified by the vendor's own words and the table in complaints.py.
        """
        sent = {**self._credentials(order), **(headers or {})}
        if body is not None and not isinstance(body, Form):
            sent["Content-Type"] = "application/json"
            body = msgspec.json.encode(body)
        seconds = order.deadline_seconds if deadline_seconds is None else deadline_seconds
        async with self._http.request(
            method, self.url(path), body=body, headers=sent, deadline_seconds=seconds
        ) as answer:
            if method != "GET" and order.on_allowance is not None:
                _tell(answer.headers, order.on_allowance)
            if not 200 <= answer.status < 300:
                raise await self._failure(answer, order)
            yield answer

    def post(
        self, path: str | URL, order: Order, *, body: object | Form, headers: Mapping[str, str] | None = None
    ) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        """`answered` with POST."""
        return self.answered("POST", path, order, body=body, headers=headers)

    async def ask(
        self,
        method: str,
        path: str | URL,
        order: Order,
        *,
        answer: type[T],
        body: object | Form | None = None,
        headers: Mapping[str, str] | None = None,
        deadline_seconds: float | None = None,
        buys: bool = True,
    ) -> T:
        """Read a small answer of JSON as `answer`. Raises UpstreamFault, also for a success that is no such thing.

        `buys` False is a call beside the order, as an upload: whatever becomes of it, nothing was bought.
        """
        if not buys:  # its rate is another
            order = replace(order, on_allowance=None)
        try:
            async with self.answered(
                method, path, order, body=body, headers=headers, deadline_seconds=deadline_seconds
            ) as reply:
                return await self.read(reply, answer)
        except UpstreamFault as fault:
            if buys:
                raise
            raise _with(fault, Bought.NO) from None

    async def beside(self, url: str | URL, *, answer: type[T], with_key: bool) -> T:
        """GET JSON that belongs to no order: of this API with the platform's key, or of any address without.

        Raises UpstreamFault.
        """
        place = self.url(url) if with_key else URL(url)
        headers = self._authorize(self._key) if with_key else {}
        async with self._http.request(
            "GET", place, body=None, headers=headers, deadline_seconds=_POLL_SECONDS
        ) as reply:
            if not 200 <= reply.status < 300:
                raise self.nonsense(f"it says {reply.status} where no order is asked about")
            return await self.read(reply, answer)

    async def poll(self, path: str | URL, order: Order, *, answer: type[T], most_failures: int | None = None) -> T:
        """GET news of an accepted order as JSON; raises as `polled`."""
        async with self.polled(path, order, most_failures=most_failures) as reply:
            return await self.read(reply, answer)

    @asynccontextmanager
    async def polled(
        self,
        path: str | URL,
        order: Order,
        *,
        headers: Mapping[str, str] | None = None,
        deadline_seconds: float = _POLL_SECONDS,
        most_failures: int | None = None,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """GET news of an accepted order to be read within the block, within `Poller.until_done`; judge them behind it.

        Raises NotNow for what says nothing of the order (5xx, a broken connection, too many requests; a few times an id that is
        not known, or a page that is nonsense), and UpstreamFault, bought, for the rest, as a key that is no longer good.
        `most_failures` is for what is answered with the order's own failure: a 5xx that the vendor explains is it, and so is the
        last of so many 500s in a row.
        """
        try:
            async with self.answered("GET", path, order, headers=headers, deadline_seconds=deadline_seconds) as reply:
                yield reply
        except _StatusFault as failure:
            if failure.status in _NOT_THERE:
                raise self.lost() from None
            if failure.status < 300:
                raise NotNow(failure, most=_MOST_ACCIDENTS) from None
            if failure.status >= 500 and failure.is_explained and most_failures is not None:
                raise failure from None
            if failure.status == 500 and most_failures is not None:
                raise NotNow(failure, most=most_failures) from None
            if failure.status >= 500 or failure.status in _NOT_NOW:
                raise NotNow(_with(failure, Bought.YES)) from None
            raise _with(failure, Bought.YES) from None
        except UpstreamFault as fault:
            raise NotNow(_with(fault, Bought.YES)) from None

    async def read(self, answer: aiohttp.ClientResponse, kind: type[T]) -> T:
        """The answer's JSON as `kind`. Raises UpstreamFault for what is none, or longer than 1 MiB."""
        body = bytearray()
        async for chunk in answer.content.iter_any():
            body += chunk
            if len(body) > _MOST_JSON_BYTES:
                raise self.nonsense("the answer is too long")
        try:
            return msgspec.json.decode(body, type=kind)
        except msgspec.MsgspecError as error:
            raise self.nonsense(str(error)) from None

    def failed(self, complaint: Complaint, order: Order, *, bought: Bought) -> UpstreamFault:
        """The fault of an answer whose status says success, and whose body or headers do not."""
        _log.warning("%s answered success that is %s", self.provider, complaint.code or "none")
        return fault_of(self.provider, complaint, bought=bought, own_key=order.secret is not None)

    def lost(self, *, most: int = _MOST_ACCIDENTS) -> NotNow:
        """What to raise where the vendor says that it knows no such order; `most` as in NotNow."""
        return NotNow(_lost(self.provider), most=most)

    def nonsense(self, cause: str) -> UpstreamFault:
        """The fault of a success of no use; `cause` is for the log, and holds nothing that the vendor wrote."""
        _log.warning("%s answered nonsense: %s", self.provider, cause)
        return _StatusFault(nonsense(self.provider), 200)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    def _credentials(self, order: Order) -> Mapping[str, str]:
        key = order.secret or self._key
        if key.isascii() and key.isprintable():
            return self._authorize(key)
        raise UpstreamFault(
            DENIED,
            "The provider key holds characters that no key has.",
            bought=Bought.NO,
            retryable=False,
            details={"provider": self.provider},
        )

    async def _failure(self, answer: aiohttp.ClientResponse, order: Order) -> UpstreamFault:
        complaint = self._complaint(answer.status, await read_error(answer))
        request_id = answer.headers.get("x-request-id", "")
        _log.warning("%s answered %d %s (request %s)", self.provider, answer.status, complaint.code, request_id)
        fault = fault_of(
            self.provider,
            complaint,
            bought=bought_by(answer),
            status=answer.status,
            retry_after_seconds=retry_after_seconds(answer.headers),
            own_key=order.secret is not None,
        )
        return _StatusFault(fault, answer.status, is_explained=complaint.reason is not None)


def _tell(headers: Mapping[str, str], told: Callable[[Allowance], None]) -> None:
    """Pass on what an answer says of the rate at which orders are taken; polls often have a rate of their own."""
    allowance = read_allowance(headers, time.time())
    if allowance is not None:
        told(allowance)


class _StatusFault(UpstreamFault):
    """A fault that a status brought; whether the vendor's own words say which it is."""

    def __init__(self, fault: UpstreamFault, status: int, *, is_explained: bool = False) -> None:
        super().__init__(
            fault.reason,
            fault.message,
            bought=fault.bought,
            retryable=fault.retryable,
            details=fault.details,
            retry_after_seconds=fault.retry_after_seconds,
        )
        self.status = status
        self.is_explained = is_explained


def _with(fault: UpstreamFault, bought: Bought) -> UpstreamFault:
    """The same fault with another verdict on the purchase."""
    return UpstreamFault(
        fault.reason,
        fault.message,
        bought=bought,
        retryable=fault.retryable,
        details=fault.details,
        retry_after_seconds=fault.retry_after_seconds,
    )


@lru_cache(maxsize=256)  # orders go to the same few paths
def _below(base: URL, path: str) -> URL:
    return base.join(URL(path.lstrip("/")))


def _is_within(place: URL, domain: str) -> bool:
    """Whether an address is of a domain or of one below it, by https."""
    host = place.host or ""
    return place.scheme == "https" and place.is_default_port() and f".{host}".endswith(f".{domain}")


def _lost(provider: str) -> UpstreamFault:
    return UpstreamFault(
        FAILED,
        f"The upstream {provider} no longer knows the order that it accepted.",
        bought=Bought.UNKNOWN,
        retryable=False,
        details={"provider": provider},
    )
