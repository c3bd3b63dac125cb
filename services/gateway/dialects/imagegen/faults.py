"""Faults in this API's words: type, code, message, particulars, the request's id and the page that explains the code.

Source: imagegen-v2.md, "Error Handling and Status Codes"; contract.md, "imagegen", Errors.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from gateway.dialects.base import Problem
from gateway.dialects.imagegen import fields
from gateway.dialects.imagegen.figures import in_credits
from gateway.money import usd
from gateway.wire import Reply, json_reply
from gesso.errors.v1 import reason_pb2 as pb
from gesso.errors.v1.reason_pb2 import Reason
from servicekit.faults import Fault, Unavailable

_VALIDATION = "validation_error"
_AUTHENTICATION = "authentication_error"
_PERMISSION = "permission_error"
_NOT_FOUND = "not_found_error"
_CONFLICT = "conflict_error"
_QUOTA = "quota_error"
_RATE_LIMIT = "rate_limit_error"
_GENERATION = "generation_error"
_AVAILABILITY = "availability_error"
_INTERNAL = "internal_error"


def _said(text: str) -> Meta:
    return Meta(description=text)


Text = str | UnsetType
Figure = int | float | UnsetType


class Details(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Particulars, as far as the error has any."""

    field: Annotated[Text, _said("JSON path of the field that is meant, as `parameters.width`.")] = UNSET
    reason: Annotated[Text, _said("Why, for programs, as `nsfw_content_detected`.")] = UNSET
    suggestion: Annotated[Text, _said("What to do about it, for people.")] = UNSET
    stage: Annotated[Text, _said("What was refused: `input`, the prompt or source, or `output`, the result.")] = UNSET
    provider: Annotated[Text, _said("Who refused or failed.")] = UNSET
    model: Annotated[Text, _said("The model that is meant.")] = UNSET
    required_credits: Annotated[Figure, _said("What the request may cost.")] = UNSET
    available_credits: Annotated[Figure, _said("What the account has.")] = UNSET
    required_usd: Annotated[float | UnsetType, _said("What the request may cost.")] = UNSET
    available_usd: Annotated[float | UnsetType, _said("What the account has.")] = UNSET
    scope: Annotated[Text, _said("Whose budget is used up: `account` or `api_key`.")] = UNSET
    period: Annotated[Text, _said("Of the budget: `day` or `month`.")] = UNSET
    limit_usd: Annotated[float | UnsetType, _said("The budget.")] = UNSET
    spent_usd: Annotated[float | UnsetType, _said("What of the budget is spent or held.")] = UNSET
    limit_mb: Annotated[int | UnsetType, _said("The storage of the account's plan.")] = UNSET
    used_mb: Annotated[int | UnsetType, _said("What of the storage is used.")] = UNSET
    limit: Annotated[int | UnsetType, _said("How many requests or jobs are allowed.")] = UNSET
    window: Annotated[Text, _said("In which the requests are used up: `minute`, `hour` or `day`.")] = UNSET
    retry_after: Annotated[float | UnsetType, _said("Seconds after which a repeat may succeed.")] = UNSET
    limit_bytes: Annotated[int | UnsetType, _said("The largest body.")] = UNSET
    allow: Annotated[list[str] | UnsetType, _said("The methods that the path takes.")] = UNSET
    state: Annotated[Text, _said("Of the thing whose state does not allow the operation.")] = UNSET
    component: Annotated[Text, _said("The part of the platform that is away.")] = UNSET


class ErrorObject(msgspec.Struct, frozen=True):
    """What went wrong."""

    type: Annotated[str, _said("The kind of error.")]
    code: Annotated[str, _said("The machine's name of the error.")]
    message: Annotated[str, _said("For people; names the field where one is wrong.")]
    details: Details
    request_id: Annotated[str, _said("Finds the request in the logs.")]
    documentation_url: Annotated[
        str, Meta(description="A page that explains the code.", extra_json_schema={"format": "uri-reference"})
    ]


class ErrorBody(msgspec.Struct, frozen=True):
    """Every error of this dialect."""

    error: ErrorObject


@dataclass(frozen=True, slots=True)
class Wording:
    """Type and code of an error; `field` where the reason itself says which is meant."""

    type: str
    code: str
    field: str = ""


