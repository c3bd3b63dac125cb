"""A scripted DashScope: Qwen-Image at once by messages, and by tasks, with the vendor's errors in each of their places."""

import json
import re
import secrets
from collections.abc import Mapping, Sequence

from testkit.upstreams.base import Behaviour, Exchange, Recorded, Reply
from testkit.upstreams.fields import Broken, FieldTable
from testkit.upstreams.queues import QueuedJob, QueueUpstream

_AT_ONCE = "/api/v1/services/aigc/multimodal-generation/generation"
_QUEUED = "/api/v1/services/aigc/text2image/image-synthesis"
_TASK = re.compile(r"/api/v1/tasks/(?P<id>[0-9a-f]+)")
_KEY = re.compile(r"Bearer sk-\S{8,}")
_FIXED = "size:word=1664*928,1472*1104,1328*1328,1104*1472,928*1664"
_FREE = "size:like=[0-9]+[*][0-9]+ n:int=1..6"
_BASIC = "seed:int=0..2147483647 negative_prompt prompt_extend:bool watermark:bool"
_QUEUED_MODELS = ("qwen-image", "qwen-image-plus")
# Parameters, the fewest and the most input pictures.
_RULES: Mapping[str, tuple[FieldTable, int, int]] = {
    "qwen-image": (FieldTable(f"{_BASIC} {_FIXED} n:int=1..1"), 0, 0),
    "qwen-image-plus": (FieldTable(f"{_BASIC} {_FIXED} n:int=1..1"), 0, 0),
    "qwen-image-max": (FieldTable(f"{_BASIC} {_FIXED} n:int=1..1"), 0, 0),
    "qwen-image-2.0": (FieldTable(f"{_BASIC} {_FREE}"), 0, 3),
    "qwen-image-2.0-pro": (FieldTable(f"{_BASIC} {_FREE}"), 0, 3),
    "qwen-image-3.0": (FieldTable(f"{_BASIC} {_FREE}"), 0, 3),
    "qwen-image-3.0-pro": (FieldTable(f"{_BASIC} {_FREE}"), 0, 3),
    "qwen-image-edit": (FieldTable("seed:int=0..2147483647 negative_prompt watermark:bool n:int=1..1"), 1, 3),
    "qwen-image-edit-plus": (FieldTable(f"{_BASIC} {_FREE}"), 1, 3),
    "qwen-image-edit-max": (FieldTable(f"{_BASIC} {_FREE}"), 1, 3),
}
_PROMPT = FieldTable("prompt*")
_FEWEST_PIXELS, _MOST_PIXELS = 512 * 512, 2048 * 2048
_PICTURE = re.compile(r"https?://\S+|data:image/\w+;base64,\S+")
_ERRORS: Mapping[str, tuple[int, str, str]] = {
    "unauthorized": (401, "InvalidApiKey", "Invalid API-key provided."),
    "out_of_quota": (400, "Arrearage", "Access denied, please make sure your account is in good standing."),
    "rate_limited": (429, "Throttling.RateQuota", "Requests rate limit exceeded, please try again later."),
    "model_not_found": (404, "ModelNotFound", "Model can not be found."),
    "server_error": (500, "InternalError.Algo", "An internal error has occured during execution."),
    "refusal": (400, "DataInspectionFailed", "Input data may contain inappropriate content."),
    "bad_field": (400, "InvalidParameter", "Value error, the size does not match the allowed size."),
}
_WITHHELD = {"code": "DataInspectionFailed", "message": "Output data may contain inappropriate content."}
_FAILED = {"code": "InternalError.Timeout", "message": "An internal timeout error has occured."}


