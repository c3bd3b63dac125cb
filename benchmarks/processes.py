"""What processes cost: processor seconds and memory, from /proc."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Watched:
    """Named groups of processes; each group is a root and all that descends from it."""

    roots: Mapping[str, int]

    def cpu_seconds(self) -> dict[str, float]:
        """User and system time of each group so far, its ended and waited-for children included."""
        parents = _parents()
        return {name: sum(_cpu(pid) for pid in _tree(root, parents)) for name, root in self.roots.items()}

    def pss_bytes(self) -> dict[str, int]:
        """Proportional memory of each group: pages that n processes share count 1/n in each."""
        return self._memory("Pss")

    def rss_bytes(self) -> dict[str, int]:
        """Resident memory of each group, shared pages counted in each process."""
        return self._memory("Rss")

    def _memory(self, kind: str) -> dict[str, int]:
        parents = _parents()
        return {name: sum(_rollup(pid, kind) for pid in _tree(root, parents)) for name, root in self.roots.items()}


def _parents() -> dict[int, int]:
    found = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            fields = _stat(int(folder.name))
            if fields:
                found[int(folder.name)] = int(fields[1])
    return found


def _tree(root: int, parents: Mapping[int, int]) -> Iterable[int]:
    members, grown = {root}, True
    while grown:
        more = {pid for pid, parent in parents.items() if parent in members} - members
        members |= more
        grown = bool(more)
    return members


def _stat(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _cpu(pid: int) -> float:
    fields = _stat(pid)
    return sum(int(field) for field in fields[11:15]) / _TICKS_PER_SECOND if fields else 0.0


def _rollup(pid: int, kind: str) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{kind}:")), 0)
