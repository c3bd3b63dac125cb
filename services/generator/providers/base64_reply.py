"""A reply of JSON that holds pictures as base64 is read as it comes: the pictures are decoded block by block, the rest is kept.

No string of base64 is ever whole in memory, nor is the JSON around it. What is left, the skeleton, is the same JSON with each
picture replaced by its number, `{"data":[{"b64_json":"0"}]}`, small and fit for any parser:

    scanner = ReplyScanner()
    for chunk in chunks: scanner.feed(chunk)
    skeleton, pictures = scanner.finish()

A value is a picture where it is a string under one of the keys given, at any depth, or in a list of strings under one: base64, or a
`data:` URI, whose base64 alone is taken. An address (`https://…`) under such a key stays in the skeleton as it is. The skeleton is
checked by its parser alone: here only strings, their escapes, and the colon and bracket after a key are understood.
"""

import re
import string
from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from json import loads

import pybase64

PICTURE_KEYS = frozenset({"b64_json"})
_ESCAPE = re.compile(rb"\\(?:u([0-9a-fA-F]{4})|([\"\\/bfnrt]))")
_BEGUN_ESCAPE = re.compile(rb"\\(?:u[0-9a-fA-F]{0,3})?\Z")
_NO_BASE64 = b"?"
_DATA_SCHEME, _WEB_SCHEME = b"data:", b"http"
_LONGEST_DATA_HEAD_BYTES = 128
_LONGEST_KEY_BYTES = 512
"""With every character written as an escape."""
_QUOTE = ord('"')
_GROUP = 4
_PADDING = ord("=")
_ALPHABET = (string.ascii_letters + string.digits + "+/=").encode()
_ASCII_CODES = 128
_WHITESPACE = string.whitespace.encode()


class BadReply(Exception):
    """The reply is not what was promised: truncated, no base64, or larger than the limits. Never holds the reply's content."""


@dataclass(frozen=True, slots=True)
class ReplyLimits:
    """How much of a reply is taken: bytes of it all, of the skeleton, of one decoded picture, and pictures."""

    reply_bytes: int = 512 << 20
    skeleton_bytes: int = 1 << 20
    picture_bytes: int = 64 << 20
    picture_count: int = 16


class _Within(Enum):
    STRUCTURE = 0
    STRING = 1
    OPENING = 2
    """Of a picture or its address: its first bytes tell."""
    PICTURE = 3


