"""The dialects that this edge speaks: the visible list. A further one is its own file or folder and a line in each of these two."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gateway.dialects import bigapi, imagegen, openai, opscenter, pixeldojo, productai
from gateway.dialects.base import Dialect

DIALECTS: tuple[Callable[[Any], Dialect], ...] = (
    openai.dialect,
    bigapi.dialect,
    imagegen.dialect,
    opscenter.dialect,
    pixeldojo.dialect,
    productai.dialect,
)
"""The first one also answers outside every dialect's prefixes. Source: contract.md."""


@dataclass(frozen=True)
class Settings(
    openai.Settings,
    bigapi.Settings,
    imagegen.Settings,
    opscenter.Settings,
    pixeldojo.Settings,
    productai.Settings,
):
    """The variables of all dialects."""
