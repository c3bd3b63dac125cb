"""Faults in Ops-Center's words: `detail` for people, as its document shows, and OpenAI's error object for its SDKs.

Source: the Ops-Center document, "Error Handling"; contract.md: the SDK 0.28 raises its typed errors only where `error` is present.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import msgspec
from msgspec import Meta

from gateway.dialects.base import Problem
from gateway.dialects.opscenter.answers import CREDIT_MICROS
from gateway.money import in_credits
from gateway.wire import Reply, json_reply
from gateway.wording import naming_field
from gesso.errors.v1 import reason_pb2 as pb
from gesso.errors.v1.reason_pb2 import Reason
from servicekit.faults import Fault

_REQUEST = "invalid_request_error"
_CONTENT = "image_generation_user_error"
_PERMISSION = "permission_error"
_QUOTA = "insufficient_quota"
_LIMIT = "requests"
_SERVER = "server_error"


class ErrorObject(msgspec.Struct, frozen=True):
    """What went wrong, as OpenAI's SDKs read it."""

    message: Annotated[str, Meta(description="For people; names the field where one is wrong.")]
    type: Annotated[str, Meta(description="The kind of error.")]
    code: Annotated[str, Meta(description="The machine's name of the error; `/docs/errors/{code}` explains it.")]


class ErrorBody(msgspec.Struct, frozen=True):
    """Every error of this dialect."""

    detail: Annotated[str, Meta(description="For people.")]
    error: ErrorObject


@dataclass(frozen=True, slots=True)
class Wording:
    """Type and code of an error."""

    type: str
    code: str


WORDINGS: Mapping[Reason.ValueType, Wording] = {
    pb.REASON_INVALID_FIELD: Wording(_REQUEST, "invalid_value"),
    pb.REASON_CONTENT_REFUSED: Wording(_CONTENT, "moderation_blocked"),
    pb.REASON_UNKNOWN_MODEL: Wording(_REQUEST, "model_not_found"),
    pb.REASON_UNPRICED: Wording(_REQUEST, "unsupported_combination"),
    pb.REASON_INPUT_UNREACHABLE: Wording(_REQUEST, "invalid_image_url"),
    pb.REASON_INPUT_NOT_AN_IMAGE: Wording(_REQUEST, "invalid_image_file"),
    pb.REASON_NOT_FOUND: Wording(_REQUEST, "not_found"),
    pb.REASON_CONFLICT: Wording(_REQUEST, "conflict"),
    pb.REASON_IDEMPOTENCY_MISMATCH: Wording("idempotency_error", "idempotency_key_in_use"),
    pb.REASON_IDEMPOTENCY_RUNNING: Wording("idempotency_error", "idempotency_key_running"),
    pb.REASON_PAYLOAD_TOO_LARGE: Wording(_REQUEST, "payload_too_large"),
    pb.REASON_UNSUPPORTED_MEDIA_TYPE: Wording(_REQUEST, "unsupported_media_type"),
    pb.REASON_METHOD_NOT_ALLOWED: Wording(_REQUEST, "method_not_allowed"),
    pb.REASON_UNKNOWN_PATH: Wording(_REQUEST, "not_found"),
    pb.REASON_NOT_IMPLEMENTED: Wording(_REQUEST, "not_implemented"),
    pb.REASON_PROVIDER_KEY_REQUIRED: Wording(_REQUEST, "provider_key_required"),
    pb.REASON_CREDENTIAL_MISSING: Wording("authentication_error", "invalid_api_key"),
    pb.REASON_CREDENTIAL_INVALID: Wording("authentication_error", "invalid_api_key"),
    pb.REASON_KEY_REVOKED: Wording("authentication_error", "invalid_api_key"),
    pb.REASON_ACCOUNT_SUSPENDED: Wording(_PERMISSION, "account_suspended"),
    pb.REASON_ACCOUNT_CLOSED: Wording(_PERMISSION, "account_closed"),
    pb.REASON_FORBIDDEN: Wording(_PERMISSION, "insufficient_permissions"),
    pb.REASON_SUBSCRIPTION_REQUIRED: Wording(_PERMISSION, "subscription_required"),
    pb.REASON_INSUFFICIENT_FUNDS: Wording(_QUOTA, "insufficient_quota"),
    pb.REASON_BUDGET_EXCEEDED: Wording(_QUOTA, "budget_exceeded"),
    pb.REASON_STORAGE_EXCEEDED: Wording(_QUOTA, "storage_limit_reached"),
    pb.REASON_CONCURRENCY_EXCEEDED: Wording(_LIMIT, "too_many_jobs"),
    pb.REASON_RATE_LIMITED: Wording(_LIMIT, "rate_limit_exceeded"),
    pb.REASON_MODEL_UNAVAILABLE: Wording(_SERVER, "model_not_available"),
    pb.REASON_MAINTENANCE: Wording(_SERVER, "MAINTENANCE"),
    pb.REASON_UNAVAILABLE: Wording(_SERVER, "service_unavailable"),
    pb.REASON_OVERLOADED: Wording(_SERVER, "overloaded"),
    pb.REASON_TIMEOUT: Wording(_SERVER, "timeout"),
    pb.REASON_INTERNAL: Wording(_SERVER, "internal_error"),
    pb.REASON_UPSTREAM_REFUSED: Wording(_CONTENT, "moderation_blocked"),
    pb.REASON_UPSTREAM_FAILED: Wording(_SERVER, "upstream_error"),
    pb.REASON_UPSTREAM_BAD_IMAGE: Wording(_SERVER, "upstream_bad_image"),
    pb.REASON_UPSTREAM_RATE_LIMITED: Wording(_SERVER, "upstream_rate_limited"),
    pb.REASON_UPSTREAM_DENIED: Wording(_SERVER, "upstream_denied"),
    pb.REASON_UPSTREAM_INVALID: Wording(_REQUEST, "invalid_value"),
    pb.REASON_OUTCOME_UNKNOWN: Wording(_SERVER, "outcome_unknown"),
    pb.REASON_SECRET_LOST: Wording(_SERVER, "secret_lost"),
    pb.REASON_CANCELLED: Wording(_REQUEST, "job_cancelled"),
}
"""Complete: a test says so."""

CODES = {reason: wording.code for reason, wording in WORDINGS.items()}

STATUSES: Mapping[Reason.ValueType, int] = {pb.REASON_UNKNOWN_MODEL: 400}
"""The document's 400 is "check parameters", and a wrong `model` is one."""

_FIGURES = {"required_micros", "available_micros"}
_FIELDS = {
    "width": "size",
    "height": "size",
    "aspect_ratio": "size",
    "resolution": "size",
    "input_image_ids": "image",
    "mask_image_id": "mask",
}
"""A draw's fields that this dialect calls otherwise."""


def word(problem: Problem) -> Reply:
    """The error body of a fault."""
    return json_reply(body_of(problem.fault), problem.status)


def body_of(fault: Fault) -> ErrorBody:
    """A fault in this dialect's words."""
    wording, message = WORDINGS[fault.reason], _message(fault)
    return ErrorBody(message, ErrorObject(message, wording.type, wording.code))


def _message(fault: Fault) -> str:
    """What is missing is told in the document's own words, which its users' programs may look for."""
    if not fault.details.keys() >= _FIGURES:
        return naming_field(fault, _FIELDS)
    balance, cost = (
        in_credits(int(fault.details[f"{name}_micros"]), CREDIT_MICROS) for name in ("available", "required")
    )
    return f"Insufficient credits. Balance: {balance}, Estimated cost: {cost} credits"
