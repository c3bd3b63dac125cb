"""An expected error is a Fault, classified once where it is raised, and carried by one form over gRPC and in batch answers.

Source: design.md "Style" 3 and the reasons in protos/gesso/errors/v1/reason.proto.

    Fault
    ├── InvalidField          a field has a wrong type, range or value
    ├── NotFound              the thing does not exist or is another account's
    ├── Conflict              the state of the thing does not allow it
    ├── InsufficientFunds     the available balance does not cover the hold
    ├── Unavailable           a part of the platform cannot be reached
    ├── Overloaded            the platform is at a limit of its own
    ├── Forbidden             the caller may not do this
    └── Internal              a bug
"""

from collections.abc import Mapping

import grpc
import grpc.aio
from google.protobuf import any_pb2
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status

from gesso.errors.v1 import reason_pb2 as pb
from gesso.errors.v1.reason_pb2 import Reason

DOMAIN = "gesso"
_PREFIX = "REASON_"

_GRPC_CODES: Mapping[Reason.ValueType, int] = {
    pb.REASON_INVALID_FIELD: code_pb2.INVALID_ARGUMENT,
    pb.REASON_CONTENT_REFUSED: code_pb2.INVALID_ARGUMENT,
    pb.REASON_UNKNOWN_MODEL: code_pb2.NOT_FOUND,
    pb.REASON_UNPRICED: code_pb2.FAILED_PRECONDITION,
    pb.REASON_INPUT_UNREACHABLE: code_pb2.INVALID_ARGUMENT,
    pb.REASON_INPUT_NOT_AN_IMAGE: code_pb2.INVALID_ARGUMENT,
    pb.REASON_NOT_FOUND: code_pb2.NOT_FOUND,
    pb.REASON_CONFLICT: code_pb2.FAILED_PRECONDITION,
    pb.REASON_IDEMPOTENCY_MISMATCH: code_pb2.ALREADY_EXISTS,
    pb.REASON_IDEMPOTENCY_RUNNING: code_pb2.ABORTED,
    pb.REASON_PAYLOAD_TOO_LARGE: code_pb2.OUT_OF_RANGE,
    pb.REASON_UNSUPPORTED_MEDIA_TYPE: code_pb2.INVALID_ARGUMENT,
    pb.REASON_METHOD_NOT_ALLOWED: code_pb2.UNIMPLEMENTED,
    pb.REASON_UNKNOWN_PATH: code_pb2.NOT_FOUND,
    pb.REASON_NOT_IMPLEMENTED: code_pb2.UNIMPLEMENTED,
    pb.REASON_PROVIDER_KEY_REQUIRED: code_pb2.INVALID_ARGUMENT,
    pb.REASON_CREDENTIAL_MISSING: code_pb2.UNAUTHENTICATED,
    pb.REASON_CREDENTIAL_INVALID: code_pb2.UNAUTHENTICATED,
    pb.REASON_KEY_REVOKED: code_pb2.UNAUTHENTICATED,
    pb.REASON_ACCOUNT_SUSPENDED: code_pb2.PERMISSION_DENIED,
    pb.REASON_ACCOUNT_CLOSED: code_pb2.PERMISSION_DENIED,
    pb.REASON_FORBIDDEN: code_pb2.PERMISSION_DENIED,
    pb.REASON_SUBSCRIPTION_REQUIRED: code_pb2.PERMISSION_DENIED,
    pb.REASON_INSUFFICIENT_FUNDS: code_pb2.FAILED_PRECONDITION,
    pb.REASON_BUDGET_EXCEEDED: code_pb2.FAILED_PRECONDITION,
    pb.REASON_STORAGE_EXCEEDED: code_pb2.FAILED_PRECONDITION,
    pb.REASON_CONCURRENCY_EXCEEDED: code_pb2.RESOURCE_EXHAUSTED,
    pb.REASON_RATE_LIMITED: code_pb2.RESOURCE_EXHAUSTED,
    pb.REASON_MODEL_UNAVAILABLE: code_pb2.UNAVAILABLE,
    pb.REASON_MAINTENANCE: code_pb2.UNAVAILABLE,
    pb.REASON_UNAVAILABLE: code_pb2.UNAVAILABLE,
    pb.REASON_OVERLOADED: code_pb2.RESOURCE_EXHAUSTED,
    pb.REASON_TIMEOUT: code_pb2.DEADLINE_EXCEEDED,
    pb.REASON_INTERNAL: code_pb2.INTERNAL,
    pb.REASON_UPSTREAM_REFUSED: code_pb2.INVALID_ARGUMENT,
    pb.REASON_UPSTREAM_FAILED: code_pb2.ABORTED,
    pb.REASON_UPSTREAM_BAD_IMAGE: code_pb2.ABORTED,
    pb.REASON_UPSTREAM_RATE_LIMITED: code_pb2.RESOURCE_EXHAUSTED,
    pb.REASON_UPSTREAM_DENIED: code_pb2.FAILED_PRECONDITION,
    pb.REASON_UPSTREAM_INVALID: code_pb2.INVALID_ARGUMENT,
    pb.REASON_OUTCOME_UNKNOWN: code_pb2.UNKNOWN,
    pb.REASON_SECRET_LOST: code_pb2.ABORTED,
    pb.REASON_CANCELLED: code_pb2.CANCELLED,
}


