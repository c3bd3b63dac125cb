"""What the signer makes of a digest is, to the c2pa library, a trusted statement about the whole picture."""

import io
import json
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import c2pa
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from gallery.provenance.authority import Credential
from gallery.provenance.claims import Ingredient, Role, SignRequest, SourceType, source_type
from gallery.provenance.cose import KeyUnsuitable, seal
from gallery.provenance.library import sign_whole
from gallery.provenance.signer import Signer, SlotTooSmall
from pictures.facts import Format, Standing, media_type
from pictures.inspection import inspect
from pictures.manifests import read_manifest
from pictures.slots import slot
from pictures.studio import Studio
from testkit.picture_samples import SAMPLES, animated, draw, encoded

PICTURES: Mapping[str, bytes] = {
    "png": encoded(draw(200, 150), "PNG"),
    "jpeg": encoded(draw(200, 150), "JPEG"),
    "jpeg-progressive": encoded(draw(200, 150), "JPEG", progressive=True),
    "webp": encoded(draw(200, 150), "WEBP"),
    "webp-odd": encoded(draw(81, 61), "WEBP", quality=77),
    "webp-alpha": encoded(draw(200, 150, "RGBA"), "WEBP"),
    "webp-lossless": encoded(draw(200, 150, "RGBA"), "WEBP", lossless=True),
    "webp-animated": animated("WEBP"),
}
PARENT = Ingredient(b"\x01" * 32, "png", Role.PARENT)
INPUT = Ingredient(b"\x02" * 32, "jpeg", Role.INPUT)
CREATED = datetime(2026, 11, 20, 12, 30, tzinfo=UTC)


def request_for(data: bytes, length: int = 4096) -> SignRequest:
    found = slot(data, inspect(data), length)
    assert found is not None
    return SignRequest(
        digest_sha256=found.digest(),
        format=found.format,
        slot_offset_bytes=found.offset_bytes,
        slot_length_bytes=found.length_bytes,
        title="img_01j9",
        model="dall-e-3",
        upstream_model="gpt-image-1",
        provider="openai",
        source_type=SourceType.TRAINED,
        created_at=CREATED,
        parameters={"size": "1024x1024", "seed": 7, "strength": 0.75},
    )


def signed(data: bytes, signer: Signer, request: SignRequest | None = None) -> bytes:
    asked = request or request_for(data)
    found = slot(data, inspect(data), asked.slot_length_bytes)
    assert found is not None
    return b"".join(found.filled(signer.sign(asked)))


def report(data: bytes, anchors_pem: str) -> dict[str, Any]:
    settings = {"trust": {"trust_anchors": anchors_pem}}
    with c2pa.Context.from_dict(settings) as context:
        reader = c2pa.Reader(media_type(inspect(data).format), io.BytesIO(data), context=context)
        read: dict[str, Any] = json.loads(reader.json())
    return read


@pytest.fixture(scope="module")
def signer(credential: Credential) -> Signer:
    return Signer(seal(credential.key, credential.chain_der), "0.1.0")


@pytest.mark.parametrize("name", PICTURES)
def test_a_signed_picture_is_trusted(name: str, signer: Signer, credential: Credential) -> None:
    read = report(signed(PICTURES[name], signer), credential.anchors_pem)
    assert read["validation_state"] == "Trusted"
    assert "validation_status" not in read


@pytest.mark.parametrize("ingredients", [(INPUT,), (INPUT, INPUT), (PARENT,), (PARENT, INPUT)])
@pytest.mark.parametrize("name", ["png", "jpeg", "webp"])
def test_pictures_made_of_others_are_trusted(
    name: str, ingredients: tuple[Ingredient, ...], signer: Signer, credential: Credential
) -> None:
    request = replace(request_for(PICTURES[name]), ingredients=ingredients)
    read = report(signed(PICTURES[name], signer, request), credential.anchors_pem)
    assert read["validation_state"] == "Trusted"
    shown = read["manifests"][read["active_manifest"]]["ingredients"]
    assert [one["relationship"] for one in shown] == [one.role.value for one in ingredients]
    assert shown[0]["instance_id"] == f"urn:sha256:{ingredients[0].digest_sha256.hex()}"


