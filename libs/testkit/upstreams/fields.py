"""A vendor's table of request fields as a line of data, against which a scripted upstream holds what it is sent.

    RULES = FieldTable("model* prompt*:str n:int=1..10 size:like=[0-9]+x[0-9]+ format:word=png,jpeg image:urls=1..14")
    broken = RULES.broken(json.loads(body))     # Broken("n", "invalid"), or None

`name*` must be there, and not empty; a field that the table does not name is `unknown`. Types: str, int and num (with bounds,
and a step: `width:int=256..1440/32`), bool, word (one of), like (a regular expression without spaces), url (http, https or a data:
URI of a picture), urls (how many), base64, object, list.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pybase64

_TOKEN = re.compile(r"(?P<name>[\w.-]+)(?P<required>\*?)(?::(?P<kind>\w+)(?:=(?P<rest>\S+))?)?")
_URL = re.compile(r"https?://\S+|data:image/(?:png|jpeg|webp);base64,[A-Za-z0-9+/]+=*")


@dataclass(frozen=True, slots=True)
class Broken:
    """The first field that breaks a table; `how` is missing, unknown or invalid."""

    name: str
    how: str

    def __str__(self) -> str:
        return f"{self.name} is {self.how}"


@dataclass(frozen=True, slots=True)
class _Field:
    is_required: bool
    kind: str
    rest: str


class FieldTable:
    """The fields of one request."""

    def __init__(self, line: str) -> None:
        self._fields = {}
        for token in line.split():
            match = _TOKEN.fullmatch(token)
            assert match is not None, f"no field: {token}"
            kind = match["kind"] or "str"
            assert kind in _CHECKS, f"no type: {token}"
            self._fields[match["name"]] = _Field(bool(match["required"]), kind, match["rest"] or "")

    def broken(self, given: object) -> Broken | None:
        """Return the first field that breaks the table; nulls count as absent."""
        if not isinstance(given, dict):
            return Broken("body", "invalid")
        for name, rule in self._fields.items():
            if rule.is_required and given.get(name) in (None, "", []):
                return Broken(name, "missing")
        for name, value in given.items():
            if name not in self._fields:
                return Broken(name, "unknown")
            if value is not None and not _CHECKS[self._fields[name].kind](value, self._fields[name].rest):
                return Broken(name, "invalid")
        return None


def _within(value: float, bounds: str) -> bool:
    ends, _, step = bounds.partition("/")
    low, _, high = ends.partition("..")
    return not bounds or (float(low) <= value <= float(high) and (not step or value % int(step) == 0))


def _is_base64(value: object, _: str) -> bool:
    try:
        return isinstance(value, str) and len(pybase64.b64decode(value, validate=True)) > 0
    except ValueError:
        return False


def _are_urls(value: object, bounds: str) -> bool:
    return isinstance(value, list) and _within(len(value), bounds) and all(_is_url(one, "") for one in value)


def _is_url(value: object, _: str) -> bool:
    return isinstance(value, str) and _URL.fullmatch(value) is not None


_CHECKS: Mapping[str, Callable[[object, str], bool]] = {
    "str": lambda value, _: isinstance(value, str),
    "int": lambda value, bounds: type(value) is int and _within(value, bounds),
    "num": lambda value, bounds: type(value) in (int, float) and _within(value, bounds),  # type: ignore[arg-type]
    "bool": lambda value, _: isinstance(value, bool),
    "word": lambda value, words: value in words.split(","),
    "like": lambda value, pattern: isinstance(value, str) and re.fullmatch(pattern, value) is not None,
    "url": _is_url,
    "urls": _are_urls,
    "base64": _is_base64,
    "object": lambda value, _: isinstance(value, dict),
    "list": lambda value, _: isinstance(value, list),
}
