"""Counts a prompt's tokens as this API does: a pure rule on text.

Source: contract.md, "bigapi": runs of letters and digits together, single other characters that are no space, and each ideograph,
kana or hangul syllable.
"""

import re

from servicekit.faults import InvalidField

MAX_TOKENS = 480

_ALONE = (
    "\u3005-\u3007\u3021-\u3029\u3038-\u303b"  # ideographic marks and numerals
    "\u3040-\u30ff\u31f0-\u31ff\uff66-\uff9f\U0001aff0-\U0001b16f"  # kana
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # ideographs
    "\uac00-\ud7a3"  # hangul syllables
)
_TOKEN = re.compile(rf"[{_ALONE}]|[^\W_{_ALONE}]+|\S")


def token_count(text: str) -> int:
    """How many tokens a prompt has."""
    return sum(1 for _ in _TOKEN.finditer(text))


def check_tokens(prompt: str, field: str) -> None:
    """Raise InvalidField for a prompt of more than `MAX_TOKENS`."""
    if len(prompt) <= MAX_TOKENS:
        return
    count = token_count(prompt)
    if count > MAX_TOKENS:
        raise InvalidField(field, f"`{field}` must have at most {MAX_TOKENS} tokens, not {count}.")