def test_the_manifest_says_which_model_really_ran(signer: Signer, credential: Credential) -> None:
    read = report(signed(PICTURES["png"], signer), credential.anchors_pem)
    manifest = read["manifests"][read["active_manifest"]]
    assertions = {one["label"]: one["data"] for one in manifest["assertions"]}
    (action,) = assertions["c2pa.actions.v2"]["actions"]
    assert action["action"] == "c2pa.created"
    assert action["when"] == "2026-11-20T12:30:00Z"
    assert action["softwareAgent"] == {"name": "gpt-image-1"}
    assert action["digitalSourceType"].endswith("/trainedAlgorithmicMedia")
    assert assertions["gesso.generation"] == {
        "model": "dall-e-3",
        "upstreamModel": "gpt-image-1",
        "provider": "openai",
        "parameters": {"size": "1024x1024", "seed": 7, "strength": 0.75},
    }
    assert manifest["claim_generator_info"][0] == {"name": "Gesso", "version": "0.1.0"}
    assert manifest["title"] == "img_01j9"


@pytest.mark.parametrize("name", ["png", "jpeg", "webp"])
def test_the_manifest_says_what_was_done_to_the_picture_afterwards_within_the_usual_slot(
    name: str, signer: Signer, credential: Credential
) -> None:
    request = replace(request_for(PICTURES[name]), changes=("color_transfer", "resize", "reencode"))
    read = report(signed(PICTURES[name], signer, request), credential.anchors_pem)
    assert read["validation_state"] == "Trusted"
    (actions,) = [
        one["data"]["actions"]
        for one in read["manifests"][read["active_manifest"]]["assertions"]
        if one["label"] == "c2pa.actions.v2"
    ]
    said = [(one["action"], one["softwareAgent"]["name"]) for one in actions]
    assert said == [
        ("c2pa.created", "gpt-image-1"),
        ("c2pa.color_adjustments", "Gesso"),
        ("c2pa.resized", "Gesso"),
        ("c2pa.transcoded", "Gesso"),
    ]


@pytest.mark.parametrize("source", SourceType)
def test_every_source_type_is_accepted(source: SourceType, signer: Signer, credential: Credential) -> None:
    request = replace(request_for(PICTURES["jpeg"]), source_type=source)
    data = signed(PICTURES["jpeg"], signer, request)
    found = read_manifest(data, "jpeg", anchors_pem=credential.anchors_pem)
    assert found is not None
    assert (found.standing, found.source_type) == (Standing.TRUSTED, source.value)


def test_the_sketch_engine_is_no_trained_model() -> None:
    assert source_type(trained=False, composite=False).endswith("/algorithmicMedia")
    assert source_type(trained=True, composite=False).endswith("/trainedAlgorithmicMedia")
    assert source_type(trained=True, composite=True).endswith("/compositeWithTrainedAlgorithmicMedia")
    assert source_type(trained=False, composite=True).endswith("/compositeSynthetic")


def test_a_picture_that_was_only_improved_is_no_synthesis() -> None:
    assert source_type(trained=False, composite=True, enhanced=True).endswith("/algorithmicallyEnhanced")
    assert source_type(trained=True, composite=True, enhanced=True).endswith("/compositeWithTrainedAlgorithmicMedia")


@pytest.mark.parametrize("name", ["png", "jpeg", "webp"])
def test_one_changed_byte_of_the_picture_is_noticed(name: str, signer: Signer, credential: Credential) -> None:
    data = bytearray(signed(PICTURES[name], signer))
    at = request_for(PICTURES[name]).slot_offset_bytes
    data[at - 20 if name == "webp" else -20] ^= 1
    found = read_manifest(data, inspect(PICTURES[name]).format, anchors_pem=credential.anchors_pem)
    assert found is not None
    assert found.standing is Standing.INVALID
    assert "assertion.dataHash.mismatch" in found.failures


def test_a_manifest_that_was_moved_to_another_picture_is_noticed(signer: Signer, credential: Credential) -> None:
    stolen = signer.sign(request_for(PICTURES["jpeg"]))
    found = slot(PICTURES["jpeg-progressive"], inspect(PICTURES["jpeg-progressive"]), len(stolen))
    assert found is not None
    read = read_manifest(b"".join(found.filled(stolen)), "jpeg", anchors_pem=credential.anchors_pem)
    assert read is not None
    assert read.standing is Standing.INVALID


