"""A prompt has something to read, and no more than its model takes."""

import pytest

from gateway.prompts import check_prompt
from servicekit.faults import InvalidField


@pytest.mark.parametrize("prompt", ["", " \t\n", "\u00a0\u2003\u3000", "\u200b", "\ufeff \u200d\u2060", "\x07", "\x00"])
def test_a_prompt_that_shows_nothing_is_blank(prompt: str) -> None:
    with pytest.raises(InvalidField, match="must not be blank"):
        check_prompt(prompt, longest=10)


@pytest.mark.parametrize("prompt", [".", " \u200bx", "狐", "\U0001f98a", "\U0001f468\u200d\U0001f33e"])
def test_a_prompt_with_one_visible_mark_is_taken(prompt: str) -> None:
    check_prompt(prompt, longest=10)