class ReplyScanner:
    """Takes the chunks of one reply; how they are cut changes nothing."""

    def __init__(
        self, limits: ReplyLimits | None = None, *, picture_bytes: int = 0, keys: Collection[str] = PICTURE_KEYS
    ) -> None:
        """`picture_bytes` is about how large each picture will be, where that is known: room for it is made at once."""
        self._limits = limits or ReplyLimits()
        self._keys = frozenset(keys)
        self._picture_bytes = min(picture_bytes, self._limits.picture_bytes)
        self._skeleton = bytearray()
        self._pictures: list[_Picture] = []
        self._within = _Within.STRUCTURE
        self._opening = b""
        self._in_list = False
        self._string_start = 0
        self._string_end = 0
        """Of the last string, in the skeleton; its quotes included."""
        self._after_backslash = False

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes. Raises BadReply."""
        position = 0
        while position < len(chunk):
            if self._within is _Within.STRUCTURE:
                position = self._feed_structure(chunk, position)
            elif self._within is _Within.STRING:
                position = self._feed_string(chunk, position)
            elif self._within is _Within.OPENING:
                position = self._feed_opening(chunk, position)
            else:
                position = self._feed_picture(chunk, position)
        if len(self._skeleton) > self._limits.skeleton_bytes:
            raise BadReply("the reply is larger than its pictures explain")

    def finish(self) -> tuple[bytes, list[bytearray]]:
        """The skeleton and the pictures, in the order of their numbers. Raises BadReply for a reply that ended within a string."""
        if self._within is not _Within.STRUCTURE:
            raise BadReply("the reply is truncated")
        return bytes(self._skeleton), [picture.data for picture in self._pictures]

    def _feed_structure(self, chunk: bytes, position: int) -> int:
        quote = chunk.find(b'"', position)
        if quote < 0:
            self._skeleton += chunk[position:]
            return len(chunk)
        self._skeleton += chunk[position:quote]
        is_picture = self._follows_picture_key()
        self._string_start = len(self._skeleton)
        if not is_picture and (end := _plain_end(chunk, quote)):
            self._skeleton += chunk[quote:end]
            self._string_end = len(self._skeleton)
            return end
        self._skeleton += b'"'
        self._within = _Within.OPENING if is_picture else _Within.STRING
        return quote + 1

    def _follows_picture_key(self) -> bool:
        between = bytes(self._skeleton[self._string_end :]).translate(None, _WHITESPACE)
        if between == b"," and self._in_list:
            return True
        is_picture = between in (b":", b":[") and self._is_picture_key()
        self._in_list = is_picture and between == b":["
        return is_picture

    def _is_picture_key(self) -> bool:
        if self._string_end - self._string_start > _LONGEST_KEY_BYTES:
            return False
        return _key(bytes(self._skeleton[self._string_start : self._string_end])) in self._keys

    def _feed_opening(self, chunk: bytes, position: int) -> int:
        while position < len(chunk) and chunk[position] != _QUOTE:
            self._opening += chunk[position : position + 1]
            position += 1
            if kind := _opened(self._opening):
                self._open(kind)
                return position
        if position < len(chunk):
            self._open(_Within.PICTURE)
        return position

    def _open(self, kind: _Within) -> None:
        self._within = kind
        opening, self._opening = self._opening, b""
        if kind is _Within.STRING:
            self._skeleton += opening
            return
        self._begin_picture()
        self._pictures[-1].take_json(b"" if opening.endswith(b",") else opening)

    def _feed_string(self, chunk: bytes, position: int) -> int:
        if self._after_backslash:
            self._after_backslash = False
            self._skeleton.append(chunk[position])
            return position + 1
        quote = chunk.find(b'"', position)
        end = len(chunk) if quote < 0 else quote
        backslash = chunk.find(b"\\", position, end)
        if backslash >= 0:
            self._after_backslash = True
            end = backslash
        elif quote < 0:
            self._skeleton += chunk[position:]
            return len(chunk)
        else:
            self._within = _Within.STRUCTURE
        self._skeleton += chunk[position : end + 1]
        self._string_end = len(self._skeleton)
        return end + 1

    def _begin_picture(self) -> None:
        if len(self._pictures) >= self._limits.picture_count:
            raise BadReply("the reply holds too many pictures")
        self._pictures.append(_Picture(self._limits.picture_bytes, room_bytes=self._picture_bytes))

    def _feed_picture(self, chunk: bytes, position: int) -> int:
        picture = self._pictures[-1]
        # Nearly every chunk is base64 throughout, and decoding it finds out faster than looking for the closing quote.
        if picture.try_all(memoryview(chunk)[position:]):
            return len(chunk)
        quote = chunk.find(b'"', position)
        end = len(chunk) if quote < 0 else quote
        picture.take_json(chunk[position:end])
        if quote < 0:
            return len(chunk)
        picture.end()
        self._skeleton += b'%d"' % (len(self._pictures) - 1)
        self._string_end = len(self._skeleton)
        self._within = _Within.STRUCTURE
        return quote + 1


class _Picture:
    """The bytes of one picture, from the text of its JSON string as it comes."""

    def __init__(self, limit_bytes: int, *, room_bytes: int) -> None:
        self.data = bytearray(room_bytes)
        """Longer than the picture, where room was made for more, until `end`."""
        self._byte_count = 0
        self._limit_bytes = limit_bytes
        self._quad = b""
        """Less than four characters, that wait for the rest of their group."""
        self._escape = b""
        """An escape of JSON that has begun."""
        self._padded = False

    def try_all(self, text: memoryview) -> bool:
        """Decode the text if it is base64 throughout; else change nothing."""
        if self._escape:
            return False
        before = self._byte_count, self._quad, self._padded
        try:
            self._decode(text)
        except BadReply:
            self._byte_count, self._quad, self._padded = before
            return False
        return True

    def take_json(self, text: bytes) -> None:
        """Decode the text of a JSON string, in which `\\/` or `\\u002b` may stand. Raises BadReply."""
        text = self._escape + text
        if b"\\" not in text:
            self._decode(memoryview(text))
            return
        begun = _BEGUN_ESCAPE.search(text)
        self._escape = begun[0] if begun else b""
        whole = text[: begun.start()] if begun else text
        self._decode(memoryview(_ESCAPE.sub(_unescaped, whole)))

    def end(self) -> None:
        """The string has ended. Raises BadReply if it was cut within a group or an escape."""
        if self._quad or self._escape:
            raise BadReply("a picture's base64 is cut short")
        del self.data[self._byte_count :]

    def _decode(self, text: memoryview) -> None:
        if self._quad:
            missing = _GROUP - len(self._quad)
            self._quad += _checked(text[:missing])
            text = text[missing:]
            if len(self._quad) == _GROUP:
                quad, self._quad = self._quad, b""
                self._append(memoryview(quad))
        whole = len(text) // _GROUP * _GROUP
        if whole:
            self._append(text[:whole])
        if whole < len(text):
            self._quad = _checked(text[whole:])

    def _append(self, text: memoryview) -> None:
        if self._padded:
            raise BadReply("a picture's base64 goes on behind its end")
        try:
            decoded = pybase64.b64decode(text, validate=True)
        except ValueError as error:
            raise BadReply("a picture is no base64") from error
        end = self._byte_count + len(decoded)
        if end > self._limit_bytes:
            raise BadReply("a picture is larger than the limit")
        self.data[self._byte_count : end] = decoded
        self._byte_count = end
        self._padded = text[-1] == _PADDING


@lru_cache(maxsize=256)  # a vendor's replies have the same few; one of many others costs what it did without
def _key(text: bytes) -> str:
    """What a string of JSON says; nothing where it is none, which the skeleton's parser will say."""
    try:
        return str(loads(text))
    except ValueError:
        return ""


