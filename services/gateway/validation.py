"""A JSON body becomes a checked value, or an InvalidField that names the field and says how to mend it.

The checks are msgspec's; this module turns its messages into ours by one table. Pure.
"""

import contextlib
import re
from decimal import Decimal
from functools import cache
from typing import Any, TypeVar

import msgspec
from msgspec import inspect

from servicekit.faults import InvalidField

MAX_NESTING = 64
"""Source: contract.md, "Requests and answers"."""
_MAX_BRACKETS = 100_000
"""No request of any dialect comes near; it bounds the work of looking at the nesting."""
_MAX_REREAD_BYTES = 1 << 20

Shape = TypeVar("Shape", bound=msgspec.Struct)


def decode(body: bytes | bytearray, shape: type[Shape]) -> Shape:
    """Read a JSON object into `shape`. Raises InvalidField; its field is empty where the body as a whole is wrong."""
    check_nesting(body)
    decoder: msgspec.json.Decoder[Shape] = _decoder(shape)
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise explain(str(error), shape, _plainly(body)) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidField("", f"The body is not valid JSON: {error}.") from None


def _plainly(body: bytes | bytearray) -> object:
    """What a body says without any shape, None where it is too large to be read again for an error's sake."""
    if len(body) > _MAX_REREAD_BYTES:
        return None
    with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError):
        return msgspec.json.decode(body)
    return None


@cache
def _decoder(shape: type[msgspec.Struct]) -> Any:
    return msgspec.json.Decoder(shape)


_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
_ONE_KIND = bytes.maketrans(b"{}", b"[]")
_NO_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")


def check_nesting(body: bytes | bytearray) -> None:
    """Raise InvalidField where arrays and objects stand more than 64 deep.

    Taking away the innermost pairs 64 times leaves nothing of a body that is balanced and at most 64 deep.
    """
    brackets = body.count(b"[") + body.count(b"{")
    if brackets <= MAX_NESTING:
        return
    if brackets > _MAX_BRACKETS:
        raise InvalidField("", f"The body holds more than {_MAX_BRACKETS} arrays and objects.")
    rest = _STRING.sub(b"", body).translate(_ONE_KIND, _NO_BRACKETS)
    for _ in range(MAX_NESTING):
        rest = rest.replace(b"[]", b"")
    if rest:
        raise InvalidField(
            "", f"The body does not close its arrays and objects, or nests them over {MAX_NESTING} deep."
        )


