"""Ops-Center's document is kept for both ages of the official SDK: the old one's typed errors, and the new one's base."""

import asyncio
from pathlib import Path

import openai
import pytest

from gesso.billing.v1 import billing_pb2 as billing
from testkit.eventually import eventually

from . import opscenter
from .comparison import at, differences, parse
from .stage import Play, Stage
from .test_documents import FOLDER, blocks_of
from .uses import Case

pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason=f"the API documents do not stand beside this checkout, in {FOLDER}"
)
DOCUMENT = opscenter.DOCUMENT


async def test_the_retry_of_the_document_goes_on_once_the_limit_is_lifted(stage: Stage, tmp_path: Path) -> None:
    (case,) = (
        use for row in DOCUMENT.rows if row.heading == "Retry Logic" for use in row.uses if isinstance(use, Case)
    )
    account = await stage.customer(opscenter.FOUNDER_WITH_ONE_REQUEST_A_DAY)
    play = Play(stage, DOCUMENT, blocks_of(DOCUMENT), account, tmp_path)
    seen = len(stage.tap.exchanges)

    def statuses() -> list[int]:
        return [exchange.status for exchange in stage.tap.exchanges[seen:]]

    async with asyncio.TaskGroup() as group:
        ran = group.create_task(play.run(play.block(7), case.run))
        await eventually(lambda: 429 in statuses() or ran.done(), timeout_seconds=30)
        await stage.change(
            billing.UpdateAccountRequest(account_id=account.id, remove_limits=[*opscenter.ONE_REQUEST_A_DAY])
        )
    first, *refused, last = statuses()
    assert (first, last) == (200, 200)
    assert refused
    assert set(refused) == {429}
    assert "Retried: http" in play.output


async def test_a_limit_that_stays_raises_the_error_that_the_document_catches(stage: Stage, tmp_path: Path) -> None:
    account = await stage.customer(opscenter.FOUNDER_WITH_ONE_REQUEST_A_DAY)
    play = Play(stage, DOCUMENT, blocks_of(DOCUMENT), account, tmp_path)
    snippet = opscenter.retry_calling(
        "try:\n"
        '    generate_with_retry("A majestic unicorn", max_retries=1)\n'
        "except openai.error.RateLimitError as error:\n"
        '    print("Limited:", error.http_status, error.json_body["detail"])\n'
    )
    await play.run(play.block(7), snippet)
    assert "Limited: 429 " in play.output


async def test_the_current_sdk_gets_what_the_document_shows(stage: Stage, tmp_path: Path) -> None:
    account = await stage.customer(opscenter.FOUNDER)
    play = Play(stage, DOCUMENT, blocks_of(DOCUMENT), account, tmp_path)
    base = play.substitute("https://your-domain.com/api/v1/llm")
    async with openai.AsyncOpenAI(api_key=account.api_key, base_url=base, max_retries=0) as sdk:
        answer = await sdk.images.generate(
            prompt="A majestic unicorn in a magical forest", model="dall-e-3", size="1024x1024", quality="standard"
        )
    example, answered = parse(play.block(4).text), stage.tap.exchanges[-1].json
    assert not differences(DOCUMENT.name, example, answered), answered
    assert {path: at(answered, path) for path in opscenter.FIGURES} == {
        path: at(example, path) for path in opscenter.FIGURES
    }
    assert answer.data is not None
    assert answer.data[0].url == answered["data"][0]["url"]
    assert answer.model_extra is not None
    assert answer.model_extra["_metadata"] == answered["_metadata"]
