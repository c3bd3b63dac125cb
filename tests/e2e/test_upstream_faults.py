"""Whatever the upstream does, the customer gets a picture and one charge, or plain words and their money back."""

from dataclasses import dataclass

import pytest

from testkit.platform import MODEL, Account, Answer, PlatformUnderTest
from testkit.upstreams.base import Behaviour, parse_behaviour
from testkit.upstreams.openai import OpenAIUpstream

PRICE_MICROS = 6_000


@dataclass(frozen=True)
class Case:
    """What the upstream does to one request, what the customer is told, and how many orders the vendor accepted."""

    behaviour: str
    status: int
    code: str
    accepted: int


FAILURES: tuple[Case, ...] = (
    Case("garbage", 502, "upstream_error", 1),
    Case("empty", 502, "upstream_error", 1),
    Case("bad_base64", 502, "upstream_error", 1),
    Case("not_an_image", 502, "upstream_bad_image", 1),
    Case("truncated", 502, "upstream_bad_image", 1),
    Case("wrong_type", 502, "upstream_bad_image", 1),
    Case("bomb", 502, "upstream_bad_image", 1),
    Case("server_error:500", 502, "upstream_error", 0),
    Case("server_error:503", 502, "upstream_error", 0),
    Case("rate_limited:0.05", 502, "upstream_rate_limited", 0),
    Case("out_of_quota", 502, "upstream_denied", 0),
    Case("unauthorized", 502, "upstream_denied", 0),
    Case("model_not_found", 502, "upstream_error", 0),
    Case("refusal", 400, "moderation_blocked", 0),
    Case("drop_before_accept", 502, "outcome_unknown", 0),
    Case("drop_after_accept", 502, "outcome_unknown", 1),
    Case("drop_mid_answer", 502, "upstream_error", 1),
    Case("hang", 504, "timeout", 1),
)


async def draw(platform: PlatformUnderTest, account: Account, prompt: str) -> Answer:
    return await platform.generate(
        account, {"model": MODEL, "prompt": prompt, "size": "1024x1024", "quality": "low", "response_format": "url"}
    )


@pytest.fixture
async def mended(platform: PlatformUnderTest, upstream: OpenAIUpstream) -> None:
    """A success before each failure, so that no circuit opens: failures in a row are another test's matter."""
    assert (await draw(platform, await platform.account(), "A calm lake")).status == 200
    upstream.requests.clear()
    upstream.purchases = 0


@pytest.mark.usefixtures("mended")
@pytest.mark.parametrize("case", FAILURES, ids=lambda case: case.behaviour)
async def test_a_failure_of_the_upstream_is_told_and_costs_nothing(
    platform: PlatformUnderTest, account: Account, upstream: OpenAIUpstream, case: Case
) -> None:
    answer = await draw(platform, account, f"[[{case.behaviour}]] a stormy sea")
    assert (answer.status, answer.error["code"]) == (case.status, case.code), answer.body
    assert answer.error["message"]
    if answer.status >= 500:
        assert answer.headers["X-Should-Retry"] == "false"
    balance = await platform.settled(account)
    assert balance.posted_micros == 50_000_000
    assert upstream.purchases == case.accepted
    ended = await platform.gesso("jobs", "watch", answer.headers["X-Gesso-Job-Id"], "--json")
    assert (ended.json["state"], ended.json["charged_usd"]) == ("failed", 0)


@pytest.mark.usefixtures("mended")
async def test_a_limit_that_passes_is_waited_for(
    platform: PlatformUnderTest, account: Account, upstream: OpenAIUpstream
) -> None:
    upstream.script.append(Behaviour("rate_limited", seconds=0.1))
    answer = await draw(platform, account, "A patient heron")
    assert answer.status == 200
    assert [request.accepted for request in upstream.requests] == [False, True]
    assert (await platform.settled(account)).posted_micros == 50_000_000 - PRICE_MICROS


@pytest.mark.usefixtures("mended")
async def test_a_picture_too_many_is_not_charged(
    platform: PlatformUnderTest, account: Account, upstream: OpenAIUpstream
) -> None:
    answer = await draw(platform, account, "[[duplicate]] a pair of gloves")
    assert (answer.status, len(answer.json["data"])) == (200, 1)
    assert (await platform.settled(account)).posted_micros == 50_000_000 - PRICE_MICROS


@pytest.mark.usefixtures("mended")
async def test_a_slow_vendor_is_waited_for(
    platform: PlatformUnderTest, account: Account, upstream: OpenAIUpstream
) -> None:
    assert (await draw(platform, account, "[[slow:1]] a snail")).status == 200
    assert upstream.purchases == 1


async def test_a_vendor_that_fails_five_times_in_a_row_is_left_alone_for_a_while(
    platform: PlatformUnderTest, account: Account, upstream: OpenAIUpstream
) -> None:
    """Another model than elsewhere, since its route stays shut for 15 s."""
    behaviour = parse_behaviour("garbage")
    upstream.script.extend([behaviour] * 5)
    fields = {"model": "gpt-image-2.5-sunburst", "prompt": "A ruin", "size": "1024x1024", "quality": "low"}
    answers = [await platform.generate(account, fields) for _ in range(7)]
    assert [answer.status for answer in answers] == [502] * 5 + [503] * 2
    assert answers[-1].error["code"] == "model_not_available"
    assert len(upstream.requests) == 5
    balance = await platform.settled(account)
    assert balance.posted_micros == 50_000_000