_NOUNS = {
    "str": "a string",
    "int": "an integer",
    "float": "a number",
    "bool": "true or false",
    "object": "an object",
    "array": "an array",
    "null": "null",
}
_AT = re.compile(r"^(?P<text>.*?)(?: - at `\$(?P<path>.*)`)?$", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `(?P<name>[^`]*)`")
_TYPE = re.compile(r"Expected `(?P<wanted>[^`]*)`, got `(?P<got>[^`]*)`")
_BOUND = re.compile(r"Expected `(?:int|float)[^`]*` (?P<sign><=|>=|<|>) (?P<bound>\S+)")
_MULTIPLE = re.compile(r"Expected `int` that's a multiple of (?P<step>\d+)")
_LENGTH = re.compile(r"Expected `(?P<kind>\w+)[^`]*` of length (?P<sign><=|>=) (?P<bound>\d+)")
_BOUND_WORDS = {"<=": "at most", ">=": "at least", "<": "less than", ">": "more than"}


def explain(text: str, shape: type[msgspec.Struct], sent: object = None) -> InvalidField:
    """Turn a message of msgspec about `shape` into the fault that names the field and says the fix.

    `sent` is the value that was read: of structs that are told apart by a tag it says which one is meant.
    """
    parts = _AT.match(text)
    assert parts is not None, "the pattern matches every text"
    # Of a value in a free object msgspec tells no name: the object is named then.
    message, path = parts["text"], (parts["path"] or "").removeprefix(".").partition("[...]")[0]
    if missing := _MISSING.fullmatch(message):
        path = f"{path}.{missing['name']}".removeprefix(".")
        return InvalidField(path, f"`{path}` is required.")
    return InvalidField(path, f"{f'`{path}`' if path else 'The body'} {_demand(message, shape, path, sent)}.")


def _demand(message: str, shape: type[msgspec.Struct], path: str, sent: object) -> str:
    if match := _TYPE.fullmatch(message):
        wanted = [_NOUNS.get(word, word) for word in match["wanted"].split(" | ") if word != "null"]
        return f"must be {' or '.join(wanted)}, not {_NOUNS.get(match['got'], match['got'])}"
    if match := _BOUND.fullmatch(message):
        return f"must be {_BOUND_WORDS[match['sign']]} {Decimal(match['bound']):f}"
    if match := _MULTIPLE.fullmatch(message):
        return f"must be a multiple of {match['step']}"
    if match := _LENGTH.fullmatch(message):
        unit = "characters" if match["kind"] == "str" else "items"
        return f"must have {_BOUND_WORDS[match['sign']]} {match['bound']} {unit}"
    return _demand_by_type(_locate(shape, path, sent), message)


def _demand_by_type(kind: inspect.Type, message: str) -> str:
    """What a type with listed values or a pattern asks for; msgspec's own words where there is nothing better."""
    for option in _options(kind):
        if isinstance(option, inspect.LiteralType):
            return "must be one of " + ", ".join(f"`{value}`" for value in option.values)
        if isinstance(option, inspect.Metadata) and (option.extra_json_schema or {}).get("examples"):
            examples = (option.extra_json_schema or {})["examples"]
            return "must look like " + " or ".join(f"`{example}`" for example in examples)
    return f"is not valid: {message}"


def _options(kind: inspect.Type) -> tuple[inspect.Type, ...]:
    """The kinds that a value may have; what is said of all of them together is for the documentation alone."""
    if isinstance(kind, inspect.Metadata) and isinstance(kind.type, inspect.UnionType | inspect.LiteralType):
        return _options(kind.type)
    return kind.types if isinstance(kind, inspect.UnionType) else (kind,)


_STEP = re.compile(r"\[[^\]]*\]|[^.\[]+")


def _locate(shape: type[msgspec.Struct], path: str, sent: object) -> inspect.Type:
    """The type of the field at `path`; AnyType where the path leads nowhere that is known."""
    kind: inspect.Type = inspect.type_info(shape)
    for step in _STEP.findall(path):
        options = [option for option in _options(kind) if _is_meant(option, sent)] or _options(kind)
        tags = [option.tag for option in options if isinstance(option, inspect.StructType) and option.tag_field == step]
        found = inspect.LiteralType(tuple(tags)) if tags else None
        kind = found or next((found for option in options if (found := _into(option, step))), inspect.AnyType())
        sent = _within(sent, step)
    return kind


def _is_meant(kind: inspect.Type, sent: object) -> bool:
    """Whether a value says by its tag that it is of this kind."""
    return isinstance(kind, inspect.StructType) and isinstance(sent, dict) and sent.get(kind.tag_field) == kind.tag


def _within(sent: object, step: str) -> object:
    """What is found one step further; nothing where a repeated key says another thing than the one that was checked."""
    if isinstance(sent, list):
        index = step[1:-1]
        return sent[int(index)] if index.isdecimal() and int(index) < len(sent) else None
    return sent.get(step) if isinstance(sent, dict) else None


def _into(kind: inspect.Type, step: str) -> Any:
    if isinstance(kind, inspect.Metadata):
        return _into(kind.type, step)
    if isinstance(kind, inspect.StructType):
        return next((field.type for field in kind.fields if field.encode_name == step), None)
    if isinstance(kind, inspect.CollectionType):
        return kind.item_type
    if isinstance(kind, inspect.DictType):
        return kind.value_type
    return None
