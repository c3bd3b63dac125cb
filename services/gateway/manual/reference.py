"""The page of every route, made from the OpenAPI document and nothing else."""

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.manual import layout
from gateway.manual.html import Child, Html, block, code, element, join, link, paragraphs, prose, table
from gateway.manual.schemas import Schema, fields, kind, resolved
from gateway.wire import FORM, JSON

Object = Mapping[str, Any]
_KEY = "$GESSO_API_KEY"
_BODIES = {JSON: "Body, as JSON", FORM: "Body, as a multipart form"}
_TITLE = "An image platform behind the APIs you know"


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of the document."""

    method: str
    path: str
    tag: str
    about: Object

    @property
    def anchor(self) -> str:
        """Its place on the page."""
        return str(self.about["operationId"])

    @property
    def is_served(self) -> bool:
        """Whether it can be answered by anything but an error."""
        return any(status < "4" for status in self.about["responses"])


class Reference:
    """The page of one document."""

    def __init__(self, document: Object) -> None:
        self._document = document
        self._components = document["components"]
        self._base = document["servers"][0]["url"]
        self._operations = list(_operations(document))

    def page(self) -> bytes:
        """The whole page."""
        tags = self._document["tags"]
        groups = [layout.Group(tag["x-displayName"], self._links(tag["name"])) for tag in tags]
        content = (self._opening(), (self._chapter(tag) for tag in tags))
        return layout.page("Documentation", content, groups)

    def _links(self, tag: str) -> Sequence[tuple[str, str]]:
        return [(one.about["summary"], f"#{one.anchor}") for one in self._operations if one.tag == tag]

    def _opening(self) -> Child:
        buying = next(one for one in self._operations if "requestBody" in one.about)
        return (
            element("h1", _TITLE),
            paragraphs(self._document["info"]["description"]),
            element("h2", "Start", at={"id": "start"}),
            element("p", "The base address of every path is ", code(self._base), ". Take a key, and draw a picture:"),
            block(f"export GESSO_API_KEY=YOUR_KEY\n\n{self._curl(buying)}", "A first request"),
            element("p", "How keys are made stands in ", link("API keys", "/docs/keys"), "."),
        )

    def _chapter(self, tag: Object) -> Child:
        return (
            element("h2", tag["x-displayName"], at={"id": tag["name"]}),
            paragraphs(tag["description"]),
            (self._section(operation) for operation in self._operations if operation.tag == tag["name"]),
        )

    def _section(self, operation: Operation) -> Html:
        about = operation.about
        route = (
            element("span", operation.method, at={"class": f"method {operation.method.lower()}"}),
            code(operation.path),
        )
        return element(
            "section",
            element("h3", about["summary"], at={"id": operation.anchor}),
            element("p", join(route), at={"class": "route"}),
            paragraphs(about.get("description", "")),
            self._parameters(operation),
            self._body(operation),
            self._example(operation),
            element("h4", "Answers"),
            (self._answer(status, response) for status, response in about["responses"].items()),
            at={"aria-labelledby": operation.anchor},
        )

    def _parameters(self, operation: Operation) -> Child:
        rows = [
            (
                (code(one["name"]), _mark("required", one["required"])),
                one["in"],
                prose(kind(one["schema"], {})),
                prose(one["description"]),
            )
            for one in operation.about["parameters"]
        ]
        return (element("h4", "Parameters"), table(("Name", "In", "Value", "Meaning"), rows)) if rows else None

    def _body(self, operation: Operation) -> Child:
        if "requestBody" not in operation.about:
            return None
        content = operation.about["requestBody"]["content"]
        return tuple(
            (element("h4", title), self._fields(content[media_type]["schema"]))
            for media_type, title in _BODIES.items()
            if media_type in content
        )

    def _fields(self, schema: Schema, must: str = "required") -> Html:
        found = fields(schema, self._components["schemas"])
        rows = [((code(one.name), _mark(must, one.required)), prose(one.kind), prose(one.text)) for one in found]
        return table(("Field", "Value", "Meaning"), rows)

    def _example(self, operation: Operation) -> Child:
        if not operation.is_served:
            return None
        label = f"Example of {operation.method} {operation.path}"
        return (element("h4", "Example"), block(self._curl(operation), label))

    def _answer(self, status: str, response: Object) -> Html:
        content = response.get("content", {})
        reasons = [
            name for media in content.values() for name, one in media.get("examples", {}).items() if "$ref" in one
        ]
        return element(
            "details",
            element("summary", element("b", status), prose(_brief(response) if reasons else response["description"])),
            _reasons(reasons) if reasons else None,
            self._headers(response["headers"]),
            self._shown(content[JSON]) if JSON in content else None,
        )

    def _headers(self, headers: Object) -> Child:
        described = self._components["headers"]
        rows = [(code(name), prose(described[name]["description"])) for name in headers]
        return (element("h4", "Headers"), table(("Header", "Meaning"), rows))

    def _shown(self, media: Object) -> Child:
        examples = [self._value(example) for example in list(media.get("examples", {}).values())[:2]]
        return (
            element("h4", "Body"),
            map(self._alternative, media["schema"].get("anyOf", [media["schema"]])),
            (block(json.dumps(example, indent=2, ensure_ascii=False), "Example of the answer") for example in examples),
        )

    def _alternative(self, schema: Schema) -> Child:
        text = resolved(schema, self._components["schemas"]).get("description", "")
        return (element("p", prose(text)), self._fields(schema, "always")) if text else None

    def _value(self, example: Object) -> Any:
        reference = example.get("$ref")
        return self._components["examples"][reference.rpartition("/")[2]]["value"] if reference else example["value"]

    def _curl(self, operation: Operation) -> str:
        path = operation.path
        for parameter in operation.about["parameters"]:
            if parameter["in"] == "path":
                path = path.replace(f"{{{parameter['name']}}}", str(parameter["example"]))
        words = [shlex.quote(self._base + path), *self._key_header(operation)]
        if operation.method not in ("GET", "POST"):
            words.insert(0, f"-X {operation.method}")
        if "requestBody" in operation.about:
            example = next(iter(operation.about["requestBody"]["content"]["application/json"]["examples"].values()))
            body = json.dumps(example["value"], indent=2, ensure_ascii=False)
            words += ["-H 'Content-Type: application/json'", f"-d {shlex.quote(body)}"]
        elif operation.method == "POST":
            words.insert(0, "-X POST")
        return "curl " + " \\\n  ".join(words)

    def _key_header(self, operation: Operation) -> Iterator[str]:
        for requirement in operation.about["security"][:1]:
            scheme = self._components["securitySchemes"][next(iter(requirement))]
            if scheme["type"] == "apiKey":
                yield f'-H "{scheme["name"]}: {_KEY}"'
            else:
                yield f'-H "Authorization: Bearer {_KEY}"'


def _operations(document: Object) -> Iterator[Operation]:
    for path, methods in document["paths"].items():
        for method, about in methods.items():
            yield Operation(method.upper(), path, about["tags"][0], about)


def _mark(word: str, is_so: bool) -> Child:
    return element("span", word, at={"class": "must"}) if is_so else None


def _brief(response: Object) -> str:
    first, *others = str(response["description"]).rstrip(".").split(". ")
    return f"{first}, and {len(others)} more" if others else first


def _reasons(names: Sequence[str]) -> Html:
    return element("ul", (element("li", link(code(name), f"/docs/errors/{name}")) for name in names))
