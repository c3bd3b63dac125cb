"""Crash points are named places between two durable facts, where a test may kill or freeze this very process.

``crashpoint("generator.after_submit")`` costs a set lookup while nothing is armed. Two variables arm points:

``GESSO_CRASHPOINTS``
    ``name[:nth][:kill|hang]``, several separated by commas; read once, when the process starts.
``GESSO_CRASHPOINT_FILE``
    A path that need not exist yet. When a file with the same text appears there, the points are armed in the running
    process. Firing removes the file first, so one arming fires once: the process that is started again survives the
    point, and of two replicas that share the path one dies.

``nth`` counts passages from 1 since the arming. ``kill`` (the default) is SIGKILL: nothing is flushed, no ``finally``
runs. ``hang`` is SIGSTOP: sockets stay open, leases run out, and a test may wake the process with SIGCONT.
"""

import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

CRASHPOINTS: tuple[str, ...] = (
    "gateway.before_submit",  # the purchase is parsed, no service knows of it
    "gateway.after_submit",  # the generator has answered, the client has not been
    "generator.after_job_inserted",  # step 1: the job stands as ADMITTING, nothing is held
    "billing.before_admit_commit",  # step 2: the hold is computed, its transaction is open
    "billing.after_admit_commit",  # step 2: the hold is durable, the generator does not know
    "generator.after_hold",  # step 2: the generator knows of the hold, the task is not queued
    "generator.after_submitting",  # step 3: intent is durable, no byte has gone upstream
    "generator.after_start_capture",  # step 3, captured at the start: the hold is captured, the task runs
    "generator.after_submit",  # step 4: the vendor has answered, nothing of the answer is kept
    "generator.after_submitted",  # step 4: the vendor's id or result address is durable
    "generator.after_put",  # step 5: the bytes are in the object store, no row names them
    "gallery.before_record_commit",  # step 5: the one statement that writes the image rows is about to be sent
    "gallery.after_record_commit",  # step 5: the image rows are durable, the generator does not know
    "generator.before_kept",  # step 6: the gallery has answered, what is owed is not frozen
    "generator.after_kept",  # step 6: what is owed is durable, nothing is captured
    "billing.before_settle_commit",  # step 7: the capture is computed, its transaction is open
    "billing.after_settle_commit",  # step 7: the capture is durable, the generator does not know
    "generator.after_settle",  # step 7: the generator knows of the capture, the job still runs
    "generator.after_refund",  # step 7, captured at the start: what is not owed is refunded, the job still runs
    "generator.before_finish_commit",  # step 8: the one statement that writes state and event is about to be sent
    "generator.after_finish_commit",  # step 8: the job has ended, no one has been told
    "gateway.before_reply",  # the answer is worded, no byte of it is sent
    "outbox.after_publish",  # the receiver has the events, the outbox still lists them
    "webhooks.before_delivery",  # the delivery is leased, no byte of it is sent
    "webhooks.after_delivery",  # the endpoint has answered, the log does not say so
)

_NAMES = frozenset(CRASHPOINTS)
_SIGNALS = {"kill": signal.SIGKILL, "hang": signal.SIGSTOP}


@dataclass(frozen=True, slots=True)
class Arming:
    """One armed point: at the ``nth`` passage of ``name`` the process gets the signal that ``action`` stands for."""

    name: str
    nth: int = 1
    action: str = "kill"

    def __post_init__(self) -> None:
        assert self.name in _NAMES, f"no such crash point: {self.name}"
        assert self.nth >= 1, f"passages are counted from 1: {self.nth}"
        assert self.action in _SIGNALS, f"a crash point kills or hangs: {self.action}"


def parse_armings(text: str) -> tuple[Arming, ...]:
    """Read ``name[:nth][:kill|hang]``, separated by commas; an unknown name or word is an AssertionError."""
    return tuple(_parse_arming(part.strip()) for part in text.split(",") if part.strip())


def _parse_arming(text: str) -> Arming:
    name, *rest = text.split(":")
    nth = int(rest.pop(0)) if rest and rest[0].isdigit() else 1
    action = rest.pop(0) if rest else "kill"
    assert not rest, f"expected name[:nth][:kill|hang]: {text}"
    return Arming(name, nth, action)


class Trigger:
    """Counts passages of armed points and fires at the one that was asked for."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._standing = parse_armings(environment.get("GESSO_CRASHPOINTS", ""))
        path = environment.get("GESSO_CRASHPOINT_FILE")
        self._file = Path(path) if path else None
        self._text = ""
        self._passages: dict[str, int] = {}
        self.live = bool(self._standing or self._file)

    def passed(self, name: str) -> None:
        """Count one passage of ``name``; does not return if that was the armed one."""
        for arming in (*self._standing, *self._from_file()):
            if arming.name == name:
                self._count(arming)

    def _from_file(self) -> tuple[Arming, ...]:
        if self._file is None:
            return ()
        try:
            text = self._file.read_text()
        except FileNotFoundError:
            text = ""
        if text != self._text:
            self._text = text
            self._passages.clear()
        return parse_armings(text)

    def _count(self, arming: Arming) -> None:
        seen = self._passages[arming.name] = self._passages.get(arming.name, 0) + 1
        if seen == arming.nth and (arming in self._standing or self._claim()):
            os.kill(os.getpid(), _SIGNALS[arming.action])

    def _claim(self) -> bool:
        assert self._file is not None
        try:
            self._file.unlink()
        except FileNotFoundError:  # another replica was first: the arming is spent
            return False
        return True


_trigger = Trigger(os.environ)


def crashpoint(name: str) -> None:
    """Mark a place where a crash must do no harm; ``name`` is one of ``CRASHPOINTS``."""
    assert name in _NAMES, f"no such crash point: {name}"
    if _trigger.live:
        _trigger.passed(name)
