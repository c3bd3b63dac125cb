"""A scripted Ark: Seedream's pictures by address, and errors of each of the vendor's forms, in its own words."""

import json
import math
import re
import secrets
import time
from collections.abc import Mapping

from testkit.upstreams.base import Exchange, Reply, ScriptedUpstream
from testkit.upstreams.fields import Broken, FieldTable

_KEY = re.compile(r"Bearer (?!unknown)\S{8,}")
_SIZE = re.compile(r"([0-9]+)x([0-9]+)")
_COMMON = "model* prompt* response_format:word=url,b64_json watermark:bool stream:bool image:urls=1..{images}"
_ALONE = "sequential_image_generation:word=auto,disabled sequential_image_generation_options:object"
_OPTIMIZED = "optimize_prompt_options:object"
_WORDS = "size:like=(?:{words})|[0-9]+x[0-9]+"
_FORMATS = "output_format:word=png,jpeg"
_SEEDED = "seed:int=-1..2147483647 guidance_scale:num=1..10"
# Fields by the model's beginning; the longest side, the fewest and the most pixels of a size in pixels.
_RULES: Mapping[str, tuple[FieldTable, int, int]] = {
    "dola-seedream-5-0-pro": (
        FieldTable(f"{_COMMON} {_WORDS} {_FORMATS}".format(images=10, words="1K|2K")),
        921_600,
        4_194_304,
    ),
    "seedream-5-0": (
        FieldTable(f"{_COMMON} {_ALONE} {_OPTIMIZED} {_WORDS} {_FORMATS}".format(images=14, words="2K|3K|4K")),
        3_686_400,
        16_777_216,
    ),
    "seedream-4-5": (
        FieldTable(f"{_COMMON} {_ALONE} {_OPTIMIZED} {_WORDS}".format(images=14, words="2K|4K")),
        3_686_400,
        16_777_216,
    ),
    "seedream-4-0": (
        FieldTable(f"{_COMMON} {_ALONE} {_OPTIMIZED} {_WORDS}".format(images=14, words="1K|2K|4K")),
        921_600,
        16_777_216,
    ),
    "seedream-3-0": (
        FieldTable(f"model* prompt* response_format watermark:bool size:like=[0-9]+x[0-9]+ {_SEEDED}"),
        262_144,
        4_194_304,
    ),
    "seededit-3-0": (
        FieldTable(f"model* prompt* response_format watermark:bool image*:urls=1..1 size:word=adaptive {_SEEDED}"),
        0,
        0,
    ),
}
_LONGEST_RATIO = 16
_ERRORS: Mapping[str, tuple[int, str, str]] = {
    "unauthorized": (401, "AuthenticationError", "the API key or AK/SK in the request is missing or invalid."),
    "out_of_quota": (403, "AccountOverdueError", "The request failed because your account has an overdue balance."),
    "rate_limited": (429, "RateLimitExceeded.EndpointRPMExceeded", "The Requests Per Minute limit is exceeded."),
    "model_not_found": (404, "InvalidEndpointOrModel.NotFound", "The model or endpoint does not exist."),
    "server_error": (500, "InternalServiceError", "The service encountered an unexpected internal error."),
    "refusal": (400, "InputTextSensitiveContentDetected", "The input text may contain sensitive information."),
}
_WITHHELD = {
    "code": "OutputImageSensitiveContentDetected",
    "message": "The output image may contain sensitive information.",
}
_TIERS = {"1K": 1024, "2K": 2048, "3K": 3072, "4K": 4096}


