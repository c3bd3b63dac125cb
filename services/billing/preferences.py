"""Preferences say what is done for an account where a request leaves it open; what is None is the platform's default.

Source: imagegen-v2.md "User Profile", and contract.md imagegen "Account": `PATCH` sets preferences, which take effect.
"""

import dataclasses
import re
from typing import Any

from billing.checks import text
from servicekit.faults import InvalidField

_SIZE = re.compile(r"([1-9][0-9]{1,3})x([1-9][0-9]{1,3})")
_SMALLEST, _LARGEST, _STEP = 64, 2048, 8
_LONGEST_MODEL = 200


@dataclasses.dataclass(frozen=True, slots=True)
class Preferences:
    """`default_model` is a public model, `default_size` as `1024x1024`, `auto_save_gallery` whether pictures stay there."""

    default_model: str | None = None
    default_size: str | None = None
    nsfw_filter: bool | None = None
    auto_save_gallery: bool | None = None

    @property
    def relaxes_safety(self) -> bool:
        """Whether the account asks for fewer rules; which of them it may relax is the platform's policy."""
        return self.nsfw_filter is False

    def present(self) -> dict[str, Any]:
        """Return those that are not the platform's."""
        return {name: value for name, value in dataclasses.asdict(self).items() if value is not None}


PLATFORMS_OWN = Preferences()


def merged(before: Preferences, wanted: Preferences) -> Preferences:
    """Return the preferences with those that are wanted. Raises InvalidField."""
    return dataclasses.replace(before, **_checked(wanted).present())


def _checked(wanted: Preferences) -> Preferences:
    if wanted.default_model is not None:
        text("preferences.default_model", wanted.default_model, longest=_LONGEST_MODEL)
    if wanted.default_size is not None:
        _check_size("preferences.default_size", wanted.default_size)
    return wanted


def _check_size(field: str, size: str) -> None:
    found = _SIZE.fullmatch(size)
    sides = [int(side) for side in found.groups()] if found else []
    if not sides or any(side % _STEP or not _SMALLEST <= side <= _LARGEST for side in sides):
        raise InvalidField(
            field, f"{field} takes WIDTHxHEIGHT, each {_SMALLEST} to {_LARGEST} and a multiple of {_STEP}."
        )
