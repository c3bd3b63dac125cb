"""The parts of scripted upstreams that need no server, and the command that serves one."""

import asyncio
import sys
from asyncio.subprocess import PIPE

import aiohttp
import pytest

from testkit.upstreams.base import Behaviour, parse_behaviour
from testkit.upstreams.forms import BadForm, Part, parse_form


def test_a_behaviour_is_written_as_a_name_and_a_number() -> None:
    assert parse_behaviour("refusal") == Behaviour("refusal")
    assert parse_behaviour("slow:2.5") == Behaviour("slow", seconds=2.5)
    assert parse_behaviour("server_error:503") == Behaviour("server_error", status=503)


@pytest.mark.parametrize("text", ["", "sulk", "slow"])
def test_an_unknown_behaviour_is_a_bug(text: str) -> None:
    with pytest.raises(AssertionError):
        parse_behaviour(text)


def test_a_form_is_read_part_by_part_with_its_bytes_untouched() -> None:
    data = bytes(range(256)) + b"\r\n--\r\n\r\n"
    body = (
        b'--B\r\nContent-Disposition: form-data; name="prompt"\r\n\r\nein F\xc3\xbcchslein\r\n'
        b'--B\r\nContent-Disposition: form-data; name="image[]"; filename="a b.png"\r\nContent-Type: image/png\r\n\r\n'
        + data
        + b"\r\n--B\r\ncontent-disposition: form-data; filename=e.png; name=empty\r\n\r\n\r\n--B--\r\n"
    )
    assert parse_form('multipart/form-data; boundary="B"', body) == (
        Part("prompt", None, "text/plain", "ein Füchslein".encode()),
        Part("image[]", "a b.png", "image/png", data),
        Part("empty", "e.png", "text/plain", b""),
    )


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", b"{}"),
        ("multipart/form-data", b"--x--"),
        ("multipart/form-data; boundary=x", b"--x\r\n"),
        ("multipart/form-data; boundary=x", b"--x\r\nno empty line\r\n--x--"),
        ("multipart/form-data; boundary=x", b"--x\r\n\r\nno name\r\n--x--"),
    ],
)
def test_a_broken_form_is_refused(content_type: str, body: bytes) -> None:
    with pytest.raises(BadForm):
        parse_form(content_type, body)


async def test_the_command_serves_and_ends_on_a_signal() -> None:
    command = (sys.executable, "-m", "testkit.upstreams", "openai", "--fault", "refusal")
    process = await asyncio.create_subprocess_exec(*command, stdout=PIPE)
    assert process.stdout is not None
    url = (await process.stdout.readline()).decode().strip()
    order = {"model": "gpt-image-2", "prompt": "x"}
    headers = {"Authorization": "Bearer sk-x"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.post(f"{url}/images/generations", json=order) as answer,
    ):
        assert (answer.status, (await answer.json())["error"]["code"]) == (400, "moderation_blocked")
    process.terminate()
    assert await process.wait() == 0
