"""The operator's way in: any method of any service, over the state folder's sockets or through the edge's admin door."""

import http.client
import json
from collections.abc import Callable
from typing import Any, Protocol, TypeVar, cast
from urllib.parse import urlsplit

import grpc
from google.protobuf import json_format
from google.protobuf.message import Message
from grpc_status import rpc_status

from cli.errors import CommandFailed
from cli.places import Place
from servicekit.identity import OPERATOR, Identity

TIMEOUT_SECONDS = 30.0

Answer = TypeVar("Answer", bound=Message)


class Operator(Protocol):
    """Calls `package.Service/Method`."""

    def call(self, method: str, request: Message, answer_type: type[Answer]) -> Answer:
        """Return the answer. Raises CommandFailed with the service's own words."""


class SocketOperator:
    """Speaks gRPC to the services of the platform on this machine."""

    def __init__(self, place: Place) -> None:
        self._state = place.state()
        self._metadata = Identity(OPERATOR, self._state.secrets["operator_token"]).metadata()

    def call(self, method: str, request: Message, answer_type: type[Answer]) -> Answer:
        """Call over the service's Unix socket."""
        service = method.split(".")[1]
        with grpc.insecure_channel(self._state.addresses[service]) as channel:
            send = channel.unary_unary(
                f"/{method}", request_serializer=_serialized, response_deserializer=answer_type.FromString
            )
            try:
                answer: Answer = send(request, timeout=TIMEOUT_SECONDS, metadata=self._metadata)
            except grpc.RpcError as error:
                raise CommandFailed(_explanation(error, service)) from error
        return answer


class AdminOperator:
    """Speaks JSON to the edge's `/admin/rpc`."""

    def __init__(self, url: str, token: str) -> None:
        self._url = url
        self._token = token

    def call(self, method: str, request: Message, answer_type: type[Answer]) -> Answer:
        """Call through the edge."""
        body = json_format.MessageToJson(request, preserving_proto_field_name=True, indent=None)
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        status, answer = http_json("POST", f"{self._url}/admin/rpc/{method}", body.encode(), headers)
        if status != 200:
            raise CommandFailed(message_of(answer) or f"The edge answered {status}.")
        return json_format.ParseDict(answer, answer_type(), ignore_unknown_fields=True)


def operator(place: Place) -> Operator:
    """The way in for this environment."""
    if place.remote_url:
        return AdminOperator(place.remote_url, place.admin_token())
    return SocketOperator(place)


def http_json(method: str, url: str, body: bytes | None, headers: dict[str, str]) -> tuple[int, Any]:
    """Send one request and read the answer's JSON. Raises CommandFailed where none comes."""
    status, _, content = http_call(method, url, body, headers)
    try:
        return status, json.loads(content) if content else {}
    except ValueError as error:
        raise CommandFailed(f"{url} answered {status} without JSON: is this a Gesso platform?") from error


def http_call(
    method: str, url: str, body: bytes | None, headers: dict[str, str]
) -> tuple[int, http.client.HTTPMessage, bytes]:
    """Send one request and return status, headers and body. Raises CommandFailed where no answer comes."""
    parts = urlsplit(url)
    kind: Callable[..., http.client.HTTPConnection] = (
        http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    )
    connection = kind(parts.hostname or "", parts.port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request(method, parts._replace(scheme="", netloc="").geturl(), body, headers)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    except (OSError, http.client.HTTPException) as error:
        raise CommandFailed(
            f"{parts.scheme}://{parts.netloc} cannot be reached ({error}): is the platform up?"
        ) from error
    finally:
        connection.close()


def message_of(answer: Any) -> str:
    """The words of an error answer in OpenAI's form, or empty."""
    error = answer.get("error") if isinstance(answer, dict) else None
    return str(error.get("message", "")) if isinstance(error, dict) else ""


def _serialized(message: Message) -> bytes:
    return message.SerializeToString()


def _explanation(error: grpc.RpcError, service: str) -> str:
    status = rpc_status.from_call(cast("grpc.Call", error))  # what a synchronous call raises is its call, too
    if status is not None and status.message:
        return str(status.message)
    return f"The {service} service does not answer: is the platform up? (`make run`)"
