"""The scanner of base64 replies reads what a JSON parser and a strict base64 decoder read, however the reply is cut."""

import base64
import binascii
import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from generator.providers.base64_reply import BadReply, ReplyLimits, ReplyScanner

_KEYS = st.sampled_from(["b64_json", "data", "revised_prompt", '"b64_json', 'b64_json":"', "b64_jso", "\\", "é"])
_PICTURES = st.binary(max_size=60).map(lambda data: base64.b64encode(data).decode())
_TEXTS = st.one_of(st.text(max_size=20), _PICTURES, st.sampled_from(["b64_json", '":"', "\\u0022", '\\"']))
_ATOMS = st.one_of(st.none(), st.booleans(), st.integers(), _TEXTS)
_TREES = st.recursive(
    _ATOMS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(_KEYS.filter(lambda key: key != "b64_json"), inner, max_size=4),
        st.tuples(inner, _PICTURES).map(lambda pair: {"before": pair[0], "b64_json": pair[1]}),
    ),
    max_leaves=12,
)


@st.composite
def written(draw: st.DrawFn, tree: Any) -> bytes:
    """The tree as JSON, with whitespace, and with escapes where none is needed."""
    text = json.dumps(tree, indent=draw(st.sampled_from([None, 0, 2])), ensure_ascii=draw(st.booleans()))
    if draw(st.booleans()):
        text = text.replace("/", "\\/")
    if draw(st.booleans()):
        text = text.replace("+", "\\u002b").replace("b64_json", "b64\\u005fjson")
    return text.encode()


@st.composite
def cut(draw: st.DrawFn, reply: bytes) -> list[bytes]:
    """The reply in pieces."""
    places = sorted(draw(st.lists(st.integers(0, len(reply)), max_size=12)))
    return [reply[start:end] for start, end in zip([0, *places], [*places, len(reply)], strict=True)]


def scanned(
    chunks: list[bytes], limits: ReplyLimits | None = None, *, picture_bytes: int = 0
) -> tuple[bytes, list[bytes]]:
    scanner = ReplyScanner(limits, picture_bytes=picture_bytes)
    for chunk in chunks:
        scanner.feed(chunk)
    skeleton, pictures = scanner.finish()
    return skeleton, [bytes(picture) for picture in pictures]


def replaced(tree: Any, pictures: list[bytes]) -> Any:
    """What the skeleton must say, collecting the pictures in their order."""
    if isinstance(tree, list):
        return [replaced(item, pictures) for item in tree]
    if not isinstance(tree, dict):
        return tree
    found = {}
    for key, value in tree.items():
        if key == "b64_json" and isinstance(value, str):
            pictures.append(base64.b64decode(value, validate=True))
            found[key] = str(len(pictures) - 1)
        else:
            found[key] = replaced(value, pictures)
    return found


@given(data=st.data(), tree=_TREES, picture_bytes=st.integers(0, 70))
def test_it_reads_what_a_json_parser_and_a_base64_decoder_read_however_it_is_cut_and_whatever_room_was_made(
    data: st.DataObject, tree: Any, picture_bytes: int
) -> None:
    chunks = data.draw(cut(data.draw(written(tree))))
    skeleton, pictures = scanned(chunks, ReplyLimits(picture_count=100), picture_bytes=picture_bytes)
    expected: list[bytes] = []
    assert json.loads(skeleton) == replaced(tree, expected)
    assert pictures == expected


@given(data=st.data(), text=st.text(alphabet='QUFBkw==+/\\u02b"n\n é', max_size=24))
@example(data=None, text="QQ==QQ==")
@example(data=None, text="\\\\/A=")
@example(data=None, text="0000=")
def test_what_a_strict_decoder_refuses_is_refused(data: st.DataObject | None, text: str) -> None:
    reply = b'{"b64_json":"' + text.encode() + b'"}'
    chunks = data.draw(cut(reply)) if data else [reply[:16], reply[16:17], reply[17:]]
    try:
        sent = json.loads(reply)["b64_json"]
        expected = base64.b64decode(sent, validate=True)
        is_valid = len(sent) % 4 == 0  # RFC 4648; the library lets padding stand where none is due
    except (ValueError, binascii.Error, TypeError):
        is_valid = False
    if is_valid:
        assert scanned(chunks)[1] == [expected]
    else:
        with pytest.raises((BadReply, ValueError)):
            json.loads(scanned(chunks)[0])


