"""An account's prompt policy says by group of rules what a match does; groups that it does not name keep the platform's.

Source: contract.md imagegen "Errors": a rule list as data (`block`, `flag`, off, by operator and account). Which groups there are
is known where the rules are.
"""

import re
from collections.abc import Mapping

from servicekit.faults import InvalidField

MODES = ("block", "flag", "off")
_GROUP = re.compile(r"[a-z][a-z0-9_-]{0,49}")
_MOST_GROUPS = 100


def with_changes(before: Mapping[str, str], changes: Mapping[str, str]) -> Mapping[str, str]:
    """Return the policy after changes; an empty mode gives a group back to the platform. Raises InvalidField."""
    for group, mode in changes.items():
        if not _GROUP.fullmatch(group):
            raise InvalidField("safety", f"{group!r} is no name of a group of rules.")
        if mode and mode not in MODES:
            raise InvalidField(f"safety.{group}", f"safety.{group} takes {', '.join(MODES)}.")
    after = {group: mode for group, mode in {**before, **changes}.items() if mode}
    if len(after) > _MOST_GROUPS:
        raise InvalidField("safety", f"An account's policy names at most {_MOST_GROUPS} groups.")
    return after
