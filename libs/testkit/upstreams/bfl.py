"""A scripted Black Forest Labs: tasks with an address to ask at, credits, finetunes, and errors in the vendor's own words."""

import json
import re
from collections.abc import Mapping

from testkit.upstreams.base import SUCCESS, Behaviour, Exchange, Recorded, Reply, Rules
from testkit.upstreams.bfl_rules import MODELS, credits_of, drawn_format, drawn_size
from testkit.upstreams.calling import Message
from testkit.upstreams.fields import Broken
from testkit.upstreams.queues import QueuedJob, QueueUpstream

_KEY = re.compile(r"bfl_[\w-]+")
_ERRORS: Mapping[str, tuple[int, str]] = {
    "unauthorized": (403, "Not authenticated - Invalid Authentication"),
    "out_of_quota": (402, "Insufficient credits. Please add credits to your account."),
    "rate_limited": (429, "Rate limit exceeded: 24 active tasks."),
    "server_error": (500, "Internal Server Error"),
    "model_not_found": (404, "Not Found"),
}
# How a task ends: its status and details.
_ENDS: Mapping[str, tuple[str, Mapping[str, object] | None]] = {
    "refusal": ("Request Moderated", {"Moderation Reasons": ["Violence"]}),
    "output_refusal": ("Content Moderated", {"Moderation Reasons": ["Safety Filter"]}),
    "failed": ("Error", None),
}


class BflUpstream(QueueUpstream):
    """The vendor's ``/v1``. Keys begin with ``bfl_``; inputs that break the table are refused as the vendor would.

    With ``specification`` every order is validated against it too.
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
        self._rules = specification

    @property
    def base_path(self) -> str:
        """None: the paths begin with the version."""
        return ""

    def poll_limited(self) -> Reply:
        """The vendor's 429."""
        return _problem("rate_limited", {"Retry-After": "0.3"})

    async def answer(self, exchange: Exchange) -> Reply:
        """Answer in the vendor's order: key, path, fields, limits; content is looked at when the task runs."""
        recorded = exchange.recorded
        if not _KEY.fullmatch(recorded.headers.get("x-key", "")):
            return _problem("unauthorized")
        if recorded.method == "POST":
            return await self._ordered(exchange)
        if recorded.path == "/v1/get_result":
            return self._task(recorded)
        if recorded.path == "/v1/credits":
            return _json(200, {"credits": 1000.0})
        if recorded.path == "/v1/my_finetunes":
            return _json(200, {"finetunes": ["fox-style"]})
        return _problem("model_not_found")

    async def _ordered(self, exchange: Exchange) -> Reply:
        recorded, behaviour = exchange.recorded, exchange.behaviour
        model = recorded.path.removeprefix("/v1/")
        if model not in MODELS or behaviour.name in _ERRORS:
            return self._scripted(behaviour if model in MODELS else Behaviour("model_not_found"))
        try:
            fields = json.loads(recorded.body)
        except ValueError:
            return _invalid(Broken("body", "json_invalid"))
        bad_field = Broken("safety_tolerance", "invalid") if behaviour.name == "bad_field" else None
        if broken := bad_field or self._broken(model, fields):
            return _invalid(broken)
        job = await self.enqueue(exchange, model, fields)
        url = f"http://{recorded.headers['Host']}/v1/get_result?id={job.id}"
        costs = {"cost": credits_of(model), "input_mp": None, "output_mp": 1.05}
        if webhook := fields.get("webhook_url"):
            self.call_back(job, str(webhook), lambda: self._message(job))
            return _json(200, {"id": job.id, "status": "Pending", "webhook_url": fields["webhook_url"], **costs})
        return _json(200, {"id": job.id, "polling_url": url, **costs})

    def _message(self, job: QueuedJob) -> Message:
        secret = job.fields.get("webhook_secret")
        told = b"".join(self._news(job).body)
        return Message(told, {"X-Webhook-Secret": str(secret)} if secret else {})

    def _broken(self, model: str, fields: dict[str, object]) -> Broken | None:
        broken = MODELS[model].broken(fields)
        if broken:
            self.violations.append(f"{model}: {broken}")
        if self._rules:
            self.violations += self._rules.violations(f"/v1/{model}", "application/json", fields)
        return broken

    def _scripted(self, behaviour: Behaviour) -> Reply:
        if behaviour.name == "rate_limited":
            return _problem("rate_limited", {"Retry-After": f"{behaviour.seconds or 1:g}"})
        return _problem(behaviour.name, status=behaviour.status if behaviour.name == "server_error" else None)

    def _task(self, recorded: Recorded) -> Reply:
        task_id = recorded.query.get("id", "")
        job = self.found(task_id)
        if job is None:
            return _told(task_id, "Task not found")
        return self.polled(job) or self._news(job)

    def _news(self, job: QueuedJob) -> Reply:
        if not self.is_ready(job):
            return _told(job.id, "Pending", progress=0.4)
        if job.behaviour.name == "garbage":
            return Reply(content_type="text/html", body=[b"<!DOCTYPE html><html>Just a moment...</html>"])
        if job.behaviour.name in _ENDS:
            status, details = _ENDS[job.behaviour.name]
            return _told(job.id, status, details=details)
        return _told(job.id, "Ready", result=None if job.behaviour.name == "empty" else self._sample(job))

    def _sample(self, job: QueuedJob) -> Mapping[str, object]:
        if not job.pictures:
            file_format = drawn_format(job.target, job.fields)
            data = self.picture(job.behaviour, file_format, *drawn_size(job.fields))
            job.pictures.append(self.results.offer(data, f"image/{file_format}", behaviour=job.behaviour.name))
        times = {"start_time": 1_795_000_000.0, "end_time": 1_795_000_005.1, "duration": 5.1}
        prompt = str(job.fields.get("prompt") or "")
        if job.fields.get("prompt_upsampling"):
            prompt += ", in the golden light of an autumn evening"
        seed = job.fields.get("seed")
        return {
            "sample": job.pictures[0],
            "prompt": prompt,
            "seed": 2_894_637_523 if seed is None else seed,
            **times,
        }


def _told(
    task_id: str,
    status: str,
    *,
    result: Mapping[str, object] | None = None,
    progress: float | None = None,
    details: Mapping[str, object] | None = None,
) -> Reply:
    said = {"id": task_id, "status": status, "result": result, "progress": progress, "details": details}
    return _json(200, {**said, "preview": None})


def _problem(name: str, headers: Mapping[str, str] | None = None, *, status: int | None = None) -> Reply:
    usual, text = _ERRORS[name]
    return Reply(status or usual, body=[json.dumps({"detail": text}).encode()], headers=headers or {})


def _invalid(broken: Broken) -> Reply:
    detail = {"loc": ["body", broken.name], "msg": "Input is not what it should be.", "type": broken.how}
    return _json(422, {"detail": [detail]})


def _json(status: int, body: Mapping[str, object]) -> Reply:
    return Reply(status, body=[json.dumps(body).encode()])
