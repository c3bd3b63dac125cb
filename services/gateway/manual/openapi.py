"""The OpenAPI 3.1 document of every route that the edge serves, made from the routes themselves and the types that check them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from gateway.about import About, Answer, Parameter, Scheme
from gateway.asked import CREATING
from gateway.asked import PARAMETERS as MANNERS
from gateway.dialects.base import Act, Action, Buy, Dialect, Route
from gateway.manual.failures import KEYLESS, Reasons, by_status, reasons_of, wording
from gateway.manual.headers import HEADERS, of_error, of_limits, of_success
from gateway.manual.reasons import EXPLAINED
from gateway.plain import PlainRoute
from gateway.wire import EVENT_STREAM, FORM, JSON
from gesso.errors.v1 import reason_pb2 as pb
from gesso.errors.v1.reason_pb2 import Reason
from servicekit.version import VERSION

Object = dict[str, Any]

TEXT = """\
One wallet, one catalogue and one gallery behind the image APIs that clients already speak. A key works in every one of them.

Every POST that costs money takes `Idempotency-Key`: a repeat with the same key gets the same answer and is charged once. With \
`Prefer: respond-async` it is answered at once, with `dry_run=true` it is only priced. A connection that drops never loses a paid \
picture: its job goes on.

A GET may also be sent as HEAD, and every path answers OPTIONS for pages of other origins. An unknown path is answered by 404, a \
method that a path does not take by 405 with `Allow`. The page `/docs/errors/{code}` explains any error by its code.
"""
PLATFORM = "platform"
NO_CONTENT = 204
UNAUTHORIZED = 401
_PLATFORM_TEXT = "What belongs to no API: life signs and documentation, without a key."
_REQUEST_ID = Parameter(
    "X-Request-ID",
    "header",
    "Names the request in answers and logs; letters, digits and `._:-`, at most 128.",
    str,
    "abc-123",
)


def document(dialects: Sequence[Dialect], plain: Sequence[PlainRoute], public_url: str) -> Object:
    """The whole document; `public_url` is where it is served."""
    schemas = Schemas()
    paths: Object = {}
    for dialect in dialects:
        for route in dialect.routes:
            paths.setdefault(route.path, {})[route.method.lower()] = _operation(dialect, route, schemas)
    for page in plain:
        paths.setdefault(page.path, {})["get"] = _plain_operation(dialects[0], page, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Gesso", "version": VERSION, "summary": TEXT.partition(".")[0] + ".", "description": TEXT},
        "servers": [{"url": public_url}],
        "tags": [
            *(
                {"name": dialect.name, "x-displayName": dialect.title, "description": dialect.text}
                for dialect in dialects
            ),
            {"name": PLATFORM, "x-displayName": "Platform", "description": _PLATFORM_TEXT},
        ],
        "paths": paths,
        "components": {
            "schemas": schemas.components,
            "headers": {name: _header(name) for name in HEADERS},
            "examples": {
                example_name(dialect, reason): _example_of_error(dialect, reason, public_url)
                for dialect in dialects
                for reason in EXPLAINED
            },
            "securitySchemes": {
                scheme.name: dict(scheme.definition) for dialect in dialects for scheme in dialect.schemes
            },
        },
    }


class Schemas:
    """The schemas of types, each under its dialect's name, gathered as they are first asked for."""

    def __init__(self) -> None:
        self.components: Object = {}

    def of(self, owner: str, kind: Any) -> Object:
        """The schema of a type: a reference where it is a struct's."""
        (schema,), components = msgspec.json.schema_components(
            (kind,), ref_template=f"#/components/schemas/{owner}.{{name}}"
        )
        self.components |= {f"{owner}.{name}": component for name, component in components.items()}
        return schema

    def of_any(self, owner: str, kinds: Iterable[Any]) -> Object:
        """The schema of a value that is of one of these types."""
        schemas = [self.of(owner, kind) for kind in dict.fromkeys(kinds)]
        return schemas[0] if len(schemas) == 1 else {"anyOf": schemas}


def example_name(dialect: Dialect, reason: Reason.ValueType) -> str:
    """Under which name the example of an error stands in the document."""
    return f"{dialect.name}.{Reason.Name(reason).removeprefix('REASON_')}"


def _example_of_error(dialect: Dialect, reason: Reason.ValueType, public_url: str) -> Object:
    return {"summary": EXPLAINED[reason].title, "value": wording(dialect, reason, public_url).body}


def _header(name: str) -> Object:
    header = HEADERS[name]
    schema = msgspec.json.schema(header.kind)
    return {"description": header.text, "schema": schema, "example": header.example}


def _operation(dialect: Dialect, route: Route, schemas: Schemas) -> Object:
    about, action = route.about, route.action
    parameters = (*about.parameters, *_manners(action), _REQUEST_ID)
    operation: Object = {
        "operationId": f"{dialect.name}.{route.operation or route.name}",
        "tags": [dialect.name],
        **_words(about),
        "security": [] if route.keyless else [_security(scheme) for scheme in dialect.schemes],
        "parameters": [_parameter(parameter) for parameter in parameters],
    }
    body = _body(dialect.name, route, schemas)
    if body:
        required = not (isinstance(action, Act) and action.body_optional)
        operation["requestBody"] = {"required": required, "content": body}
    successes = dict(_successes(dialect, route, schemas))
    failing = by_status(dialect, reasons_of(route))
    errors = {str(status): _failure(dialect, route, status, reasons, schemas) for status, reasons in failing.items()}
    return {**operation, "responses": {**successes, **errors}}


