"""A scripted Together: pictures of open models by address or as base64, in the vendor's own words."""

import json
import re
import secrets
from collections.abc import Mapping

import pybase64

from testkit.upstreams.base import Behaviour, Exchange, Reply, ScriptedUpstream
from testkit.upstreams.fields import Broken, FieldTable

_KEY = re.compile(r"Bearer (?!unknown)\S{8,}")
_TABLE = FieldTable(
    "model*:like=[\\w-]+/[\\w.-]+ prompt* n:int=1..4 width:int=64..2048 height:int=64..2048 steps:int=1..50 seed:int"
    " guidance_scale:num negative_prompt image_url:url reference_images:urls image_loras:list"
    " output_format:word=jpeg,png response_format:word=url,base64 disable_safety_checker:bool"
)
_GRID = 16
_ERRORS: Mapping[str, tuple[int, str, str]] = {
    "unauthorized": (401, "invalid_api_key", "Invalid API key provided."),
    "out_of_quota": (402, "insufficient_quota", "Credit limit exceeded, please add a payment method."),
    "rate_limited": (429, "rate_limit", "Request was rejected due to request rate limiting."),
    "model_not_found": (404, "model_not_found", "Unable to access model. Please visit the list of models."),
    "server_error": (500, "", "Internal server error"),
    "refusal": (422, "", "NSFW content detected in the prompt. Please try again with another."),
}


class TogetherUpstream(ScriptedUpstream):
    """The vendor's API. Any key of eight characters opens it that does not begin with ``unknown``."""

    @property
    def base_path(self) -> str:
        """None, as the SDK has it: the version is part of the paths."""
        return ""

    async def answer(self, exchange: Exchange) -> Reply:
        """Answer in the vendor's order: key, path, limits, the request, moderation."""
        recorded, behaviour = exchange.recorded, exchange.behaviour
        if not _KEY.fullmatch(recorded.headers.get("Authorization", "")):
            return _error("unauthorized")
        if (recorded.method, recorded.path) != ("POST", "/v1/images/generations"):
            return _error("model_not_found")
        fields = json.loads(recorded.body)
        if refused := self._refused(fields, behaviour):
            return refused
        await exchange.accept()
        if behaviour.name == "garbage":
            return Reply(content_type="text/html", body=[b"<!DOCTYPE html><html>Just a moment...</html>"])
        told = {"id": f"o9x{secrets.token_hex(4)}", "model": fields["model"], "object": "list"}
        return _json(200, {**told, "data": self._data(fields, behaviour)})

    def _refused(self, fields: Mapping[str, object], behaviour: Behaviour) -> Reply | None:
        broken = _TABLE.broken(fields) or _off_grid(fields) or _broken_loras(fields)
        if broken:
            self.violations.append(f"{fields.get('model')}: {broken}")
        if behaviour.name == "bad_field":
            broken = Broken("steps", "invalid")
        if broken:
            return _worded(400, "invalid_request", f"{broken}", broken.name)
        if behaviour.name not in _ERRORS:
            return None
        limits = {"x-ratelimit-limit": "60", "x-ratelimit-remaining": "0", "x-ratelimit-reset": "1"}
        limited = {"Retry-After": f"{behaviour.seconds or 1:g}", **limits} if behaviour.name == "rate_limited" else {}
        return _error(behaviour.name, limited, behaviour.status if behaviour.name == "server_error" else None)

    def _data(self, fields: Mapping[str, object], behaviour: Behaviour) -> list[Mapping[str, object]]:
        if behaviour.name == "empty":
            return []
        count = int(str(fields.get("n", 1))) - (behaviour.name == "partial")
        media_type = f"image/{fields.get('output_format', 'jpeg')}"
        width, height = (int(str(fields.get(side, 1024))) for side in ("width", "height"))
        kind = media_type.partition("/")[2]
        pictures = [self.picture(behaviour, kind, width, height) for _ in range(count)]
        pictures += pictures[-1:] if behaviour.name == "duplicate" else []
        if fields.get("response_format") == "base64":
            texts = [pybase64.b64encode(picture).decode() for picture in pictures]
            return [{"index": index, "type": "b64_json", "b64_json": text} for index, text in enumerate(texts)]
        urls = [self.results.offer(picture, media_type, behaviour=behaviour.name) for picture in pictures]
        return [{"index": index, "type": "url", "url": url} for index, url in enumerate(urls)]


def _off_grid(fields: Mapping[str, object]) -> Broken | None:
    """FLUX draws multiples of 16."""
    if "FLUX" not in str(fields["model"]):
        return None
    sides = ((side, fields.get(side, _GRID)) for side in ("width", "height"))
    return next((Broken(side, "invalid") for side, value in sides if int(str(value)) % _GRID), None)


def _broken_loras(fields: Mapping[str, object]) -> Broken | None:
    loras = fields.get("image_loras", [])
    assert isinstance(loras, list)
    if loras and not str(fields["model"]).endswith("-lora"):
        return Broken("image_loras", "unknown")
    is_fine = all(isinstance(one.get("path"), str) and type(one.get("scale")) in (int, float) for one in loras)
    return None if is_fine else Broken("image_loras", "invalid")


def _error(name: str, headers: Mapping[str, str] | None = None, status: int | None = None) -> Reply:
    own_status, code, message = _ERRORS[name]
    return _worded(status or own_status, code, message, headers=headers)


def _worded(
    status: int, code: str, message: str, param: str | None = None, headers: Mapping[str, str] | None = None
) -> Reply:
    error = {"message": message, "type": "invalid_request_error", "param": param, "code": code or None}
    return _json(status, {"id": secrets.token_hex(8), "error": error}, headers)


def _json(status: int, body: Mapping[str, object], headers: Mapping[str, str] | None = None) -> Reply:
    return Reply(status, body=[json.dumps(body).encode()], headers=headers or {})
