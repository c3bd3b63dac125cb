"""How a command's result is shown: a JSON object with --json, else lines for people; progress goes to stderr."""

import json
import sys
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any

Result = Mapping[str, Any] | Sequence[Mapping[str, Any]]

_BAR_WIDTH = 24
_MARK_WIDTH = 3
_STEP_SECONDS = 0.2


def show(result: Result, *, as_json: bool) -> None:
    """Print a result."""
    if as_json:
        print(json.dumps(result, ensure_ascii=False))
    elif isinstance(result, Mapping):
        _show_fields(result)
    else:
        _show_table(result)


class Progress:
    """A bar on stderr while something runs; nothing where stderr is no terminal."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._started = time.monotonic()
        self._shown = sys.stderr.isatty()

    def __enter__(self) -> "Progress":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._shown:
            print("\r\x1b[2K", end="", file=sys.stderr, flush=True)

    def wait(self, state: str, seconds: float) -> None:
        """Wait, and keep the bar in motion meanwhile."""
        ended_at = time.monotonic() + seconds
        while (left_seconds := ended_at - time.monotonic()) > 0:
            self.update(state)
            time.sleep(min(left_seconds, _STEP_SECONDS))

    def update(self, state: str, share: float | None = None) -> None:
        """Show the state and how much is done, 0..1; None where that is not known."""
        if not self._shown:
            return
        seconds = time.monotonic() - self._started
        shown = f"{self._label} [{bar(share, seconds)}] {state} {seconds:.0f} s"
        print(f"\r\x1b[2K{shown}", end="", file=sys.stderr, flush=True)


def bar(share: float | None, seconds: float) -> str:
    """How much is done; where that is not known, a mark that moves says that something is."""
    if share is not None:
        return ("━" * int(_BAR_WIDTH * share)).ljust(_BAR_WIDTH)
    return (
        ("━" * _MARK_WIDTH)
        .rjust(_MARK_WIDTH + int(seconds / _STEP_SECONDS) % _BAR_WIDTH)
        .ljust(_BAR_WIDTH)[:_BAR_WIDTH]
    )


def _show_fields(result: Mapping[str, Any]) -> None:
    """A line for each field, and below them a table for each that is a list of rows."""
    tables = {name: value for name, value in result.items() if _is_table(value)}
    width = max((len(name) for name in result if name not in tables), default=0)
    for name, value in result.items():
        if name not in tables:
            print(f"{name:<{width}}  {_text(value)}")
    for name, rows in tables.items():
        print(f"\n{name}")
        _show_table(rows)


def _is_table(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(row, Mapping) for row in value)


def _show_table(rows: Sequence[Mapping[str, Any]]) -> None:
    names = list(dict.fromkeys(name for row in rows for name in row))
    cells = [[_text(row.get(name, "")) for name in names] for row in rows]
    widths = [max(len(name), *(len(row[i]) for row in cells)) if cells else len(name) for i, name in enumerate(names)]
    for line in ([*names], *cells):
        print("  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)).rstrip())


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name}={_text(part)}" for name, part in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_text(part) for part in value)
    return "-" if value is None else str(value)