def _body(owner: str, route: Route, schemas: Schemas) -> Object:
    """What a route takes, by media type."""
    about, action = route.about, route.action
    if not isinstance(action, Buy | Act) or action.body is None:
        return {}
    taken = {JSON: _media(schemas.of(owner, action.body), about.requests)}
    if about.form is not None:
        taken[FORM] = _media(schemas.of(owner, about.form), {})
    return taken


def _manners(action: Action) -> Sequence[Parameter]:
    if isinstance(action, Buy):
        return MANNERS
    return CREATING if isinstance(action, Act) and action.creates else ()


def _words(about: About) -> Object:
    return {"summary": about.summary, **({"description": about.text} if about.text else {})}


def _security(scheme: Scheme) -> Object:
    return {scheme.name: []}


def _parameter(parameter: Parameter) -> Object:
    described: Object = {
        "name": parameter.name,
        "in": parameter.place,
        "description": parameter.text,
        "required": parameter.place == "path",
        "schema": msgspec.json.schema(parameter.kind),
    }
    return described if parameter.example is None else {**described, "example": parameter.example}


def _media(schema: Object, examples: Mapping[str, Any]) -> Object:
    values = {name: {"value": msgspec.to_builtins(example)} for name, example in examples.items()}
    return {"schema": schema, **({"examples": values} if values else {})}


def _successes(dialect: Dialect, route: Route, schemas: Schemas) -> Iterator[tuple[str, Object]]:
    for status, answers in _grouped(route.about.answers).items():
        headers = (*of_success(route.action, status), *of_limits(dialect, route))
        yield str(status), _success(dialect.name, answers, headers, schemas)


def _grouped(answers: Iterable[Answer]) -> Mapping[int, list[Answer]]:
    found: dict[int, list[Answer]] = {}
    for answer in answers:
        found.setdefault(answer.status, []).append(answer)
    return found


def _success(owner: str, answers: Sequence[Answer], headers: Iterable[str], schemas: Schemas) -> Object:
    borne = dict.fromkeys((*headers, *(name for answer in answers for name in answer.headers)))
    response: Object = {
        "description": " ".join(answer.text for answer in answers),
        "headers": _references(borne),
    }
    content = {
        kind.partition(";")[0]: _content(
            owner, kind, [answer for answer in answers if answer.content_type == kind], schemas
        )
        for kind in dict.fromkeys(answer.content_type for answer in answers if answer.status != NO_CONTENT)
    }
    return {**response, **({"content": content} if content else {})}


def _content(owner: str, content_type: str, answers: Sequence[Answer], schemas: Schemas) -> Object:
    types = [answer.body for answer in answers if answer.body is not None]
    examples = {answer.text.rstrip("."): answer.example for answer in answers if answer.example is not None}
    if content_type == EVENT_STREAM:
        return _media(_EVENT, {})
    if not types:
        return _media({"type": "object" if content_type == JSON else "string"}, {})
    return _media(schemas.of_any(owner, types), examples)


_EVENT = {
    "type": ["string", "object"],
    "description": "A stream of server-sent events; one of them, field by field, is an object whose `data` is JSON.",
    "properties": {"id": {"type": "string"}, "event": {"type": "string"}, "data": {"type": "string"}},
    "required": ["data"],
}


def _references(headers: Iterable[str]) -> Object:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in headers}


def _failure(dialect: Dialect, route: Route | None, status: int, reasons: Reasons, schemas: Schemas) -> Object:
    names = [example_name(dialect, reason) for reason in reasons]
    return {
        "description": " ".join(f"{EXPLAINED[reason].title}." for reason in reasons),
        "headers": _references(
            (
                *of_error(route.action if route else None, status, reasons),
                *(of_limits(dialect, route) if route and status != UNAUTHORIZED else ()),
            )
        ),
        "content": {
            JSON: {
                "schema": schemas.of(dialect.name, dialect.error_body),
                "examples": {name.partition(".")[2]: {"$ref": f"#/components/examples/{name}"} for name in names},
            }
        },
    }


def _plain_operation(default: Dialect, page: PlainRoute, schemas: Schemas) -> Object:
    """A path without a key; its errors are worded by the dialect that answers outside all prefixes."""
    answers = _grouped(page.about.answers).items()
    failing = by_status(default, (reason for reason in KEYLESS if page.counts or not _is_limit(reason)))
    return {
        "operationId": f"{PLATFORM}.{page.name}",
        "tags": [PLATFORM],
        **_words(page.about),
        "security": [],
        "parameters": [_parameter(parameter) for parameter in (*page.about.parameters, _REQUEST_ID)],
        "responses": {
            **{str(status): _success(PLATFORM, of, ("X-Request-ID",), schemas) for status, of in answers},
            **{str(status): _failure(default, None, status, of, schemas) for status, of in failing.items()},
        },
    }


def _is_limit(reason: Reason.ValueType) -> bool:
    return reason == pb.REASON_RATE_LIMITED
