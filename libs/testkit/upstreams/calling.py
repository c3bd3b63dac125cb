"""Calls of vendors that say by themselves when an order has ended: sent once it has, and again where they are not taken."""

import asyncio
import hashlib
import hmac
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import aiohttp
import pybase64

_TRIES = 4
_PAUSE_SECONDS = 0.2
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent, with the headers that prove who sends it, the proof itself last."""

    body: bytes
    headers: Mapping[str, str]


def new_secret() -> str:
    """Make a secret of Standard Webhooks."""
    return "whsec_" + pybase64.b64encode(secrets.token_bytes(32)).decode()


def signed_message(body: bytes, message_id: str, secret: str) -> Message:
    """Sign a body now, by Standard Webhooks."""
    stamp = str(int(time.time()))
    key = pybase64.b64decode(secret.removeprefix("whsec_"))
    mac = hmac.digest(key, f"{message_id}.{stamp}.".encode() + body, hashlib.sha256)
    signature = "v1," + pybase64.b64encode(mac).decode()
    return Message(body, {"Webhook-Id": message_id, "Webhook-Timestamp": stamp, "Webhook-Signature": signature})


def may_be_called(url: str) -> bool:
    """Tell whether a vendor calls an address: only by https, except on this machine."""
    parts = urlsplit(url)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)


class Calls:
    """The calls of one vendor while it is served. ``statuses`` are the answers to those that were made."""

    def __init__(self) -> None:
        self.statuses: list[int] = []
        self._tasks: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Let calls be made; those that are under way at the end are dropped."""
        try:
            yield
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def begin(
        self, url: str, ended: Awaitable[None], message: Callable[[], Message], *, behaviour: str = "success"
    ) -> None:
        """Call ``url`` when the order has ``ended``, as the behaviour says; ``message`` is made at that moment."""
        task = asyncio.create_task(self._call(url, ended, message, behaviour))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _call(self, url: str, ended: Awaitable[None], message: Callable[[], Message], behaviour: str) -> None:
        await ended
        if behaviour == "callback_lost":
            return
        sent = message()
        if behaviour == "callback_forged":
            *_, proof = sent.headers
            sent = Message(sent.body + b" ", {**sent.headers, proof: sent.headers[proof][::-1]})
        async with aiohttp.ClientSession() as session:
            for _ in range(2 if behaviour == "callback_duplicate" else 1):
                await self._send(session, url, sent)

    async def _send(self, session: aiohttp.ClientSession, url: str, sent: Message) -> None:
        headers = {"Content-Type": "application/json", **sent.headers}
        for _ in range(_TRIES):
            async with session.post(url, data=sent.body, headers=headers, allow_redirects=False) as answer:
                self.statuses.append(answer.status)
                if 200 <= answer.status < 300:
                    return
            await asyncio.sleep(_PAUSE_SECONDS)
