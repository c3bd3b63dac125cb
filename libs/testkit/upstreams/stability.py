"""A scripted Stability AI: forms in, pictures out as bytes or base64, ids for what takes longer, errors in the vendor's words."""

import json
import re
import secrets
from collections.abc import Mapping

import pybase64

from testkit.upstreams.base import Behaviour, Exchange, Recorded, Reply
from testkit.upstreams.forms import BadForm, parse_form
from testkit.upstreams.queues import QueuedJob, QueueUpstream
from testkit.upstreams.shaping import shaped
from testkit.upstreams.stability_rules import OPERATIONS, QUEUED, read_fields, violation

_KEY = re.compile(r"Bearer sk-[\w-]+")
_ORDER = re.compile(r"/v2beta/stable-image/(?P<operation>[a-z]+/[a-z0-9-]+)")
_RESULT = re.compile(r"/v2beta/results/(?P<id>[0-9a-f]+)")
_ERRORS: Mapping[str, tuple[int, str, str]] = {
    "unauthorized": (401, "unauthorized", "authorization: invalid or missing header value"),
    "out_of_quota": (402, "payment_required", "You lack sufficient credits to make this request."),
    "refusal": (403, "content_moderation", "Your request was flagged by our content moderation system."),
    "model_not_found": (404, "not_found", "The requested resource was not found."),
    "bad_field": (400, "bad_request", "aspect_ratio: must be one of 16:9, 1:1, 21:9"),
    "rate_limited": (429, "rate_limit_exceeded", "You have exceeded the rate limit of 150 requests within 10 seconds."),
    "server_error": (500, "internal_error", "An unexpected server error has occurred."),
}


class StabilityUpstream(QueueUpstream):
    """The vendor's ``/v2beta``. Keys begin with ``sk-``; forms that break the table are refused as the vendor would."""

    @property
    def base_path(self) -> str:
        """None: the paths begin with the version."""
        return ""

    def poll_limited(self) -> Reply:
        """The vendor's 429."""
        return _error("rate_limited", headers={"Retry-After": "0.3"})

    async def answer(self, exchange: Exchange) -> Reply:
        """Answer in the vendor's order: key, path, form, limits, moderation; then the order."""
        recorded = exchange.recorded
        if not _KEY.fullmatch(recorded.headers.get("Authorization", "")):
            return _error("unauthorized")
        if (asked := _RESULT.fullmatch(recorded.path)) and recorded.method == "GET":
            return self._result(recorded, asked["id"])
        if recorded.path == "/v1/user/balance":
            return _json(200, {"credits": 1000.0})
        ordered = _ORDER.fullmatch(recorded.path)
        if recorded.method != "POST" or ordered is None or ordered["operation"] not in OPERATIONS:
            return _error("model_not_found")
        return _scripted(exchange.behaviour) or await self._ordered(exchange, ordered["operation"])

    async def _ordered(self, exchange: Exchange, operation: str) -> Reply:
        recorded = exchange.recorded
        try:
            fields = read_fields(parse_form(recorded.headers.get("Content-Type", ""), recorded.body))
        except BadForm:
            return _error("bad_field", sentence="content-type: must be multipart/form-data")
        if broken := violation(operation, fields):
            self.violations.append(f"{operation}: {broken}")
            return _error("bad_field", sentence=f"{broken}: is not what it should be")
        if operation in QUEUED:
            job = await self.enqueue(exchange, operation, fields)
            return _json(200, {"id": job.id})
        await exchange.accept()
        return self._drawn(recorded, exchange.behaviour, fields, "image")

    def _result(self, recorded: Recorded, job_id: str) -> Reply:
        job = self.found(job_id)
        if job is None:
            return _error("model_not_found")
        if hindrance := self.polled(job):
            return hindrance
        if not self.is_ready(job):
            return _json(202, {"id": job.id, "status": "in-progress"})
        return self._kept(recorded, job)

    def _kept(self, recorded: Recorded, job: QueuedJob) -> Reply:
        """The same picture for each who asks."""
        if not job.pictures:
            drawn = self._drawn(recorded, job.behaviour, job.fields, "result")
            job.pictures += [pybase64.b64encode(b"".join(drawn.body)).decode(), json.dumps(dict(drawn.headers))]
            job.pictures.append(drawn.content_type)
        data, headers, content_type = job.pictures
        return Reply(content_type=content_type, body=[pybase64.b64decode(data)], headers=json.loads(headers))

    def _drawn(self, recorded: Recorded, behaviour: Behaviour, fields: Mapping[str, object], key: str) -> Reply:
        if behaviour.name == "garbage":
            return Reply(content_type="text/html", body=[b"<!DOCTYPE html><html>Just a moment...</html>"])
        reason = "CONTENT_FILTERED" if behaviour.name == "output_refusal" else "SUCCESS"
        seed = fields.get("seed") or 1_234_567_890
        file_format = str(fields.get("output_format") or "png")
        data = b""
        if behaviour.name != "empty":
            data = self.picture(behaviour, file_format, *shaped(str(fields.get("aspect_ratio") or "1:1")))
        if recorded.headers.get("Accept") == "image/*":
            told = {"finish-reason": reason, "seed": str(seed)}
            return Reply(content_type=f"image/{file_format}", body=[data], headers=told)
        return _json(200, {key: pybase64.b64encode(data).decode(), "finish_reason": reason, "seed": seed})


def _scripted(behaviour: Behaviour) -> Reply | None:
    if behaviour.name not in _ERRORS:
        return None
    headers = {"Retry-After": f"{behaviour.seconds or 60:g}"} if behaviour.name == "rate_limited" else {}
    return _error(
        behaviour.name, headers=headers, status=behaviour.status if behaviour.name == "server_error" else None
    )


def _error(
    name: str, *, sentence: str = "", headers: Mapping[str, str] | None = None, status: int | None = None
) -> Reply:
    usual, code, told = _ERRORS[name]
    body = {"id": secrets.token_hex(16), "name": code, "errors": [sentence or told]}
    return Reply(status or usual, body=[json.dumps(body).encode()], headers=headers or {})


def _json(status: int, body: Mapping[str, object]) -> Reply:
    return Reply(status, body=[json.dumps(body).encode()])