def _plain_end(chunk: bytes, quote: int) -> int:
    """Where the string ends that begins at `quote`, as nearly all do within their chunk and without escapes; else 0."""
    end = chunk.find(b'"', quote + 1)
    return end + 1 if end > 0 and chunk.find(b"\\", quote, end) < 0 else 0


def _opened(text: bytes) -> _Within | None:
    """What a string is that begins so; None while that cannot be told. Raises BadReply for a `data:` URI without an end."""
    if text.startswith(_WEB_SCHEME):
        return _Within.STRING
    if _DATA_SCHEME.startswith(text) or _WEB_SCHEME.startswith(text):
        return None
    if text.startswith(_DATA_SCHEME) and not text.endswith(b","):
        if len(text) > _LONGEST_DATA_HEAD_BYTES:
            raise BadReply("a picture's data: URI has no end to its head")
        return None
    return _Within.PICTURE


def _checked(text: memoryview) -> bytes:
    """Characters that wait for the rest of their group: what is no base64 must show at once, as the quote that ends the string."""
    if bytes(text).translate(None, _ALPHABET):
        raise BadReply("a picture is no base64")
    return bytes(text)


def _unescaped(match: "re.Match[bytes]") -> bytes:
    if match[1] is not None:
        code = int(match[1], 16)
        return bytes([code]) if code < _ASCII_CODES else _NO_BASE64
    return b"/" if match[2] == b"/" else _NO_BASE64
