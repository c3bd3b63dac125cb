"""The operator's door: POST /admin/rpc/{package.Service}/{Method} calls any unary method of any service, JSON in and out.

The operator's token opens it and is handed on as the operator's service token, so each service judges it again. The JSON is
protobuf's own mapping, with the field names of the protos.
"""

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from google.protobuf import descriptor_pool, json_format, message_factory
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message

from gateway.faults import STATUSES
from gateway.middleware.faults import owed
from gateway.wire import Reply, bearer, json_reply
from gesso.billing.v1 import billing_pb2
from gesso.errors.v1 import reason_pb2 as pb
from gesso.gallery.v1 import gallery_pb2
from gesso.generator.v1 import generator_pb2
from gesso.webhooks.v1 import webhooks_pb2
from servicekit.faults import Fault, InvalidField
from servicekit.identity import OPERATOR, Identity
from servicekit.link import Link

PREFIX = "/admin/rpc/"
_FILES = (billing_pb2.DESCRIPTOR, generator_pb2.DESCRIPTOR, gallery_pb2.DESCRIPTOR, webhooks_pb2.DESCRIPTOR)
_COMPONENTS = {file.package: file.package.split(".")[1] for file in _FILES}
"""Which service serves a package: `gesso.billing.v1` is served by billing."""
_TIMEOUT_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Order:
    """A method and the message to call it with."""

    method: MethodDescriptor
    request: Message


def order(path: str, body: bytes | bytearray) -> Order:
    """The method that a path names, with the message that a body holds. Raises Fault."""
    method = _method(path.removeprefix(PREFIX))
    message = message_factory.GetMessageClass(method.input_type)()
    try:
        fields = msgspec.json.decode(body or b"{}", type=dict[str, Any])
        return Order(method, json_format.ParseDict(fields, message))
    except (msgspec.MsgspecError, json_format.ParseError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidField("", f"The body is no {method.input_type.full_name}: {error}") from None


class Admin:
    """The door over the edge's links; without a token it is shut."""

    def __init__(self, token: str, links: Sequence[Link]) -> None:
        self._token = token.encode()
        identity = Identity(OPERATOR, token)
        self._links = {link.component: Link(link.channel, link.component, identity) for link in links}

    def admit(self, headers: Mapping[str, str]) -> None:
        """Raises Fault CREDENTIAL_INVALID, or UNKNOWN_PATH where the door is shut."""
        if not self._token:
            raise Fault(pb.REASON_UNKNOWN_PATH, "The operator's door is shut: GESSO_ADMIN_TOKEN is not set.")
        sent = (bearer(headers) or "").encode(errors="surrogateescape")
        if not hmac.compare_digest(sent, self._token):
            raise Fault(pb.REASON_CREDENTIAL_INVALID, "This is not the operator's token.")

    async def call(self, order: "Order") -> Reply:
        """Call a method. Raises its Fault."""
        method = order.method
        link = self._links[_COMPONENTS[method.containing_service.file.package]]
        answer_type = message_factory.GetMessageClass(method.output_type)
        call = link.channel.unary_unary(
            f"/{method.containing_service.full_name}/{method.name}",
            request_serializer=_serialize,
            response_deserializer=answer_type.FromString,
        )
        answer: Any = await link.call(call, order.request, timeout_seconds=_TIMEOUT_SECONDS)
        return json_reply(json_format.MessageToDict(answer, preserving_proto_field_name=True))


def _serialize(message: Message) -> bytes:
    return message.SerializeToString()


def _method(name: str) -> MethodDescriptor:
    service_name, _, method_name = name.partition("/")
    try:
        service = descriptor_pool.Default().FindServiceByName(service_name)
        method = service.methods_by_name[method_name]
    except KeyError:
        raise Fault(pb.REASON_UNKNOWN_PATH, f"There is no method {name}.") from None
    if service.file.package not in _COMPONENTS or method.client_streaming or method.server_streaming:
        raise Fault(pb.REASON_NOT_IMPLEMENTED, f"{name} cannot be called here.")
    return method


def worded(fault: Fault) -> Reply:
    """A fault for the operator's programs: reason, message and details as they are."""
    error = {"reason": fault.reason_name, "message": fault.message, "details": fault.details}
    status = STATUSES[fault.reason]
    return json_reply({"error": error}, status, headers=owed(fault, status))
