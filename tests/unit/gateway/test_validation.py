"""Bodies become values, or an error that names the field and the fix."""

from typing import Annotated, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta

from gateway.validation import check_nesting, decode, explain
from servicekit.faults import InvalidField


class _Task(msgspec.Struct):
    prompt: str
    size: Annotated[str, Meta(pattern="^[0-9]+$", examples=["512"])] | None = None


class _Body(msgspec.Struct):
    name: Annotated[str, Meta(min_length=2, max_length=3)]
    count: Annotated[int, Meta(ge=1, lt=5)] | None = None
    kind: Literal["a", "b"] | None = None
    ratio: float | None = None
    share: Annotated[float, Meta(ge=0.000001)] | None = None
    flag: bool | None = None
    tasks: Annotated[list[_Task], Meta(max_length=2)] | None = None
    more: dict[str, object] | None = None


@pytest.mark.parametrize(
    ("body", "field", "message"),
    [
        ("{}", "name", "`name` is required."),
        ('{"name": null}', "name", "`name` must be a string, not null."),
        ('{"name": 7}', "name", "`name` must be a string, not an integer."),
        ('{"name": "a"}', "name", "`name` must have at least 2 characters."),
        ('{"name": "abcd"}', "name", "`name` must have at most 3 characters."),
        ('{"name": "ab", "count": 0}', "count", "`count` must be at least 1."),
        ('{"name": "ab", "count": 5}', "count", "`count` must be at most 4."),
        ('{"name": "ab", "count": "1"}', "count", "`count` must be an integer, not a string."),
        ('{"name": "ab", "count": 1.5}', "count", "`count` must be an integer, not a number."),
        ('{"name": "ab", "kind": "c"}', "kind", "`kind` must be one of `a`, `b`."),
        ('{"name": "ab", "share": 0}', "share", "`share` must be at least 0.000001."),
        ('{"name": "ab", "ratio": 1e999}', "ratio", "`ratio` is not valid: Number out of range."),
        ('{"name": "ab", "more": {"a": 1e999}}', "more", "`more` is not valid: Number out of range."),
        ('{"name": "ab", "flag": 1}', "flag", "`flag` must be true or false, not an integer."),
        ('{"name": "ab", "tasks": {}}', "tasks", "`tasks` must be an array, not an object."),
        ('{"name": "ab", "tasks": [{}]}', "tasks[0].prompt", "`tasks[0].prompt` is required."),
        (
            '{"name": "ab", "tasks": [{"prompt": "", "size": "x"}]}',
            "tasks[0].size",
            "`tasks[0].size` must look like `512`.",
        ),
        (
            '{"name": "ab", "tasks": [{"prompt":""},{"prompt":""},{"prompt":""}]}',
            "tasks",
            "`tasks` must have at most 2 items.",
        ),
        ("[]", "", "The body must be an object, not an array."),
        ("3", "", "The body must be an object, not an integer."),
    ],
)
def test_an_error_names_the_field_and_the_fix(body: str, field: str, message: str) -> None:
    with pytest.raises(InvalidField) as caught:
        decode(body.encode(), _Body)
    assert (caught.value.details["field"], caught.value.message) == (field, message)


def test_null_is_absence_and_unknown_fields_are_ignored() -> None:
    assert decode(b'{"name": "ab", "count": null, "other": [1, {}]}', _Body) == _Body("ab")


def test_an_unknown_message_is_passed_on_with_its_field() -> None:
    assert explain("Something new - at `$.name`", _Body).message == "`name` is not valid: Something new."


@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_sixty_four_levels_are_the_most(opening: str) -> None:
    closing = "]" if opening == "[" else "}"
    check_nesting((opening * 64 + "1" + closing * 64).encode())
    with pytest.raises(InvalidField):
        check_nesting((opening * 65 + "1" + closing * 65).encode())


def test_brackets_in_strings_do_not_count() -> None:
    check_nesting(b'{"a": "' + b"[" * 100 + b'\\"' + b"{" * 100 + b'"}')


def test_many_shallow_values_are_fine_and_absurdly_many_are_not() -> None:
    check_nesting(b"[" + b"[]," * 1000 + b"[]]")
    with pytest.raises(InvalidField):
        check_nesting(b"[" + b"[]," * 100_000 + b"[]]")


_values = st.recursive(
    st.none() | st.text() | st.integers(-5, 5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=200,
)


@given(_values, st.integers(0, 80))
def test_nesting_is_judged_by_depth_alone(value: object, wraps: int) -> None:
    for _ in range(wraps):
        value = [value]
    body = msgspec.json.encode(value)
    if _depth(value) <= 64:
        check_nesting(body)
    else:
        with pytest.raises(InvalidField):
            check_nesting(body)


def _depth(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max(map(_depth, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(_depth, value), default=0)
    return 0


class _Cat(msgspec.Struct, frozen=True, tag_field="kind", tag="cat"):
    lives: Literal["seven", "nine"] | None = None


class _Dog(msgspec.Struct, frozen=True, tag_field="kind", tag="dog"):
    lives: Literal["one"] | None = None


class _Household(msgspec.Struct, frozen=True):
    pets: list[_Cat | _Dog]


@pytest.mark.parametrize(
    ("body", "field", "message"),
    [
        (b'{"pets": [{"kind": "cow"}]}', "pets[0].kind", "`pets[0].kind` must be one of `cat`, `dog`."),
        (b'{"pets": [{"kind": 3}]}', "pets[0].kind", "`pets[0].kind` must be one of `cat`, `dog`."),
        (b'{"pets": [{}]}', "pets[0].kind", "`pets[0].kind` is required."),
        (
            b'{"pets": [{"kind": "cat"}, {"lives": "nine", "kind": "dog"}]}',
            "pets[1].lives",
            "`pets[1].lives` must be one of `one`.",
        ),
        (
            b'{"pets": [{"kind": "cat", "lives": "ten"}]}',
            "pets[0].lives",
            "`pets[0].lives` must be one of `nine`, `seven`.",
        ),
    ],
)
def test_of_structs_with_tags_the_meant_one_is_explained(body: bytes, field: str, message: str) -> None:
    with pytest.raises(InvalidField) as raised:
        decode(body, _Household)
    assert (raised.value.details["field"], raised.value.message) == (field, message)


@pytest.mark.parametrize("again", [b"[]", b"7", b'{"0": {}}'])
def test_a_repeated_key_that_says_something_else_is_explained_too(again: bytes) -> None:
    with pytest.raises(InvalidField) as raised:
        decode(b'{"pets": [{"kind": "cat", "lives": "ten"}], "pets": ' + again + b"}", _Household)
    assert raised.value.details["field"] == "pets[0].lives"


def test_text_that_is_not_utf_8_beside_another_mistake_is_explained() -> None:
    with pytest.raises(InvalidField) as raised:
        decode(b'{"more": "\xff"}', _Household)
    assert raised.value.details["field"] == "pets"
