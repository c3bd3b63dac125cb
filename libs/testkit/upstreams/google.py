"""A scripted Gemini API: `generateContent` of image models, refusals within successes, google.rpc errors with their details."""

import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

import pybase64

from testkit.upstreams.base import Behaviour, Exchange, Reply, ScriptedUpstream
from testkit.upstreams.google_rules import MODELS, drawn_size, violation

_PATH = re.compile(r"/v1beta/models/(?P<model>[^/:]+):generateContent")
_KEY = re.compile(r"AIza[\w-]+")
_TYPE = "type.googleapis.com/google.rpc."
_TOKENS_PER_PICTURE = 1120


@dataclass(frozen=True, slots=True)
class _Refused:
    code: int
    status: str
    message: str
    details: tuple[Mapping[str, object], ...] = ()


_ERRORS: Mapping[str, _Refused] = {
    "unauthorized": _Refused(
        400,
        "INVALID_ARGUMENT",
        "API key not valid. Please pass a valid API key.",
        ({"@type": f"{_TYPE}ErrorInfo", "reason": "API_KEY_INVALID", "domain": "googleapis.com"},),
    ),
    "out_of_quota": _Refused(
        429,
        "RESOURCE_EXHAUSTED",
        "You exceeded your current quota, please check your plan and billing details.",
        (
            {"@type": f"{_TYPE}QuotaFailure", "violations": [{"quotaId": "GenerateRequestsPerDayPerProjectPerModel"}]},
            {"@type": f"{_TYPE}RetryInfo", "retryDelay": "7s"},
        ),
    ),
    "server_error": _Refused(500, "INTERNAL", "An internal error has occurred. Please retry."),
    "bad_field": _Refused(
        400,
        "INVALID_ARGUMENT",
        "Invalid value at 'generation_config.image_config.aspect_ratio'.",
        (
            {
                "@type": f"{_TYPE}BadRequest",
                "fieldViolations": [{"field": "generation_config.image_config.aspect_ratio", "description": "…"}],
            },
        ),
    ),
}
_SERVER_STATUSES: Mapping[int, str] = {500: "INTERNAL", 503: "UNAVAILABLE", 504: "DEADLINE_EXCEEDED"}


class GoogleUpstream(ScriptedUpstream):
    """The vendor's ``/v1beta``. Keys begin with ``AIza``; requests that break the rules are refused as the vendor would."""

    @property
    def base_path(self) -> str:
        """The version."""
        return "/v1beta"

    async def answer(self, exchange: Exchange) -> Reply:
        """Answer in the vendor's order: key, model, request, limits, content; then the order."""
        recorded, behaviour = exchange.recorded, exchange.behaviour
        if not _KEY.fullmatch(recorded.headers.get("x-goog-api-key", "")):
            return _error(_ERRORS["unauthorized"])
        path = _PATH.fullmatch(recorded.path)
        if recorded.method != "POST" or path is None or path["model"] not in MODELS:
            return _error(_unknown(recorded.path))
        if refused := _scripted(behaviour, path["model"]) or self._broken(path["model"], recorded.body):
            return _error(refused, status=behaviour.status if behaviour.name == "server_error" else None)
        if behaviour.name == "refusal":
            return _json({"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, **_told(path["model"], 0)})
        await exchange.accept()
        if behaviour.name == "garbage":
            return Reply(content_type="text/html", body=[b"<!DOCTYPE html><html>Just a moment...</html>"])
        return _json(self._drawn(path["model"], json.loads(recorded.body), behaviour))

    def _broken(self, model: str, body: bytes) -> _Refused | None:
        try:
            broken = violation(model, json.loads(body))
        except ValueError:
            broken = "body"
        if broken is None:
            return None
        self.violations.append(f"{model}: {broken}")
        detail = {"@type": f"{_TYPE}BadRequest", "fieldViolations": [{"field": broken, "description": "…"}]}
        return _Refused(400, "INVALID_ARGUMENT", f"Invalid value at '{broken}'.", (detail,))

    def _drawn(self, model: str, body: Mapping[str, object], behaviour: Behaviour) -> Mapping[str, object]:
        if behaviour.name == "output_refusal":
            refused = {"finishReason": "IMAGE_SAFETY", "finishMessage": "Unable to show the picture.", "index": 0}
            return {"candidates": [refused], **_told(model, 0)}
        parts: list[Mapping[str, object]] = [] if behaviour.name == "empty" else [self._part(body, behaviour)]
        if behaviour.name == "duplicate":
            parts *= 2
        thought = {"text": "I shall draw a fox.", "thought": True, "thoughtSignature": secrets.token_hex(64)}
        content = {"role": "model", "parts": [thought, self._sketch(), *parts]}
        candidate = {"content": content, "finishReason": "STOP", "index": 0}
        return {"candidates": [candidate], **_told(model, _TOKENS_PER_PICTURE * len(parts))}

    def _part(self, body: Mapping[str, object], behaviour: Behaviour) -> Mapping[str, object]:
        if behaviour.name == "bad_base64":
            return {"inlineData": {"mimeType": "image/png", "data": "%%% this is not base64 %%%"}}
        data = pybase64.b64encode(self.picture(behaviour, "png", *drawn_size(body))).decode()
        return {"inlineData": {"mimeType": "image/png", "data": data}, "thoughtSignature": secrets.token_hex(64)}

    def _sketch(self) -> Mapping[str, object]:
        """What the model drew while it thought."""
        data = pybase64.b64encode(self.picture(Behaviour(), "png", 64, 64)).decode()
        return {"inlineData": {"mimeType": "image/png", "data": data}, "thought": True}


def _scripted(behaviour: Behaviour, model: str) -> _Refused | None:
    if behaviour.name == "model_not_found":
        return _unknown(model)
    if behaviour.name == "rate_limited":
        delay = {"@type": f"{_TYPE}RetryInfo", "retryDelay": f"{behaviour.seconds or 1:g}s"}
        return _Refused(429, "RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota).", (delay,))
    if behaviour.name == "server_error" and behaviour.status in _SERVER_STATUSES:
        return _Refused(behaviour.status, _SERVER_STATUSES[behaviour.status], "The service is not there.")
    return _ERRORS.get(behaviour.name)


def _unknown(model: str) -> _Refused:
    return _Refused(404, "NOT_FOUND", f"{model} is no longer available.")


def _told(model: str, drawn_tokens: int) -> Mapping[str, object]:
    details = [{"modality": "TEXT", "tokenCount": 8}]
    usage = {"promptTokenCount": 8, "candidatesTokenCount": drawn_tokens, "totalTokenCount": 8 + drawn_tokens}
    return {
        "usageMetadata": {**usage, "promptTokensDetails": details},
        "modelVersion": model,
        "responseId": secrets.token_urlsafe(12),
    }


def _error(refused: _Refused, *, status: int | None = None) -> Reply:
    code = status or refused.code
    error = {"code": code, "message": refused.message, "status": refused.status, "details": list(refused.details)}
    return Reply(code, "application/json; charset=UTF-8", [json.dumps({"error": error}).encode()])


def _json(body: Mapping[str, object]) -> Reply:
    return Reply(content_type="application/json; charset=UTF-8", body=[json.dumps(body).encode()])
