"""What the Content Credentials of a picture say, and whether they hold, as the c2pa library reads them."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from typing import Any, Final

import c2pa

from pictures.facts import Buffer, Format, Manifest, Standing, media_type

_NOTHING_FETCHED: Final = {"remote_manifest_fetch": False, "ocsp_fetch": False}


def read_manifest(data: Buffer, picture_format: Format, *, anchors_pem: str = "") -> Manifest | None:
    """The manifest embedded in a picture; None where there is none.

    A manifest that cannot be read at all is INVALID. Nothing is fetched. The bytes are opened by the library's own
    parsers: call it where `Studio` does, in a child.
    """
    trust = {"trust_anchors": anchors_pem} if anchors_pem else {}
    settings = {"verify": {"verify_trust": True, **_NOTHING_FETCHED}, "trust": trust}
    try:
        with c2pa.Context.from_dict(settings) as context:
            reader = c2pa.Reader.try_create(media_type(picture_format), io.BytesIO(data), context=context)
            if reader is None:
                return None
            with reader:
                return _manifest(json.loads(reader.json()))
    except c2pa.C2paError as unreadable:
        return Manifest(Standing.INVALID, failures=(str(unreadable),))


def _manifest(report: Mapping[str, Any]) -> Manifest:
    label = report.get("active_manifest", "")
    active = report.get("manifests", {}).get(label, {})
    generators = active.get("claim_generator_info") or [{}]
    return Manifest(
        standing=Standing(report.get("validation_state", "Invalid").lower()),
        label=label,
        generator=generators[0].get("name", ""),
        issuer=active.get("signature_info", {}).get("issuer", ""),
        source_type=_source_type(active),
        failures=tuple(status["code"] for status in report.get("validation_status", ())),
    )


def _source_type(active: Mapping[str, Any]) -> str:
    """That of the last action that names one."""
    actions = [
        action
        for assertion in active.get("assertions", ())
        if assertion["label"].startswith("c2pa.actions")
        for action in assertion["data"].get("actions", ())
    ]
    return next((action["digitalSourceType"] for action in reversed(actions) if "digitalSourceType" in action), "")
