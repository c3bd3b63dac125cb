"""Whoever may not buy, and whatever goes wrong with a purchase, is told in every dialect, and nothing is charged or held for it."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from testkit.eventually import eventually
from testkit.platform import Account, Answer
from testkit.speakers import PIXELDOJO, PRODUCTAI, SPEAKERS, Speaker

from .dialects import (
    DEADLINE_SECONDS,
    FUNDS_MICROS,
    World,
    expected,
    links,
    said,
    standing,
    told,
)

every_dialect = pytest.mark.parametrize("speaker", SPEAKERS, ids=lambda speaker: str(speaker.name))


@pytest.fixture(scope="module")
async def kept_world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """The platform without an engine that stands in."""
    async with standing(tmp_path_factory.mktemp("world"), fallback="none") as world:
        yield world


@pytest.fixture
def world(kept_world: World) -> World:
    """The same, before vendors that have forgotten what other tests did."""
    kept_world.calm()
    return kept_world


@pytest.fixture
async def account(world: World) -> Account:
    """A customer with 50 USD and no limits but pixeldojo's."""
    return await world.first.account()


async def nothing_came_of_it(world: World, account: Account, funds_micros: int = FUNDS_MICROS) -> None:
    """Nothing was ordered, nothing charged, and nothing is held."""
    assert world.openai.purchases == world.bfl.purchases == 0
    balance = await world.first.balance(account)
    assert (balance.posted_micros, balance.held_micros) == (funds_micros, 0)


@every_dialect
async def test_a_picture_is_drawn_charged_and_served(world: World, account: Account, speaker: Speaker) -> None:
    answer = await world.drawn(speaker, account)
    assert answer.headers["X-Gesso-Provider"] == ("bfl" if speaker is PIXELDOJO else "openai")
    assert answer.headers["X-Gesso-Model"]
    assert round(float(answer.headers["X-Gesso-Cost-Usd"]) * 1_000_000) == speaker.price_micros
    (link,) = links(speaker, answer)
    assert (await world.first.ask("GET", link)).status == 200
    assert await world.paid_micros(account) == speaker.price_micros


@every_dialect
async def test_without_a_key_or_with_a_wrong_one_nobody_is_let_in(world: World, speaker: Speaker) -> None:
    body = speaker.body("A red fox")
    missing = await world.ask(speaker, "POST", speaker.purchase_path, json=body)
    assert told(speaker, missing) == expected(speaker, "CREDENTIAL_MISSING")
    wrong = await world.ask(speaker, "POST", speaker.purchase_path, "gesso_live_nobody", json=body)
    assert told(speaker, wrong) == expected(speaker, "CREDENTIAL_INVALID")
    reading = await world.ask(speaker, "GET", speaker.reading_path, "gesso_live_nobody")
    for answer in (missing, wrong, reading):
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        assert answer.headers["X-Request-ID"].startswith("req_")
    assert not world.vendor(speaker).requests


@pytest.fixture(scope="module")
async def barred(kept_world: World) -> Mapping[str, Account]:
    """Accounts that may not call, by the reason."""
    accounts = {
        reason: await kept_world.first.account() for reason in ("KEY_REVOKED", "ACCOUNT_SUSPENDED", "ACCOUNT_CLOSED")
    }
    gesso = kept_world.first.gesso
    listed = await gesso("keys", "list", accounts["KEY_REVOKED"].id, "--json")
    ended = await asyncio.gather(
        gesso("keys", "revoke", listed.json[0]["id"]),
        gesso("accounts", "set", accounts["ACCOUNT_SUSPENDED"].id, "--state", "suspended"),
        gesso("accounts", "set", accounts["ACCOUNT_CLOSED"].id, "--state", "closed"),
    )
    assert [command.status for command in ended] == [0, 0, 0], ended
    return accounts


@every_dialect
async def test_a_revoked_key_and_a_suspended_or_closed_account_are_told_apart(
    world: World, barred: Mapping[str, Account], speaker: Speaker
) -> None:
    for reason, account in barred.items():
        bought = await world.buy(speaker, account)
        read = await world.ask(speaker, "GET", speaker.reading_path, account.api_key)
        assert told(speaker, bought) == told(speaker, read) == expected(speaker, reason)
        await nothing_came_of_it(world, account)


