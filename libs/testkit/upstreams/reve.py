"""A scripted Reve: creations, edits and remixes, pictures as bytes or base64, with what is said of them in headers."""

import json
import re
import secrets
from collections.abc import Mapping

import pybase64

from testkit.upstreams.base import Behaviour, Exchange, Recorded, Reply, ScriptedUpstream
from testkit.upstreams.fields import FieldTable
from testkit.upstreams.shaping import shaped

_KEY = re.compile(r"Bearer papi\.[\w-]+")
_PROMPT = "like=[\\s\\S]{1,2560}"
_ASKED = "aspect_ratio:word=16:9,9:16,3:2,2:3,4:3,3:4,1:1 test_time_scaling:int=1..15 postprocessing:list"
_PATHS: Mapping[str, FieldTable] = {
    "/v1/image/create": FieldTable(f"prompt*:{_PROMPT} version:word=latest,reve-create@20250915 {_ASKED}"),
    "/v1/image/edit": FieldTable(
        f"edit_instruction*:{_PROMPT} reference_image*:base64 "
        f"version:word=latest,latest-fast,reve-edit@20250915,reve-edit-fast@20251030 {_ASKED}"
    ),
    "/v1/image/remix": FieldTable(
        f"prompt*:{_PROMPT} reference_images*:list "
        f"version:word=latest,latest-fast,reve-remix@20250915,reve-remix-fast@20251030 {_ASKED}"
    ),
}
_STEPS: Mapping[str, FieldTable] = {
    "upscale": FieldTable("process* upscale_factor*:int=2..4"),
    "remove_background": FieldTable("process*"),
    "effect": FieldTable("process* effect_name* effect_parameters:object"),
}
_CREDITS = {"/v1/image/create": 18, "/v1/image/edit": 30, "/v1/image/remix": 30}
_MOST_REFERENCES = 6
_ERRORS: Mapping[str, tuple[int, str, str]] = {
    "unauthorized": (401, "INVALID_API_KEY", "The API key is not valid."),
    "out_of_quota": (402, "INSUFFICIENT_CREDITS", "The budget has been exhausted."),
    "rate_limited": (429, "RATE_LIMITED", "Too many requests."),
    "bad_field": (400, "INVALID_PARAMETER_VALUE", "A parameter has an invalid value."),
    "model_not_found": (404, "NOT_FOUND", "There is no such version."),
    "server_error": (500, "INTERNAL_ERROR", "An internal error occurred."),
}


class ReveUpstream(ScriptedUpstream):
    """The vendor's ``/v1/image``. Keys begin with ``papi.``; what breaks the table is refused as the vendor would."""

    @property
    def base_path(self) -> str:
        """None: the paths begin with the version."""
        return ""

    async def answer(self, exchange: Exchange) -> Reply:
        """Answer in the vendor's order: key, path, limits, fields, content; then the order."""
        recorded, behaviour = exchange.recorded, exchange.behaviour
        if not _KEY.fullmatch(recorded.headers.get("Authorization", "")):
            return _error("unauthorized")
        if recorded.method != "POST" or recorded.path not in _PATHS:
            return _error("model_not_found")
        if behaviour.name in _ERRORS:
            return _scripted(behaviour)
        fields = self._read(recorded)
        if fields is None:
            return _error("bad_field")
        if behaviour.name == "refusal":
            return _drawn(recorded, b"", credits_used=0, is_violation=True)
        await exchange.accept()
        return self._ordered(recorded, fields, behaviour)

    def _read(self, recorded: Recorded) -> Mapping[str, object] | None:
        fields = json.loads(recorded.body)
        broken = _PATHS[recorded.path].broken(fields) or _broken_within(fields)
        if broken:
            self.violations.append(f"{recorded.path}: {broken}")
            return None
        return dict(fields)

    def _ordered(self, recorded: Recorded, fields: Mapping[str, object], behaviour: Behaviour) -> Reply:
        if behaviour.name == "garbage":
            return Reply(content_type="text/html", body=[b"<!DOCTYPE html><html>Just a moment...</html>"])
        is_violation = behaviour.name == "output_refusal"
        data = b""
        if behaviour.name != "empty" and not is_violation:
            size = shaped(str(fields.get("aspect_ratio") or "3:2"))
            data = self.picture(behaviour, _media_type(recorded).partition("/")[2], *size)
        return _drawn(recorded, data, credits_used=_CREDITS[recorded.path], is_violation=is_violation)


def _broken_within(fields: Mapping[str, object]) -> str | None:
    references = fields.get("reference_images", [])
    assert isinstance(references, list)
    table = FieldTable("image*:base64")
    if len(references) > _MOST_REFERENCES or any(table.broken({"image": one}) for one in references):
        return "reference_images"
    steps = fields.get("postprocessing", [])
    assert isinstance(steps, list)
    known = all(one.get("process") in _STEPS and not _STEPS[one["process"]].broken(one) for one in steps)
    return None if known else "postprocessing"


def _media_type(recorded: Recorded) -> str:
    """What the picture is answered as; who wants JSON gets a PNG in it."""
    accepted = recorded.headers.get("Accept", "")
    return accepted if accepted.startswith("image/") else "image/png"


def _drawn(recorded: Recorded, data: bytes, *, credits_used: int, is_violation: bool) -> Reply:
    version = {"create": "reve-create@20250915", "edit": "reve-edit@20250915"}.get(
        recorded.path.rpartition("/")[2], "reve-remix@20250915"
    )
    request_id, left = f"rsid-{secrets.token_hex(16)}", 1000 - credits_used
    if recorded.headers.get("Accept", "").startswith("image/"):
        headers = {
            "x-reve-request-id": request_id,
            "x-reve-credits-used": str(credits_used),
            "x-reve-credits-remaining": str(left),
            "x-reve-version": version,
            "x-reve-content-violation": str(is_violation).lower(),
        }
        return Reply(content_type=_media_type(recorded), body=[data], headers=headers)
    told = {"image": pybase64.b64encode(data).decode(), "request_id": request_id, "credits_used": credits_used}
    return _json(200, {**told, "credits_remaining": left, "version": version, "content_violation": is_violation})


def _scripted(behaviour: Behaviour) -> Reply:
    headers = {"Retry-After": f"{behaviour.seconds or 1:g}"} if behaviour.name == "rate_limited" else {}
    return _error(behaviour.name, headers, status=behaviour.status if behaviour.name == "server_error" else None)


def _error(name: str, headers: Mapping[str, str] | None = None, *, status: int | None = None) -> Reply:
    usual, code, message = _ERRORS[name]
    told = {"error_code": code, "message": message, "params": {}, "instance_id": secrets.token_hex(8)}
    return _json(status or usual, told, {"x-reve-error-code": code, **(headers or {})})


def _json(status: int, body: Mapping[str, object], headers: Mapping[str, str] | None = None) -> Reply:
    return Reply(status, body=[json.dumps(body).encode()], headers=headers or {})
