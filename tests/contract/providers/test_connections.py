"""What a vendor's server may do below its protocol: chunked replies, redirects, broken answers, and too much of everything."""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from generator.providers.base import Bought, Drawn, UpstreamFault
from generator.providers.openai import OpenAIProvider
from gesso.errors.v1 import reason_pb2 as reason

from .conftest import CountedMemory, OrderMaker

REPLY = b'{"data":[{"b64_json":"' + base64.b64encode(bytes(range(256)) * 12_288) + b'"}]}'


@asynccontextmanager
async def answering(*pieces: bytes) -> AsyncIterator[OpenAIProvider]:
    """A provider before a server that answers each connection with these bytes, and then closes it."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b'"quality":"auto","size":"auto"}')
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        base_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        provider = OpenAIProvider({"OPENAI_API_KEY": "sk-platform", "OPENAI_BASE_URL": base_url})
        yield provider
        await provider.close()


def head(*headers: str, status: str = "200 OK") -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", *headers, "", ""]).encode()


async def test_a_reply_of_unknown_length_is_reserved_for_step_by_step(order: OrderMaker, memory: CountedMemory) -> None:
    chunks = [b"%x\r\n%b\r\n" % (len(part), part) for part in (REPLY[:7], REPLY[7:2_000_001], REPLY[2_000_001:])]
    async with answering(head("Transfer-Encoding: chunked"), *chunks, b"0\r\n\r\n") as provider:
        drawn = await provider.submit(order(), memory)
    assert isinstance(drawn, Drawn)
    assert bytes(drawn.pictures[0].data) == bytes(range(256)) * 12_288
    assert len(memory.reserved) > 1
    assert sum(memory.reserved) >= len(drawn.pictures[0].data)


async def test_a_redirect_is_a_failure_and_is_not_followed(order: OrderMaker, memory: CountedMemory) -> None:
    moved = head("Location: http://127.0.0.1:1/", "Content-Length: 0", status="307 Temporary Redirect")
    async with answering(moved) as provider:
        with pytest.raises(UpstreamFault) as caught:
            await provider.submit(order(), memory)
    assert (caught.value.reason, caught.value.bought) == (reason.REASON_UPSTREAM_FAILED, Bought.NO)


@pytest.mark.parametrize(
    ("pieces", "bought"),
    [
        ([], Bought.UNKNOWN),
        ([b"HTTP/1.1 200 O"], Bought.UNKNOWN),
        ([b"SSH-2.0-vendor\r\n"], Bought.UNKNOWN),
        ([head("Content-Length: 100000000000")], Bought.YES),
        ([head(f"Content-Length: {len(REPLY)}"), REPLY[:-1]], Bought.YES),
        ([head("Content-Length: 500", status="503 Service Unavailable"), b"<html>"], Bought.NO),
    ],
    ids=["nothing", "half a line", "another protocol", "too much", "one byte short", "a broken error"],
)
async def test_a_broken_answer_says_as_much_as_came_of_it(
    order: OrderMaker, memory: CountedMemory, pieces: list[bytes], bought: Bought
) -> None:
    async with answering(*pieces) as provider:
        with pytest.raises(UpstreamFault) as caught:
            await provider.submit(order(), memory)
    assert (caught.value.reason, caught.value.bought) == (reason.REASON_UPSTREAM_FAILED, bought)
    assert not memory.reserved or max(memory.reserved) < 10 * len(REPLY)
