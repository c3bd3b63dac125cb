"""A scripted Magnific: tasks of its upscalers, in the vendor's own words, by either of its front doors' headers."""

import json
import re
from collections.abc import Mapping

import pybase64

from testkit.upstreams.base import Exchange, Recorded, Reply
from testkit.upstreams.calling import Message, signed_message
from testkit.upstreams.fields import Broken, FieldTable
from testkit.upstreams.queues import QueuedJob, QueueUpstream

_TASK = re.compile(r"/v1/ai/(?P<operation>[\w-]+)/(?P<id>[0-9a-f]+)")
_KEY = re.compile(r"(?!unknown)[\w:-]{8,}")
_KEY_HEADERS = ("x-magnific-api-key", "x-freepik-api-key")
_PERCENT = "int=0..100"
_PRECISION = (
    f"image*:base64 sharpen:{_PERCENT} smart_grain:{_PERCENT} ultra_detail:{_PERCENT} filter_nsfw:bool webhook_url:url"
)
OPERATIONS: Mapping[str, FieldTable] = {
    "image-upscaler-precision": FieldTable(_PRECISION),
    "image-upscaler-precision-v2": FieldTable(
        f"{_PRECISION} scale_factor:int=2..16 flavor:word=sublime,photo,photo_denoiser"
    ),
    "image-upscaler": FieldTable(
        "image*:base64 scale_factor:word=2x,4x,8x,16x prompt creativity:int=-10..10 hdr:int=-10..10"
        " resemblance:int=-10..10 fractality:int=-10..10 filter_nsfw:bool webhook_url:url"
        " optimized_for:word=standard,soft_portraits,hard_portraits,art_n_illustration,videogame_assets,"
        "nature_n_landscapes,films_n_photography,3d_renders,science_fiction_n_horror"
        " engine:word=automatic,magnific_illusio,magnific_sharpy,magnific_sparkle"
    ),
}
_ERRORS: Mapping[str, tuple[int, str]] = {
    "unauthorized": (401, "Invalid API key"),
    "out_of_quota": (403, "Forbidden"),
    "rate_limited": (429, "Too many requests"),
    "server_error": (500, "Internal server error"),
    "model_not_found": (404, "Not found"),
}
_MOST_SIDE = 10_060


class MagnificUpstream(QueueUpstream):
    """The vendor's ``/v1/ai``. Any key of eight characters opens it that does not begin with ``unknown``.

    Its calls are signed with ``webhook_secret``, which stands in the vendor's dashboard.
    """

    webhook_secret = "whsec_cmVoZWFyc2FsIG9mIGNhbGxzIGJhY2s="  # noqa: S105 - guards nothing

    @property
    def base_path(self) -> str:
        """None: the version is part of the paths."""
        return ""

    def poll_limited(self) -> Reply:
        """The vendor's 429."""
        return _error(429, "Too many requests", {"Retry-After": "0.3"})

    async def answer(self, exchange: Exchange) -> Reply:
        """Answer in the vendor's order: key, path, limits, the request."""
        recorded, behaviour = exchange.recorded, exchange.behaviour
        keys = [recorded.headers[name] for name in _KEY_HEADERS if name in recorded.headers]
        if behaviour.name == "unauthorized" or not keys or not _KEY.fullmatch(keys[0]):
            return _error(*_ERRORS["unauthorized"])
        if recorded.method == "GET":
            return self._told(recorded)
        operation = recorded.path.removeprefix("/v1/ai/")
        if operation not in OPERATIONS or behaviour.name == "model_not_found":
            return _error(*_ERRORS["model_not_found"])
        if refused := _ERRORS.get(behaviour.name):
            status = behaviour.status if behaviour.name == "server_error" else refused[0]
            headers = {"Retry-After": f"{behaviour.seconds or 1:g}"} if behaviour.name == "rate_limited" else {}
            return _error(status, refused[1], headers)
        return await self._created(exchange, operation)

    async def _created(self, exchange: Exchange, operation: str) -> Reply:
        fields = json.loads(exchange.recorded.body)
        broken = OPERATIONS[operation].broken(fields) or _too_large(fields)
        if broken:
            self.violations.append(f"{operation}: {broken}")
        if exchange.behaviour.name == "bad_field":
            broken = Broken("creativity", "invalid")
        if broken:
            return _invalid(broken)
        job = await self.enqueue(exchange, operation, fields)
        if webhook := fields.get("webhook_url"):
            self.call_back(job, str(webhook), lambda: self._message(job))
        if exchange.behaviour.name == "garbage":
            return Reply(content_type="text/html", body=[b"<!DOCTYPE html><html>Just a moment...</html>"])
        return _json(200, {"data": {"task_id": job.id, "status": "CREATED", "generated": []}})

    def _message(self, job: QueuedJob) -> Message:
        return signed_message(json.dumps(self._task(job)).encode(), f"msg_{job.id}", self.webhook_secret)

    def _told(self, recorded: Recorded) -> Reply:
        asked = _TASK.fullmatch(recorded.path)
        job = self.found(asked["id"]) if asked else None
        if asked is None or job is None or job.target != asked["operation"]:
            return _error(404, "Task not found")
        return self.polled(job) or _json(200, {"data": self._task(job)})

    def _task(self, job: QueuedJob) -> Mapping[str, object]:
        task: dict[str, object] = {"task_id": job.id, "status": "IN_PROGRESS", "generated": []}
        if not self.is_ready(job):
            return task
        if job.behaviour.name == "failed":
            return {**task, "status": "FAILED"}
        generated = [] if job.behaviour.name == "empty" else self._generated(job)
        withheld = job.behaviour.name == "output_refusal"
        return {**task, "status": "COMPLETED", "generated": generated, "has_nsfw": [withheld] * len(generated)}

    def _generated(self, job: QueuedJob) -> list[str]:
        if not job.pictures:
            width, height = _sides(job.fields)
            data = self.picture(job.behaviour, "png", width, height)
            job.pictures.append(self.results.offer(data, behaviour=job.behaviour.name))
        return job.pictures * (2 if job.behaviour.name == "duplicate" else 1)


def _sides(fields: Mapping[str, object]) -> tuple[int, int]:
    """Of the result; inputs are taken to be PNG, whose header begins with them."""
    header = pybase64.b64decode(str(fields["image"])[:64])
    factor = int(str(fields.get("scale_factor", 2)).rstrip("x"))
    return int.from_bytes(header[16:20]) * factor, int.from_bytes(header[20:24]) * factor


def _too_large(fields: Mapping[str, object]) -> Broken | None:
    return Broken("scale_factor", "invalid") if max(_sides(fields)) > _MOST_SIDE else None


def _invalid(broken: Broken) -> Reply:
    parameters = [{"field": broken.name, "reason": f"The field is {broken.how}"}]
    return _json(400, {"message": "Validation error", "invalid_params": parameters})


def _error(status: int, message: str, headers: Mapping[str, str] | None = None) -> Reply:
    return _json(status, {"message": message}, headers)


def _json(status: int, body: Mapping[str, object], headers: Mapping[str, str] | None = None) -> Reply:
    return Reply(status, body=[json.dumps(body).encode()], headers=headers or {})
