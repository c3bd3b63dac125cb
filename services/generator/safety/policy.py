"""What becomes of a prompt that breaks a rule is decided by group: the operator's word for the account, his for all, the house's.

Source: contract.md "imagegen", Errors and Account: block, flag or off, by operator and account; `nsfw_filter` false relaxes only
what the operator's policy lets an account relax. Pure.
"""

import enum
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

_EVERY = "all"
_NONE = "none"


class Action(enum.Enum):
    """What becomes of it."""

    BLOCK = "block"
    """It is refused, before it has a price."""
    FLAG = "flag"
    """It is drawn, and its task says which rule it broke."""
    OFF = "off"


_WORDS = frozenset(action.value for action in Action)


@dataclass(frozen=True, slots=True)
class Policy:
    """An action for each group. Those in `locked` block for everybody, those in `relaxable` an account may turn off for itself."""

    actions: Mapping[str, Action]
    relaxable: frozenset[str] = frozenset()
    locked: frozenset[str] = frozenset()

    def set(self, actions: Mapping[str, Action]) -> "Policy":
        """With the operator's actions; `all` stands for every group that is not locked. Raises ValueError naming the group."""
        every = actions.get(_EVERY)
        chosen = {} if every is None else dict.fromkeys(self.actions.keys() - self.locked, every)
        for name, action in actions.items():
            if name == _EVERY:
                continue
            if name not in self.actions:
                raise ValueError(f"there is no group {name!r}; there are {', '.join(self.actions)}")
            if name in self.locked and action is not Action.BLOCK:
                raise ValueError(f"the group {name!r} always blocks")
            chosen[name] = action
        return replace(self, actions={**self.actions, **chosen})

    def letting_relax(self, groups: Collection[str]) -> "Policy":
        """With just these groups for an account to turn off. Raises ValueError naming the group that cannot be."""
        for name in groups:
            if name not in self.actions or name in self.locked:
                raise ValueError(f"no account can relax {name!r}")
        return replace(self, relaxable=frozenset(groups))

    def for_account(self, own: Mapping[str, str], *, relaxes: bool) -> Mapping[str, Action]:
        """The actions that hold for an account: `own` are the operator's words for it; `relaxes` is its own preference.

        A word that is no action, and a group that does not exist (any more), change nothing: the stricter side to err on.
        """
        actions = dict(self.actions)
        if relaxes:
            actions |= dict.fromkeys(self.relaxable, Action.OFF)
        actions |= {
            name: Action(word)
            for name, word in own.items()
            if name in self.actions and name not in self.locked and word in _WORDS
        }
        return actions


def parse_actions(text: str) -> Mapping[str, Action]:
    """Read `violence=flag,sexual=block`. Raises ValueError."""
    actions: dict[str, Action] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        name, equals, word = (piece.strip() for piece in part.partition("="))
        if not equals or word not in _WORDS:
            raise ValueError("write group=action, separated by commas; an action is block, flag or off")
        actions[name] = Action(word)
    return actions


def parse_groups(text: str) -> frozenset[str] | None:
    """Read `sexual,violence`; `none` is no group, and an empty text leaves it to the rules (None)."""
    if not text.strip():
        return None
    return frozenset() if text.strip() == _NONE else frozenset(piece.strip() for piece in text.split(","))
