"""Reads a Dockerfile into its stages, as far as this repository's goes: instructions, continued lines, comments, arguments."""

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_ARGUMENT = re.compile(r"\$\{(\w+)\}")
_INSTRUCTIONS = frozenset(
    (
        "ARG",
        "CMD",
        "COPY",
        "ENTRYPOINT",
        "ENV",
        "EXPOSE",
        "FROM",
        "HEALTHCHECK",
        "LABEL",
        "RUN",
        "STOPSIGNAL",
        "USER",
        "WORKDIR",
    )
)


@dataclass(frozen=True)
class Instruction:
    """One instruction; `words` is its text split as a shell would, its flags (`--from=build`) left out."""

    name: str
    text: str
    flags: Mapping[str, str]

    @property
    def words(self) -> list[str]:
        """The arguments; those in JSON form are read as such."""
        return list(json.loads(self.text)) if self.text.startswith("[") else shlex.split(self.text)


@dataclass(frozen=True)
class Stage:
    """A stage by its name, what it is made from, and its own instructions."""

    name: str
    base: str
    instructions: list[Instruction] = field(default_factory=list)


@dataclass(frozen=True)
class Dockerfile:
    """Every stage by name, in order, and the arguments that stand before the first."""

    stages: Mapping[str, Stage]
    arguments: Mapping[str, str]

    def chain(self, name: str) -> Sequence[Instruction]:
        """The instructions that make a stage's image, those of the stages it is made from first."""
        stage = self.stages[name]
        before = self.chain(stage.base) if stage.base in self.stages else ()
        return (*before, *stage.instructions)

    def last(self, name: str, instruction: str) -> Instruction | None:
        """The one of this name that counts for the stage's image."""
        found = [made for made in self.chain(name) if made.name == instruction]
        return found[-1] if found else None

    def environment(self, name: str) -> dict[str, str]:
        """The variables of the stage's image."""
        pairs = [word for made in self.chain(name) if made.name == "ENV" for word in made.words]
        return dict(pair.split("=", 1) for pair in pairs)


def parse(path: Path) -> Dockerfile:
    """Read the file; raises ValueError for an instruction that it does not know."""
    lines = [line for line in path.read_text().splitlines() if not line.lstrip().startswith("#")]
    stages: dict[str, Stage] = {}
    arguments: dict[str, str] = {}
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        if line.strip():
            _read(line.strip(), stages, arguments)
    return Dockerfile(stages, arguments)


def _read(line: str, stages: dict[str, Stage], arguments: dict[str, str]) -> None:
    instruction = _instruction(line)
    if instruction.name == "FROM":
        base, _, name = instruction.words
        stages[name] = Stage(name, _ARGUMENT.sub(lambda match: arguments[match[1]], base))
    elif stages:
        stages[next(reversed(stages))].instructions.append(instruction)
    else:
        name, _, default = instruction.text.partition("=")
        arguments[name] = default


def _instruction(line: str) -> Instruction:
    name, _, rest = line.partition(" ")
    if name not in _INSTRUCTIONS:
        raise ValueError(f"{name} is no instruction that is known here")
    flags: dict[str, str] = {}
    rest = rest.strip()
    while rest.startswith("--"):
        flag, _, rest = rest.partition(" ")
        key, _, value = flag.removeprefix("--").partition("=")
        flags[f"{key}{len(flags)}" if key in flags else key] = value
        rest = rest.strip()
    return Instruction(name, rest, flags)
