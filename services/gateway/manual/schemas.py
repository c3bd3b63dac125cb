"""A JSON schema in words: the fields of an object, and what each of them takes. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Schema = Mapping[str, Any]
_DEEPEST = 4
_BOUNDS = (("minimum", "maximum", ""), ("minLength", "maxLength", " characters"), ("minItems", "maxItems", " items"))
"""The least and the most of a value, and of what."""


@dataclass(frozen=True, slots=True)
class Field:
    """A field of an object; `name` is its path, as `data[].url`."""

    name: str
    kind: str
    required: bool
    text: str


def fields(schema: Schema, components: Mapping[str, Schema], under: str = "", depth: int = 0) -> Iterator[Field]:
    """Every field below a schema, those of an object in it after it."""
    for option in _objects(schema, components):
        required = option.get("required", ())
        for name, value in option.get("properties", {}).items():
            path = f"{under}{name}"
            yield Field(path, kind(value, components), name in required, value.get("description", ""))
            if depth < _DEEPEST:
                inner, mark = _inside(value)
                yield from fields(inner, components, f"{path}{mark}.", depth + 1)


def _inside(schema: Schema) -> tuple[Schema, str]:
    return (schema["items"], "[]") if "items" in schema else (schema, "")


def _objects(schema: Schema, components: Mapping[str, Schema]) -> Iterator[Schema]:
    schema = resolved(schema, components)
    if "properties" in schema:
        yield schema
    for option in schema.get("anyOf", ()):
        yield from _objects(option, components)


def resolved(schema: Schema, components: Mapping[str, Schema]) -> Schema:
    """The schema that a reference stands for."""
    reference = schema.get("$ref")
    return components[reference.rpartition("/")[2]] if reference else schema


def kind(schema: Schema, components: Mapping[str, Schema]) -> str:
    """What a value may be, in a few words."""
    if "anyOf" in schema:
        kinds = [kind(option, components) for option in schema["anyOf"]]
        return " or ".join(word for word in kinds if word != "null")
    schema = resolved(schema, components)
    if "const" in schema or "enum" in schema:
        return " | ".join(f"`{_literal(value)}`" for value in schema.get("enum", [schema.get("const")]))
    if schema.get("type") == "array":
        return f"list of {kind(schema.get('items', {}), components)}"
    return ", ".join([str(schema.get("type", "anything")), *_bounds(schema), *_examples(schema)])


def _bounds(schema: Schema) -> Iterator[str]:
    for least, most, unit in _BOUNDS:
        if least in schema and most in schema:
            yield f"{schema[least]} to {schema[most]}{unit}"
        elif least in schema:
            yield f"{schema[least]}{unit} or more"
        elif most in schema:
            yield f"at most {schema[most]}{unit}"


def _examples(schema: Schema) -> list[str]:
    return ["as " + ", ".join(f"`{example}`" for example in schema["examples"])] if "examples" in schema else []


def _literal(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
