"""Multipart forms as values: text fields and files, each under its name, in the order in which they came.

Source: RFC 7578; `name[]` is how clients of many languages send a list.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec

from gateway.orders import Upload
from gateway.validation import explain
from servicekit.faults import InvalidField

Shape = TypeVar("Shape", bound=msgspec.Struct)


@dataclass(frozen=True, slots=True)
class Form:
    """What was sent: pairs of a name and a text or a file."""

    parts: Sequence[tuple[str, str | Upload]]

    def uploads(self, *names: str) -> list[Upload]:
        """The files under any of these names, with or without `[]` or a number between the brackets."""
        return [value for name, value in self.parts if isinstance(value, Upload) and _plain(name) in names]

    def texts(self) -> Mapping[str, str]:
        """The text fields, the last of each name; an empty one is absent."""
        return {_plain(name): value for name, value in self.parts if isinstance(value, str) and value != ""}


def _plain(name: str) -> str:
    return name.partition("[")[0]


def convert(texts: Mapping[str, Any], shape: type[Shape]) -> Shape:
    """Read text fields into a shape that also describes the JSON form: numbers and booleans from their texts.

    Raises InvalidField that names the field.
    """
    try:
        return msgspec.convert(texts, shape, strict=False)
    except msgspec.ValidationError as error:
        raise explain(str(error), shape) from None


def one_upload(form: Form, name: str) -> Upload | None:
    """The only file of this name. Raises InvalidField for several."""
    uploads = form.uploads(name)
    if len(uploads) > 1:
        raise InvalidField(name, f"`{name}` takes one file, not {len(uploads)}.")
    return uploads[0] if uploads else None