FIGURES: Mapping[str, tuple[str, ...]] = {
    "bigapi": ('"credits_needed":10,', '"credits_available":0.2,'),
    "imagegen": (
        '"required_credits":10.55,',
        '"available_credits":0.05,',
        '"required_usd":0.211,',
        '"available_usd":0.001',
    ),
    "opscenter": ('"detail":"Insufficient credits. Balance: 1.0, Estimated cost: 40.0 credits"',),
    "pixeldojo": ('"credits_needed":1,', '"credits_available":0.02', "Your account has insufficient credits"),
    "productai": ("this takes 2", "0 are left"),
    "openai": ("0.006 USD", "0.001 USD"),
}
"""What each says where a picture of its Speaker is asked for and 0.001 USD are there."""


@every_dialect
async def test_without_funds_the_figures_are_told_exactly(world: World, speaker: Speaker) -> None:
    poor = await world.first.account(usd=0.001)
    answer = await world.buy(speaker, poor)
    assert told(speaker, answer) == expected(speaker, "INSUFFICIENT_FUNDS")
    for figure in FIGURES[speaker.name]:
        assert figure in answer.body.decode()
    await nothing_came_of_it(world, poor, funds_micros=1_000)
    enough = await world.first.account(usd=speaker.price_micros / 1_000_000)
    await world.drawn(speaker, enough)
    assert (await world.first.settled(enough)).posted_micros == 0


BAD_FIELDS: Mapping[str, tuple[Mapping[str, object], str]] = {
    "bigapi": ({"size": "1x1"}, "tasks[0].size"),
    "imagegen": ({"parameters": {"width": 63}}, "parameters.width"),
    "opscenter": ({"size": "640x480"}, "size"),
    "pixeldojo": ({"num_outputs": 5}, "num_outputs"),
    "productai": ({"aspect_ratio": "ROUND"}, "aspect_ratio"),
    "openai": ({"n": 0}, "n"),
}
UNKNOWN_MODELS: Mapping[str, tuple[Mapping[str, object], str]] = {
    "bigapi": ({"provider": "nobody"}, "tasks[0].provider"),
    **{speaker.name: ({"model": "nobody"}, "model") for speaker in SPEAKERS if not speaker.nested_in},
}
UNSERVED: Mapping[str, Mapping[str, object]] = {
    "bigapi": {"provider": "imagen-4", "size": None},
    "imagegen": {"model": "stable-diffusion-xl"},
    "opscenter": {"model": "stable-diffusion-xl"},
    "pixeldojo": {"model": "flux-dev-single-lora"},
    "productai": {"model": "seedream"},
    "openai": {"model": "stable-diffusion-xl", "quality": None},
}
"""Models of vendors that are not configured here."""


def names(speaker: Speaker, answer: Answer, field: str) -> bool:
    """Whether an error names a field, in its message or beside it."""
    error = said(speaker, answer)
    return error.field == field or field in error.message


@every_dialect
async def test_a_bad_field_is_named(world: World, account: Account, speaker: Speaker) -> None:
    changes, field = BAD_FIELDS[speaker.name]
    answer = await world.buy(speaker, account, changes=changes)
    assert told(speaker, answer) == expected(speaker, "INVALID_FIELD")
    assert names(speaker, answer, field), answer.body
    await nothing_came_of_it(world, account)


@every_dialect
async def test_an_unknown_model_is_told(world: World, account: Account, speaker: Speaker) -> None:
    changes, field = UNKNOWN_MODELS[speaker.name]
    answer = await world.buy(speaker, account, changes=changes)
    status, code = told(speaker, answer)
    assert status == (404 if speaker.name == "openai" else 400)
    assert code in (expected(speaker, "UNKNOWN_MODEL")[1], expected(speaker, "INVALID_FIELD")[1])
    assert names(speaker, answer, field), answer.body
    await nothing_came_of_it(world, account)


@every_dialect
async def test_a_model_that_nobody_serves_is_unavailable(world: World, account: Account, speaker: Speaker) -> None:
    answer = await world.buy(speaker, account, changes=UNSERVED[speaker.name])
    assert told(speaker, answer) == expected(speaker, "MODEL_UNAVAILABLE"), answer.body
    await nothing_came_of_it(world, account)


