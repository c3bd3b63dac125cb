"""Callers' own provider keys are sealed to the generator's key at the edge, and opened only where the order is placed."""

import secrets

from gesso.errors.v1 import reason_pb2 as pb
from gesso.generator.v1.generator_pb2 import SealingKey
from servicekit.faults import Fault
from servicekit.sealing import KEY_BYTES, NotSealedForUs, key_id_of, public_key_of, unseal


def parse_sealing_key(text: str) -> bytes:
    """Read GESSO_SEALING_KEY: 64 hex digits, the same on every replica. Raises ValueError."""
    key = bytes.fromhex(text)
    if len(key) != KEY_BYTES:
        raise ValueError(f"a sealing key has {KEY_BYTES * 2} hex digits")
    return key


def new_sealing_key() -> bytes:
    """A private key for a platform that was given none: boxes sealed to it are lost with the process."""
    return secrets.token_bytes(KEY_BYTES)


class Sealing:
    """One private key, and what is sealed to it."""

    def __init__(self, private_key: bytes) -> None:
        """Hold the private key (32 bytes)."""
        self._private_key = private_key
        public_key = public_key_of(private_key)
        self._public = SealingKey(key_id=key_id_of(public_key), public_key=public_key)

    def public(self) -> SealingKey:
        """What the edge seals to."""
        return self._public

    def open(self, sealed: bytes) -> str:
        """The secret in a box. Raises Fault SECRET_LOST for one that this key does not open: nothing was bought with it."""
        try:
            return unseal(self._private_key, sealed)
        except NotSealedForUs:
            raise Fault(
                pb.REASON_SECRET_LOST, "The provider key of this request can no longer be read; send the request again."
            ) from None
