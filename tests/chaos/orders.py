"""An order as a customer who does not give up places it: the same idempotency key, until there is a final answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import aiohttp

from testkit.eventually import eventually
from testkit.platform import MODEL, Account, Answer, PlatformUnderTest
from testkit.upstreams.openai import OpenAIUpstream

QUICK_LEASES: Mapping[str, str] = {
    "GESSO_GENERATOR_LEASE_SECONDS": "2",
    "GESSO_GENERATOR_SWEEP_SECONDS": "1",
    "GESSO_WEBHOOKS_TIMEOUT_SECONDS": "1",
}
"""What a dead process held is taken over within seconds."""

PRICES_MICROS: Mapping[str, int] = {MODEL: 6_000, "sketch": 2_000}
FINAL_SECONDS = 60.0
"""The bound for an order that is interrupted: restarts on a busy machine, leases that run out, repeats."""

_PASSING = frozenset({409, 503})
"""Answers that invite the same request again: it still runs, or a part of the platform is away."""


@dataclass(frozen=True)
class Order:
    """One picture, ordered under one idempotency key by an account of its own or a shared one."""

    account: Account
    key: str
    model: str = MODEL

    @property
    def prompt(self) -> str:
        """Unique, so that the vendor's record shows what became of this order."""
        return f"A fox for {self.account.id}, order {self.key}."

    @property
    def fields(self) -> dict[str, object]:
        """The body of the request."""
        size = "1024x1024" if self.model == MODEL else "64x64"
        return {
            "model": self.model,
            "prompt": self.prompt,
            "size": size,
            "quality": "low",
            "response_format": "url",
        }

    @property
    def price_micros(self) -> int:
        """What it costs where it is delivered."""
        return PRICES_MICROS[self.model]

    async def attempt(self, platform: PlatformUnderTest) -> Answer | None:
        """Place it once; None where the connection was lost."""
        try:
            return await platform.generate(self.account, self.fields, headers={"Idempotency-Key": self.key})
        except (aiohttp.ClientError, ConnectionError):
            return None

    async def final(self, platforms: Sequence[PlatformUnderTest]) -> Answer:
        """Place it again and again, at each edge in turn, until the answer is final."""
        tries = 0

        async def ended() -> Answer:
            nonlocal tries
            tries += 1
            answer = await self.attempt(platforms[tries % len(platforms)])
            assert answer is not None, "the connection was lost"
            assert answer.status not in _PASSING, answer.body
            return answer

        return await eventually(ended, timeout_seconds=FINAL_SECONDS)

    def accepted_count(self, vendor: OpenAIUpstream) -> int:
        """How many purchases of it the vendor accepted."""
        return sum(request.accepted and self.prompt.encode() in request.body for request in vendor.requests)


async def is_delivered(platform: PlatformUnderTest, answer: Answer) -> bool:
    """Whether the customer has a picture, which then can be fetched; else they were told that there is none."""
    if answer.status != 200:
        assert (answer.status, answer.error["code"]) == (502, "outcome_unknown"), answer.body
        return False
    for picture in answer.json["data"]:
        await eventually(partial(_is_served, platform, picture["url"]), timeout_seconds=FINAL_SECONDS)
    return True


async def _is_served(platform: PlatformUnderTest, url: str) -> bool:
    """Whether a link leads to its picture; a part of the platform may be away for a moment."""
    try:
        answer = await platform.ask("GET", url)
    except (aiohttp.ClientError, ConnectionError):
        return False
    return answer.status == 200


async def assert_paid(platform: PlatformUnderTest, account: Account, granted_micros: int, price_micros: int) -> None:
    """Wait until all is up and nothing is held any more; then exactly the price must have been paid."""
    await platform.until_up()

    async def settled() -> None:
        balance = await platform.balance(account)
        assert balance.held_micros == 0
        assert granted_micros - balance.posted_micros == price_micros

    await eventually(settled, timeout_seconds=FINAL_SECONDS)