async def failed(world: World, account: Account, speaker: Speaker, mark: str, reason: str) -> None:
    """A purchase fails upstream as `mark` says, for this reason, and costs what its dialect takes for failures."""
    bought = await world.buy(speaker, account, f"[[{mark}]] a fox")
    job_id = bought.headers["X-Gesso-Job-Id"]
    polled = await world.ended(speaker, account, job_id)
    status, code = expected(speaker, reason)
    assert polled.headers["X-Gesso-Provider"] == ("bfl" if speaker is PIXELDOJO else "openai")
    if speaker is PRODUCTAI:
        assert (bought.status, polled.status, polled.json["data"]["status"]) == (200, 200, "ERROR")
        assert polled.json["data"]["error"]
    elif speaker.name == "bigapi":
        assert bought.json == polled.json
        (result,) = bought.json["results"]
        assert (bought.status, bought.json["message"], result["status"]) == (200, "Job failed", "Failed")
        assert result["error"]
    else:
        assert told(speaker, bought) == (status, code)
        assert told(speaker, polled) == (200 if speaker.name == "imagegen" else status, code)
        assert bought.headers.get("X-Should-Retry") == ("false" if status >= 500 else None)
    kept_micros = speaker.price_micros if speaker is PRODUCTAI else 0
    assert await world.paid_micros(account) == kept_micros, "ProductAI's failed jobs keep their tokens, no other's"


@every_dialect
async def test_a_refusal_by_the_vendor_is_the_callers_to_mend(world: World, account: Account, speaker: Speaker) -> None:
    await failed(world, account, speaker, "refusal", "UPSTREAM_REFUSED")
    orders = [request for request in world.vendor(speaker).requests if request.method == "POST"]
    assert len(orders) == 1, "a refusal is never tried again"


@every_dialect
async def test_an_outage_of_the_vendor_is_told(world: World, account: Account, speaker: Speaker) -> None:
    await failed(world, account, speaker, "server_error:503", "UPSTREAM_FAILED")
    assert world.vendor(speaker).purchases == 0
    await world.drawn(speaker, account)


async def test_a_job_that_its_vendor_never_ends_ends_by_its_deadline(world: World) -> None:
    accounts = [await world.first.account() for _ in SPEAKERS]
    begun_at = time.monotonic()
    await asyncio.gather(
        *(
            failed(world, account, speaker, "hang", "TIMEOUT")
            for speaker, account in zip(SPEAKERS, accounts, strict=True)
        )
    )
    assert DEADLINE_SECONDS <= time.monotonic() - begun_at < DEADLINE_SECONDS + 12
    for speaker, account in zip(SPEAKERS, accounts, strict=True):
        await world.drawn(speaker, account)


LATE: Mapping[str, int] = {
    "bigapi": 202,
    "imagegen": 202,
    "opscenter": 504,
    "pixeldojo": 202,
    "productai": 200,
    "openai": 504,
}
"""Source: contract.md, "Calls, jobs and retries"."""


@every_dialect
async def test_a_wait_that_runs_out_leaves_a_job_that_goes_on(world: World, account: Account, speaker: Speaker) -> None:
    gate = world.slow(speaker)
    late = await world.buy(speaker, account, edge=world.second)
    job_id = late.headers["X-Gesso-Job-Id"]
    assert late.status == LATE[speaker.name]
    assert late.headers.get("X-Should-Retry") == ("false" if late.status == 504 else None)
    if late.status == 504:
        assert told(speaker, late) == expected(speaker, "TIMEOUT")
        assert speaker.polling(job_id) in said(speaker, late).message
    if late.status == 202:
        assert late.json["status_url"].endswith(late.headers["Location"])
        assert (await world.ask(speaker, "GET", late.headers["Location"], account.api_key)).status in (200, 202)
    gate.set()
    ended = await world.ended(speaker, account, job_id)
    assert ended.status == 200
    assert (await world.first.ask("GET", links(speaker, ended)[0])).status == 200
    assert world.vendor(speaker).purchases == 1
    assert await world.paid_micros(account) == speaker.price_micros


