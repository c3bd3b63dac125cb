"""A claim is the statement that is signed: what made the picture, from what, and which bytes it is true of (C2PA 2.1)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

import cbor2

from gallery.provenance import jumbf
from pictures import slots
from pictures.facts import Format

_IPTC: Final = "http://cv.iptc.org/newscodes/digitalsourcetype/"
ACTIONS: Final = "c2pa.actions.v2"
_DATA_HASH: Final = "c2pa.hash.data"
_INGREDIENT: Final = "c2pa.ingredient.v3"
GENERATION: Final = "gesso.generation"


class SourceType(StrEnum):
    """IPTC digital source types, by what drew the picture."""

    TRAINED = _IPTC + "trainedAlgorithmicMedia"
    """A model that was trained on pictures."""
    TRAINED_COMPOSITE = _IPTC + "compositeWithTrainedAlgorithmicMedia"
    """A trained model, over a picture that was given to it."""
    ALGORITHMIC = _IPTC + "algorithmicMedia"
    """A program by rules alone, such as the sketch engine."""
    ALGORITHMIC_COMPOSITE = _IPTC + "compositeSynthetic"
    """A program by rules, over a picture that was given to it."""
    ENHANCED = _IPTC + "algorithmicallyEnhanced"
    """A given picture, changed by an algorithm: filters, matting, upscaling."""


class Role(StrEnum):
    """What a given picture was to the new one."""

    PARENT = "parentOf"
    """The new picture is an edit of it."""
    INPUT = "inputTo"
    """It guided the making of the new picture."""


CHANGES: Final[Mapping[str, str]] = {
    "resize": "c2pa.resized",
    "reencode": "c2pa.transcoded",
    "color_transfer": "c2pa.color_adjustments",
}
"""C2PA's actions by what the platform does to a picture after it was drawn."""


def source_type(*, trained: bool, composite: bool, enhanced: bool = False) -> SourceType:
    """What to call a drawn picture: by a trained model or by rules, from nothing or over a given picture; or only improved."""
    if enhanced and not trained:
        return SourceType.ENHANCED
    if trained:
        return SourceType.TRAINED_COMPOSITE if composite else SourceType.TRAINED
    return SourceType.ALGORITHMIC_COMPOSITE if composite else SourceType.ALGORITHMIC


@dataclass(frozen=True, slots=True)
class Ingredient:
    """A picture that went in, known by the SHA-256 of its bytes."""

    digest_sha256: bytes
    format: Format
    role: Role


@dataclass(frozen=True, slots=True)
class SignRequest:
    """One picture to sign.

    `digest_sha256`, `slot_offset_bytes` and `slot_length_bytes` are those of the picture's `pictures.slots.Slot`.
    `model` is the public name that was asked for, `upstream_model` the one that really ran, at `provider`.
    `parameters` are published with the picture: no prompt or secret unless its owner wants that. Raises ValueError
    for a digest of another length, a slot that cannot be, a time without a zone, a second parent, and a change that is not
    among CHANGES: what the platform itself did to the picture afterwards, in order.
    """

    digest_sha256: bytes
    format: Format
    slot_offset_bytes: int
    slot_length_bytes: int
    title: str
    model: str
    upstream_model: str
    provider: str
    source_type: SourceType
    created_at: datetime
    parameters: Mapping[str, Any] = field(default_factory=dict)
    ingredients: tuple[Ingredient, ...] = ()
    changes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if len(self.digest_sha256) != hashlib.sha256().digest_size:
            raise ValueError(f"a digest of {len(self.digest_sha256)} bytes")
        if self.slot_offset_bytes < 0 or not 0 < self.slot_length_bytes <= slots.LARGEST_SLOT_BYTES:
            raise ValueError(f"a slot of {self.slot_length_bytes} bytes at {self.slot_offset_bytes}")
        if self.slot_length_bytes % 2:
            raise ValueError("a slot of odd length")
        if self.created_at.tzinfo is None:
            raise ValueError("a time without a zone")
        if sum(ingredient.role is Role.PARENT for ingredient in self.ingredients) > 1:
            raise ValueError("more than one parent")
        if not set(self.changes) <= set(CHANGES):
            raise ValueError(f"changes of {self.changes}")


@dataclass(frozen=True, slots=True)
class Statement:
    """A manifest but for its signature: its label, the box of its assertions, and the claim to be signed."""

    label: str
    assertions: bytes
    claim: bytes


