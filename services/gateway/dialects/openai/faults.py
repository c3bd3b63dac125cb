"""Faults in OpenAI's words: the error object with its message, type, param and code.

Source: the specification's ErrorResponse, upstreams' observed codes, and what the official SDKs make of them: they choose the
exception by the status alone, and show `code`, `param` and `type` on it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import msgspec
from msgspec import Meta

from gateway.dialects.base import Problem
from gateway.money import usd_text
from gateway.wire import Reply, json_reply
from gesso.errors.v1 import reason_pb2 as pb
from gesso.errors.v1.reason_pb2 import Reason
from servicekit.faults import Fault

_REQUEST = "invalid_request_error"
_CONTENT = "image_generation_user_error"
_SERVER = "server_error"


class ErrorObject(msgspec.Struct, frozen=True):
    """What went wrong."""

    message: Annotated[str, Meta(description="For people.")]
    type: Annotated[str, Meta(description="The kind of error.")]
    param: Annotated[str | None, Meta(description="The parameter that is meant, where it is one.")]
    code: Annotated[str | None, Meta(description="The machine's name of the error; `/docs/errors/{code}` explains it.")]


class ErrorBody(msgspec.Struct, frozen=True):
    """Every error of this dialect."""

    error: ErrorObject


@dataclass(frozen=True, slots=True)
class Wording:
    """Type and code of an error; `param` where the reason itself says which parameter is meant."""

    type: str
    code: str
    param: str | None = None


WORDINGS: Mapping[Reason.ValueType, Wording] = {
    pb.REASON_INVALID_FIELD: Wording(_REQUEST, "invalid_value"),
    pb.REASON_CONTENT_REFUSED: Wording(_CONTENT, "moderation_blocked", "prompt"),
    pb.REASON_UNKNOWN_MODEL: Wording(_REQUEST, "model_not_found", "model"),
    pb.REASON_UNPRICED: Wording(_REQUEST, "unsupported_combination", "model"),
    pb.REASON_INPUT_UNREACHABLE: Wording(_REQUEST, "invalid_image_url", "image"),
    pb.REASON_INPUT_NOT_AN_IMAGE: Wording(_REQUEST, "invalid_image_file", "image"),
    pb.REASON_NOT_FOUND: Wording(_REQUEST, "not_found"),
    pb.REASON_CONFLICT: Wording(_REQUEST, "conflict"),
    pb.REASON_IDEMPOTENCY_MISMATCH: Wording("idempotency_error", "idempotency_key_in_use"),
    pb.REASON_IDEMPOTENCY_RUNNING: Wording("idempotency_error", "idempotency_key_running"),
    pb.REASON_PAYLOAD_TOO_LARGE: Wording(_REQUEST, "payload_too_large"),
    pb.REASON_UNSUPPORTED_MEDIA_TYPE: Wording(_REQUEST, "unsupported_media_type"),
    pb.REASON_METHOD_NOT_ALLOWED: Wording(_REQUEST, "method_not_supported"),
    pb.REASON_UNKNOWN_PATH: Wording(_REQUEST, "unknown_url"),
    pb.REASON_NOT_IMPLEMENTED: Wording(_REQUEST, "unsupported"),
    pb.REASON_PROVIDER_KEY_REQUIRED: Wording(_REQUEST, "provider_key_required"),
    pb.REASON_CREDENTIAL_MISSING: Wording(_REQUEST, "invalid_api_key"),
    pb.REASON_CREDENTIAL_INVALID: Wording(_REQUEST, "invalid_api_key"),
    pb.REASON_KEY_REVOKED: Wording(_REQUEST, "invalid_api_key"),
    pb.REASON_ACCOUNT_SUSPENDED: Wording("permission_error", "account_deactivated"),
    pb.REASON_ACCOUNT_CLOSED: Wording("permission_error", "account_deactivated"),
    pb.REASON_FORBIDDEN: Wording("permission_error", "insufficient_permissions"),
    pb.REASON_SUBSCRIPTION_REQUIRED: Wording("permission_error", "subscription_required"),
    pb.REASON_INSUFFICIENT_FUNDS: Wording("insufficient_quota", "insufficient_quota"),
    pb.REASON_BUDGET_EXCEEDED: Wording("insufficient_quota", "billing_hard_limit_reached"),
    pb.REASON_STORAGE_EXCEEDED: Wording("insufficient_quota", "storage_limit_reached"),
    pb.REASON_CONCURRENCY_EXCEEDED: Wording("requests", "rate_limit_exceeded"),
    pb.REASON_RATE_LIMITED: Wording("requests", "rate_limit_exceeded"),
    pb.REASON_MODEL_UNAVAILABLE: Wording(_SERVER, "model_not_available", "model"),
    pb.REASON_MAINTENANCE: Wording(_SERVER, "maintenance"),
    pb.REASON_UNAVAILABLE: Wording(_SERVER, "service_unavailable"),
    pb.REASON_OVERLOADED: Wording(_SERVER, "overloaded"),
    pb.REASON_TIMEOUT: Wording(_SERVER, "timeout"),
    pb.REASON_INTERNAL: Wording(_SERVER, "internal_error"),
    pb.REASON_UPSTREAM_REFUSED: Wording(_CONTENT, "moderation_blocked", "prompt"),
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

_PARAMS = {
    "width": "size",
    "height": "size",
    "aspect_ratio": "size",
    "resolution": "size",
    "output_quality": "output_compression",
    "input_image_ids": "image",
    "mask_image_id": "mask",
}
"""A draw's fields that this dialect calls otherwise."""


CODES = {reason: wording.code for reason, wording in WORDINGS.items()}

_PAGES = {
    pb.REASON_CREDENTIAL_MISSING: "/docs/keys",
    pb.REASON_CREDENTIAL_INVALID: "/docs/keys",
    pb.REASON_KEY_REVOKED: "/docs/keys",
    pb.REASON_INSUFFICIENT_FUNDS: "/docs/billing",
    pb.REASON_BUDGET_EXCEEDED: "/docs/billing",
}
"""Where people read on, as OpenAI's own messages of these errors say it."""


def word(problem: Problem) -> Reply:
    """The error body of a fault."""
    return json_reply(ErrorBody(error_of(problem.fault, problem.public_url)), problem.status)


def error_of(fault: Fault, public_url: str) -> ErrorObject:
    """A fault in OpenAI's words; `public_url` is where this platform's pages are."""
    wording = WORDINGS[fault.reason]
    named = _of_a_draw(fault.details.get("field", ""))
    return ErrorObject(
        _message(fault, public_url), wording.type, _PARAMS.get(named, named) or wording.param, wording.code
    )


def _of_a_draw(field: str) -> str:
    """A field without the draw that it is of, for here is one draw only."""
    return field.partition(".")[2] if field.startswith("draws[") else field


def _message(fault: Fault, public_url: str) -> str:
    message = _short_of_money(fault.details) if fault.details.keys() >= _FIGURES else fault.message
    page = _PAGES.get(fault.reason)
    return message if page is None else f"{message} For more, see {public_url}{page}."


_FIGURES = {"required_micros", "available_micros"}


def _short_of_money(details: Mapping[str, str]) -> str:
    required, available = (usd_text(int(details[name])) for name in ("required_micros", "available_micros"))
    return f"You exceeded your current quota: the request may cost {required} USD, and {available} USD are available."
