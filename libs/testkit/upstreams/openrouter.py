"""A scripted OpenRouter: its API for images and its chat completions, with the cost in the usage, in the vendor's own words."""

import json
import re
import secrets
import time
from collections.abc import Mapping

import pybase64

from testkit.upstreams.base import Behaviour, Exchange, Recorded, Reply, ScriptedUpstream
from testkit.upstreams.fields import Broken, FieldTable
from testkit.upstreams.shaping import shaped

_IMAGES, _CHAT = "/api/v1/images", "/api/v1/chat/completions"
_KEY = re.compile(r"Bearer sk-or-\S{8,}")
_RATIOS = "1:1,1:2,1:4,1:8,2:1,2:3,3:2,3:4,4:1,4:3,4:5,5:2,5:4,5:7,7:5,8:1,9:16,16:9,9:20,20:9,9:21,21:9,auto"
_TABLES: Mapping[str, FieldTable] = {
    _IMAGES: FieldTable(
        f"model*:like=[a-z0-9-]+/[a-z0-9.-]+ prompt* n:int=1..10 size:like=[24]K|[0-9]+x[0-9]+ aspect_ratio:word={_RATIOS}"
        " resolution:word=512,768,1K,1.5K,2K,4K quality:word=auto,low,medium,high,xhigh,max"
        " background:word=auto,transparent,opaque output_format:word=png,jpeg,webp,svg output_compression:int=0..100"
        " input_references:list seed:int stream:bool user session_id provider:object"
    ),
    _CHAT: FieldTable(
        "model*:like=[a-z0-9-]+/[a-z0-9.-]+ messages*:list modalities*:list image_config:object usage:object user seed:int"
    ),
}
_CONFIGURATION = FieldTable(f"aspect_ratio:word={_RATIOS} image_size:word=512,1K,2K,4K")
_SINGLE = ("google/", "bytedance-seed/", "black-forest-labs/")
"""Whose providers draw one picture at a time."""
_ERRORS: Mapping[str, tuple[int, str]] = {
    "unauthorized": (401, "User not found."),
    "out_of_quota": (402, "Insufficient credits. Add more using https://openrouter.ai/settings/credits"),
    "rate_limited": (429, "Rate limit exceeded: free-models-per-min."),
    "model_not_found": (404, "No endpoints found for this model."),
    "server_error": (500, "Internal Server Error"),
    "bad_field": (400, "Invalid input: aspect_ratio is not supported by this model"),
}
_MODERATED = {"reasons": ["violence"], "flagged_input": "a fox", "provider_name": "OpenAI", "model_slug": "openai/x"}
_COST_USD = 0.0336
_SIDES = {"512": 512, "1K": 1024, "2K": 2048, "4K": 4096}