def state(request: SignRequest, generator_version: str) -> Statement:
    """What the request has signed; the same request always gives the same statement."""
    label, instance = _names(request)
    ingredients = _labelled_ingredients(request)
    links = {name: _link(name, assertion) for name, assertion in ingredients.items()}
    made = {
        **ingredients,
        ACTIONS: _assertion(ACTIONS, {"actions": _actions(request, links)}),
        GENERATION: _assertion(GENERATION, generation(request)),
        _DATA_HASH: _assertion(_DATA_HASH, _data_hash(request)),
    }
    claim = {
        "instanceID": instance,
        "claim_generator_info": {"name": "Gesso", "version": generator_version},
        "signature": f"self#jumbf=/c2pa/{label}/c2pa.signature",
        "created_assertions": [_link(name, assertion) for name, assertion in made.items()],
        "dc:title": request.title,
        "alg": "sha256",
    }
    return Statement(label, jumbf.superbox(b"c2as", "c2pa.assertions", made.values()), cbor2.dumps(claim))


def _names(request: SignRequest) -> tuple[str, str]:
    """The manifest's label and the picture's instance id: random in form, but derived, so that a retry agrees."""
    seed = cbor2.dumps([request.digest_sha256, request.title, request.provider, request.created_at])
    halves = hashlib.sha256(seed).digest()
    label, instance = (UUID(bytes=half, version=4) for half in (halves[:16], halves[16:]))
    return f"urn:c2pa:{label}", f"xmp:iid:{instance}"


def _labelled_ingredients(request: SignRequest) -> dict[str, bytes]:
    """Assertions by label; repeated labels are numbered as C2PA wants it: plain, then __1, __2."""
    labels = (_INGREDIENT if number == 0 else f"{_INGREDIENT}__{number}" for number in range(len(request.ingredients)))
    return {
        label: _assertion(label, _described(ingredient))
        for label, ingredient in zip(labels, request.ingredients, strict=True)
    }


def _described(ingredient: Ingredient) -> dict[str, Any]:
    return {
        "relationship": ingredient.role.value,
        "dc:format": f"image/{ingredient.format}",
        "instanceID": f"urn:sha256:{ingredient.digest_sha256.hex()}",
    }


def _actions(request: SignRequest, links: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A picture without a parent was created, from its inputs if it has any; one with a parent was opened and edited; then it was
    changed.
    """
    roles = dict(zip(links, (ingredient.role for ingredient in request.ingredients), strict=True))
    parents = [links[name] for name, role in roles.items() if role is Role.PARENT]
    inputs = [links[name] for name, role in roles.items() if role is Role.INPUT]
    action = creation(request)
    if inputs:
        action["parameters"] = {"ingredients": inputs}
    if parents:
        action["action"] = "c2pa.edited"
    opened = {"action": "c2pa.opened", "when": request.created_at, "parameters": {"ingredients": parents}}
    changed = [_change(request, change) for change in request.changes]
    return [opened, action, *changed] if parents else [action, *changed]


def _change(request: SignRequest, change: str) -> dict[str, Any]:
    return {"action": CHANGES[change], "when": request.created_at, "softwareAgent": {"name": "Gesso"}}


def creation(request: SignRequest) -> dict[str, Any]:
    """The action of drawing a picture from nothing."""
    return {
        "action": "c2pa.created",
        "when": request.created_at,
        "softwareAgent": {"name": request.upstream_model},
        "digitalSourceType": request.source_type.value,
    }


def generation(request: SignRequest) -> dict[str, Any]:
    """What this platform says beyond C2PA's vocabulary: the model asked for and the one that ran, where, and how."""
    return {
        "model": request.model,
        "upstreamModel": request.upstream_model,
        "provider": request.provider,
        "parameters": dict(request.parameters),
    }


def _data_hash(request: SignRequest) -> dict[str, Any]:
    return {
        "exclusions": [{"start": request.slot_offset_bytes, "length": request.slot_length_bytes}],
        "name": "jumbf manifest",
        "alg": "sha256",
        "hash": request.digest_sha256,
        "pad": b"",
    }


def _assertion(label: str, value: Mapping[str, Any]) -> bytes:
    return jumbf.superbox(b"cbor", label, [jumbf.box(b"cbor", cbor2.dumps(value))])


def _link(label: str, assertion: bytes) -> dict[str, Any]:
    """A hashed URI inside this manifest."""
    return {"url": f"self#jumbf=c2pa.assertions/{label}", "hash": jumbf.digest(assertion)}
