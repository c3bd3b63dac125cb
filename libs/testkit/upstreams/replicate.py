"""A scripted Replicate: predictions of official, community and deployed models, uploads and cancellations."""

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import datetime

from testkit.upstreams.base import SUCCESS, Behaviour, Exchange, Recorded, Reply, Rules
from testkit.upstreams.calling import Message, may_be_called, new_secret, signed_message
from testkit.upstreams.forms import BadForm, parse_form
from testkit.upstreams.queues import QueuedJob, QueueUpstream

_PREDICTION = re.compile(r"/v1/predictions/(?P<id>[^/]+)(?P<what>/cancel)?")
_OFFICIAL = re.compile(r"/v1/(?:models|deployments)/(?P<name>[^/]+/[^/]+)/predictions")
_MODEL = re.compile(r"/v1/models/(?P<name>[^/]+/[^/]+)")
_VERSION = re.compile(r"(?P<name>[^/]+/[^/:]+):[0-9a-f]{64}|[0-9a-f]{64}")
_LARGEST_DATA_URI_BYTES = 256 << 10
_SINGLE = frozenset({"nightmareai/real-esrgan", "black-forest-labs/flux-pro", "black-forest-labs/flux-1.1-pro"})
_COUNTS = ("num_outputs", "number_of_images")
_ERRORS: Mapping[str, tuple[int, str, str]] = {
    "unauthorized": (401, "Unauthenticated", "You did not pass a valid authentication token"),
    "out_of_quota": (402, "Insufficient credit", "You have insufficient credit to run this model."),
    "rate_limited": (429, "", "Request was throttled. Your rate limit resets in ~30s."),
    "server_error": (500, "Internal server error", "An internal error occurred."),
    "model_not_found": (404, "", "The requested resource could not be found."),
}
_FAILURES: Mapping[str, str] = {
    "refusal": "The input or output was flagged as sensitive. Please try again with different inputs. (E005) (a1b2c3)",
    "output_refusal": "NSFW content detected. Try running it again, or try a different prompt.",
    "failed": "Prediction interrupted; please retry (code: PA)",
}
# As the specification writes them.
_PATHS = {
    "official": "/models/{model_owner}/{model_name}/predictions",
    "deployment": "/deployments/{deployment_owner}/{deployment_name}/predictions",
    "version": "/predictions",
}