class Fault(Exception):
    """An expected error, with the machine name that every dialect words by its own table.

    `details` hold the particulars that reason.proto documents for the reason; values are strings. `message` is for people and
    holds no secret. `retry_after_seconds` is None where time mends nothing.
    """

    def __init__(
        self,
        reason: Reason.ValueType,
        message: str,
        *,
        details: Mapping[str, str] | None = None,
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.details: dict[str, str] = dict(details or {})
        self.retry_after_seconds = retry_after_seconds

    @property
    def reason_name(self) -> str:
        """The reason without its prefix, as `INSUFFICIENT_FUNDS`."""
        return Reason.Name(self.reason).removeprefix(_PREFIX)

    def __repr__(self) -> str:
        return f"Fault({self.reason_name}, {self.message!r}, {self.details!r})"


class InvalidField(Fault):
    """A field of the request has a wrong type, range or value."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(pb.REASON_INVALID_FIELD, message, details={"field": field})


class NotFound(Fault):
    """The thing does not exist, or belongs to another account."""

    def __init__(self, kind: str, thing_id: str) -> None:
        said = kind.replace("_", " ")
        super().__init__(
            pb.REASON_NOT_FOUND, f"No {said} has the id {thing_id!r}.", details={"kind": kind, "id": thing_id}
        )


class Conflict(Fault):
    """The state of the thing does not allow the operation."""

    def __init__(self, kind: str, thing_id: str, state: str, message: str) -> None:
        super().__init__(pb.REASON_CONFLICT, message, details={"kind": kind, "id": thing_id, "state": state})


class InsufficientFunds(Fault):
    """The available balance does not cover the hold."""

    def __init__(self, *, required_micros: int, available_micros: int) -> None:
        super().__init__(
            pb.REASON_INSUFFICIENT_FUNDS,
            f"The request needs {required_micros} micros, {available_micros} are available.",
            details={"required_micros": str(required_micros), "available_micros": str(available_micros)},
        )


class Unavailable(Fault):
    """A part of the platform cannot be reached; nothing was bought."""

    def __init__(self, component: str, *, retry_after_seconds: float = 1.0) -> None:
        super().__init__(
            pb.REASON_UNAVAILABLE,
            f"The {component} cannot be reached at the moment.",
            details={"component": component},
            retry_after_seconds=retry_after_seconds,
        )


class Overloaded(Fault):
    """The platform is at a limit of its own; nothing was bought."""

    def __init__(self, message: str, *, retry_after_seconds: float = 1.0) -> None:
        super().__init__(pb.REASON_OVERLOADED, message, retry_after_seconds=retry_after_seconds)


class Forbidden(Fault):
    """The caller may not do this."""

    def __init__(self, message: str) -> None:
        super().__init__(pb.REASON_FORBIDDEN, message)


class Internal(Fault):
    """A bug; the request id finds it in the logs."""

    def __init__(self, message: str = "An internal error occurred.") -> None:
        super().__init__(pb.REASON_INTERNAL, message)


def to_proto(fault: Fault) -> pb.Fault:
    """Write a fault as the message that batch answers and jobs carry."""
    message = pb.Fault(reason=fault.reason, message=fault.message, details=fault.details)
    if fault.retry_after_seconds is not None:
        message.retry_after_seconds = fault.retry_after_seconds
    return message


def from_proto(message: pb.Fault) -> Fault:
    """Read a fault back; the subclass is not restored, `reason` tells all."""
    return Fault(
        message.reason,
        message.message,
        details=message.details,
        retry_after_seconds=message.retry_after_seconds if message.HasField("retry_after_seconds") else None,
    )


def to_status(fault: Fault) -> status_pb2.Status:
    """Write a fault as a google.rpc.Status with exactly one ErrorInfo (and a RetryInfo where there is a time)."""
    info = error_details_pb2.ErrorInfo(reason=fault.reason_name, domain=DOMAIN, metadata=fault.details)
    packed = [any_pb2.Any()]
    packed[0].Pack(info)
    if fault.retry_after_seconds is not None:
        retry = error_details_pb2.RetryInfo()
        retry.retry_delay.FromMilliseconds(int(fault.retry_after_seconds * 1000))
        packed.append(any_pb2.Any())
        packed[1].Pack(retry)
    return status_pb2.Status(code=_GRPC_CODES[fault.reason], message=fault.message, details=packed)


def from_rpc_error(error: grpc.aio.AioRpcError, component: str) -> Fault:
    """Read the fault behind a failed call; a status without our ErrorInfo means that the component could not answer."""
    status = rpc_status.from_call(error)  # type: ignore[arg-type]  # the stubs know only the synchronous call
    fault = _from_details(status) if status is not None else None
    if fault is not None:
        return fault
    if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
        return Fault(pb.REASON_TIMEOUT, f"The {component} did not answer in time.", details={"component": component})
    if error.code() in _REACHABILITY:
        return Unavailable(component)
    return Internal(f"The {component} failed to answer ({error.code().name}).")


_REACHABILITY = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED, grpc.StatusCode.RESOURCE_EXHAUSTED})


def _from_details(status: status_pb2.Status) -> Fault | None:
    info, retry_after_seconds = error_details_pb2.ErrorInfo(), None
    for packed in status.details:
        if packed.Is(error_details_pb2.ErrorInfo.DESCRIPTOR):
            packed.Unpack(info)
        elif packed.Is(error_details_pb2.RetryInfo.DESCRIPTOR):
            retry = error_details_pb2.RetryInfo()
            packed.Unpack(retry)
            retry_after_seconds = retry.retry_delay.ToMilliseconds() / 1000
    if info.domain != DOMAIN:
        return None
    reason = Reason.Value(_PREFIX + info.reason) if _PREFIX + info.reason in Reason.keys() else pb.REASON_INTERNAL  # noqa: SIM118
    return Fault(reason, status.message, details=info.metadata, retry_after_seconds=retry_after_seconds)
