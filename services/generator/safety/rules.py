"""The rules are read strictly from TOML: groups, rules and lists of phrases, each by its name; a later file goes before an earlier.

A file holds `[lists]`, `[[group]]` and `[[rule]]` tables. What a later file says of a group that is known changes just that; its
list or rule takes the place of one of the same name, and a rule without patterns is none any more. `@name` stands for a list: as a
phrase for its phrases, as one place of a phrase for its words. phrases.py says how phrases are written.
"""

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec

from generator.safety.phrases import Phrase, parse_phrase
from generator.safety.policy import Action

RULES = Path(__file__).parent / "rules.toml"
_REFERENCE = "@"

Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]{0,49}$")]
T = TypeVar("T")


class RuleError(Exception):
    """A rule file, or the policy over it, says something that cannot be followed; the message names the place."""


class Group(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Rules with one policy. `cause` is the reason that a machine reads, `suggestion` what a person is told to do."""

    name: Name
    cause: Name
    suggestion: str
    action: Action = Action.BLOCK
    relaxable: bool = False
    """Whether an account's own preference turns it off."""
    locked: bool = False
    """Whether it blocks whatever the policy says."""


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A prompt breaks it with one of `patterns` outside of every one of `exceptions`.

    Where `near` stands, one of its phrases must stand too, with fewer than `within` words between them.
    """

    group: Name
    name: Name
    patterns: tuple[str, ...]
    near: tuple[str, ...] = ()
    within: Annotated[int, msgspec.Meta(ge=1)] = 20
    exceptions: tuple[str, ...] = ()
    refuses: tuple[str, ...] = ()
    """Prompts that break it, and"""
    passes: tuple[str, ...] = ()
    """prompts that do not: a file of the operator's whose examples do not hold is refused."""

    @property
    def id(self) -> str:
        """As it stands on a task that it flagged."""
        return f"{self.group}/{self.name}"


class RuleBook(msgspec.Struct, frozen=True, kw_only=True):
    """All groups by name, in the order in which they are named to the caller; all rules; all lists."""

    groups: Mapping[str, Group]
    rules: Sequence[Rule]
    lists: Mapping[str, tuple[str, ...]]
    own_rules: Sequence[Rule] = ()
    """Those of the operator's file."""

    def phrases(self, texts: Sequence[str]) -> Sequence[Phrase]:
        """What the texts stand for, lists resolved. Raises RuleError."""
        found: list[Phrase] = []
        for text in texts:
            if text.startswith(_REFERENCE):
                found.extend(self.phrases(self._list(text)))
                continue
            places = ("/".join(self._list(place)) if place.startswith(_REFERENCE) else place for place in text.split())
            try:
                found.extend(parse_phrase(" ".join(places)))
            except ValueError as error:
                raise RuleError(str(error)) from error
        return found

    def _list(self, reference: str) -> Sequence[str]:
        name = reference.removeprefix(_REFERENCE)
        if name not in self.lists:
            raise RuleError(f"there is no list {name!r}")
        return self.lists[name]


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    lists: dict[str, tuple[str, ...]] = {}
    group: tuple[dict[str, Any], ...] = ()
    rule: tuple[Rule, ...] = ()


def read_rules(extra_path: Path | None = None) -> RuleBook:
    """Read the rules of the house, and the operator's own file after them. Raises RuleError."""
    groups: dict[str, dict[str, Any]] = {}
    rules: dict[str, Rule] = {}
    lists: dict[str, tuple[str, ...]] = {}
    files = [_read(path) for path in (RULES, extra_path) if path is not None]
    for file in files:
        lists |= file.lists
        for group in file.group:
            name = str(group.get("name"))
            groups[name] = groups.get(name, {}) | group
        rules |= {rule.id: rule for rule in file.rule}
    book = RuleBook(
        groups={name: _converted(raw, Group, f"group {name}") for name, raw in groups.items()},
        rules=[rule for rule in rules.values() if rule.patterns],
        lists=lists,
        own_rules=[rule for file in files[1:] for rule in file.rule if rule.patterns],
    )
    for rule in book.rules:
        if rule.group not in book.groups:
            raise RuleError(f"rule {rule.id}: there is no group {rule.group!r}")
    return book


def _read(path: Path) -> _File:
    try:
        return _converted(tomllib.loads(path.read_text(encoding="utf-8")), _File, path.name)
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RuleError(f"{path}: {error}") from error


def _converted(raw: object, form: type[T], place: str) -> T:
    try:
        return msgspec.convert(raw, form)
    except msgspec.ValidationError as error:
        raise RuleError(f"{place}: {error}") from error