class ArkUpstream(ScriptedUpstream):
    """The vendor's ``/api/v3``. Any key of eight characters opens it that does not begin with ``unknown``."""

    @property
    def base_path(self) -> str:
        """As the SDK's base URL ends."""
        return "/api/v3"

    async def answer(self, exchange: Exchange) -> Reply:
        """Answer in the vendor's order: key, path, limits, the request, moderation."""
        recorded, behaviour = exchange.recorded, exchange.behaviour
        if not _KEY.fullmatch(recorded.headers.get("Authorization", "")):
            return _error("unauthorized")
        if (recorded.method, recorded.path) != ("POST", "/api/v3/images/generations"):
            return Reply(404, body=[b"404 page not found"], content_type="text/plain")
        fields = json.loads(recorded.body)
        if refused := self._refused(exchange, fields):
            return refused
        await exchange.accept()
        if behaviour.name == "garbage":
            return Reply(content_type="text/html", body=[b"<!DOCTYPE html><html>Just a moment...</html>"])
        return _json(200, self._drawn(exchange, fields))

    def _refused(self, exchange: Exchange, fields: Mapping[str, object]) -> Reply | None:
        behaviour = exchange.behaviour
        if broken := _broken(fields):
            self.violations.append(f"{fields.get('model')}: {broken}")
            return _invalid(broken)
        if behaviour.name == "bad_field":
            return _invalid(Broken("size", "invalid"))
        if behaviour.name not in _ERRORS:
            return None
        limited = {"Retry-After": f"{behaviour.seconds or 1:g}"} if behaviour.name == "rate_limited" else {}
        return _error(behaviour.name, limited, behaviour.status if behaviour.name == "server_error" else None)

    def _drawn(self, exchange: Exchange, fields: Mapping[str, object]) -> Mapping[str, object]:
        behaviour, (width, height) = exchange.behaviour, _sides(str(fields.get("size", "2048x2048")))
        media_type = f"image/{fields.get('output_format', 'jpeg')}"
        data: list[dict[str, object]] = []
        if behaviour.name == "output_refusal":
            data = [{"error": _WITHHELD}]
        elif behaviour.name != "empty":
            picture = self.picture(behaviour, media_type.partition("/")[2], width, height)
            url = self.results.offer(picture, media_type, behaviour=behaviour.name)
            data = [{"url": url, "size": f"{width}x{height}"}] * (2 if behaviour.name == "duplicate" else 1)
        count = sum("url" in one for one in data)
        tokens = count * width * height // 256
        usage = {"generated_images": count, "output_tokens": tokens, "total_tokens": tokens}
        return {"model": fields["model"], "created": int(time.time()), "data": data, "usage": usage}


def _rules(model: str) -> tuple[FieldTable, int, int] | None:
    return next((rules for start, rules in _RULES.items() if model.removeprefix("doubao-").startswith(start)), None)


def _broken(fields: Mapping[str, object]) -> Broken | None:
    rules = _rules(str(fields.get("model", "")))
    if rules is None:
        return Broken("model", "unknown")
    table, fewest, most = rules
    return table.broken(fields) or _badly_sized(str(fields.get("size", "")), fewest, most)


def _badly_sized(size: str, fewest: int, most: int) -> Broken | None:
    match = _SIZE.fullmatch(size)
    if match is None:
        return None
    width, height = int(match[1]), int(match[2])
    is_fine = fewest <= width * height <= most and max(width, height) <= _LONGEST_RATIO * min(width, height)
    return None if is_fine else Broken("size", "invalid")


def _sides(size: str) -> tuple[int, int]:
    if match := _SIZE.fullmatch(size):
        return int(match[1]), int(match[2])
    side = _TIERS.get(size, 1024)
    # The model finds its own shape.
    return round(side * math.sqrt(4 / 3)), round(side / math.sqrt(4 / 3))


def _invalid(broken: Broken) -> Reply:
    how = {"missing": "MissingParameter"}.get(broken.how, "InvalidParameter")
    return _worded(400, how, f"The parameter `{broken.name}` specified in the request is not valid.", broken.name)


def _error(name: str, headers: Mapping[str, str] | None = None, status: int | None = None) -> Reply:
    own_status, code, message = _ERRORS[name]
    return _worded(status or own_status, code, message, headers=headers)


def _worded(status: int, code: str, message: str, param: str = "", headers: Mapping[str, str] | None = None) -> Reply:
    text = f"{message} Request id: {secrets.token_hex(16)}"
    error = {"code": code, "message": text, "param": param, "type": "BadRequest"}
    return _json(status, {"error": error}, headers)


def _json(status: int, body: Mapping[str, object], headers: Mapping[str, str] | None = None) -> Reply:
    return Reply(status, body=[json.dumps(body).encode()], headers=headers or {})