class DashScopeUpstream(QueueUpstream):
    """The vendor's ``/api/v1``. Keys begin with ``sk-``. A withheld picture is told in a success, without an output."""

    @property
    def base_path(self) -> str:
        """The version."""
        return "/api/v1"

    def poll_limited(self) -> Reply:
        """The vendor's 429."""
        return _error("rate_limited", {"Retry-After": "0.3"})

    async def answer(self, exchange: Exchange) -> Reply:
        """Answer in the vendor's order: key, path, limits, the request, moderation."""
        recorded = exchange.recorded
        if not _KEY.fullmatch(recorded.headers.get("Authorization", "")):
            return _error("unauthorized")
        if asked := _TASK.fullmatch(recorded.path):
            return self._told(asked["id"])
        if recorded.path not in (_AT_ONCE, _QUEUED):
            return _error("model_not_found")
        body = json.loads(recorded.body)
        if refused := self._refused(recorded, body, exchange.behaviour):
            return refused
        if recorded.path == _QUEUED:
            return await self._queued(exchange, body)
        await exchange.accept()
        return self._at_once(exchange.behaviour, body["parameters"])

    async def _queued(self, exchange: Exchange, body: Mapping[str, object]) -> Reply:
        assert isinstance(body["parameters"], dict)
        job = await self.enqueue(exchange, str(body["model"]), body["parameters"])
        if exchange.behaviour.name == "garbage":
            return _garbage()
        return _json(200, {"output": {"task_status": "PENDING", "task_id": job.id}, "request_id": _request_id()})

    def _refused(self, recorded: Recorded, body: Mapping[str, object], behaviour: Behaviour) -> Reply | None:
        if broken := _broken(recorded, body):
            self.violations.append(f"{body.get('model')}: {broken}")
            return _worded(400, "InvalidParameter", f"Value error, {broken.name} is {broken.how}.")
        if behaviour.name not in _ERRORS:
            return None
        limited = {"Retry-After": f"{behaviour.seconds or 1:g}"} if behaviour.name == "rate_limited" else {}
        return _error(behaviour.name, limited, behaviour.status if behaviour.name == "server_error" else None)

    def _at_once(self, behaviour: Behaviour, parameters: Mapping[str, object]) -> Reply:
        if behaviour.name == "garbage":
            return _garbage()
        if behaviour.name == "output_refusal":
            return _json(200, {"request_id": _request_id(), **_WITHHELD})
        urls = self._pictures(behaviour, parameters)
        content = [{"image": url} for url in urls]
        choices = [{"finish_reason": "stop", "message": {"role": "assistant", "content": [one]}} for one in content]
        width, height = _sides(parameters)
        usage = {"image_count": len(urls), "width": width, "height": height}
        return _json(200, {"request_id": _request_id(), "output": {"choices": choices}, "usage": usage})

    def _told(self, task_id: str) -> Reply:
        job = self.found(task_id)
        if job is None:
            return _json(200, {"request_id": _request_id(), "output": {"task_id": task_id, "task_status": "UNKNOWN"}})
        return self.polled(job) or _json(200, {"request_id": _request_id(), **self._task(job)})

    def _task(self, job: QueuedJob) -> Mapping[str, object]:
        ended = {"task_id": job.id, "submit_time": "2026-11-20 10:00:00.000", "end_time": "2026-11-20 10:00:09.000"}
        if not self.is_ready(job):
            return {"output": {"task_id": job.id, "task_status": "RUNNING"}}
        if job.behaviour.name in ("failed", "output_refusal"):
            failure = _FAILED if job.behaviour.name == "failed" else _WITHHELD
            return {"output": {**ended, "task_status": "FAILED", **failure}}
        if not job.pictures:
            job.pictures += self._pictures(job.behaviour, job.fields)
        results = [{"orig_prompt": "a fox", "actual_prompt": "A fox, redder", "url": url} for url in job.pictures]
        output = {**ended, "task_status": "SUCCEEDED", "results": results}
        return {"output": output, "usage": {"image_count": len(results)}}

    def _pictures(self, behaviour: Behaviour, parameters: Mapping[str, object]) -> Sequence[str]:
        if behaviour.name == "empty":
            return []
        count = parameters.get("n") or 1
        assert isinstance(count, int)
        pictures = [self.picture(behaviour, "png", *_sides(parameters)) for _ in range(count)]
        pictures = pictures[:-1] if behaviour.name == "partial" else pictures
        pictures += pictures[-1:] if behaviour.name == "duplicate" else []
        return [self.results.offer(picture, behaviour=behaviour.name) for picture in pictures]


def _broken(recorded: Recorded, body: Mapping[str, object]) -> Broken | None:
    model, said, parameters = body.get("model"), body.get("input"), body.get("parameters")
    is_queued = recorded.path == _QUEUED
    if (
        model not in _RULES
        or is_queued != (model in _QUEUED_MODELS)
        or is_queued != ("X-DashScope-Async" in recorded.headers)
    ):
        return Broken("model", "unknown")
    table, fewest, most = _RULES[str(model)]
    assert isinstance(said, dict)
    broken = _PROMPT.broken(said) if is_queued else _broken_messages(said, fewest, most)
    return broken or table.broken(parameters) or _badly_sized(parameters)


def _broken_messages(said: Mapping[str, object], fewest: int, most: int) -> Broken | None:
    messages = said.get("messages")
    if not isinstance(messages, list) or len(messages) != 1 or messages[0]["role"] != "user":
        return Broken("messages", "invalid")
    texts = [part["text"] for part in messages[0]["content"] if "text" in part]
    pictures = [part["image"] for part in messages[0]["content"] if "image" in part]
    if len(texts) != 1 or not texts[0]:
        return Broken("prompt", "missing")
    is_fine = fewest <= len(pictures) <= most and all(_PICTURE.fullmatch(picture) for picture in pictures)
    return None if is_fine else Broken("image", "invalid")


def _badly_sized(parameters: object) -> Broken | None:
    assert isinstance(parameters, dict)
    width, height = _sides(parameters)
    return None if _FEWEST_PIXELS <= width * height <= _MOST_PIXELS else Broken("size", "invalid")


def _sides(parameters: Mapping[str, object]) -> tuple[int, int]:
    width, _, height = str(parameters.get("size", "1664*928")).partition("*")
    return int(width), int(height)


def _garbage() -> Reply:
    return Reply(content_type="text/html", body=[b"<!DOCTYPE html><html>Just a moment...</html>"])


def _error(name: str, headers: Mapping[str, str] | None = None, status: int | None = None) -> Reply:
    own_status, code, message = _ERRORS[name]
    return _worded(status or own_status, code, message, headers)


def _worded(status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> Reply:
    return _json(status, {"request_id": _request_id(), "code": code, "message": message}, headers)


def _json(status: int, body: Mapping[str, object], headers: Mapping[str, str] | None = None) -> Reply:
    return Reply(status, body=[json.dumps(body).encode()], headers=headers or {})


def _request_id() -> str:
    return secrets.token_hex(16)
