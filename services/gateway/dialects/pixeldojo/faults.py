"""Faults in PixelDojo's words: a code in lower case, a message, and the status again.

Source: the PixelDojo API document, "Error Handling"; contract.md, "pixeldojo".
"""

from collections.abc import Mapping
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from gateway.dialects.base import Problem
from gateway.dialects.pixeldojo.answers import CREDIT_MICROS
from gateway.money import credits_shown
from gateway.wire import Reply, json_reply
from gateway.wording import naming_field
from gesso.errors.v1 import reason_pb2 as pb
from gesso.errors.v1.reason_pb2 import Reason


class ErrorObject(msgspec.Struct, frozen=True, omit_defaults=True):
    """What went wrong."""

    code: Annotated[str, Meta(description="The machine's name of the error; `/docs/errors/{code}` explains it.")]
    message: Annotated[str, Meta(description="For people; names the field where one is wrong.")]
    status: Annotated[int, Meta(description="The HTTP status.")]
    credits_needed: Annotated[int | float | UnsetType, Meta(description="Where credits are missing.")] = UNSET
    credits_available: Annotated[int | float | UnsetType, Meta(description="Where credits are missing.")] = UNSET


class ErrorBody(msgspec.Struct, frozen=True):
    """Every error of this dialect."""

    error: ErrorObject


CODES: Mapping[Reason.ValueType, str] = {
    pb.REASON_INVALID_FIELD: "invalid_request",
    pb.REASON_CONTENT_REFUSED: "content_refused",
    pb.REASON_UNKNOWN_MODEL: "invalid_model",
    pb.REASON_UNPRICED: "unsupported_combination",
    pb.REASON_INPUT_UNREACHABLE: "invalid_image_url",
    pb.REASON_INPUT_NOT_AN_IMAGE: "invalid_image",
    pb.REASON_NOT_FOUND: "not_found",
    pb.REASON_CONFLICT: "conflict",
    pb.REASON_IDEMPOTENCY_MISMATCH: "idempotency_key_in_use",
    pb.REASON_IDEMPOTENCY_RUNNING: "idempotency_key_running",
    pb.REASON_PAYLOAD_TOO_LARGE: "payload_too_large",
    pb.REASON_UNSUPPORTED_MEDIA_TYPE: "unsupported_media_type",
    pb.REASON_METHOD_NOT_ALLOWED: "method_not_allowed",
    pb.REASON_UNKNOWN_PATH: "not_found",
    pb.REASON_NOT_IMPLEMENTED: "not_implemented",
    pb.REASON_PROVIDER_KEY_REQUIRED: "provider_key_required",
    pb.REASON_CREDENTIAL_MISSING: "unauthorized",
    pb.REASON_CREDENTIAL_INVALID: "unauthorized",
    pb.REASON_KEY_REVOKED: "key_revoked",
    pb.REASON_ACCOUNT_SUSPENDED: "account_suspended",
    pb.REASON_ACCOUNT_CLOSED: "account_closed",
    pb.REASON_FORBIDDEN: "forbidden",
    pb.REASON_SUBSCRIPTION_REQUIRED: "subscription_required",
    pb.REASON_INSUFFICIENT_FUNDS: "insufficient_credits",
    pb.REASON_BUDGET_EXCEEDED: "budget_exceeded",
    pb.REASON_STORAGE_EXCEEDED: "storage_exceeded",
    pb.REASON_CONCURRENCY_EXCEEDED: "too_many_jobs",
    pb.REASON_RATE_LIMITED: "rate_limit_exceeded",
    pb.REASON_MODEL_UNAVAILABLE: "model_unavailable",
    pb.REASON_MAINTENANCE: "maintenance",
    pb.REASON_UNAVAILABLE: "service_unavailable",
    pb.REASON_OVERLOADED: "overloaded",
    pb.REASON_TIMEOUT: "timeout",
    pb.REASON_INTERNAL: "internal_server_error",
    pb.REASON_UPSTREAM_REFUSED: "content_refused",
    pb.REASON_UPSTREAM_FAILED: "generation_failed",
    pb.REASON_UPSTREAM_BAD_IMAGE: "generation_failed",
    pb.REASON_UPSTREAM_RATE_LIMITED: "generation_failed",
    pb.REASON_UPSTREAM_DENIED: "generation_failed",
    pb.REASON_UPSTREAM_INVALID: "invalid_request",
    pb.REASON_OUTCOME_UNKNOWN: "generation_failed",
    pb.REASON_SECRET_LOST: "generation_failed",
    pb.REASON_CANCELLED: "job_cancelled",
}
"""Complete: a test says so."""

STATUSES: Mapping[Reason.ValueType, int] = {
    pb.REASON_UNKNOWN_MODEL: 400,
    pb.REASON_KEY_REVOKED: 403,
    pb.REASON_INSUFFICIENT_FUNDS: 403,
    pb.REASON_BUDGET_EXCEEDED: 403,
    pb.REASON_STORAGE_EXCEEDED: 403,
    pb.REASON_UPSTREAM_FAILED: 500,
    pb.REASON_UPSTREAM_BAD_IMAGE: 500,
    pb.REASON_UPSTREAM_RATE_LIMITED: 500,
    pb.REASON_UPSTREAM_DENIED: 500,
    pb.REASON_OUTCOME_UNKNOWN: 500,
    pb.REASON_SECRET_LOST: 500,
}
"""This API knows no 402, and calls a job of which nothing could be made its own error."""

_INSUFFICIENT = "Your account has insufficient credits"
"""The document's own words, which its users' programs may look for."""

_FIELDS = {"n": "num_outputs", "size": "aspect_ratio", "width": "megapixels", "height": "megapixels"}
"""A draw's fields that this dialect calls otherwise."""


def word(problem: Problem) -> Reply:
    """The error body of a fault."""
    fault = problem.fault
    code = CODES[fault.reason]
    if fault.reason == pb.REASON_INSUFFICIENT_FUNDS:
        error = ErrorObject(
            code,
            _INSUFFICIENT if fault.details else fault.message,
            problem.status,
            credits_needed=_figure(fault.details.get("required_micros")),
            credits_available=_figure(fault.details.get("available_micros")),
        )
    else:
        error = ErrorObject(code, naming_field(fault, _FIELDS), problem.status)
    return json_reply(ErrorBody(error), problem.status)


def _figure(micros: str | None) -> int | float | UnsetType:
    return UNSET if micros is None else credits_shown(int(micros), CREDIT_MICROS)
