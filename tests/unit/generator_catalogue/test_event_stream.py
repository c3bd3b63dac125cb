"""A stream of events with pictures is read the same however its bytes are cut."""

import base64
import json

import pytest

from generator.providers.base64_reply import BadReply, ReplyLimits
from generator.providers.event_stream import EventScanner

PICTURE = bytes(range(256)) * 3
ENCODED = base64.b64encode(PICTURE).decode()
STREAM = (
    ": a comment\n\n"
    f'event: one\ndata: {{"type":"one","b64_json":"{ENCODED}"}}\n\n'
    "retry: 100\n"
    f'event: two\r\ndata:{{"b64_json":"{ENCODED}",\r\ndata: "n":2}}\r\n\r\n'
    "data: [DONE]\n\n"
).encode()


def _read(scanner: EventScanner, stream: bytes, size: int) -> list[tuple[object, list[bytes]]]:
    chunks = [stream[start : start + size] for start in range(0, len(stream), size)]
    found = [data for chunk in chunks for data in scanner.feed(chunk)]
    return [(json.loads(skeleton), [bytes(picture) for picture in pictures]) for skeleton, pictures in found]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 1000, 10_000])
def test_events_come_with_their_pictures(size: int) -> None:
    assert _read(EventScanner(), STREAM, size) == [
        ({"type": "one", "b64_json": "0"}, [PICTURE]),
        ({"b64_json": "0", "n": 2}, [PICTURE]),
    ]


def test_an_event_is_told_as_soon_as_it_ends() -> None:
    scanner, end = EventScanner(), STREAM.index(b"retry")
    assert len(list(scanner.feed(STREAM[:end]))) == 1
    assert len(list(scanner.feed(STREAM[end:]))) == 1


def test_an_event_that_breaks_off_is_none() -> None:
    assert list(EventScanner().feed(b'data: {"b64_json":"AAAA')) == []


@pytest.mark.parametrize("stream", [b"<" * 1_000, b'data: {"b64_json":"%%%%"}\n\n', b'data: "unclosed\n\n'])
def test_what_is_no_such_stream_is_refused(stream: bytes) -> None:
    with pytest.raises(BadReply):
        list(EventScanner().feed(stream))


def test_a_picture_beyond_the_limit_is_refused() -> None:
    with pytest.raises(BadReply):
        list(EventScanner(ReplyLimits(picture_bytes=100)).feed(STREAM))