def test_without_our_anchor_the_manifest_is_whole_but_of_a_stranger(signer: Signer) -> None:
    found = read_manifest(signed(PICTURES["png"], signer), "png")
    assert found is not None
    assert found.standing is Standing.VALID
    assert (found.generator, found.issuer) == ("Gesso", "Gesso")


@pytest.mark.parametrize("name", SAMPLES)
def test_a_picture_without_manifest_has_none(name: Format) -> None:
    assert read_manifest(SAMPLES[name](), name) is None


def test_a_mangled_manifest_is_invalid_and_no_crash(signer: Signer) -> None:
    data = bytearray(signed(PICTURES["jpeg"], signer))
    start = request_for(PICTURES["jpeg"]).slot_offset_bytes
    for step in range(60):
        mangled = bytearray(data)
        mangled[start + 20 + 31 * step] ^= 0x5A
        found = read_manifest(mangled, "jpeg")
        assert found is not None
        assert found.standing in Standing


async def test_the_studio_reads_a_manifest_in_a_child(signer: Signer, credential: Credential) -> None:
    data = signed(PICTURES["webp"], signer)
    async with Studio() as studio:
        trusted = await studio.manifest(data, anchors_pem=credential.anchors_pem)
        assert trusted == read_manifest(data, "webp", anchors_pem=credential.anchors_pem)
        assert trusted is not None
        assert trusted.standing is Standing.TRUSTED
        moved = await studio.manifest(data[:-1] + bytes([data[-1] ^ 1]))
    assert moved is not None
    assert moved.standing is not Standing.TRUSTED


def test_the_same_request_gives_the_same_bytes(signer: Signer) -> None:
    request = request_for(PICTURES["png"])
    assert signer.sign(request) == signer.sign(request)


def test_a_slot_that_is_too_small_says_what_would_do(signer: Signer, credential: Credential) -> None:
    with pytest.raises(SlotTooSmall) as caught:
        signer.sign(request_for(PICTURES["png"], 1024))
    length = caught.value.required_bytes
    data = signed(PICTURES["png"], signer, request_for(PICTURES["png"], length))
    assert report(data, credential.anchors_pem)["validation_state"] == "Trusted"
    with pytest.raises(SlotTooSmall):
        signer.sign(request_for(PICTURES["png"], length - 4))


@pytest.mark.parametrize(
    "change",
    [
        {"digest_sha256": b"short"},
        {"slot_length_bytes": 4095},
        {"slot_length_bytes": 0},
        {"slot_length_bytes": 1 << 20},
        {"slot_offset_bytes": -1},
        {"created_at": datetime(2026, 1, 1)},  # noqa: DTZ001
        {"ingredients": (PARENT, PARENT)},
        {"changes": ("resize", "polish")},
    ],
)
def test_a_request_that_cannot_be_is_refused(change: Mapping[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"a |parent|changes"):
        replace(request_for(PICTURES["png"]), **change)


@pytest.mark.parametrize("name", SAMPLES)
def test_the_library_signs_every_format_whole(name: Format, credential: Credential) -> None:
    data = SAMPLES[name]()
    request = replace(request_for(PICTURES["png"]), format=name)
    whole = sign_whole(data, request, credential, "0.1.0")
    found = read_manifest(whole, name, anchors_pem=credential.anchors_pem)
    assert found is not None
    assert found.standing is Standing.TRUSTED
    assert found.source_type == SourceType.TRAINED.value
    assert inspect(whole).has_manifest


def test_a_key_that_signs_no_claims_is_unsuitable() -> None:
    with pytest.raises(KeyUnsuitable):
        seal(ec.generate_private_key(ec.SECP256K1()), [b""])


def test_a_signature_costs_well_under_a_millisecond(signer: Signer) -> None:
    request = request_for(PICTURES["png"])
    rounds = []
    for _ in range(10):  # what others do on this machine can only add to what is measured
        started = time.thread_time()
        for _ in range(10):
            signer.sign(request)
        rounds.append((time.thread_time() - started) / 10)
    assert min(rounds) < 1e-3, rounds