@given(data=st.data(), picture=st.binary(min_size=1, max_size=40))
def test_a_reply_cut_within_a_picture_is_truncated(data: st.DataObject, picture: bytes) -> None:
    reply = b'{"data":[{"b64_json":"' + base64.b64encode(picture)
    end = data.draw(st.integers(reply.index(b'"b64') + 12, len(reply)))
    with pytest.raises(BadReply):
        scanned(data.draw(cut(reply[:end])))


@pytest.mark.parametrize(
    ("reply", "limits"),
    [
        (b'{"b64_json":"' + b"A" * 400 + b'"}', ReplyLimits(picture_bytes=299)),
        (b'{"x":"' + b"A" * 400 + b'"}', ReplyLimits(skeleton_bytes=400)),
        (b'[{"b64_json":""},{"b64_json":""}]', ReplyLimits(picture_count=1)),
    ],
    ids=["a picture", "the rest", "the number of pictures"],
)
def test_a_reply_over_a_limit_is_refused(reply: bytes, limits: ReplyLimits) -> None:
    with pytest.raises(BadReply):
        scanned([reply], limits)


def test_a_picture_that_is_just_within_the_limit_is_taken() -> None:
    reply = b'{"b64_json":"' + b"A" * 400 + b'"}'
    assert scanned([reply], ReplyLimits(picture_bytes=300))[1] == [bytes(300)]


_PICTURE = base64.b64encode(bytes(range(90))).decode()


@pytest.mark.parametrize(
    ("reply", "skeleton", "count"),
    [
        ({"images": [_PICTURE, _PICTURE], "n": 2}, {"images": ["0", "1"], "n": 2}, 2),
        ({"images": [None, {"data": _PICTURE}]}, {"images": [None, {"data": "0"}]}, 1),
        ({"data": f"data:image/png;base64,{_PICTURE}"}, {"data": "0"}, 1),
        ({"data": "https://x/y.png", "images": []}, {"data": "https://x/y.png", "images": []}, 0),
        ({"images": ["http://x", f"data:;base64,{_PICTURE}"]}, {"images": ["http://x", "0"]}, 1),
        ({"images": [_PICTURE], "other": [_PICTURE, "a"]}, {"images": ["0"], "other": [_PICTURE, "a"]}, 1),
        ({"images": {"a": _PICTURE}, "data": ""}, {"images": {"a": _PICTURE}, "data": "0"}, 1),
    ],
)
@pytest.mark.parametrize("step", [1, 7, 10_000])
def test_pictures_stand_under_any_key_in_lists_and_in_data_uris(
    reply: Any, skeleton: Any, count: int, step: int
) -> None:
    for written_reply in (json.dumps(reply), json.dumps(reply, indent=1).replace("/", "\\/")):
        scanner = ReplyScanner(keys={"data", "images"})
        text = written_reply.encode()
        for start in range(0, len(text), step):
            scanner.feed(text[start : start + step])
        told, pictures = scanner.finish()
        assert json.loads(told) == skeleton
        assert len(pictures) == count
        assert all(bytes(picture) in (bytes(range(90)), b"") for picture in pictures)


@pytest.mark.parametrize("text", ["data:image/png;base64", "data:" + "x" * 1000, "dat", "data:,%%%%"])
def test_a_data_uri_that_holds_no_base64_is_a_bad_reply(text: str) -> None:
    scanner = ReplyScanner(keys={"data"})
    with pytest.raises(BadReply):
        scanner.feed(json.dumps({"data": text}).encode())
