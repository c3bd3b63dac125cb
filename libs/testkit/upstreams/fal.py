"""A scripted fal queue: submit, status, result and cancel for the image models of fal_inputs.txt, in the vendor's own words."""

import hashlib
import json
import re
import time
from collections.abc import Mapping

import pybase64
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from testkit.upstreams.base import Behaviour, Exchange, Recorded, Reply
from testkit.upstreams.calling import Message, may_be_called
from testkit.upstreams.fal_rules import Model, Violation, drawn_size, models, violation
from testkit.upstreams.queues import QueuedJob, QueueUpstream

_REQUEST = re.compile(r"/(?P<app>[^/]+/[^/]+)/requests/(?P<id>[^/]+)(?P<what>/status|/cancel)?")
_KEY = re.compile(r"Key [\w-]+:[\w-]+")
_ERRORS: Mapping[str, tuple[int, str]] = {
    "unauthorized": (401, "Cannot access application. Authentication is required to access this application."),
    "out_of_quota": (
        403,
        "User is locked. Reason: Exhausted balance. Top up your balance at fal.ai/dashboard/billing.",
    ),
    "rate_limited": (429, "Too many requests. Please slow down."),
    "server_error": (500, "Internal Server Error"),
}
# What a result is answered with when the model has refused or failed: status, type, where.
_FAILURES: Mapping[str, tuple[int, str, tuple[str, ...]]] = {
    "refusal": (422, "content_policy_violation", ("body", "prompt")),
    "bad_field": (422, "greater_than_equal", ("body", "guidance_scale")),
    "failed": (500, "internal_server_error", ("body",)),
}
_MEDIA_TYPES = {"png": "image/png", "jpeg": "image/jpeg", "jpg": "image/jpeg", "webp": "image/webp"}


