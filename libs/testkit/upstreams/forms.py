"""Reading of multipart/form-data by splitting at its boundary, so that a recorded body is parsed as it was recorded."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_PARAMETER = re.compile(r';\s*(\w+)\*?=(?:"((?:[^"\\]|\\.)*)"|([^;\s]+))')


@dataclass(frozen=True, slots=True)
class Part:
    """One field of a form; ``filename`` is None for plain fields."""

    name: str
    filename: str | None
    content_type: str
    data: bytes


class BadForm(ValueError):
    """The body is no multipart/form-data."""


def parse_form(content_type: str, body: bytes) -> tuple[Part, ...]:
    """Read the parts in their order (RFC 7578); raises BadForm."""
    kind, _, _ = content_type.partition(";")
    boundary = _parameters(content_type).get("boundary", "")
    if kind.strip().lower() != "multipart/form-data" or not boundary:
        raise BadForm(f"not a form: {content_type}")
    pieces = (b"\r\n" + body).split(b"\r\n--" + boundary.encode())
    if len(pieces) < 2 or not pieces[-1].startswith(b"--"):
        raise BadForm("the form does not end with its boundary")
    return tuple(_parts(pieces[1:-1]))


def _parts(pieces: list[bytes]) -> Iterator[Part]:
    for piece in pieces:
        head, separator, data = piece.partition(b"\r\n\r\n")
        if not separator:
            raise BadForm("a part without an empty line after its headers")
        headers = {}
        for line in head.decode("utf-8", "replace").split("\r\n"):
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        given = _parameters(headers.get("content-disposition", ""))
        if "name" not in given:
            raise BadForm("a part without a name")
        yield Part(given["name"], given.get("filename"), headers.get("content-type", "text/plain"), data)


def _parameters(header: str) -> dict[str, str]:
    return {name.lower(): quoted or bare for name, quoted, bare in _PARAMETER.findall(header)}
