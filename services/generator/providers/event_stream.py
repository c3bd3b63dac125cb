"""A stream of server-sent events that carry pictures as base64 is read as it comes: each event is a small JSON and its pictures.

As in base64_reply.py no string of base64 is ever whole in memory. Source: the HTML standard, "Server-sent events"; of an event only
its data are told.
"""

from collections.abc import AsyncGenerator, Collection, Iterator

import aiohttp

from generator.providers.base import Memory
from generator.providers.base64_reply import PICTURE_KEYS, BadReply, ReplyLimits, ReplyScanner

MEDIA_TYPE = "text/event-stream"
_DATA = b"data"
_END_OF_STREAM = b"[DONE]"
_LONGEST_FIELD_BYTES = 100
_RESERVED_STEP_BYTES = 1 << 20

Data = tuple[bytes, list[bytearray]]
"""The skeleton of an event's JSON, and the pictures that its numbers stand for."""


class EventScanner:
    """Takes the chunks of one stream; how they are cut changes nothing."""

    def __init__(self, limits: ReplyLimits | None = None, *, keys: Collection[str] = PICTURE_KEYS) -> None:
        self._limits = limits or ReplyLimits()
        self._keys = keys
        self._scanner = self._fresh()
        self._begun = False
        self._name = b""
        """Of the line's field, as far as it has come."""
        self._field: bytes | None = None
        """Whose value comes; None at the beginning of a line."""

    def feed(self, chunk: bytes) -> Iterator[Data]:
        """The events that end within the next bytes. Raises BadReply."""
        position = 0
        while position < len(chunk):
            newline = chunk.find(b"\n", position)
            end = len(chunk) if newline < 0 else newline
            self._feed_line(chunk[position:end])
            if newline >= 0 and (data := self._end_line()) is not None:
                yield data
            position = end + 1

    def _feed_line(self, part: bytes) -> None:
        if self._field is None:
            name, colon, part = (self._name + part).partition(b":")
            if not colon:
                self._name = name
                if len(name) > _LONGEST_FIELD_BYTES:
                    raise BadReply("the stream holds no events")
                return
            self._field = name
        if self._field == _DATA:
            self._begun = True
            self._scanner.feed(part)

    def _end_line(self) -> Data | None:
        """What an empty line ends: the event before it."""
        empty = self._field is None and not self._name.strip()
        self._field, self._name = None, b""
        if not (empty and self._begun):
            return None
        skeleton, pictures = self._scanner.finish()
        self._scanner, self._begun = self._fresh(), False
        return None if skeleton.strip() == _END_OF_STREAM else (skeleton, pictures)

    def _fresh(self) -> ReplyScanner:
        return ReplyScanner(self._limits, keys=self._keys)


async def read_events(
    answer: aiohttp.ClientResponse, memory: Memory, limits: ReplyLimits
) -> AsyncGenerator[Data, None]:
    """The events of an answer, with memory reserved before their pictures are read.

    Raises BadReply for what is no such stream, and what the connection raises.
    """
    scanner, received, reserved = EventScanner(limits), 0, 0
    async for chunk, _ in answer.content.iter_chunks():
        received += len(chunk)
        if received > limits.reply_bytes:
            raise BadReply("the stream is larger than the limit")
        while received * 3 // 4 > reserved:
            await memory.reserve(_RESERVED_STEP_BYTES)
            reserved += _RESERVED_STEP_BYTES
        for data in scanner.feed(chunk):
            yield data
