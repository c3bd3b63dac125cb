"""Reads parameters behind the question mark: absent, or right, or a fault that names them. Pure."""

from collections.abc import Mapping, Sequence

from servicekit.faults import InvalidField


def integer(query: Mapping[str, str], name: str, *, default: int, least: int, most: int) -> int:
    """A whole number within bounds. Raises InvalidField."""
    text = query.get(name)
    if text is None or text == "":
        return default
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) < 19) or not least <= int(text) <= most:
        raise InvalidField(name, f"`{name}` must be an integer from {least} to {most}.")
    return int(text)


def choice(query: Mapping[str, str], name: str, options: Sequence[str], *, default: str) -> str:
    """One of the listed words. Raises InvalidField."""
    text = query.get(name)
    if text is None or text == "":
        return default
    if text not in options:
        raise InvalidField(name, f"`{name}` must be one of " + ", ".join(f"`{option}`" for option in options) + ".")
    return text