class OpenRouterUpstream(ScriptedUpstream):
    """The vendor's ``/api/v1``. Keys begin with ``sk-or-``. Each picture costs 0.0336 USD."""

    @property
    def base_path(self) -> str:
        """The version."""
        return "/api/v1"

    async def answer(self, exchange: Exchange) -> Reply:
        """Answer in the vendor's order: key, path, limits, the request, moderation."""
        recorded, behaviour = exchange.recorded, exchange.behaviour
        if not _KEY.fullmatch(recorded.headers.get("Authorization", "")):
            return _error("unauthorized")
        if recorded.path not in _TABLES:
            return _error("model_not_found")
        body = json.loads(recorded.body)
        if refused := self._refused(recorded, body, behaviour):
            return refused
        await exchange.accept()
        if behaviour.name == "garbage":
            return Reply(content_type="text/html", body=[b"<!DOCTYPE html><html>Just a moment...</html>"])
        return _json(200, self._in_chat(body, behaviour) if recorded.path == _CHAT else self._images(body, behaviour))

    def _refused(self, recorded: Recorded, body: Mapping[str, object], behaviour: Behaviour) -> Reply | None:
        broken = _TABLES[recorded.path].broken(body)
        broken = broken or (_broken_chat(body) if recorded.path == _CHAT else _broken_images(body))
        if broken:
            self.violations.append(f"{recorded.path}: {broken}")
            return _worded(400, f"Invalid input: {broken}")
        if behaviour.name == "refusal":
            return _worded(
                403, "Your chosen model requires moderation and your input was flagged.", metadata=_MODERATED
            )
        if behaviour.name not in _ERRORS:
            return None
        limited = {"Retry-After": f"{behaviour.seconds or 1:g}"} if behaviour.name == "rate_limited" else {}
        return _error(behaviour.name, limited, behaviour.status if behaviour.name == "server_error" else None)

    def _images(self, body: Mapping[str, object], behaviour: Behaviour) -> Mapping[str, object]:
        kind = str(body.get("output_format", "png"))
        pictures = self._pictures(behaviour, kind, int(str(body.get("n", 1))), _sides(body))
        data = [{"b64_json": picture, "media_type": f"image/{kind}"} for picture in pictures]
        return {"created": int(time.time()), "data": data, "usage": _usage(len(data))}

    def _in_chat(self, body: Mapping[str, object], behaviour: Behaviour) -> Mapping[str, object]:
        configuration = body.get("image_config", {})
        assert isinstance(configuration, dict)
        withheld = behaviour.name == "output_refusal"
        pictures = [] if withheld else self._pictures(behaviour, "png", 1, _sides(configuration))
        urls = [f"data:image/png;base64,{picture}" for picture in pictures]
        images = [{"type": "image_url", "image_url": {"url": url}, "index": 0} for url in urls]
        message = {"role": "assistant", "content": "I can't draw that." if withheld else "", "images": images}
        ends = ("content_filter", "IMAGE_SAFETY") if withheld else ("stop", "STOP")
        choice = {"index": 0, "finish_reason": ends[0], "native_finish_reason": ends[1], "message": message}
        usage = _usage(len(images) or 1)
        return {"id": f"gen-{secrets.token_hex(8)}", "model": body["model"], "choices": [choice], "usage": usage}

    def _pictures(self, behaviour: Behaviour, kind: str, count: int, sides: tuple[int, int]) -> list[str]:
        if behaviour.name == "empty":
            return []
        made = [self.picture(behaviour, kind, *sides) for _ in range(count - (behaviour.name == "partial"))]
        made += made[-1:] if behaviour.name == "duplicate" else []
        if behaviour.name == "bad_base64":
            return ["%%% this is not base64 %%%"]
        return [pybase64.b64encode(one).decode() for one in made]


def _broken_images(body: Mapping[str, object]) -> Broken | None:
    if body.get("n", 1) != 1 and str(body["model"]).startswith(_SINGLE):
        return Broken("n", "invalid")
    if "x" in str(body.get("size", "")) and ("aspect_ratio" in body or "resolution" in body):
        return Broken("size", "invalid")
    references = body.get("input_references", [])
    assert isinstance(references, list)
    return None if all(map(_is_image_url, references)) else Broken("input_references", "invalid")


def _broken_chat(body: Mapping[str, object]) -> Broken | None:
    if "image" not in body["modalities"]:  # type: ignore[operator]
        return Broken("modalities", "invalid")
    messages = body["messages"]
    assert isinstance(messages, list)
    content = messages[0]["content"]
    if not all(part["type"] == "text" or _is_image_url(part) for part in content):
        return Broken("messages", "invalid")
    return _CONFIGURATION.broken(body.get("image_config", {}))


def _is_image_url(part: object) -> bool:
    is_picture = isinstance(part, dict) and part.get("type") == "image_url"
    return is_picture and str(part["image_url"]["url"]).startswith(("https://", "data:image/"))  # type: ignore[index]


def _sides(fields: Mapping[str, object]) -> tuple[int, int]:
    if size := str(fields.get("size", "")):
        width, _, height = size.partition("x")
        return int(width), int(height)
    side = _SIDES[str(fields.get("resolution") or fields.get("image_size") or "1K")]
    return shaped(str(fields.get("aspect_ratio", "1:1")), side=side)


def _usage(count: int) -> Mapping[str, object]:
    tokens = 1290 * count
    return {
        "prompt_tokens": 12,
        "completion_tokens": tokens,
        "total_tokens": tokens + 12,
        "cost": _COST_USD * count,
        "completion_tokens_details": {"image_tokens": tokens},
    }


def _error(name: str, headers: Mapping[str, str] | None = None, status: int | None = None) -> Reply:
    own_status, message = _ERRORS[name]
    return _worded(status or own_status, message, headers)


def _worded(
    status: int, message: str, headers: Mapping[str, str] | None = None, metadata: Mapping[str, object] | None = None
) -> Reply:
    error = {"code": status, "message": message, **({"metadata": metadata} if metadata else {})}
    return _json(status, {"error": error, "user_id": "user_2x"}, headers)


def _json(status: int, body: Mapping[str, object], headers: Mapping[str, str] | None = None) -> Reply:
    return Reply(status, body=[json.dumps(body).encode()], headers=headers or {})
