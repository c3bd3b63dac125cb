"""What comes in and goes out by HTTP, in the edge's own terms: an Ask, a Reply, and pictures that stand in a reply as base64."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote

import msgspec

_MARK = b"\x00"
"""Stands where a picture's base64 goes. JSON escapes control characters, so that no encoded text can hold it."""

_encoder = msgspec.json.Encoder()

PICTURE_HERE: Any = msgspec.Raw(b'"' + _MARK + b'"')
"""The value of a field that a picture's base64 fills when the reply is sent."""

JSON = "application/json"
EVENT_STREAM = "text/event-stream"
FORM = "multipart/form-data"


@dataclass(frozen=True, slots=True)
class Ask:
    """One request as a dialect reads it; header names are matched without regard to case."""

    method: str
    path: str
    params: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Base64Of:
    """The base64 of a picture's file, read while it is sent."""

    read_url: str
    byte_count: int

    @property
    def encoded_length(self) -> int:
        """Characters of the encoded file, padding included."""
        return (self.byte_count + 2) // 3 * 4


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer; `body` is sent part after part, and its length is known before the first."""

    status: int
    body: tuple[bytes | Base64Of, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = JSON
    events: "AsyncIterator[Event] | None" = None
    """Server-sent events in place of a body."""

    @property
    def length(self) -> int:
        """Bytes of the whole body."""
        return sum(part.encoded_length if isinstance(part, Base64Of) else len(part) for part in self.body)

    def bearing(self, headers: Mapping[str, str]) -> "Reply":
        """The same reply with more headers."""
        return replace(self, headers={**self.headers, **headers})


@dataclass(frozen=True, slots=True)
class Event:
    """One server-sent event: its data are sent part after part, on one line. `name` and `id` are left out where they are empty.

    One that is `optional` is left out where its picture cannot be read any more. Source: the HTML standard, "Server-sent events".
    """

    data: tuple[bytes | Base64Of, ...]
    name: str = ""
    id: str = ""
    optional: bool = False

    @property
    def head(self) -> bytes:
        """The lines before the data, and the beginning of theirs."""
        name = f"event: {self.name}\n" if self.name else ""
        event_id = f"id: {self.id}\n" if self.id else ""
        return f"{event_id}{name}data: ".encode()


def json_event(
    value: object, *, name: str = "", event_id: str = "", pictures: Sequence[Base64Of] = (), optional: bool = False
) -> Event:
    """Encode `value` as an event's data; each PICTURE_HERE in it is filled by the next of `pictures`."""
    encoded = _encoder.encode(value)
    return Event(_filled(encoded, pictures) if pictures else (encoded,), name, event_id, optional)


def event_reply(events: AsyncIterator[Event]) -> Reply:
    """An answer that goes on as long as its events do."""
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return Reply(200, headers=headers, content_type=EVENT_STREAM, events=events)


def json_reply(
    value: object,
    status: int = 200,
    *,
    headers: Mapping[str, str] | None = None,
    pictures: Sequence[Base64Of] = (),
) -> Reply:
    """Encode `value`; each PICTURE_HERE in it is filled by the next of `pictures`."""
    encoded = _encoder.encode(value)
    return Reply(status, _filled(encoded, pictures) if pictures else (encoded,), headers or {})


def _filled(encoded: bytes, pictures: Sequence[Base64Of]) -> tuple[bytes | Base64Of, ...]:
    texts = encoded.split(_MARK)
    assert len(texts) == len(pictures) + 1, "one picture for each place"
    parts: list[bytes | Base64Of] = [texts[0]]
    for picture, text in zip(pictures, texts[1:], strict=True):
        parts += (picture, text)
    return tuple(parts)


def bearer(headers: Mapping[str, str]) -> str | None:
    """The token of `Authorization: Bearer …`, None where there is none."""
    scheme, _, token = headers.get("Authorization", "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def target_parts(target: str) -> tuple[str, str]:
    """Path and query of a request's target; of an absolute address only those. Bytes that are not ASCII come out encoded."""
    path, _, query = target.partition("?")
    if not path.startswith("/"):
        path = "/" + path.partition("://")[2].partition("/")[2]
    return path if path.isascii() else quote(path, errors="surrogateescape"), query
