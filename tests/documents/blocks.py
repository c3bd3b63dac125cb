"""The fenced code blocks of a Markdown document, numbered as they come, each under the heading that it stands below."""

import re
from dataclasses import dataclass
from pathlib import Path

_FENCE = "```"
_HEADING = re.compile(r"^#+ +(.*?)\s*$")


@dataclass(frozen=True, slots=True)
class Block:
    """One block: `ordinal` counts from 1, `line` is that of its fence, `language` is empty where the fence names none."""

    document: str
    ordinal: int
    line: int
    language: str
    heading: str
    text: str

    @property
    def name(self) -> str:
        """As people refer to it."""
        return f"{self.document} #{self.ordinal} ({self.language or 'text'}, {self.heading!r}, line {self.line})"


def read(document: str, text: str) -> tuple[Block, ...]:
    """All blocks of a document's text, in order. Raises ValueError where the last one is not closed."""
    blocks: list[Block] = []
    heading, opened_at, language, inside = "", 0, "", list[str]()
    for number, line in enumerate(text.splitlines(), 1):
        if not opened_at:
            if line.startswith(_FENCE):
                opened_at, language, inside = number, line.removeprefix(_FENCE).strip(), []
            elif found := _HEADING.match(line):
                heading = found[1]
        elif line.rstrip() == _FENCE:
            body = "".join(f"{kept}\n" for kept in inside)
            blocks.append(Block(document, len(blocks) + 1, opened_at, language, heading, body))
            opened_at = 0
        else:
            inside.append(line)
    if opened_at:
        raise ValueError(f"the block of {document} that begins in line {opened_at} is not closed")
    return tuple(blocks)


def read_file(path: Path) -> tuple[Block, ...]:
    """All blocks of a file, which is named for its document."""
    return read(path.stem, path.read_text(encoding="utf-8"))
