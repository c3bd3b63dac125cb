"""Faults in this API's words: what kind of error, a message that names the field and the fix, and a code.

Source: the BIG API document, "Error Handling"; contract.md, "bigapi".
"""

from collections.abc import Mapping
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from gateway.dialects.base import Problem
from gateway.dialects.bigapi.answers import Credits, shown_credits
from gateway.wire import Reply, json_reply
from gesso.errors.v1 import reason_pb2 as pb
from gesso.errors.v1.reason_pb2 import Reason
from servicekit.faults import Fault


class ErrorBody(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Every error of this API."""

    error: Annotated[str, Meta(description="The kind of error.")]
    credits_needed: Annotated[Credits | UnsetType, Meta(description="Where credits are missing.")] = UNSET
    credits_available: Annotated[Credits | UnsetType, Meta(description="Where credits are missing.")] = UNSET
    message: Annotated[str, Meta(description="For people; names the field where one is wrong.")]
    code: Annotated[str, Meta(description="The machine's name of the error; `/docs/errors/{code}` explains it.")]


CODES: Mapping[Reason.ValueType, str] = {
    pb.REASON_INVALID_FIELD: "INVALID_REQUEST",
    pb.REASON_CONTENT_REFUSED: "CONTENT_REFUSED",
    pb.REASON_UNKNOWN_MODEL: "UNKNOWN_PROVIDER",
    pb.REASON_UNPRICED: "UNSUPPORTED_COMBINATION",
    pb.REASON_INPUT_UNREACHABLE: "INVALID_IMAGE_URL",
    pb.REASON_INPUT_NOT_AN_IMAGE: "INVALID_IMAGE",
    pb.REASON_NOT_FOUND: "NOT_FOUND",
    pb.REASON_CONFLICT: "CONFLICT",
    pb.REASON_IDEMPOTENCY_MISMATCH: "IDEMPOTENCY_KEY_REUSED",
    pb.REASON_IDEMPOTENCY_RUNNING: "IDEMPOTENCY_KEY_RUNNING",
    pb.REASON_PAYLOAD_TOO_LARGE: "PAYLOAD_TOO_LARGE",
    pb.REASON_UNSUPPORTED_MEDIA_TYPE: "UNSUPPORTED_MEDIA_TYPE",
    pb.REASON_METHOD_NOT_ALLOWED: "METHOD_NOT_ALLOWED",
    pb.REASON_UNKNOWN_PATH: "NOT_FOUND",
    pb.REASON_NOT_IMPLEMENTED: "NOT_IMPLEMENTED",
    pb.REASON_PROVIDER_KEY_REQUIRED: "PROVIDER_KEY_REQUIRED",
    pb.REASON_CREDENTIAL_MISSING: "MISSING_API_KEY",
    pb.REASON_CREDENTIAL_INVALID: "INVALID_API_KEY",
    pb.REASON_KEY_REVOKED: "API_KEY_REVOKED",
    pb.REASON_ACCOUNT_SUSPENDED: "ACCOUNT_SUSPENDED",
    pb.REASON_ACCOUNT_CLOSED: "ACCOUNT_CLOSED",
    pb.REASON_FORBIDDEN: "FORBIDDEN",
    pb.REASON_SUBSCRIPTION_REQUIRED: "SUBSCRIPTION_REQUIRED",
    pb.REASON_INSUFFICIENT_FUNDS: "INSUFFICIENT_CREDITS",
    pb.REASON_BUDGET_EXCEEDED: "BUDGET_EXCEEDED",
    pb.REASON_STORAGE_EXCEEDED: "STORAGE_EXCEEDED",
    pb.REASON_CONCURRENCY_EXCEEDED: "TOO_MANY_JOBS",
    pb.REASON_RATE_LIMITED: "RATE_LIMIT_EXCEEDED",
    pb.REASON_MODEL_UNAVAILABLE: "PROVIDER_UNAVAILABLE",
    pb.REASON_MAINTENANCE: "MAINTENANCE",
    pb.REASON_UNAVAILABLE: "SERVICE_UNAVAILABLE",
    pb.REASON_OVERLOADED: "OVERLOADED",
    pb.REASON_TIMEOUT: "TIMEOUT",
    pb.REASON_INTERNAL: "INTERNAL_ERROR",
    pb.REASON_UPSTREAM_REFUSED: "CONTENT_REFUSED",
    pb.REASON_UPSTREAM_FAILED: "GENERATION_FAILED",
    pb.REASON_UPSTREAM_BAD_IMAGE: "GENERATION_FAILED",
    pb.REASON_UPSTREAM_RATE_LIMITED: "GENERATION_FAILED",
    pb.REASON_UPSTREAM_DENIED: "GENERATION_FAILED",
    pb.REASON_UPSTREAM_INVALID: "INVALID_REQUEST",
    pb.REASON_OUTCOME_UNKNOWN: "GENERATION_FAILED",
    pb.REASON_SECRET_LOST: "GENERATION_FAILED",
    pb.REASON_CANCELLED: "JOB_CANCELLED",
}
"""Complete: a test says so."""

STATUSES: Mapping[Reason.ValueType, int] = {pb.REASON_UNKNOWN_MODEL: 400, pb.REASON_KEY_REVOKED: 403}
"""A provider is a parameter like any other; a key that was revoked is known."""

_KINDS: Mapping[int, str] = {
    400: "Bad Request",
    401: "Unauthorized",
    402: "Payment Required",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    409: "Conflict",
    413: "Payload Too Large",
    415: "Unsupported Media Type",
    429: "Too Many Requests",
    500: "Server Error",
    501: "Not Implemented",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}
"""By status; the document's table, and the standard's words for what it leaves out."""
_OWN_KINDS: Mapping[Reason.ValueType, str] = {
    pb.REASON_CREDENTIAL_INVALID: "Invalid API key",
    pb.REASON_INSUFFICIENT_FUNDS: "Insufficient credits",
}
"""As the document's examples have them."""

_PAGES: Mapping[Reason.ValueType, tuple[str, str]] = {
    pb.REASON_CREDENTIAL_MISSING: ("Get your API key from", "/docs/keys"),
    pb.REASON_CREDENTIAL_INVALID: ("Get your API key from", "/docs/keys"),
    pb.REASON_KEY_REVOKED: ("Get another API key from", "/docs/keys"),
    pb.REASON_INSUFFICIENT_FUNDS: ("Purchase more credits at", "/docs/billing"),
}
"""Where people read on."""

_FIELDS: Mapping[str, str] = {"model": "provider", "resolution": "image_size", "page_token": "cursor"}
"""Fields that this API calls otherwise."""
_FIELDS_OF_REASONS: Mapping[Reason.ValueType, str] = {
    pb.REASON_UNKNOWN_MODEL: "provider",
    pb.REASON_UNPRICED: "provider",
    pb.REASON_MODEL_UNAVAILABLE: "provider",
    pb.REASON_CONTENT_REFUSED: "prompt",
}
"""The parameter that is meant by a reason that names none."""


def word(problem: Problem) -> Reply:
    """The error body of a fault."""
    fault = problem.fault
    body = ErrorBody(
        error=_OWN_KINDS.get(fault.reason) or _KINDS[problem.status],
        credits_needed=_figure(fault, "required_micros"),
        credits_available=_figure(fault, "available_micros"),
        message=_message(problem),
        code=CODES[fault.reason],
    )
    return json_reply(body, problem.status)


def _figure(fault: Fault, name: str) -> Credits | UnsetType:
    if fault.reason != pb.REASON_INSUFFICIENT_FUNDS or name not in fault.details:
        return UNSET
    return shown_credits(int(fault.details[name]))


def _message(problem: Problem) -> str:
    fault = problem.fault
    words, page = _PAGES.get(fault.reason, ("", ""))
    read_on = f"{words} {problem.public_url}{page}" if page else fault.details.get("suggestion", "")
    if fault.reason == pb.REASON_CREDENTIAL_INVALID:
        return read_on  # as the document has it: `error` says what is wrong
    if fault.reason == pb.REASON_INSUFFICIENT_FUNDS and "required_micros" in fault.details:
        return read_on  # the figures stand beside it
    message = _placed(fault)
    if not read_on:
        return message
    return f"{message}{'' if message.endswith('.') else '.'} {read_on}"


def _placed(fault: Fault) -> str:
    """The fault's message, with the field in front of it where the platform's message does not know its name here."""
    named = fault.details.get("field", "") or _FIELDS_OF_REASONS.get(fault.reason, "")
    field = _FIELDS.get(named, named)
    if "draw" in fault.details:
        place = f"tasks[{fault.details['draw']}]" + (f".{field}" if field else "")
        return f"`{place}`: {fault.message}"
    return f"`{field}`: {fault.message}" if field != named else fault.message
