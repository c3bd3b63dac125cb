"""Vendors that call back: the addresses that they are given, and what becomes of a call.

A call that its vendor has signed wakes the ticket that it is of, in whichever replica that waits; it is believed in nothing else.
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import urlsplit

from generator.providers.base import Call, Callback, Called, Provider, UpstreamFault
from gesso.errors.v1 import reason_pb2 as reasons
from servicekit.callbacks import CallbackName, callback_path, callback_secret, callback_token, open_callback
from servicekit.faults import Fault, Unavailable

_MOST_HEARD = 10_000

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})

Share = Callable[[str], Awaitable[None]]
"""Tells the other replicas."""


class Callbacks:
    """Makes the addresses, and hears the calls."""

    def __init__(self, providers: Mapping[str, Provider], *, public_url: str, key: bytes, share: Share) -> None:
        """`public_url` is empty where vendors are not to call; `key` signs the addresses, the same on every replica."""
        self._called = {name: provider for name, provider in providers.items() if isinstance(provider, Called)}
        self._public_url = public_url
        self._key = key
        self._share = share
        self._heard: OrderedDict[tuple[str, str, str], None] = OrderedDict()

    def of(self, provider: str, task_id: str, position: int) -> Callback | None:
        """Where a provider's vendor is to call about an order: the same address in every process, as long as its job runs."""
        called = self._called.get(provider)
        if not self._public_url or called is None or not called.hears:
            return None
        return self._callback(CallbackName(provider, task_id, position))

    async def deliver(self, provider: str, token: str, headers: Mapping[str, str], body: bytes) -> None:
        """Wake the order that a genuine call is of; the same message twice is heard once.

        Raises Fault NOT_FOUND for an address that no vendor was given, FORBIDDEN for a call that is not its vendor's, UNAVAILABLE
        where that cannot be known now.
        """
        name = open_callback(provider, token, self._key) if self._public_url else None
        called = self._called.get(provider)
        if name is None or called is None:
            raise Fault(reasons.REASON_NOT_FOUND, "No vendor was given this address.")
        message_id = await _message_id(called, Call(self._callback(name), headers, body))
        if message_id is None:
            raise Fault(reasons.REASON_FORBIDDEN, f"This call is not signed by {provider}.")
        if self._is_news((provider, token, message_id)) and not called.wake(token):
            await self._share(f"{provider} {token}")

    def hear(self, shared: str) -> None:
        """Wake what a call is of that another replica has heard."""
        provider, _, token = shared.partition(" ")
        called = self._called.get(provider)
        if called is not None:
            called.wake(token)

    def _callback(self, name: CallbackName) -> Callback:
        url = self._public_url + callback_path(name, self._key)
        return Callback(url, callback_token(name, self._key), callback_secret(name, self._key))

    def _is_news(self, message: tuple[str, str, str]) -> bool:
        if message in self._heard:
            return False
        self._heard[message] = None
        if len(self._heard) > _MOST_HEARD:
            self._heard.popitem(last=False)
        return True


def may_be_called(url: str) -> bool:
    """Whether vendors call an address: by https alone; on this machine, which scripted ones share, by http too."""
    parts = urlsplit(url)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)


async def _message_id(called: Called, call: Call) -> str | None:
    try:
        return await called.message_id(call)
    except UpstreamFault as fault:
        raise Unavailable("upstream") from fault
