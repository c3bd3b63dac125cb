"""Checks that every dialect makes of a prompt. Pure. Source: contract.md, "Requests and answers"."""

import unicodedata

from servicekit.faults import InvalidField

_UNSEEN = frozenset({"Cc", "Cf"})
"""Unicode's categories of controls and of marks without a shape, as U+200B."""


def check_prompt(prompt: str, *, longest: int, field: str = "prompt", model: str = "") -> None:
    """Raise InvalidField for a prompt that is blank, holds U+0000, or has more than `longest` characters."""
    if _is_blank(prompt):
        raise InvalidField(field, f"`{field}` must not be blank.")
    check_text(prompt, longest=longest, field=field, model=model)


def check_text(text: str, *, longest: int, field: str, model: str = "") -> None:
    """Raise InvalidField for a text that holds U+0000 or has more than `longest` characters; `model` is whose bound that is."""
    if "\x00" in text:
        raise InvalidField(field, f"`{field}` must not hold the character U+0000.")
    if len(text) > longest:
        of_model = f" for {model}" if model else ""
        raise InvalidField(field, f"`{field}` must have at most {longest} characters{of_model}, not {len(text)}.")


def _is_blank(prompt: str) -> bool:
    """Whether a prompt shows nothing: spaces, controls and invisible marks are no words."""
    return all(mark.isspace() or unicodedata.category(mark) in _UNSEEN for mark in prompt)