WORDINGS: Mapping[Reason.ValueType, Wording] = {
    pb.REASON_INVALID_FIELD: Wording(_VALIDATION, "INVALID_REQUEST"),
    pb.REASON_CONTENT_REFUSED: Wording(_VALIDATION, "INVALID_PROMPT", "prompt"),
    pb.REASON_UNKNOWN_MODEL: Wording(_VALIDATION, "INVALID_REQUEST", "model"),
    pb.REASON_UNPRICED: Wording(_VALIDATION, "INVALID_REQUEST", "model"),
    pb.REASON_INPUT_UNREACHABLE: Wording(_VALIDATION, "INVALID_IMAGE", "init_image"),
    pb.REASON_INPUT_NOT_AN_IMAGE: Wording(_VALIDATION, "INVALID_IMAGE", "init_image"),
    pb.REASON_NOT_FOUND: Wording(_NOT_FOUND, "NOT_FOUND"),
    pb.REASON_CONFLICT: Wording(_CONFLICT, "CONFLICT"),
    pb.REASON_IDEMPOTENCY_MISMATCH: Wording(_CONFLICT, "CONFLICT"),
    pb.REASON_IDEMPOTENCY_RUNNING: Wording(_CONFLICT, "CONFLICT"),
    pb.REASON_PAYLOAD_TOO_LARGE: Wording(_VALIDATION, "PAYLOAD_TOO_LARGE"),
    pb.REASON_UNSUPPORTED_MEDIA_TYPE: Wording(_VALIDATION, "UNSUPPORTED_MEDIA_TYPE"),
    pb.REASON_METHOD_NOT_ALLOWED: Wording(_VALIDATION, "METHOD_NOT_ALLOWED"),
    pb.REASON_UNKNOWN_PATH: Wording(_NOT_FOUND, "NOT_FOUND"),
    pb.REASON_NOT_IMPLEMENTED: Wording(_INTERNAL, "NOT_IMPLEMENTED"),
    pb.REASON_PROVIDER_KEY_REQUIRED: Wording(_VALIDATION, "INVALID_REQUEST", "model"),
    pb.REASON_CREDENTIAL_MISSING: Wording(_AUTHENTICATION, "UNAUTHORIZED"),
    pb.REASON_CREDENTIAL_INVALID: Wording(_AUTHENTICATION, "UNAUTHORIZED"),
    pb.REASON_KEY_REVOKED: Wording(_PERMISSION, "FORBIDDEN"),
    pb.REASON_ACCOUNT_SUSPENDED: Wording(_PERMISSION, "FORBIDDEN"),
    pb.REASON_ACCOUNT_CLOSED: Wording(_PERMISSION, "FORBIDDEN"),
    pb.REASON_FORBIDDEN: Wording(_PERMISSION, "FORBIDDEN"),
    pb.REASON_SUBSCRIPTION_REQUIRED: Wording(_PERMISSION, "FORBIDDEN"),
    pb.REASON_INSUFFICIENT_FUNDS: Wording(_QUOTA, "QUOTA_EXCEEDED"),
    pb.REASON_BUDGET_EXCEEDED: Wording(_QUOTA, "QUOTA_EXCEEDED"),
    pb.REASON_STORAGE_EXCEEDED: Wording(_QUOTA, "QUOTA_EXCEEDED"),
    pb.REASON_CONCURRENCY_EXCEEDED: Wording(_RATE_LIMIT, "RATE_LIMITED"),
    pb.REASON_RATE_LIMITED: Wording(_RATE_LIMIT, "RATE_LIMITED"),
    pb.REASON_MODEL_UNAVAILABLE: Wording(_AVAILABILITY, "MODEL_NOT_AVAILABLE", "model"),
    pb.REASON_MAINTENANCE: Wording(_AVAILABILITY, "MAINTENANCE"),
    pb.REASON_UNAVAILABLE: Wording(_AVAILABILITY, "SERVICE_UNAVAILABLE"),
    pb.REASON_OVERLOADED: Wording(_AVAILABILITY, "SERVICE_UNAVAILABLE"),
    pb.REASON_TIMEOUT: Wording(_AVAILABILITY, "TIMEOUT"),
    pb.REASON_INTERNAL: Wording(_INTERNAL, "INTERNAL_ERROR"),
    pb.REASON_UPSTREAM_REFUSED: Wording(_VALIDATION, "INVALID_PROMPT", "prompt"),
    pb.REASON_UPSTREAM_FAILED: Wording(_GENERATION, "GENERATION_FAILED"),
    pb.REASON_UPSTREAM_BAD_IMAGE: Wording(_GENERATION, "GENERATION_FAILED"),
    pb.REASON_UPSTREAM_RATE_LIMITED: Wording(_GENERATION, "GENERATION_FAILED"),
    pb.REASON_UPSTREAM_DENIED: Wording(_GENERATION, "GENERATION_FAILED"),
    pb.REASON_UPSTREAM_INVALID: Wording(_VALIDATION, "INVALID_REQUEST"),
    pb.REASON_OUTCOME_UNKNOWN: Wording(_GENERATION, "GENERATION_FAILED"),
    pb.REASON_SECRET_LOST: Wording(_INTERNAL, "INTERNAL_ERROR"),
    pb.REASON_CANCELLED: Wording(_CONFLICT, "CONFLICT"),
}
"""Complete: a test says so."""

