"""Faults in ProductAI's words. Source: the ProductAI API reference, "Error Handling"; contract.md, "productai"."""

from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from gateway.dialects.base import Problem
from gateway.dialects.productai.answers import TOKEN_MICROS, tokens
from gateway.wire import Reply, json_reply
from gateway.wording import naming_field
from gesso.errors.v1 import reason_pb2 as pb
from gesso.errors.v1.reason_pb2 import Reason

_INVALID = "INVALID_REQUEST"
_IMAGE = "INVALID_IMAGE_URL"
_KEY = "INVALID_API_KEY"
_SERVER = "SERVER_ERROR"
_AWAY = "SERVICE_UNAVAILABLE"


class ErrorBody(msgspec.Struct, frozen=True):
    """Every error of this dialect."""

    status: Literal["ERROR"]
    message: Annotated[str, Meta(description="For people; names the field where one is wrong.")]
    code: Annotated[str, Meta(description="The machine's name of the error; `/docs/errors/{code}` explains it.")]


CODES: Mapping[Reason.ValueType, str] = {
    pb.REASON_INVALID_FIELD: _INVALID,
    pb.REASON_CONTENT_REFUSED: _INVALID,
    pb.REASON_UNKNOWN_MODEL: "INVALID_MODEL",
    pb.REASON_UNPRICED: _INVALID,
    pb.REASON_INPUT_UNREACHABLE: _IMAGE,
    pb.REASON_INPUT_NOT_AN_IMAGE: _IMAGE,
    pb.REASON_NOT_FOUND: "NOT_FOUND",
    pb.REASON_CONFLICT: "CONFLICT",
    pb.REASON_IDEMPOTENCY_MISMATCH: "CONFLICT",
    pb.REASON_IDEMPOTENCY_RUNNING: "CONFLICT",
    pb.REASON_PAYLOAD_TOO_LARGE: "PAYLOAD_TOO_LARGE",
    pb.REASON_UNSUPPORTED_MEDIA_TYPE: "UNSUPPORTED_MEDIA_TYPE",
    pb.REASON_METHOD_NOT_ALLOWED: "METHOD_NOT_ALLOWED",
    pb.REASON_UNKNOWN_PATH: "NOT_FOUND",
    pb.REASON_NOT_IMPLEMENTED: "NOT_IMPLEMENTED",
    pb.REASON_PROVIDER_KEY_REQUIRED: _INVALID,
    pb.REASON_CREDENTIAL_MISSING: _KEY,
    pb.REASON_CREDENTIAL_INVALID: _KEY,
    pb.REASON_KEY_REVOKED: _KEY,
    pb.REASON_ACCOUNT_SUSPENDED: "ACCOUNT_SUSPENDED",
    pb.REASON_ACCOUNT_CLOSED: "ACCOUNT_CLOSED",
    pb.REASON_FORBIDDEN: "FORBIDDEN",
    pb.REASON_SUBSCRIPTION_REQUIRED: "FORBIDDEN",
    pb.REASON_INSUFFICIENT_FUNDS: "OUT_OF_TOKENS",
    pb.REASON_BUDGET_EXCEEDED: "OUT_OF_TOKENS",
    pb.REASON_STORAGE_EXCEEDED: "STORAGE_EXCEEDED",
    pb.REASON_CONCURRENCY_EXCEEDED: "RATE_LIMIT_EXCEEDED",
    pb.REASON_RATE_LIMITED: "RATE_LIMIT_EXCEEDED",
    pb.REASON_MODEL_UNAVAILABLE: "MODEL_UNAVAILABLE",
    pb.REASON_MAINTENANCE: "MAINTENANCE",
    pb.REASON_UNAVAILABLE: _AWAY,
    pb.REASON_OVERLOADED: _AWAY,
    pb.REASON_TIMEOUT: "TIMEOUT",
    pb.REASON_INTERNAL: _SERVER,
    pb.REASON_UPSTREAM_REFUSED: _INVALID,
    pb.REASON_UPSTREAM_FAILED: _SERVER,
    pb.REASON_UPSTREAM_BAD_IMAGE: _SERVER,
    pb.REASON_UPSTREAM_RATE_LIMITED: _SERVER,
    pb.REASON_UPSTREAM_DENIED: _SERVER,
    pb.REASON_UPSTREAM_INVALID: _INVALID,
    pb.REASON_OUTCOME_UNKNOWN: _SERVER,
    pb.REASON_SECRET_LOST: _SERVER,
    pb.REASON_CANCELLED: "CONFLICT",
}
"""Complete: a test says so. A job's own failure is no error of its poll: it is told there as its `error`."""

_JOB = "JOB_NOT_FOUND"
SPECIAL_CODES: Mapping[str, Reason.ValueType] = {_JOB: pb.REASON_NOT_FOUND, _IMAGE: pb.REASON_INVALID_FIELD}

STATUSES: Mapping[Reason.ValueType, int] = {
    pb.REASON_UNKNOWN_MODEL: 400,
    pb.REASON_UPSTREAM_FAILED: 500,
    pb.REASON_UPSTREAM_BAD_IMAGE: 500,
    pb.REASON_UPSTREAM_RATE_LIMITED: 500,
    pb.REASON_UPSTREAM_DENIED: 500,
    pb.REASON_OUTCOME_UNKNOWN: 500,
    pb.REASON_SECRET_LOST: 500,
}
"""A model is a parameter like any other, and SERVER_ERROR is 500. Source: contract.md, "productai"."""


def word(problem: Problem) -> Reply:
    """The error body of a fault."""
    return json_reply(ErrorBody("ERROR", _message(problem), _code(problem)), problem.status)


def _code(problem: Problem) -> str:
    """The reason's code, but for what is said of a picture or of a job: this API has codes of its own for them."""
    fault = problem.fault
    field = fault.details.get("field", "")
    if fault.reason == pb.REASON_NOT_FOUND and fault.details.get("kind") == "job":
        return _JOB
    if fault.reason == pb.REASON_INVALID_FIELD and field.startswith("image_url") and "cause" in fault.details:
        return _IMAGE
    return CODES[fault.reason]


def _message(problem: Problem) -> str:
    fault = problem.fault
    if fault.reason == pb.REASON_CREDENTIAL_MISSING:
        return "No API key was sent: send it in the header `x-api-key`."
    if fault.reason != pb.REASON_INSUFFICIENT_FUNDS or not fault.details.keys() >= _FIGURES:
        return naming_field(fault, _FIELDS)
    needed = -(-int(fault.details["required_micros"]) // TOKEN_MICROS)
    left = tokens(int(fault.details["available_micros"]))
    return f"Insufficient tokens: this takes {needed}, and {left} are left. See {problem.public_url}/docs/billing."


_FIGURES = {"required_micros", "available_micros"}
_FIELDS = {
    "size": "aspect_ratio",
    "width": "aspect_ratio",
    "height": "aspect_ratio",
    "image": "image_url",
    "input_image_ids": "image_url",
}
"""A draw's fields that this dialect calls otherwise."""
