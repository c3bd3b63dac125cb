"""A service that answers by a test's script: some methods of a contract, served by plain functions over real gRPC."""

from collections.abc import Callable, Mapping
from typing import Any

import grpc
from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from grpc import aio

from servicekit.server import Registration

Method = Callable[[Any, Any], Any]
"""`async (request, context) -> response`, or an async generator of responses for a stream."""


def scripted(service: str, methods: Mapping[str, Method]) -> Registration:
    """Serve `methods` of the service of this full name (its generated module must be imported); the rest is UNIMPLEMENTED."""
    described = descriptor_pool.Default().FindServiceByName(service).methods_by_name
    handlers = {name: _handler(described[name], method) for name, method in methods.items()}

    def add(_: object, server: aio.Server) -> None:
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, handlers),))

    return Registration(service, add, methods)


def _handler(described: MethodDescriptor, method: Method) -> Any:
    kind = grpc.stream_stream_rpc_method_handler if described.server_streaming else grpc.unary_unary_rpc_method_handler
    request_type = message_factory.GetMessageClass(described.input_type)
    return kind(method, request_deserializer=request_type.FromString, response_serializer=_serialize)


def _serialize(message: Message) -> bytes:
    return message.SerializeToString()
