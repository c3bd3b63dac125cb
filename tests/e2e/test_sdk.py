"""The current official SDK of OpenAI draws pictures, lists models and raises its own errors, unchanged."""

import asyncio
import base64
import io

import openai
import pytest
from openai.types import ImagesResponse
from PIL import Image

from testkit.platform import MODEL, Account, PlatformUnderTest
from testkit.upstreams.openai import OpenAIUpstream


async def pictures(platform: PlatformUnderTest, answer: ImagesResponse) -> list[Image.Image]:
    """Open every picture of an answer, fetched where it came as a link."""
    opened: list[Image.Image] = []
    for image in answer.data or ():
        data = base64.b64decode(image.b64_json) if image.b64_json else b""
        if image.url:
            fetched = await platform.ask("GET", image.url)
            assert fetched.status == 200
            data = fetched.body
        picture = Image.open(io.BytesIO(data))
        picture.load()
        opened.append(picture)
    return opened


@pytest.mark.parametrize("response_format", ["url", "b64_json"])
async def test_the_embedded_engine_draws_at_the_size_asked_for(
    platform: PlatformUnderTest, client: openai.AsyncOpenAI, response_format: str
) -> None:
    answer = await client.images.generate(
        model="sketch",
        prompt="Two green apples on a table",
        n=2,
        size="512x384",
        response_format=response_format,  # type: ignore[call-overload]
    )
    drawn = await pictures(platform, answer)
    assert [picture.size for picture in drawn] == [(512, 384)] * 2
    assert drawn[0].tobytes() != drawn[1].tobytes(), "n pictures differ"


@pytest.mark.parametrize("response_format", ["url", "b64_json"])
async def test_a_vendors_model_draws_what_was_asked_for_and_costs_its_price(
    platform: PlatformUnderTest,
    client: openai.AsyncOpenAI,
    account: Account,
    upstream: OpenAIUpstream,
    response_format: str,
) -> None:
    raw = await client.images.with_raw_response.generate(
        model=MODEL,
        prompt="A lighthouse",
        n=2,
        size="1536x1024",
        quality="low",
        response_format=response_format,  # type: ignore[call-overload]
    )
    answer = raw.parse()
    assert isinstance(answer, ImagesResponse)
    assert [picture.size for picture in await pictures(platform, answer)] == [(1536, 1024)] * 2
    assert (answer.size, answer.quality, answer.output_format) == ("1536x1024", "low", "png")
    assert answer.usage is not None
    assert raw.headers["X-Gesso-Provider"] == "openai"
    assert raw.headers["X-Gesso-Model"] == MODEL
    assert float(raw.headers["X-Gesso-Cost-Usd"]) == pytest.approx(0.01)
    assert raw.headers["X-Gesso-Job-Id"].startswith("job_")
    balance = await platform.settled(account)
    assert balance.posted_micros == 49_990_000
    assert upstream.purchases == 1


@pytest.mark.parametrize(("output_format", "pillows"), [("png", "PNG"), ("jpeg", "JPEG"), ("webp", "WEBP")])
async def test_the_picture_has_the_format_asked_for(
    platform: PlatformUnderTest, client: openai.AsyncOpenAI, upstream: OpenAIUpstream, output_format: str, pillows: str
) -> None:
    for model in ("sketch", MODEL):
        answer = await client.images.generate(
            model=model,
            prompt="A boat",
            size="1024x1024",
            output_format=output_format,  # type: ignore[call-overload]
            response_format="url",
        )
        assert [picture.format for picture in await pictures(platform, answer)] == [pillows]


async def test_a_retired_model_leads_to_its_successor_and_says_so(
    client: openai.AsyncOpenAI, upstream: OpenAIUpstream
) -> None:
    raw = await client.images.with_raw_response.generate(
        model="dall-e-3", prompt="A harbour", size="1024x1024", quality="standard"
    )
    assert raw.headers["X-Gesso-Model"] == "gpt-image-2.5-flare"
    assert raw.headers["Deprecation"].startswith("@")
    assert "2026" in raw.headers["Sunset"]


