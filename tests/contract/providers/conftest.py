"""Orders and memory for the tests of providers."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from generator.providers.base import Order, Pixels
from generator.providers.openai import OpenAIProvider
from gesso.generator.v1 import generator_pb2 as pb
from testkit.upstreams.openai import OpenAIUpstream


@dataclass
class CountedMemory:
    """Memory without a bound, that knows how much was reserved."""

    reserved: list[int] = field(default_factory=list)

    async def reserve(self, byte_count: int) -> None:
        """Always at once."""
        self.reserved.append(byte_count)


@pytest.fixture
def memory() -> CountedMemory:
    """Memory without a bound."""
    return CountedMemory()


@pytest.fixture
def upstream() -> OpenAIUpstream:
    """The vendor, scripted; it is given its address when it runs."""
    return OpenAIUpstream()


@pytest.fixture
async def openai(upstream: OpenAIUpstream) -> AsyncIterator[OpenAIProvider]:
    """The provider, with the platform's key, before the scripted vendor."""
    async with upstream.running() as base_url:
        provider = OpenAIProvider({"OPENAI_API_KEY": "sk-platform", "OPENAI_BASE_URL": base_url})
        yield provider
        await provider.close()


OrderMaker = Callable[..., Order]


@pytest.fixture
def order() -> OrderMaker:
    """Make an order: fields of the draw by keyword, those of the order by their own names."""

    def make(
        *,
        count: int = 1,
        upstream_model: str = "gpt-image-2.5-flare",
        options: dict[str, str] | None = None,
        inputs: Sequence[bytes] = (),
        mask: bytes | None = None,
        secret: str | None = None,
        deadline_seconds: float = 20.0,
        on_partial: Callable[[Pixels], Awaitable[None]] | None = None,
        **draw: Any,
    ) -> Order:
        fields = {
            "operation": pb.OPERATION_TEXT_TO_IMAGE,
            "model": "gpt-image-2.5-flare",
            "prompt": "a red fox",
            **draw,
        }
        return Order(
            task_id="job_1/0",
            draw=pb.Draw(n=count, **fields),
            upstream_model=upstream_model,
            count=count,
            options=options or {},
            inputs=inputs,
            mask=mask,
            secret=secret,
            deadline_seconds=deadline_seconds,
            on_partial=on_partial,
        )

    return make
