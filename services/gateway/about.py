"""What routes, their parameters and answers say about themselves: the data of which the OpenAPI document and its pages are made.

The types that stand here are those that check requests and word answers; nothing is described a second time.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from gateway.wire import JSON
from gesso.errors.v1.reason_pb2 import Reason

HTML = "text/html; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter outside the body; `kind` is the type of its value as msgspec describes types."""

    name: str
    place: Literal["path", "query", "header"]
    text: str
    kind: Any = str
    example: Any = None


@dataclass(frozen=True, slots=True)
class Answer:
    """One form of a route's answer. Several may share a status.

    `body` is what the JSON of the answer is made from, None for an answer that is no JSON; `headers` are those beside the ones that
    the edge adds to every answer of its kind.
    """

    status: int
    text: str
    body: type[msgspec.Struct] | None = None
    example: msgspec.Struct | None = None
    headers: tuple[str, ...] = ()
    content_type: str = JSON


@dataclass(frozen=True, slots=True)
class About:
    """What a route does, in words.

    `requests` are bodies that it takes, by what each of them asks for; `form` describes the multipart form where it takes one.
    `reasons` are those by which it fails beside the ones that every action of its kind has.
    """

    summary: str
    text: str = ""
    requests: Mapping[str, msgspec.Struct] = field(default_factory=dict)
    answers: tuple[Answer, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    reasons: tuple[Reason.ValueType, ...] = ()
    form: type[msgspec.Struct] | None = None


@dataclass(frozen=True, slots=True)
class Scheme:
    """One way to send an api key. `carrier` is the header and `form` its value, with KEY where the key stands."""

    name: str
    definition: Mapping[str, str]
    carrier: str
    form: str = "KEY"


BEARER = Scheme(
    "bearer",
    {"type": "http", "scheme": "bearer", "description": "The API key, as `Authorization: Bearer KEY`."},
    "Authorization",
    "Bearer KEY",
)
