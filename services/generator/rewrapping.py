"""When the operator changes keys, every stored provider key is put under the current one: in batches, each of which is for good."""

import logging
from collections import Counter
from dataclasses import dataclass

from generator.keyring import CannotOpen, Envelope, Keyring, purpose_of
from generator.store import provider_keys
from generator.store.provider_keys import StoredKey
from servicekit.database import Database
from servicekit.faults import Conflict

_BATCH = 500
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Rewrapped:
    """How many keys were sealed anew, and how many rested under the current key before."""

    rewrapped: int
    current: int


async def rewrap_all(database: Database, keyring: Keyring) -> Rewrapped:
    """Put all under the current key; broken off, the same call goes on where it was.

    Raises Unavailable, and Conflict for keys that rest under one that the ring lacks: those are left as they are, all others done.
    """
    current = await provider_keys.count_under(database, keyring.current_id)
    lost: Counter[str] = Counter()
    rewrapped, after = 0, ("", "")
    while batch := await provider_keys.not_under(database, keyring.current_id, after=after, limit=_BATCH):
        changed = []
        for key in batch:
            envelope = _rewrapped(keyring, key)
            if envelope is None:
                lost[key.envelope.key_id] += 1
            else:
                changed.append((key, envelope))
        rewrapped += await provider_keys.reseal(database, changed)
        after = batch[-1].account_id, batch[-1].provider
    _log.info("%d provider keys were sealed anew under %s", rewrapped, keyring.current_id)
    if lost:
        raise _unopened(lost)
    return Rewrapped(rewrapped, current)


def _rewrapped(keyring: Keyring, key: StoredKey) -> Envelope | None:
    try:
        return keyring.rewrap(key.envelope, purpose_of(key.account_id, key.provider))
    except CannotOpen:
        return None


def _unopened(lost: Counter[str]) -> Conflict:
    listed = ", ".join(f"{count} under {key_id!r}" for key_id, count in sorted(lost.items()))
    return Conflict(
        "secrets key",
        min(lost),
        "missing",
        f"Some provider keys cannot be opened with the keys of GESSO_SECRETS_KEYS ({listed}); all others are done.",
    )
