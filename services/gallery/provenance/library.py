"""The c2pa library signs whole pictures, for the formats that have no slot and as the oracle of the tests."""

from __future__ import annotations

import io
from typing import Any

import c2pa
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from gallery.provenance import claims
from gallery.provenance.authority import Credential
from gallery.provenance.claims import SignRequest
from gallery.provenance.cose import PrivateKey
from pictures.facts import Buffer, media_type


def sign_whole(data: Buffer, request: SignRequest, credential: Credential, generator_version: str) -> bytes:
    """The picture with its manifest, of any format; milliseconds of CPU, so call it off the event loop.

    The digest and the slot of the request are not looked at, and its ingredients are left out: the library would
    want their bytes. Raises c2pa.C2paError when the library cannot place a manifest in these bytes.
    """
    definition = _definition(request, generator_version)
    settings = {"builder": {"thumbnail": {"enabled": False}}, "verify": {"verify_after_sign": False}}
    signed = io.BytesIO()
    with (
        c2pa.Context.from_dict(settings) as context,
        c2pa.Builder(definition, context=context) as builder,
        c2pa.Signer.from_info(_signer_info(credential)) as signer,
    ):
        builder.sign(signer, media_type(request.format), io.BytesIO(data), signed)
    return signed.getvalue()


def _definition(request: SignRequest, generator_version: str) -> dict[str, Any]:
    action = {**claims.creation(request), "when": request.created_at.isoformat()}
    return {
        "claim_generator_info": [{"name": "Gesso", "version": generator_version}],
        "title": request.title,
        "assertions": [
            {"label": claims.ACTIONS, "data": {"actions": [action]}, "created": True},
            {"label": claims.GENERATION, "data": claims.generation(request), "created": True},
        ],
    }


def _signer_info(credential: Credential) -> c2pa.C2paSignerInfo:
    chain = b"".join(x509.load_der_x509_certificate(link).public_bytes(Encoding.PEM) for link in credential.chain_der)
    key = credential.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return c2pa.C2paSignerInfo(_algorithm(credential.key), chain, key, None)


def _algorithm(key: PrivateKey) -> bytes:
    """The library's name of the signature that this key makes."""
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return b"ed25519"
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return {256: b"es256", 384: b"es384", 521: b"es512"}[key.key_size]
    return b"ps256"