async def test_models_are_listed_and_retrieved(client: openai.AsyncOpenAI) -> None:
    listed = [model async for model in client.models.list()]
    assert {"sketch", MODEL, "gpt-image-1", "dall-e-3"} <= {model.id for model in listed}
    retrieved = await client.models.retrieve("sketch")
    assert (retrieved.id, retrieved.object, retrieved.owned_by) == ("sketch", "model", "gesso")
    with pytest.raises(openai.NotFoundError) as raised:
        await client.models.retrieve("no-such-model")
    assert raised.value.code == "model_not_found"


async def test_the_synchronous_client_works_as_well(platform: PlatformUnderTest, account: Account) -> None:
    def draw() -> ImagesResponse:
        with openai.OpenAI(api_key=account.api_key, base_url=f"{platform.url}/v1", max_retries=0) as sdk:
            return sdk.images.generate(model="sketch", prompt="A red kite", size="256x256", response_format="url")

    answer = await asyncio.to_thread(draw)
    assert [picture.size for picture in await pictures(platform, answer)] == [(256, 256)]


async def test_an_unknown_key_raises_the_sdks_authentication_error(platform: PlatformUnderTest) -> None:
    async with platform.client("gesso_wrong") as sdk:
        with pytest.raises(openai.AuthenticationError) as raised:
            await sdk.images.generate(model="sketch", prompt="A tree")
    assert raised.value.code == "invalid_api_key"
    assert raised.value.response.headers["WWW-Authenticate"].startswith("Bearer")


async def test_an_unknown_model_raises_the_sdks_not_found_error(client: openai.AsyncOpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as raised:
        await client.images.generate(model="no-such-model", prompt="A tree")
    assert (raised.value.code, raised.value.param) == ("model_not_found", "model")


async def test_a_bad_field_raises_the_sdks_bad_request_error_with_its_name(client: openai.AsyncOpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as raised:
        await client.images.generate(model="sketch", prompt="A tree", n=11)
    assert (raised.value.type, raised.value.param) == ("invalid_request_error", "n")


async def test_a_vendors_refusal_raises_a_bad_request_and_costs_nothing(
    platform: PlatformUnderTest, client: openai.AsyncOpenAI, account: Account, upstream: OpenAIUpstream
) -> None:
    with pytest.raises(openai.BadRequestError) as raised:
        await client.images.generate(model=MODEL, prompt="[[refusal]] something", size="1024x1024")
    assert (raised.value.code, raised.value.type) == ("moderation_blocked", "image_generation_user_error")
    balance = await platform.settled(account)
    assert balance.posted_micros == 50_000_000


async def test_without_funds_nothing_runs(platform: PlatformUnderTest, upstream: OpenAIUpstream) -> None:
    poor = await platform.account(usd=0.001)
    async with platform.client(poor.api_key) as sdk:
        with pytest.raises(openai.APIStatusError) as raised:
            await sdk.images.generate(model=MODEL, prompt="A palace", size="1024x1024", quality="high")
    assert raised.value.status_code == 402
    assert (raised.value.code, raised.value.type) == ("insufficient_quota", "insufficient_quota")
    assert not upstream.requests


async def test_the_sdks_own_retries_of_a_failure_buy_nothing_twice(
    platform: PlatformUnderTest, account: Account, upstream: OpenAIUpstream
) -> None:
    async with platform.client(account.api_key, max_retries=3) as sdk:
        with pytest.raises(openai.InternalServerError):
            await sdk.images.generate(model=MODEL, prompt="[[truncated]] a bridge", size="1024x1024")
    assert upstream.purchases == 1
    balance = await platform.settled(account)
    assert balance.posted_micros == 50_000_000


async def test_an_sdk_that_lost_its_connection_gets_the_same_pictures_by_its_retry(
    platform: PlatformUnderTest, account: Account, upstream: OpenAIUpstream
) -> None:
    """The client gives up waiting before the vendor answers, as behind a proxy with a short limit, and retries by itself."""
    async with platform.client(account.api_key, max_retries=4, timeout_seconds=0.7) as sdk:
        answer = await sdk.images.generate(
            model=MODEL, prompt="[[slow:1.5]] a slow river", size="1024x1024", quality="low", response_format="url"
        )
    assert len(await pictures(platform, answer)) == 1
    assert upstream.purchases == 1
    balance = await platform.settled(account)
    assert balance.posted_micros == 49_994_000
