"""COSE_Sign1 with a detached payload, as C2PA signs a claim (RFC 9052; C2PA 2.1, section 13.2)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

PrivateKey: TypeAlias = ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

_ALGORITHM_HEADER: Final = 1
_CHAIN_HEADER: Final = 33
_SIGN1_TAG: Final = 18
_SMALLEST_PADDING_BYTES: Final = 256
_LARGEST_PADDING_BYTES: Final = 65_535
_PADDING_OVERHEAD_BYTES: Final = 3


class KeyUnsuitable(Exception):
    """C2PA allows no signature by this kind of key."""


class DoesNotFit(Exception):
    """The signature cannot be padded to the length asked for; `missing_bytes` more would do, if positive."""

    def __init__(self, missing_bytes: int) -> None:
        super().__init__(f"{missing_bytes} bytes too few")
        self.missing_bytes = missing_bytes


@dataclass(frozen=True, slots=True)
class Seal:
    """What signs claims: a key with its COSE algorithm, and the protected header, encoded once."""

    sign: Callable[[bytes], bytes]
    protected: bytes
    signature_bytes: int


def seal(key: PrivateKey, chain_der: Sequence[bytes]) -> Seal:
    """`chain_der` begins with the signer's certificate and leaves out the trust anchor. Raises KeyUnsuitable."""
    algorithm, signature_bytes, sign = _signing(key)
    chain = chain_der[0] if len(chain_der) == 1 else list(chain_der)
    return Seal(sign, cbor2.dumps({_ALGORITHM_HEADER: algorithm, _CHAIN_HEADER: chain}), signature_bytes)


def sign1(seal: Seal, payload: bytes, length_bytes: int) -> bytes:
    """A tagged COSE_Sign1 over the payload, which it does not hold, of exactly `length_bytes`. Raises DoesNotFit."""
    signature = seal.sign(cbor2.dumps(["Signature1", seal.protected, b"", payload]))
    missing = length_bytes - len(_message(seal, signature, b"")) - _PADDING_OVERHEAD_BYTES + 1
    if not _SMALLEST_PADDING_BYTES <= missing <= _LARGEST_PADDING_BYTES:
        raise DoesNotFit(_SMALLEST_PADDING_BYTES - missing)
    return _message(seal, signature, bytes(missing))


def _message(seal: Seal, signature: bytes, filling: bytes) -> bytes:
    """The padding is a header of its own: `pad`, zeros, unprotected (C2PA 2.1, section 13.2.3)."""
    return cbor2.dumps(cbor2.CBORTag(_SIGN1_TAG, [seal.protected, {"pad": filling}, None, signature]))


def _signing(key: PrivateKey) -> tuple[int, int, Callable[[bytes], bytes]]:
    """The COSE algorithm, the length of its signatures and the function that makes one, by the kind of key."""
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return -8, 64, key.sign
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name in _CURVES:
        algorithm, half_bytes, digest = _CURVES[key.curve.name]
        return algorithm, 2 * half_bytes, lambda message: _ecdsa(key, message, half_bytes, digest)
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size >= 2048:
        return -37, key.key_size // 8, lambda message: _pss(key, message)
    raise KeyUnsuitable(type(key).__name__)


_CURVES: Final[Mapping[str, tuple[int, int, hashes.HashAlgorithm]]] = {
    "secp256r1": (-7, 32, hashes.SHA256()),
    "secp384r1": (-35, 48, hashes.SHA384()),
    "secp521r1": (-36, 66, hashes.SHA512()),
}


def _ecdsa(key: ec.EllipticCurvePrivateKey, message: bytes, half_bytes: int, digest: hashes.HashAlgorithm) -> bytes:
    """Deterministic (RFC 6979), so that a repeated request gives the same file; COSE wants r and s side by side."""
    r, s = decode_dss_signature(key.sign(message, ec.ECDSA(digest, deterministic_signing=True)))
    return r.to_bytes(half_bytes, "big") + s.to_bytes(half_bytes, "big")


def _pss(key: rsa.RSAPrivateKey, message: bytes) -> bytes:
    sha256 = hashes.SHA256()
    return key.sign(message, padding.PSS(padding.MGF1(sha256), sha256.digest_size), sha256)
