"""The authority makes its certificates once, renews them in time, and lets the operator bring others."""

import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from gallery.provenance.authority import SIGNS_FOR, CredentialUnusable, external_credential, local_credential
from gallery.provenance.claims import SignRequest, SourceType
from gallery.provenance.cose import seal
from gallery.provenance.signer import RenewingSigner, Signer
from pictures.facts import Standing
from pictures.inspection import inspect
from pictures.manifests import read_manifest
from pictures.slots import slot
from testkit.picture_samples import SAMPLES

NOW = datetime.now(UTC)
ExternalKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


def standing(signer: Signer, anchors_pem: str) -> Standing:
    data = SAMPLES["png"]()
    found = slot(data, inspect(data))
    assert found is not None
    where = (found.offset_bytes, found.length_bytes)
    request = SignRequest(found.digest(), "png", *where, "t", "m", "u", "p", SourceType.TRAINED, NOW)
    read = read_manifest(b"".join(found.filled(signer.sign(request))), "png", anchors_pem=anchors_pem)
    assert read is not None
    return read.standing


def modes(folder: Path) -> dict[str, str]:
    return {path.name: oct(stat.S_IMODE(path.stat().st_mode)) for path in (folder, *folder.glob("*.pem"))}


def test_the_first_start_makes_it_and_the_second_finds_it(tmp_path: Path) -> None:
    first = local_credential(tmp_path / "authority", NOW)
    second = local_credential(tmp_path / "authority", NOW + timedelta(days=1))
    assert (second.chain_der, second.anchors_pem) == (first.chain_der, first.anchors_pem)
    assert standing(Signer(seal(second.key, second.chain_der), "1"), second.anchors_pem) is Standing.TRUSTED


def test_keys_are_for_their_owner_alone(tmp_path: Path) -> None:
    local_credential(tmp_path / "authority", NOW)
    assert modes(tmp_path / "authority") == {
        "authority": "0o700",
        "root.pem": "0o600",
        "signer.pem": "0o600",
        "anchors.pem": "0o644",
    }


def test_a_signer_is_renewed_under_the_same_root(tmp_path: Path) -> None:
    first = local_credential(tmp_path, NOW)
    assert abs(first.renew_at - (NOW + SIGNS_FOR)) < timedelta(minutes=1)
    renewed = local_credential(tmp_path, first.renew_at)
    assert renewed.chain_der != first.chain_der
    assert renewed.anchors_pem == first.anchors_pem
    assert renewed.renew_at > first.renew_at
    assert x509.load_der_x509_certificate(first.chain_der[0]).not_valid_after_utc > NOW + timedelta(days=5 * 365)


def test_a_renewing_signer_changes_its_certificate_when_it_is_due(tmp_path: Path) -> None:
    signers = RenewingSigner(lambda now: local_credential(tmp_path, now), "1", NOW)
    first, due = signers.at(NOW), signers.credential.renew_at
    assert signers.at(due - timedelta(seconds=1)) is first
    assert signers.at(due).seal.protected != first.seal.protected
    assert signers.credential.renew_at > due


def test_a_renewed_certificate_of_the_operator_is_taken_up_and_a_broken_one_is_not(tmp_path: Path) -> None:
    chain, private, anchors = external(tmp_path, ec.generate_private_key(ec.SECP256R1()))
    signers = RenewingSigner(lambda now: external_credential(chain, private, anchors, now), "1", NOW)
    first = signers.at(NOW)
    external(tmp_path, ec.generate_private_key(ec.SECP256R1()))
    second = signers.at(NOW + timedelta(hours=1))
    assert second is not first
    private.write_bytes(b"half of a file")
    assert signers.at(NOW + timedelta(hours=2)) is second
    with pytest.raises(CredentialUnusable):
        signers.at(signers.credential.expires_at)


def test_a_root_is_renewed_before_it_ends_and_the_old_one_stays_an_anchor(tmp_path: Path) -> None:
    first = local_credential(tmp_path, NOW - timedelta(days=29 * 365))
    second = local_credential(tmp_path, NOW)
    assert first.anchors_pem in second.anchors_pem
    assert second.anchors_pem.count("BEGIN CERTIFICATE") == 2
    assert standing(Signer(seal(second.key, second.chain_der), "1"), second.anchors_pem) is Standing.TRUSTED


def test_services_that_start_together_agree(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(lambda _: local_credential(tmp_path, NOW), range(8)))
    assert len({credential.chain_der for credential in made}) == 1


def external(folder: Path, key: ExternalKey, *, days: int = 30) -> tuple[Path, Path, Path]:
    """A certificate of another authority: the chain with its root, the key, the anchors."""
    root_key = ec.generate_private_key(ec.SECP384R1())
    root_name, name = (
        x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Acme"), x509.NameAttribute(NameOID.COMMON_NAME, cn)])
        for cn in ("Root", "Signer")
    )
    usage = x509.KeyUsage(True, False, False, False, False, False, False, False, False)
    begins = NOW - timedelta(days=60)
    ends = NOW + timedelta(days=days)
    ski = x509.SubjectKeyIdentifier.from_public_key
    base = x509.CertificateBuilder().not_valid_before(begins).issuer_name(root_name)
    root = (
        base.subject_name(root_name)
        .public_key(root_key.public_key())
        .serial_number(1)
        .not_valid_after(NOW + timedelta(days=900))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(ski(root_key.public_key()), critical=False)
        .sign(root_key, hashes.SHA384())
    )
    leaf = (
        base.subject_name(name)
        .public_key(key.public_key())
        .serial_number(2)
        .not_valid_after(ends)
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=True)
        .add_extension(ski(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()), critical=False)
        .sign(root_key, hashes.SHA384())
    )
    paths = (folder / "chain.pem", folder / "key.pem", folder / "anchors.pem")
    paths[0].write_bytes(leaf.public_bytes(Encoding.PEM) + root.public_bytes(Encoding.PEM))
    paths[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    paths[2].write_bytes(root.public_bytes(Encoding.PEM))
    return paths


@pytest.mark.parametrize(
    "key",
    [
        ec.generate_private_key(ec.SECP256R1()),
        ec.generate_private_key(ec.SECP384R1()),
        ec.generate_private_key(ec.SECP521R1()),
        rsa.generate_private_key(65537, 2048),
    ],
    ids=["es256", "es384", "es512", "ps256"],
)
def test_an_operators_own_certificate_signs(tmp_path: Path, key: ExternalKey) -> None:
    chain, private, anchors = external(tmp_path, key)
    credential = external_credential(chain, private, anchors, NOW)
    assert len(credential.chain_der) == 1
    assert standing(Signer(seal(credential.key, credential.chain_der), "1"), credential.anchors_pem) is Standing.TRUSTED


def test_a_certificate_that_cannot_sign_is_refused_at_the_start(tmp_path: Path) -> None:
    chain, private, anchors = external(tmp_path, ec.generate_private_key(ec.SECP256R1()), days=-1)
    with pytest.raises(CredentialUnusable, match="valid until"):
        external_credential(chain, private, anchors, NOW)
    with pytest.raises(CredentialUnusable, match="No such file"):
        external_credential(tmp_path / "nothing.pem", private, None, NOW)
    other = ec.generate_private_key(ec.SECP256R1())
    private.write_bytes(other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with pytest.raises(CredentialUnusable, match="is not the key"):
        external_credential(chain, private, anchors, NOW)
    stranger = ed448.Ed448PrivateKey.generate()
    private.write_bytes(stranger.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with pytest.raises(CredentialUnusable, match="signs no claims"):
        external_credential(chain, private, anchors, NOW)