class FalUpstream(QueueUpstream):
    """The vendor's ``queue.fal.run``. Keys are ``id:secret``; inputs that break the table fail the request as the vendor would.

    Its calls are signed by ``signing_key``, whose public half it publishes on this host too.
    """

    signing_key = Ed25519PrivateKey.generate()

    @property
    def base_path(self) -> str:
        """None."""
        return ""

    def poll_limited(self) -> Reply:
        """The vendor's 429."""
        return _detail(429, _ERRORS["rate_limited"][1], {"Retry-After": "0.3"})

    async def answer(self, exchange: Exchange) -> Reply:
        """Answer in the vendor's order: key, path, limits; inputs are looked at when the request runs."""
        recorded = exchange.recorded
        if recorded.path == "/.well-known/jwks.json":
            return _json(200, {"keys": [self._public_key()]})
        if not _KEY.fullmatch(recorded.headers.get("Authorization", "")):
            return _detail(*_ERRORS["unauthorized"])
        if asked := _REQUEST.fullmatch(recorded.path):
            return self._about(recorded, asked)
        return await self._submitted(exchange)

    async def _submitted(self, exchange: Exchange) -> Reply:
        recorded, behaviour = exchange.recorded, exchange.behaviour
        target = recorded.path.strip("/")
        if recorded.method != "POST" or target not in models() or behaviour.name == "model_not_found":
            return _detail(404, f"Application '{target.partition('/')[2]}' not found")
        if refused := _ERRORS.get(behaviour.name):
            status = behaviour.status if behaviour.name == "server_error" else refused[0]
            headers = {"Retry-After": f"{behaviour.seconds or 1:g}"} if behaviour.name == "rate_limited" else {}
            return _detail(status, refused[1], headers)
        try:
            fields = json.loads(recorded.body)
        except ValueError:
            return _detail(400, "Invalid JSON")
        webhook = recorded.query.get("fal_webhook", "")
        if webhook and not may_be_called(webhook):
            return _detail(422, "fal_webhook must be an https address")
        job = await self.enqueue(exchange, target, fields)
        if webhook:
            self.call_back(job, webhook, lambda: self._message(job))
        if broken := violation(models()[target], fields):
            self.violations.append(f"{target}: {broken.name} is {broken.kind}")
        url = f"http://{recorded.headers['Host']}/{'/'.join(target.split('/')[:2])}/requests/{job.id}"
        told = {"request_id": job.id, "response_url": url, "status_url": f"{url}/status", "cancel_url": f"{url}/cancel"}
        return _json(200, {**told, "status": "IN_QUEUE", "queue_position": 0})

    def _public_key(self) -> Mapping[str, str]:
        public = pybase64.urlsafe_b64encode(self.signing_key.public_key().public_bytes_raw()).rstrip(b"=")
        return {"kty": "OKP", "crv": "Ed25519", "use": "sig", "x": public.decode()}

    def _message(self, job: QueuedJob) -> Message:
        result = self._result(job, models()[job.target])
        said: dict[str, object] = {"status": "OK"}
        if result.status != 200:
            said = {"status": "ERROR", "error": f"Invalid status code: {result.status}"}
        payload = json.loads(b"".join(result.body)) if result.content_type == "application/json" else None
        body = json.dumps({"request_id": job.id, "gateway_request_id": job.id, **said, "payload": payload}).encode()
        told = [job.id, "rehearsal", str(int(time.time()))]
        signed = "\n".join([*told, hashlib.sha256(body).hexdigest()]).encode()
        names = ("Request-Id", "User-Id", "Timestamp", "Signature")
        values = [*told, self.signing_key.sign(signed).hex()]
        return Message(body, {f"X-Fal-Webhook-{name}": value for name, value in zip(names, values, strict=True)})

    def _about(self, recorded: Recorded, asked: "re.Match[str]") -> Reply:
        job = self.found(asked["id"])
        if job is None or not job.target.startswith(asked["app"]):
            return _detail(404, "Request not found")
        if asked["what"] == "/cancel":
            return self._cancelled(job)
        if asked["what"] == "/status":
            return self.polled(job) or self._status(job)
        if not self.is_ready(job):
            return _detail(400, "Request is still in progress")
        return self._result(job, models()[job.target])

    def _cancelled(self, job: QueuedJob) -> Reply:
        if self.is_ready(job):
            return _json(400, {"status": "ALREADY_COMPLETED"})
        job.cancelled = True
        return _json(202, {"status": "CANCELLATION_REQUESTED"})

    def _status(self, job: QueuedJob) -> Reply:
        if not self.is_ready(job):
            waiting = {"status": "IN_QUEUE", "queue_position": 0} if job.poll_count == 1 else {"status": "IN_PROGRESS"}
            return _json(202, waiting)
        done: dict[str, object] = {"status": "COMPLETED", "logs": None, "metrics": {"inference_time": 1.5}}
        if failure := self._failure(job):
            done |= {"error": f"Invalid status code: {failure[0]}", "error_type": failure[1]}
        return _json(200, done)

    def _failure(self, job: QueuedJob) -> tuple[int, str, tuple[str, ...]] | None:
        broken: Violation | None = violation(models()[job.target], job.fields)
        if broken:
            return 422, broken.kind, ("body", broken.name)
        return _FAILURES.get(job.behaviour.name)

    def _result(self, job: QueuedJob, model: Model) -> Reply:
        behaviour = job.behaviour
        if failure := self._failure(job):
            status, kind, place = failure
            detail = {"loc": place, "msg": "It failed.", "type": kind, "url": f"https://docs.fal.ai/errors#{kind}"}
            return _json(status, {"detail": [{**detail, "input": job.fields}]})
        if behaviour.name == "failed_untold":
            return _untold(behaviour.status)
        if behaviour.name == "garbage":
            return Reply(content_type="text/html", body=[b"<!DOCTYPE html><html>Just a moment...</html>"])
        files = [] if behaviour.name == "empty" else self._files(job)
        answer: dict[str, object] = {"image": files[0]} if model.one_image and files else {"images": files}
        if model.flags_nsfw:
            answer |= {"has_nsfw_concepts": _flags(behaviour, len(files)), "timings": {}}
            answer["prompt"] = job.fields.get("prompt", "")
        if model.tells_seed:
            answer["seed"] = job.fields.get("seed", 2_894_637_523)
        return _json(200, answer)

    def _files(self, job: QueuedJob) -> list[dict[str, object]]:
        count = job.fields.get("num_images", 1)
        assert isinstance(count, int)
        count += {"partial": -1, "duplicate": 1}.get(job.behaviour.name, 0)
        width, height = drawn_size(job.fields)
        kind = str(job.fields.get("output_format") or job.fields.get("format") or "jpeg")
        media_type = _MEDIA_TYPES[kind]
        while len(job.pictures) < count:
            data = self.picture(job.behaviour, media_type.partition("/")[2], width, height)
            job.pictures.append(self.results.offer(data, media_type, behaviour=job.behaviour.name))
        return [
            {"url": url, "content_type": media_type, "width": width, "height": height} for url in job.pictures[:count]
        ]


def _flags(behaviour: Behaviour, count: int) -> list[bool]:
    """All pictures are flagged, or as many as the behaviour's number says."""
    flagged = 0 if behaviour.name != "output_refusal" else int(behaviour.seconds or count)
    return [index < flagged for index in range(count)]


def _untold(status: int) -> Reply:
    """A failure as the model words it: by a type where it ran out of time, else in a sentence."""
    if status == 504:
        return _json(status, {"detail": [{"loc": ["body"], "msg": "It timed out.", "type": "generation_timeout"}]})
    return _detail(status, "Internal Server Error")


def _detail(status: int, text: str, headers: Mapping[str, str] | None = None) -> Reply:
    return Reply(status, body=[json.dumps({"detail": text}).encode()], headers=headers or {})


def _json(status: int, body: Mapping[str, object]) -> Reply:
    return Reply(
        status, body=[json.dumps(body).encode()], headers={"x-fal-request-id": str(body.get("request_id", ""))}
    )
