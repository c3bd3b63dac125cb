"""Every route of every dialect, and the least that each route which costs money takes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import inspect

from gateway.dialects import DIALECTS, Settings
from gateway.dialects.base import Buy, Dialect, Route
from servicekit.settings import load
from testkit.speakers import SPEAKERS, Speaker

DRAWN_FROM = "https://example.com/photo.png"
_GENERATION = {"prompt": "A red fox"}
_EDIT = {"prompt": "A red fox", "images": [{"image_url": DRAWN_FROM}]}
_VARIATION = {"image": {"image_url": DRAWN_FROM}}

LEAST: Mapping[tuple[str, str], Mapping[str, Any]] = {
    ("bigapi", "/v1/jobs/create"): {"tasks": [{"prompt": "A red fox", "provider": "dalle"}]},
    ("imagegen", "/api/v2/generate/text-to-image"): _GENERATION,
    ("imagegen", "/api/v2/generate/image-to-image"): {**_GENERATION, "init_image": DRAWN_FROM},
    ("imagegen", "/api/v2/generate/inpaint"): {**_GENERATION, "init_image": DRAWN_FROM, "mask_image": DRAWN_FROM},
    ("opscenter", "/api/v1/llm/image/generations"): _GENERATION,
    ("opscenter", "/api/v1/llm/images/generations"): _GENERATION,
    ("opscenter", "/api/v1/llm/images/edits"): _EDIT,
    ("opscenter", "/api/v1/llm/images/variations"): _VARIATION,
    ("pixeldojo", "/api/v1/flux"): _GENERATION,
    ("productai", "/v1/api/generate"): {**_GENERATION, "model": "gpt-low", "image_url": DRAWN_FROM},
    ("productai", "/v1/api/upscale"): {"image_url": DRAWN_FROM},
    ("productai", "/v1/api/generate-custom-model"): {**_GENERATION, "model": "custom-a", "image_url": DRAWN_FROM},
    ("openai", "/v1/images/generations"): _GENERATION,
    ("openai", "/v1/images/edits"): _EDIT,
    ("openai", "/v1/images/variations"): _VARIATION,
}
"""By dialect and path."""


@dataclass(frozen=True)
class Served:
    """One route with the dialect that serves it."""

    dialect: Dialect
    route: Route

    @property
    def speaker(self) -> Speaker:
        """Who speaks to it."""
        return next(speaker for speaker in SPEAKERS if speaker.name == self.dialect.name)

    @property
    def path(self) -> str:
        """A path of the route."""
        return self.route.path.replace("{", "").replace("}", "")

    @property
    def least(self) -> Mapping[str, Any]:
        """The least that a route takes which costs money."""
        return LEAST[self.dialect.name, self.route.path]

    @property
    def shape(self) -> type[msgspec.Struct]:
        """What the body of such a route is checked against."""
        assert isinstance(self.route.action, Buy)
        return self.route.action.body

    def __str__(self) -> str:
        return f"{self.route.method} {self.route.path}"


EVERY = tuple(
    Served(dialect, route) for dialect in (make(load(Settings, {})) for make in DIALECTS) for route in dialect.routes
)
PURCHASES = tuple(served for served in EVERY if isinstance(served.route.action, Buy))


def with_nulls(body: Mapping[str, Any], kind: inspect.Type) -> dict[str, Any]:
    """A body in which each optional field that it leaves out is null, at every depth."""
    shape = _struct(kind, body)
    filled = dict(body)
    for field in shape.fields if shape is not None else ():
        if field.encode_name in body:
            filled[field.encode_name] = _with_nulls_inside(body[field.encode_name], field.type)
        elif not field.required:
            filled[field.encode_name] = None
    return filled


def _with_nulls_inside(value: Any, kind: inspect.Type) -> Any:
    if isinstance(value, dict):
        return with_nulls(value, kind)
    if isinstance(value, list):
        items = next((option.item_type for option in _options(kind) if isinstance(option, inspect.ListType)), kind)
        return [_with_nulls_inside(item, items) for item in value]
    return value


def empty_objects(kind: inspect.Type) -> Iterator[tuple[str, inspect.StructType]]:
    """The optional fields of a body that are objects, with their shapes."""
    for field in _struct(kind, {}).fields if _struct(kind, {}) else ():  # type: ignore[union-attr]  # looked at before
        shape = _struct(field.type, {})
        if shape is not None and not field.required:
            yield field.encode_name, shape


def _struct(kind: inspect.Type, value: Mapping[str, Any]) -> inspect.StructType | None:
    shapes = [option for option in _options(kind) if isinstance(option, inspect.StructType)]
    tagged = [shape for shape in shapes if shape.tag_field and value.get(shape.tag_field) == shape.tag]
    return next(iter(tagged or shapes), None)


def _options(kind: inspect.Type) -> tuple[inspect.Type, ...]:
    if isinstance(kind, inspect.Metadata):
        return _options(kind.type)
    if isinstance(kind, inspect.UnionType):
        return tuple(option for inner in kind.types for option in _options(inner))
    return (kind,)
