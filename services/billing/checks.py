"""What a caller can send wrong is refused here, with the field's name, before anything is written."""

import re

from servicekit.faults import InvalidField

MOST_MICROS = 10**15
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_EMAIL = re.compile(r"[^\s@<>]{1,64}@[^\s@<>]{1,189}")  # at most 254 in all: RFC 5321


def text(field: str, value: str, *, longest: int) -> str:
    """Return 1 to `longest` characters without control characters. Raises InvalidField."""
    if not value.strip() or len(value) > longest or _CONTROL.search(value):
        raise InvalidField(field, f"{field} takes 1 to {longest} characters without control characters.")
    return value


def optional_text(field: str, value: str, *, longest: int) -> str:
    """Return at most `longest` characters without control characters. Raises InvalidField."""
    return text(field, value, longest=longest) if value else ""


def email(value: str) -> str:
    """Return an address by its form alone, or nothing. Raises InvalidField."""
    if value and (not _EMAIL.fullmatch(value) or _CONTROL.search(value)):
        raise InvalidField("email", "email takes an address as ada@example.com, or nothing.")
    return value


def within(field: str, value: int, least: int, most: int) -> int:
    """Return a number of the range. Raises InvalidField."""
    if not least <= value <= most:
        raise InvalidField(field, f"{field} takes {least} to {most}.")
    return value


def page_size(value: int) -> int:
    """Return the size of a page: 1 to 1000, and 100 where 0 was sent. Raises InvalidField."""
    return within("page_size", value, 0, 1000) or 100
