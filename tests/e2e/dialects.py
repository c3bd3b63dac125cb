"""The platform twice, between two scripted vendors, and customers who speak every dialect to it."""

import asyncio
import contextlib
import itertools
import tomllib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from testkit.eventually import eventually
from testkit.platform import Account, Answer, PlatformUnderTest, running_replicas
from testkit.speakers import NO_CHANGES, PIXELDOJO, PRODUCTAI, Said, Speaker
from testkit.upstreams.base import Behaviour, ScriptedUpstream
from testkit.upstreams.bfl import BflUpstream
from testkit.upstreams.openai import OpenAIUpstream

FUNDS_MICROS = 50_000_000
DEADLINE_SECONDS = 8.0
SHORT_WAIT_SECONDS = 0.3
WAITING = ("BIGAPI", "IMAGEGEN", "OPSCENTER", "PIXELDOJO", "OPENAI")
"""The dialects of which a call waits for its job."""

REASONS: Mapping[str, Mapping[str, list[Any]]] = tomllib.loads(
    (Path(__file__).parents[1] / "contract" / "gateway" / "reasons_by_dialect.toml").read_text()
)
"""Status and code of each reason, by dialect."""


def expected(speaker: Speaker, reason: str) -> tuple[int, str]:
    """Status and code of a reason."""
    status, code = REASONS[speaker.name][reason][:2]
    return status, code


@dataclass
class World:
    """Two replicas of the platform; calls of the second wait for their jobs only `SHORT_WAIT_SECONDS`."""

    first: PlatformUnderTest
    second: PlatformUnderTest
    openai: OpenAIUpstream
    bfl: BflUpstream
    _addresses: Any = field(default_factory=lambda: itertools.count(1))

    def vendor(self, speaker: Speaker) -> ScriptedUpstream:
        """Who draws for a dialect here."""
        return self.bfl if speaker is PIXELDOJO else self.openai

    def calm(self) -> None:
        """Forget what was scripted and seen."""
        for vendor in (self.openai, self.bfl):
            vendor.script.clear()
            vendor.requests.clear()
            vendor.purchases = 0

    def slow(self, speaker: Speaker) -> asyncio.Event:
        """Have the vendor keep the next order until the event is set."""
        gate = asyncio.Event()
        self.vendor(speaker).script.append(Behaviour("slow", gate=gate))
        return gate

    def address(self) -> str:
        """An address of a client that nobody has had yet: some limits are counted by it."""
        number = next(self._addresses)
        return f"198.18.{number // 256}.{number % 256}"

    async def ask(
        self,
        speaker: Speaker,
        method: str,
        path: str,
        api_key: str = "",
        *,
        json: object = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        edge: PlatformUnderTest | None = None,
    ) -> Answer:
        """Send one request with a key in the dialect's own header; without one no header is sent."""
        sent = {
            "X-Forwarded-For": self.address(),
            **(speaker.credential(api_key) if api_key else {}),
            **(headers or {}),
        }
        return await (edge or self.first).ask(method, path, json=json, body=body, headers=sent)

    async def buy(
        self,
        speaker: Speaker,
        account: Account,
        prompt: str = "A red fox",
        changes: Mapping[str, object] = NO_CHANGES,
        *,
        query: str = "",
        headers: Mapping[str, str] | None = None,
        edge: PlatformUnderTest | None = None,
    ) -> Answer:
        """The answer to a purchase, as it is."""
        return await self.ask(
            speaker,
            "POST",
            speaker.purchase_path + query,
            account.api_key,
            json=speaker.body(prompt, changes),
            headers=headers,
            edge=edge,
        )

    async def poll(self, speaker: Speaker, account: Account, job_id: str) -> Answer:
        """What the dialect's polling path says of a job now."""
        return await self.ask(speaker, "GET", speaker.polling(job_id), account.api_key)

    async def ended(self, speaker: Speaker, account: Account, job_id: str) -> Answer:
        """What it says once the job has ended."""

        async def answer() -> Answer:
            polled = await self.poll(speaker, account, job_id)
            assert "X-Gesso-Cost-Usd" in polled.headers, polled.body
            return polled

        return await eventually(answer, timeout_seconds=DEADLINE_SECONDS + 12)

    async def drawn(self, speaker: Speaker, account: Account, prompt: str = "A red fox") -> Answer:
        """Buy a picture; the answer that has it."""
        answer = await self.buy(speaker, account, prompt)
        assert answer.status == 200, answer.body
        return await self.ended(speaker, account, answer.headers["X-Gesso-Job-Id"]) if speaker is PRODUCTAI else answer

    async def paid_micros(self, account: Account) -> int:
        """What an account has paid, once nothing of it is held any more."""
        return FUNDS_MICROS - (await self.first.settled(account)).posted_micros


def said(speaker: Speaker, answer: Answer) -> Said:
    """The error of an answer."""
    return speaker.said(answer.json)


def told(speaker: Speaker, answer: Answer) -> tuple[int, str]:
    """Status and code of an error."""
    return answer.status, said(speaker, answer).code


def links(speaker: Speaker, answer: Answer) -> list[str]:
    """The links to the pictures of a finished answer."""
    body = answer.json
    match speaker.name:
        case "bigapi":
            return [result["imageUrl"] for result in body["results"]]
        case "imagegen":
            return [image["url"] for image in body["images"]]
        case "pixeldojo":
            return list(body["images"])
        case "productai":
            return [body["data"]["image_url"]]
        case _:
            return [image["url"] for image in body["data"]]


@contextlib.asynccontextmanager
async def standing(folder: Path, *, fallback: str) -> AsyncIterator[World]:
    """The world for the length of the block; whatever was done in it, the ledger holds in the end."""
    openai, bfl = OpenAIUpstream(), BflUpstream()
    async with bfl.running() as bfl_url:
        environment = {
            "BFL_API_KEY": "bfl_scripted",
            "BFL_BASE_URL": bfl_url,
            "GESSO_FALLBACK_ENGINE": fallback,
            "GESSO_JOB_DEADLINE_SECONDS": f"{DEADLINE_SECONDS:g}",
            "GESSO_GENERATOR_SALVAGE_SECONDS": "1",
            "GESSO_TRUSTED_PROXIES": "127.0.0.0/8",
        }
        impatient = {f"GESSO_WAIT_SECONDS_{name}": f"{SHORT_WAIT_SECONDS:g}" for name in WAITING}
        async with running_replicas(folder, upstream=openai, environment=environment, second_environment=impatient) as (
            first,
            second,
        ):
            await second.until_up()
            yield World(first, second, openai, bfl)
            await first.verify()