class ReplicateUpstream(QueueUpstream):
    """The vendor's ``/v1``. Keys begin with ``r8_``. ``uploads`` are the files that were sent, by their address.

    With ``specification`` every prediction's request is validated against it.
    """

    def __init__(
        self,
        *,
        default: Behaviour = SUCCESS,
        payload_bytes: int = 0,
        specification: Rules | None = None,
        delay_seconds: float = 0.0,
    ) -> None:
        super().__init__(
            default=default, payload_bytes=payload_bytes, specification=specification, delay_seconds=delay_seconds
        )
        self.uploads: dict[str, bytes] = {}
        self._models: dict[str, str] = {}
        self.webhook_secret = new_secret()
        self._rules = specification

    @property
    def base_path(self) -> str:
        """The version."""
        return "/v1"

    def places_order(self, method: str, path: str) -> bool:
        """What creates a prediction does."""
        return method == "POST" and path.endswith("/predictions")

    def poll_limited(self) -> Reply:
        """The vendor's 429."""
        return _problem("rate_limited", {"Retry-After": "0.3"})

    async def answer(self, exchange: Exchange) -> Reply:
        """Answer in the vendor's order: key, path, limits, the request."""
        recorded = exchange.recorded
        if not recorded.headers.get("Authorization", "").startswith("Bearer r8_"):
            return _problem("unauthorized")
        if recorded.method == "POST" and recorded.path.endswith("/predictions"):
            return await self._created(exchange)
        if recorded.path in ("/v1/files", "/v1/predictions"):
            return self._uploaded(recorded) if recorded.method == "POST" else self._listed(recorded)
        return self._shown(recorded)

    def _shown(self, recorded: Recorded) -> Reply:
        if asked := _PREDICTION.fullmatch(recorded.path):
            return self._about(recorded, asked)
        if recorded.path == "/v1/webhooks/default/secret":
            return _json(200, {"key": self.webhook_secret})
        if asked := _MODEL.fullmatch(recorded.path):
            return _json(200, {"name": asked["name"], "latest_version": {"id": self._version_of(asked["name"])}})
        return _problem("model_not_found")

    async def _created(self, exchange: Exchange) -> Reply:
        recorded, behaviour = exchange.recorded, exchange.behaviour
        if behaviour.name in _ERRORS:
            limited = {"Retry-After": f"{behaviour.seconds or 1:g}"} if behaviour.name == "rate_limited" else {}
            return _problem(behaviour.name, limited, behaviour.status if behaviour.name == "server_error" else None)
        try:
            body = json.loads(recorded.body)
        except ValueError:
            return _invalid("", "The request body is not JSON.")
        target = self._target(recorded.path, body)
        if target is None:
            return _invalid("version", "The specified version does not exist.")
        if refused := self._refused(recorded.path, body, behaviour):
            return refused
        job = await self.enqueue(exchange, target, body["input"])
        host = recorded.headers["Host"]
        if webhook := body.get("webhook"):
            self.call_back(job, str(webhook), lambda: self._message(job, host))
        return _json(201, self._told(job, host))

    def _message(self, job: QueuedJob, host: str) -> Message:
        job.poll_count = max(job.poll_count, 1)
        return signed_message(json.dumps(self._told(job, host)).encode(), f"{job.id}-completed", self.webhook_secret)

    def _refused(self, path: str, body: Mapping[str, object], behaviour: Behaviour) -> Reply | None:
        if behaviour.name == "bad_field":
            return _invalid("input.guidance", "Must be less than or equal to 10")
        if self._rules is not None:
            kind = "version" if path == "/v1/predictions" else "deployment" if "/deployments/" in path else "official"
            self.violations += self._rules.violations(_PATHS[kind], "application/json", body)
        if not isinstance(body.get("input"), dict) or self.violations:
            return _invalid("input", "It is not an object.")
        assert isinstance(body["input"], dict)
        if body.get("webhook") and not may_be_called(str(body["webhook"])):
            return _invalid("webhook", "It is not an HTTPS address.")
        for name, value in body["input"].items():
            if isinstance(value, str) and value.startswith("data:") and len(value) > _LARGEST_DATA_URI_BYTES:
                self.violations.append(f"{name}: a data URI of {len(value)} bytes")
                return _invalid(f"input.{name}", "Data URIs may have 256 kB at most.")
        return None

    def _uploaded(self, recorded: Recorded) -> Reply:
        try:
            (part,) = parse_form(recorded.headers.get("Content-Type", ""), recorded.body)
        except (BadForm, ValueError):
            return _invalid("content", "A file is required.")
        address = f"http://{recorded.headers['Host']}/v1/files/{len(self.uploads)}"
        self.uploads[address] = part.data
        return _json(201, {"id": str(len(self.uploads)), "urls": {"get": address}, "size": len(part.data)})

    def _listed(self, recorded: Recorded) -> Reply:
        """All predictions since then, newest first, on one page."""
        after = datetime.fromisoformat(recorded.query.get("created_after") or "1970-01-01T00:00:00Z")
        jobs = [job for job in self.jobs.values() if job.created_at >= after and self.found(job.id)]
        results = [self._told(job, recorded.headers["Host"]) for job in reversed(jobs)]
        return _json(200, {"next": None, "previous": None, "results": results})

    def _about(self, recorded: Recorded, asked: "re.Match[str]") -> Reply:
        job = self.found(asked["id"])
        if job is None:
            return _problem("model_not_found")
        if asked["what"]:
            job.cancelled = True
            return _json(200, self._told(job, recorded.headers["Host"]))
        if refused := self.polled(job):
            return refused
        if job.behaviour.name == "garbage" and self.is_ready(job):
            return Reply(content_type="text/html", body=[b"<!DOCTYPE html><html>Just a moment...</html>"])
        return _json(200, self._told(job, recorded.headers["Host"]))

    def _told(self, job: QueuedJob, host: str) -> dict[str, object]:
        """The prediction as it is now."""
        url = f"http://{host}/v1/predictions/{job.id}"
        told: dict[str, object] = {
            "id": job.id,
            "model": job.target,
            "version": "hidden",
            "input": job.fields,
            "output": None,
            "error": None,
            "logs": "",
            "status": "starting" if not job.poll_count else "processing",
            "created_at": job.created_at.isoformat(),
            "data_removed": False,
            "source": "api",
            "urls": {"get": url, "cancel": f"{url}/cancel", "web": f"https://replicate.com/p/{job.id}"},
        }
        if job.cancelled:
            return {**told, "status": "canceled"}
        if not job.poll_count or not self.is_ready(job):
            return told
        told["metrics"] = {"predict_time": 2.31, "total_time": 2.4}
        if error := _FAILURES.get(job.behaviour.name):
            return {**told, "status": "failed", "error": error}
        return {**told, "status": "succeeded", "output": self._output(job)}

    def _version_of(self, model: str) -> str:
        version = hashlib.sha256(model.encode()).hexdigest()
        self._models[version] = model
        return version

    def _target(self, path: str, body: Mapping[str, object]) -> str | None:
        """The model that a prediction is of; None for a version that does not exist."""
        if named := _OFFICIAL.fullmatch(path):
            return named["name"]
        version = _VERSION.fullmatch(str(body.get("version")))
        return (version["name"] or self._models.get(version[0], "hidden")) if version else None

    def _output(self, job: QueuedJob) -> object:
        if job.behaviour.name == "empty":
            return None
        count = next((value for name in _COUNTS if isinstance(value := job.fields.get(name), int)), 1)
        count += {"partial": -1, "duplicate": 1}.get(job.behaviour.name, 0)
        kind = {"jpg": "jpeg"}.get(
            str(job.fields.get("output_format", "webp")), str(job.fields.get("output_format", "webp"))
        )
        width, height = _sides(job.fields)
        while len(job.pictures) < count:
            data = self.picture(job.behaviour, kind, width, height)
            job.pictures.append(self.results.offer(data, f"image/{kind}", behaviour=job.behaviour.name))
        return job.pictures[0] if job.target in _SINGLE else job.pictures[:count]


def _sides(fields: Mapping[str, object]) -> tuple[int, int]:
    if isinstance(width := fields.get("width"), int) and isinstance(height := fields.get("height"), int):
        return width, height
    left, _, right = str(fields.get("aspect_ratio", "1:1")).partition(":")
    if not (left.isdecimal() and right.isdecimal()):
        return 1024, 1024
    scale = 1024 / max(int(left), int(right))
    return round(int(left) * scale), round(int(right) * scale)


def _problem(name: str, headers: Mapping[str, str] | None = None, status: int | None = None) -> Reply:
    usual, title, detail = _ERRORS[name]
    status = status or usual
    return _json(status, {**({"title": title} if title else {}), "detail": detail, "status": status}, headers)


def _invalid(field: str, description: str) -> Reply:
    problem = {"title": "Input validation failed", "detail": f"- {field}: {description}", "status": 422}
    return _json(422, {**problem, "invalid_fields": [{"type": "invalid", "field": field, "description": description}]})


def _json(status: int, body: Mapping[str, object], headers: Mapping[str, str] | None = None) -> Reply:
    return Reply(status, body=[json.dumps(body).encode()], headers=headers or {})
