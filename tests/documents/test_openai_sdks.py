"""Ops-Center's document is kept for both ages of the official SDK: the old one's typed errors, and the new one's base."""

from pathlib import Path

import openai
import pytest

from . import opscenter
from .comparison import at, differences, parse
from .stage import Play, Stage
from .test_documents import FOLDER, blocks_of
from .uses import Customer

pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason=f"the API documents do not stand beside this checkout, in {FOLDER}"
)
DOCUMENT = opscenter.DOCUMENT


async def test_the_retry_of_the_document_knows_a_limit_by_the_old_sdks_error(stage: Stage, tmp_path: Path) -> None:
    one_a_day = Customer("vip_founder", 10.0, limits={"opscenter.day": 1})
    play = Play(stage, DOCUMENT, blocks_of(DOCUMENT), await stage.customer(one_a_day), tmp_path)
    snippet = opscenter.retry_calling(
        "try:\n"
        '    generate_with_retry("A majestic unicorn", max_retries=2)\n'
        "except openai.error.RateLimitError as error:\n"
        '    print("Limited:", error.http_status, error.json_body["detail"])\n'
    )
    seen = len(stage.tap.exchanges)
    await play.run(play.block(7), snippet)
    assert [exchange.status for exchange in stage.tap.exchanges[seen:]] == [200, 429, 429]
    assert "Limited: 429 The limit of 1 requests per day is used up." in play.output


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
