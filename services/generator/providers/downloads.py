"""Pictures that a vendor gives by address are copied at once: streamed into reserved memory, size-capped, through the egress guard.

The vendor's key goes to the vendor's own API alone, and there only where the provider says that its results are behind it. The
purchase is paid, so what fails by accident is tried again.
"""

import asyncio
import binascii
import logging
import random
from collections.abc import Mapping, Sequence

import pybase64

from generator.providers.api import VendorApi
from generator.providers.base import Memory, Order, UpstreamFault
from generator.providers.base64_reply import BadReply, ReplyLimits
from generator.providers.complaints import bad_image
from generator.providers.deadline import Deadline
from generator.providers.http import GrowingPicture
from generator.providers.variables import Variable, parsed_value
from pictures.facts import Buffer
from pictures.sniffing import sniff
from servicekit.addresses import parse_networks
from servicekit.egress import BadStatus, EgressError, ForbiddenUrl, GuardedClient, TimedOut, TooLarge, Unreachable

EGRESS_ALLOW = Variable(
    "GESSO_EGRESS_ALLOW",
    "Ranges that vendors' pictures may be fetched from although they are not public, separated by commas.",
)
_PAUSES_SECONDS = (0.25, 1.0, 4.0)
_FEWEST_SECONDS = 15.0
"""What a download is given even at the end of an order's time, since the picture is paid."""
_PASSING_STATUSES = frozenset({404, 408, 425, 429})
"""404 too: an edge of a content network may not have the file yet."""
_CONCURRENT = 16
_log = logging.getLogger(__name__)


class Downloads:
    """Fetches one vendor's results."""

    def __init__(
        self,
        provider: str,
        environ: Mapping[str, str],
        *,
        limits: ReplyLimits | None = None,
        behind_key: VendorApi | None = None,
    ) -> None:
        """`behind_key` is the vendor's API where its own addresses need its key; addresses of other hosts never get it.

        Raises SettingError for an EGRESS_ALLOW that is no list of networks.
        """
        self._provider = provider
        self._limits = limits or ReplyLimits()
        self._behind_key = behind_key
        self._guarded = GuardedClient(parsed_value(environ, EGRESS_ALLOW, parse_networks))
        self._turns = asyncio.Semaphore(_CONCURRENT)

    async def pictures(
        self, sources: Sequence[str], order: Order, memory: Memory, deadline: Deadline
    ) -> Sequence[bytearray | UpstreamFault]:
        """Each address's picture, or why it cannot be had, in their order."""
        return await asyncio.gather(*(self._outcome(source, order, memory, deadline) for source in sources))

    async def picture(self, source: str, order: Order, memory: Memory, deadline: Deadline) -> bytearray:
        """The picture at an https address or in a `data:` URI.

        Raises UpstreamFault UPSTREAM_BAD_IMAGE, bought, for what cannot be fetched, is too large or no picture.
        """
        growing = GrowingPicture(memory, self._limits.picture_bytes)
        try:
            if source.startswith("data:"):
                await growing.add(_decoded(source))
            else:
                async with self._turns:
                    await self._fetch(source, order, growing, deadline)
        except BadReply as error:
            raise bad_image(self._provider, "too_large") from error
        if sniff(growing.data) is None:
            raise bad_image(self._provider, "not_an_image")
        return growing.data

    async def close(self) -> None:
        """Close the connections."""
        await self._guarded.close()

    async def _outcome(
        self, source: str, order: Order, memory: Memory, deadline: Deadline
    ) -> bytearray | UpstreamFault:
        try:
            return await self.picture(source, order, memory, deadline)
        except UpstreamFault as fault:
            return fault

    async def _fetch(self, url: str, order: Order, growing: GrowingPicture, deadline: Deadline) -> None:
        until = Deadline.after(max(deadline.left_seconds, _FEWEST_SECONDS))
        for pause in _PAUSES_SECONDS:
            try:
                await self._once(url, order, growing, until.left_seconds)
            except (EgressError, UpstreamFault) as error:
                _log.warning("a picture of %s could not be fetched: %s", self._provider, error)
                if not _may_pass(error) or until.left_seconds < pause:
                    raise bad_image(self._provider, _cause(error)) from error
            else:
                return
            growing.begin_anew()
            await asyncio.sleep(pause * (0.75 + random.random() / 2))  # noqa: S311 - a pause, not a secret
        try:
            await self._once(url, order, growing, until.left_seconds)
        except (EgressError, UpstreamFault) as error:
            raise bad_image(self._provider, _cause(error)) from error

    async def _once(self, url: str, order: Order, growing: GrowingPicture, seconds: float) -> None:
        own = self._behind_key.own(url) if self._behind_key else None
        if self._behind_key is None or own is None:
            await self._guarded.fetch(
                url, max_bytes=self._limits.picture_bytes, timeout_seconds=seconds, sink=growing.add
            )
            return
        async with self._behind_key.answered("GET", own, order, deadline_seconds=seconds) as answer:
            await growing.expect(answer.content_length or 0)
            async for chunk in answer.content.iter_any():
                await growing.add(chunk)


def _may_pass(error: Exception) -> bool:
    """Whether the same address may give the picture a moment later."""
    if isinstance(error, BadStatus):
        return error.status >= 500 or error.status in _PASSING_STATUSES
    return isinstance(error, Unreachable | TimedOut) or (isinstance(error, UpstreamFault) and error.retryable)


def _cause(error: Exception) -> str:
    if isinstance(error, TooLarge):
        return "too_large"
    return "forbidden_address" if isinstance(error, ForbiddenUrl) else "unreachable"


def _decoded(source: str) -> bytes:
    head, comma, text = source.partition(",")
    if not comma or not head.endswith(";base64"):
        return b""
    try:
        return pybase64.b64decode(text, validate=True)
    except binascii.Error:
        return b""


async def base64_texts(pictures: Sequence[Buffer], memory: Memory) -> Sequence[str]:
    """Pictures as base64, with memory reserved for their text and for the JSON that will hold it."""
    await memory.reserve(sum(len(picture) for picture in pictures) * 3)
    return [pybase64.b64encode(picture).decode() for picture in pictures]


async def data_uris(pictures: Sequence[Buffer], memory: Memory) -> Sequence[str]:
    """Pictures as `data:` URIs, with memory reserved for their text and for the JSON that will hold it."""
    texts = await base64_texts(pictures, memory)
    return [
        f"data:image/{sniff(picture) or 'png'};base64,{text}" for picture, text in zip(pictures, texts, strict=True)
    ]
