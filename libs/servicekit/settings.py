"""A service's settings are one frozen dataclass: each field declares its variable, its default and its documentation.

docs/configuration.md is generated from these classes, so a variable that is read is a variable that is documented.
"""

import dataclasses
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")
_ADDRESS = re.compile(r"https?://[^/?#\s]+(?<!:)(/[^?#\s]*)?")


class SettingError(Exception):
    """A variable is missing or has a value that cannot be read; the message names it and says what it takes."""


def setting(
    env: str, doc: str, *, default: str | None = None, parse: Callable[[str], Any] = str, secret: bool = False
) -> Any:
    """Declare a field that is read from the variable `env`.

    `default` is written as the variable would be, so that the documentation shows it; None makes the variable necessary.
    `parse` turns the text into the value and raises ValueError for what it cannot read.
    """
    return dataclasses.field(metadata={"env": env, "doc": doc, "default": default, "parse": parse, "secret": secret})


def load(cls: type[T], environ: Mapping[str, str]) -> T:
    """Read every field of a settings class from the environment. Raises SettingError that names the variable."""
    assert dataclasses.is_dataclass(cls)
    return cls(**{field.name: _read(field, environ) for field in dataclasses.fields(cls)})


def flag(text: str) -> bool:
    """Read a truth value: 1, true, yes, on, or 0, false, no, off."""
    if text.lower() in {"1", "true", "yes", "on"}:
        return True
    if text.lower() in {"0", "false", "no", "off", ""}:
        return False
    raise ValueError("one of 1, true, yes, on, 0, false, no, off")


def optional_path(text: str) -> Path | None:
    """Read a path; an empty text is none."""
    return Path(text) if text else None


def base_url(text: str) -> str:
    """Read an address of http or https, without the slash at its end; an empty text is none."""
    if text and not _ADDRESS.fullmatch(text):
        raise ValueError("an address as https://images.example.com")
    return text.rstrip("/")


def _read(field: "dataclasses.Field[Any]", environ: Mapping[str, str]) -> Any:
    env, default, parse = field.metadata["env"], field.metadata["default"], field.metadata["parse"]
    text = environ.get(env) or default
    if text is None:
        raise SettingError(f"{env} must be set: {field.metadata['doc']}")
    try:
        return parse(text)
    except ValueError as error:
        if field.metadata["secret"]:  # neither the value nor what a parser quotes of it
            raise SettingError(f"{env}: cannot read its value: {field.metadata['doc']}") from None
        raise SettingError(f"{env}: cannot read {text!r}: {error}") from error
