"""The authority is this installation's own: a root that it trusts, and a signer's certificate that it renews.

Both are made at the first start and lie in one folder (0700): `root.pem` and `signer.pem`, each key and certificate
together (0600), replaced as one; `anchors.pem`, every root there ever was, is what a reader has to trust. A
certificate for signing lives five years longer than it signs, because a manifest without a time stamp is valid only as
long as its certificate.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from gallery.provenance.cose import PrivateKey

SIGNS_FOR: Final = timedelta(days=365)
_SIGNER_LIVES: Final = timedelta(days=6 * 365)
_ROOT_LIVES: Final = timedelta(days=30 * 365)
_LOOK_AGAIN: Final = timedelta(hours=1)
_CLOCK_SKEW: Final = timedelta(hours=1)
_CLAIM_SIGNING: Final = ObjectIdentifier("1.3.6.1.4.1.62558.2.1")
_PURPOSES: Final = (_CLAIM_SIGNING, ExtendedKeyUsageOID.EMAIL_PROTECTION)  # the second for readers older than C2PA 2.1


class CredentialUnusable(Exception):
    """The operator's certificate or key cannot sign: the message says why, for the log of the start."""


@dataclass(frozen=True, slots=True)
class Credential:
    """What signs until `expires_at`, and is to be asked for anew at `renew_at`.

    `chain_der` begins with the signer's certificate and leaves out the root; `anchors_pem` are the roots that a reader
    has to trust, empty where the operator's own are unknown.
    """

    key: PrivateKey
    chain_der: tuple[bytes, ...]
    anchors_pem: str
    renew_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class _Issued:
    key: PrivateKey
    certificate: x509.Certificate


def local_credential(folder: Path, now: datetime) -> Credential:
    """The credential of this installation, made or renewed where it is due; safe when several processes start at once."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _locked(folder):
        root = _current(folder / "root.pem", now, _SIGNER_LIVES, _new_root)
        _keep_anchor(folder / "anchors.pem", root)
        left = _SIGNER_LIVES - SIGNS_FOR
        signer = _current(folder / "signer.pem", now, left, lambda moment: _new_signer(moment, root), issuer=root)
    return Credential(
        signer.key,
        (signer.certificate.public_bytes(Encoding.DER),),
        (folder / "anchors.pem").read_text(encoding="ascii"),
        renew_at=signer.certificate.not_valid_after_utc - left,
        expires_at=signer.certificate.not_valid_after_utc,
    )


def external_credential(certificates: Path, key: Path, anchors: Path | None, now: datetime) -> Credential:
    """The operator's own: PEM files of the chain, the signer's certificate first, and of its key, unencrypted.

    The files are to be read again within the hour, so that whoever renews them need not restart anything. Raises
    CredentialUnusable, for a key of another certificate or a certificate out of its time too.
    """
    try:
        chain = x509.load_pem_x509_certificates(certificates.read_bytes())
        private = _private_key(key.read_bytes())
        anchors_pem = anchors.read_text(encoding="ascii") if anchors else ""
    except (OSError, ValueError, TypeError) as unreadable:
        raise CredentialUnusable(str(unreadable)) from unreadable
    if chain[0].public_key() != private.public_key():
        raise CredentialUnusable(f"{key} is not the key of the first certificate in {certificates}")
    if not chain[0].not_valid_before_utc <= now < chain[0].not_valid_after_utc:
        raise CredentialUnusable(f"{certificates} is valid until {chain[0].not_valid_after_utc:%Y-%m-%d} only")
    unrooted = tuple(link.public_bytes(Encoding.DER) for link in chain if link.issuer != link.subject)
    ends = chain[0].not_valid_after_utc
    return Credential(private, unrooted, anchors_pem, renew_at=min(ends, now + _LOOK_AGAIN), expires_at=ends)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _current(
    path: Path,
    now: datetime,
    left: timedelta,
    make: Callable[[datetime], _Issued],
    issuer: _Issued | None = None,
) -> _Issued:
    """What the file holds; made anew where it is missing, has less than `left` to live, or is of another issuer."""
    if path.exists():
        held = _load(path.read_bytes())
        expected = issuer.certificate.subject if issuer else held.certificate.issuer
        if held.certificate.issuer == expected and now < held.certificate.not_valid_after_utc - left:
            return held
    made = make(now)
    pem = made.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    _replace(path, pem + made.certificate.public_bytes(Encoding.PEM), mode=0o600)
    return made


def _load(pem: bytes) -> _Issued:
    return _Issued(_private_key(pem), x509.load_pem_x509_certificate(pem))


def _private_key(pem: bytes) -> PrivateKey:
    """Raises ValueError for a kind of key that signs no claims."""
    key = load_pem_private_key(pem, password=None)
    if isinstance(key, ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        return key
    raise ValueError(f"{type(key).__name__} signs no claims")


def _keep_anchor(path: Path, root: _Issued) -> None:
    pem = root.certificate.public_bytes(Encoding.PEM)
    known = path.read_bytes() if path.exists() else b""
    if pem not in known:
        _replace(path, known + pem, mode=0o644)


def _replace(path: Path, contents: bytes, mode: int) -> None:
    """Written whole beside its place, then moved there, so that a crash leaves the old file or the new one."""
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(contents)
        file.flush()
        os.fsync(descriptor)
    fresh.replace(path)


def _new_root(now: datetime) -> _Issued:
    key = ed25519.Ed25519PrivateKey.generate()
    name = _name(f"Gesso local authority {os.urandom(4).hex()}")
    builder = _certificate(name, name, key, now, _ROOT_LIVES)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_usage(certificates=True), critical=True)
    return _Issued(key, builder.sign(key, None))


def _new_signer(now: datetime, root: _Issued) -> _Issued:
    assert isinstance(root.key, ed25519.Ed25519PrivateKey)
    key = ed25519.Ed25519PrivateKey.generate()
    builder = _certificate(_name("Gesso picture signer"), root.certificate.subject, key, now, _SIGNER_LIVES)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_usage(certificates=False), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage(_PURPOSES), critical=True)
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(root.key.public_key())
    return _Issued(key, builder.add_extension(issuer, critical=False).sign(root.key, None))


def _certificate(
    subject: x509.Name, issuer: x509.Name, key: ed25519.Ed25519PrivateKey, now: datetime, lives: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCK_SKEW)
        .not_valid_after(now + lives)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _name(common: str) -> x509.Name:
    """Readers of Content Credentials show the organization as the signer."""
    pairs = ((NameOID.ORGANIZATION_NAME, "Gesso"), (NameOID.COMMON_NAME, common))
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in pairs])


def _usage(*, certificates: bool) -> x509.KeyUsage:
    """A root signs certificates, a signer signs claims, and neither does anything else."""
    return x509.KeyUsage(
        digital_signature=not certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=certificates,
        crl_sign=certificates,
        encipher_only=False,
        decipher_only=False,
    )