async def test_maintenance_pauses_purchases_in_every_dialect_and_nothing_else(world: World, account: Account) -> None:
    jobs = [(speaker, (await world.drawn(speaker, account)).headers["X-Gesso-Job-Id"]) for speaker in SPEAKERS]
    edges = (world.first, world.second)
    on = await world.first.gesso("maintenance", "on", "--retry-after", "30")
    assert on.status == 0, on.errors
    try:

        async def paused(speaker: Speaker = SPEAKERS[0]) -> None:
            for edge in edges:
                answer = await world.buy(speaker, account, edge=edge)
                assert answer.status == 503
                assert told(speaker, answer) == expected(speaker, "MAINTENANCE")
                assert answer.headers["Retry-After"] == "30"
                assert "X-Should-Retry" not in answer.headers

        await eventually(paused)
        spent_micros = await world.paid_micros(account)
        world.calm()
        for speaker, job_id in jobs:
            await paused(speaker)
            assert (await world.poll(speaker, account, job_id)).status == 200
            assert (await world.ask(speaker, "GET", speaker.reading_path, account.api_key)).status in (200, 404)
    finally:
        off = await world.first.gesso("maintenance", "off")
        assert off.status == 0, off.errors
    assert not world.openai.requests
    assert not world.bfl.requests

    assert await world.paid_micros(account) == spent_micros

    async def sold() -> None:
        for speaker in SPEAKERS:
            assert (await world.buy(speaker, account)).status == 200

    await eventually(sold)


PER_MINUTE: Mapping[str, int] = {
    "bigapi": 10,
    "imagegen": 10,
    "opscenter": 10,
    "pixeldojo": 60,
    "productai": 15,
    "openai": 10,
}
"""Of the plan free; productai's of each address."""
MORE = 4


async def within_a_minute(attempt: Any) -> Any:
    """The result of an attempt that began and ended in one window of request limits."""
    for _ in range(3):
        begun = int(time.time()) // 60
        result = await attempt()
        if int(time.time()) // 60 == begun:
            return result
    raise AssertionError("no attempt fits into one minute")


@every_dialect
async def test_a_limit_is_exact_across_two_edges(world: World, speaker: Speaker) -> None:
    number = PER_MINUTE[speaker.name]

    async def attempt() -> tuple[Account, list[Answer]]:
        free, headers = await world.first.account(plan="free"), {"X-Forwarded-For": world.address()}
        edges = (world.first, world.second)
        asked = (
            world.ask(speaker, "GET", speaker.reading_path, free.api_key, headers=headers, edge=edges[index % 2])
            for index in range(number + MORE)
        )
        return free, await asyncio.gather(*asked)

    free, answers = await within_a_minute(attempt)
    refused = [answer for answer in answers if answer.status == 429]
    passed = [answer for answer in answers if answer.status != 429]
    assert (len(passed), len(refused)) == (number, MORE), Counter(answer.status for answer in answers)
    for answer in refused:
        assert told(speaker, answer) == expected(speaker, "RATE_LIMITED")
        assert 1 <= int(answer.headers["Retry-After"]) <= 60
    if speaker.name in ("bigapi", "imagegen", "pixeldojo"):
        assert {answer.headers["X-RateLimit-Limit"] for answer in answers} == {str(number)}
        left = sorted(int(answer.headers["X-RateLimit-Remaining"]) for answer in passed)
        assert left == list(range(number))
        assert {answer.headers["X-RateLimit-Remaining"] for answer in refused} == {"0"}
    others = [other for other in SPEAKERS if other is not speaker]
    for other in others:
        answer = await world.ask(other, "GET", other.reading_path, free.api_key)
        assert answer.status in (200, 404), "each dialect counts by itself"


@every_dialect
async def test_what_counts_and_what_does_not(world: World, speaker: Speaker) -> None:
    """Refusals by validation, dry runs and reads count; a 401, a preflight and productai's polls do not."""
    number = PER_MINUTE[speaker.name]

    async def attempt() -> list[int]:
        free, headers = await world.first.account(plan="free"), {"X-Forwarded-For": world.address()}

        async def status(method: str, path: str, body: object = None, api_key: str = free.api_key) -> int:
            return (await world.ask(speaker, method, path, api_key, json=body, headers=headers)).status

        uncounted: list[tuple[str, str, object, str]] = [
            ("OPTIONS", speaker.purchase_path, None, ""),
            ("POST", speaker.purchase_path, {}, "nobody"),
        ]
        if speaker is PRODUCTAI:
            uncounted.append(("GET", speaker.polling("job_nothing"), None, free.api_key))
        for request in uncounted * 6:
            assert await status(*request) in (204, 401, 404)
        counted = [
            await status("POST", speaker.purchase_path, {}),
            await status("POST", f"{speaker.purchase_path}?dry_run=true", speaker.body("A red fox")),
            *await asyncio.gather(*(status("GET", speaker.reading_path) for _ in range(number - 2))),
        ]
        return [*counted, await status("GET", speaker.reading_path)]

    statuses = await within_a_minute(attempt)
    assert 429 not in statuses[:number]
    assert statuses[number] == 429