CODES = {reason: wording.code for reason, wording in WORDINGS.items()}

STATUSES: Mapping[Reason.ValueType, int] = {
    pb.REASON_UNKNOWN_MODEL: 400,
    pb.REASON_KEY_REVOKED: 403,
    pb.REASON_UPSTREAM_FAILED: 500,
    pb.REASON_UPSTREAM_BAD_IMAGE: 500,
    pb.REASON_UPSTREAM_RATE_LIMITED: 500,
    pb.REASON_UPSTREAM_DENIED: 500,
    pb.REASON_OUTCOME_UNKNOWN: 500,
    pb.REASON_SECRET_LOST: 500,
}
"""A job of which nothing could be made is 500 here."""

_UNAVAILABLE = 503
_REFUSED_BY_US = "prohibited_content_detected"
_REFUSED_UPSTREAM = "content_refused_by_provider"
_SUGGESTIONS: Mapping[Reason.ValueType, str] = {
    pb.REASON_CONTENT_REFUSED: "Please modify your prompt to remove inappropriate content",
    pb.REASON_UPSTREAM_REFUSED: "Please modify your prompt or source image, or use another model",
}
_QUOTA_WORDS = "The request may cost {required} credits, and {available} are available. See {page} for how to add more."


def word(problem: Problem) -> Reply:
    """The error body of a fault."""
    fault, status = problem.fault, problem.status
    if (
        fault.reason == pb.REASON_TIMEOUT and "component" in fault.details
    ):  # a part of ours was slow: no job's deadline passed
        fault, status = Unavailable(fault.details["component"]), _UNAVAILABLE
    return json_reply(ErrorBody(error_object(fault, problem.request_id, f"{problem.public_url}/docs")), status)


def error_object(fault: Fault, request_id: str, docs_url: str) -> ErrorObject:
    """A fault in words; `docs_url` is where this platform's pages are."""
    wording = WORDINGS[fault.reason]
    return ErrorObject(
        type=wording.type,
        code=wording.code,
        message=_message(fault, docs_url),
        details=_details(fault, wording),
        request_id=request_id,
        documentation_url=f"{docs_url}/errors/{wording.code}",
    )


def _message(fault: Fault, docs_url: str) -> str:
    if fault.reason != pb.REASON_INSUFFICIENT_FUNDS or "required_micros" not in fault.details:
        return fault.message
    required, available = (in_credits(int(fault.details[f"{name}_micros"])) for name in ("required", "available"))
    return _QUOTA_WORDS.format(required=required, available=available, page=f"{docs_url}/billing")


def _details(fault: Fault, wording: Wording) -> Details:
    told = fault.details
    named = told.get("field", "")
    allow = told.get("allow")
    required, available = _micros(told, "required_micros"), _micros(told, "available_micros")
    return Details(
        field=fields.path(named) or wording.field or UNSET,
        reason=_reason(fault) or UNSET,
        suggestion=told.get("suggestion") or _SUGGESTIONS.get(fault.reason) or UNSET,
        stage=told.get("stage") or UNSET,
        provider=told.get("provider") or UNSET,
        model=told.get("model") or UNSET,
        required_credits=UNSET if required is None else in_credits(required),
        available_credits=UNSET if available is None else in_credits(available),
        required_usd=_usd(required),
        available_usd=_usd(available),
        scope=told.get("scope") or UNSET,
        period=told.get("period") or UNSET,
        limit_usd=_usd(_micros(told, "limit_micros")),
        spent_usd=_usd(_micros(told, "spent_micros")),
        limit_mb=_count(told, "limit_mb"),
        used_mb=_count(told, "used_mb"),
        limit=_count(told, "limit"),
        window=told.get("window") or UNSET,
        retry_after=UNSET if fault.retry_after_seconds is None else max(round(fault.retry_after_seconds, 3), 0.0),
        limit_bytes=_count(told, "limit_bytes"),
        allow=UNSET if allow is None else allow.split(", "),
        state=told.get("state") or UNSET,
        component=told.get("component") or UNSET,
    )


def _reason(fault: Fault) -> str:
    cause = fault.details.get("cause", "")
    if fault.reason == pb.REASON_CONTENT_REFUSED:
        return cause or _REFUSED_BY_US
    return cause or (_REFUSED_UPSTREAM if fault.reason == pb.REASON_UPSTREAM_REFUSED else "")


def _micros(told: Mapping[str, str], name: str) -> int | None:
    return int(told[name]) if told.get(name, "").lstrip("-").isdecimal() else None


def _usd(micros: int | None) -> float | UnsetType:
    return UNSET if micros is None else usd(micros)


def _count(told: Mapping[str, str], name: str) -> int | UnsetType:
    return int(told[name]) if told.get(name, "").isdecimal() else UNSET
