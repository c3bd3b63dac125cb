"""The environment variables of providers: declared as data beside the factory that opens one, and read by nothing but this file.

docs/configuration.md lists what the installed factories declare, and the registry gives a factory no other variable.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from servicekit.settings import SettingError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable: its name, what it means, and what holds where it is unset or empty."""

    name: str
    doc: str
    default: str = ""
    needed: bool = False
    """Whether the provider is not configured without it."""
    secret: bool = False


def value_of(environ: Mapping[str, str], variable: Variable) -> str:
    """The variable's value, or its default."""
    return environ.get(variable.name) or variable.default


def parsed_value(environ: Mapping[str, str], variable: Variable, parse: Callable[[str], T]) -> T:
    """The variable's value as `parse` reads it. Raises SettingError, which names the variable, where that raises ValueError."""
    text = value_of(environ, variable)
    try:
        return parse(text)
    except ValueError as error:
        # What a parser says may quote the value.
        shown = "its value" if variable.secret else f"{text!r}: {error}"
        raise SettingError(f"{variable.name}: cannot read {shown}") from error


def declared(environ: Mapping[str, str], variables: Sequence[Variable]) -> Mapping[str, str]:
    """What of the environment the variables name."""
    return {variable.name: environ[variable.name] for variable in variables if variable.name in environ}


def missing(environ: Mapping[str, str], variables: Sequence[Variable]) -> Sequence[str]:
    """The names of the variables that are needed and have no value."""
    return [variable.name for variable in variables if variable.needed and not value_of(environ, variable)]
