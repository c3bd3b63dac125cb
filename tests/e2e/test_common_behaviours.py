"""A purchase is a durable job in every dialect: priced without running, repeated, joined, lost and found, its owner's alone."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest

from servicekit.links import Link, sign
from testkit.eventually import eventually
from testkit.platform import Account, Answer
from testkit.speakers import BIGAPI, IMAGEGEN, OPENAI, OPSCENTER, PIXELDOJO, PRODUCTAI, SPEAKERS, Speaker

from .dialects import World, expected, links, standing, told

ASYNC = {"Prefer": "respond-async"}
every_dialect = pytest.mark.parametrize("speaker", SPEAKERS, ids=lambda speaker: str(speaker.name))


@pytest.fixture(scope="module")
async def kept_world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """The platform with the embedded engine in place of vendors that are not configured."""
    async with standing(tmp_path_factory.mktemp("world"), fallback="sketch") as world:
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


def job_id(answer: Answer) -> str:
    """The job behind an answer."""
    return answer.headers["X-Gesso-Job-Id"]


@every_dialect
async def test_a_used_key_gives_the_same_answer_and_one_charge(
    world: World, account: Account, speaker: Speaker
) -> None:
    key = {"Idempotency-Key": "order-1"}
    first = await world.buy(speaker, account, headers=key)
    await world.ended(speaker, account, job_id(first))
    again = await world.buy(speaker, account, headers=key)
    assert (first.status, again.status, again.json) == (200, 200, first.json)
    assert (first.headers.get("Idempotent-Replayed"), again.headers["Idempotent-Replayed"]) == (None, "true")
    elsewhere = await world.buy(speaker, account, headers=key, edge=world.second)
    assert (elsewhere.status, elsewhere.headers["Idempotent-Replayed"]) == (200, "true")
    for answer in (again, elsewhere):
        assert job_id(answer) == job_id(first)
        assert float(answer.headers["X-Gesso-Cost-Usd"]) * 1_000_000 == pytest.approx(speaker.price_micros)
    other = await world.buy(speaker, account, "A grey hare", headers=key)
    assert told(speaker, other) == expected(speaker, "IDEMPOTENCY_MISMATCH")
    assert world.vendor(speaker).purchases == 1
    assert await world.paid_micros(account) == speaker.price_micros


@every_dialect
async def test_a_key_whose_job_runs_is_a_conflict_for_now(world: World, account: Account, speaker: Speaker) -> None:
    gate, key = world.slow(speaker), {"Idempotency-Key": "order-1"}
    accepted = await world.buy(speaker, account, headers={**key, **ASYNC})
    await eventually(lambda: world.vendor(speaker).purchases == 1)
    for edge in (world.first, world.second):
        again = await world.buy(speaker, account, headers=key, edge=edge)
        assert told(speaker, again) == expected(speaker, "IDEMPOTENCY_RUNNING")
        assert int(again.headers["Retry-After"]) >= 1
        assert "X-Should-Retry" not in again.headers
    gate.set()
    await world.ended(speaker, account, job_id(accepted))
    assert (await world.buy(speaker, account, headers=key)).headers["Idempotent-Replayed"] == "true"
    assert await world.paid_micros(account) == speaker.price_micros


@every_dialect
async def test_a_refused_request_leaves_its_key_free(world: World, speaker: Speaker) -> None:
    poor, key = await world.first.account(usd=0), {"Idempotency-Key": "order-1"}
    assert (await world.buy(speaker, poor, " ", headers=key)).status == 400
    assert (await world.buy(speaker, poor, query="?dry_run=true", headers=key)).status == 200
    refused = await world.buy(speaker, poor, headers=key)
    assert told(speaker, refused) == expected(speaker, "INSUFFICIENT_FUNDS")
    await world.first.gesso("credits", "grant", poor.id, "--usd", "1")
    paid = await world.buy(speaker, poor, "Another picture than before", headers=key)
    assert (paid.status, paid.headers.get("Idempotent-Replayed")) == (200, None)


async def test_a_key_belongs_to_its_account_dialect_and_operation(world: World, account: Account) -> None:
    key, other = {"Idempotency-Key": "order-1"}, await world.first.account()
    jobs = [job_id(await world.buy(speaker, account, headers=key)) for speaker in SPEAKERS]
    jobs += [job_id(await world.buy(speaker, other, headers=key)) for speaker in SPEAKERS]
    source = PRODUCTAI.drawing["image_url"]
    operations: tuple[tuple[Speaker, str, Mapping[str, object]], ...] = (
        (OPENAI, "/v1/images/edits", {"prompt": "A red fox", "images": [{"image_url": source}], "model": "sketch"}),
        (IMAGEGEN, "/api/v2/generate/image-to-image", {"prompt": "A fox", "init_image": source, "model": "sketch"}),
        (PRODUCTAI, "/v1/api/upscale", {"image_url": source}),
    )
    for speaker, path, body in operations:
        answer = await world.ask(speaker, "POST", path, account.api_key, json=body, headers=key)
        assert answer.status == 200, answer.body
        assert "Idempotent-Replayed" not in answer.headers
        jobs.append(job_id(answer))
    assert len(set(jobs)) == len(jobs)


QUOTES: Mapping[str, Mapping[str, object]] = {
    "bigapi": {"dry_run": True, "cost": 10, "cost_usd": 0.05},
    "imagegen": {"dry_run": True, "cost": {"credits": 10.55, "usd": 0.211}},
    "opscenter": {"dry_run": True, "cost": 40, "cost_usd": 0.04},
    "pixeldojo": {"dry_run": True, "cost": 1, "cost_usd": 0.04},
    "productai": {"dry_run": True, "cost": 2, "cost_usd": 0.06},
    "openai": {"dry_run": True, "cost": 0.006, "cost_usd": 0.006},
}


@every_dialect
async def test_a_dry_run_prices_without_running(world: World, account: Account, speaker: Speaker) -> None:
    key = {"Idempotency-Key": "order-1"}
    for asked in ("true", "1"):
        priced = await world.buy(speaker, account, query=f"?dry_run={asked}", headers=key)
        assert (priced.status, priced.json) == (200, QUOTES[speaker.name])
        assert "X-Gesso-Job-Id" not in priced.headers
    for headers in (ASYNC, {"x-stainless-retry-count": "1"}):
        again = await world.buy(speaker, account, query="?dry_run=true", headers=headers)
        assert (again.status, again.json) == (200, QUOTES[speaker.name])
    wrong = await world.buy(speaker, account, " ", query="?dry_run=true")
    assert told(speaker, wrong) == expected(speaker, "INVALID_FIELD")
    assert told(speaker, await world.buy(speaker, account, query="?dry_run=perhaps")) == expected(
        speaker, "INVALID_FIELD"
    )
    assert not world.openai.requests
    assert not world.bfl.requests
    balance = await world.first.balance(account)
    assert (balance.held_micros, await world.paid_micros(account)) == (0, 0)
    bought = await world.buy(speaker, account, query="?dry_run=false", headers=key)
    assert (bought.status, bought.headers.get("Idempotent-Replayed")) == (200, None)


_STANDING_KEYS = {"id", "status", "status_url"}
STANDING_KEYS: Mapping[str, set[str]] = {
    "bigapi": {"message", "job_id", "status_url", "total_tasks"},
    "imagegen": {"id", "status", "created_at", "model", "status_url"},
    "opscenter": _STANDING_KEYS,
    "pixeldojo": _STANDING_KEYS,
    "productai": {"status", "data"},
    "openai": _STANDING_KEYS,
}


@every_dialect
async def test_an_answer_at_once_is_polled_to_what_a_wait_would_have_given(
    world: World, account: Account, speaker: Speaker
) -> None:
    gate, key = world.slow(speaker), {"Idempotency-Key": "order-1"}
    accepted = await world.buy(speaker, account, headers={**key, **ASYNC})
    assert accepted.status == (200 if speaker is PRODUCTAI else 202)
    assert set(accepted.json) == STANDING_KEYS[speaker.name]
    assert accepted.headers.get("Preference-Applied") == (None if speaker is PRODUCTAI else "respond-async")
    if speaker is not PRODUCTAI:
        assert accepted.json["status_url"].endswith(accepted.headers["Location"])
        assert int(accepted.headers["Retry-After"]) >= 1
    await eventually(lambda: world.vendor(speaker).purchases == 1)
    running = await world.poll(speaker, account, job_id(accepted))
    assert_unfinished(speaker, running)
    if speaker is PRODUCTAI:
        assert await world.paid_micros(account) == speaker.price_micros, "tokens are taken when a job starts"
    else:
        assert (await world.first.balance(account)).held_micros == speaker.price_micros
    gate.set()
    finished = await world.ended(speaker, account, job_id(accepted))
    waited = await world.buy(speaker, account, headers=key)
    assert (waited.status, waited.json) == (200, accepted.json if speaker is PRODUCTAI else finished.json)
    assert finished.headers["X-Gesso-Cost-Usd"] == waited.headers["X-Gesso-Cost-Usd"]
    at_once = await world.buy(speaker, account, headers={**key, **ASYNC})
    assert (at_once.status, at_once.headers["Idempotent-Replayed"]) == (accepted.status, "true")
    assert job_id(at_once) == job_id(accepted)


def assert_unfinished(speaker: Speaker, answer: Answer) -> None:
    """A job that runs is told as this dialect tells it."""
    body = answer.json
    match speaker.name:
        case "bigapi":
            assert (answer.status, body["message"]) == (200, "Job running")
            assert {result["status"] for result in body["results"]} <= {"Pending", "Running"}
        case "imagegen":
            assert (answer.status, body["images"]) == (200, [])
            assert body["status"] in ("queued", "running")
        case "productai":
            assert (answer.status, body["status"]) == (200, "OK")
            assert body["data"]["status"] in ("NOT_STARTED", "RUNNING")
        case _:
            assert (answer.status, set(body)) == (202, {"id", "status", "status_url"})
            assert body["status"] in ("queued", "running")
            assert int(answer.headers["Retry-After"]) >= 1
            assert body["status_url"].endswith(speaker.polling(body["id"]))


FINISHED_KEYS: Mapping[str, set[str]] = {
    "bigapi": {"message", "total_tasks", "successful", "failed", "credits_used", "credits_remaining", "results"},
    "imagegen": {"id", "status", "created_at", "completed_at", "model", "images", "cost"},
    "opscenter": {"created", "data", "_metadata"},
    "pixeldojo": {"images", "credits_used", "credits_remaining"},
    "productai": {"status", "data"},
    "openai": {"created", "data"},
}


@every_dialect
async def test_a_job_is_shown_in_the_words_of_whoever_is_asked(
    world: World, account: Account, speaker: Speaker
) -> None:
    gate = world.slow(speaker)
    running = job_id(await world.buy(speaker, account, headers=ASYNC))
    failing = job_id(await world.buy(speaker, account, "[[refusal]] a fox", headers=ASYNC))
    await world.ended(speaker, account, failing)
    for other in SPEAKERS:
        assert_unfinished(other, await world.poll(other, account, running))
    gate.set()
    await world.ended(speaker, account, running)
    for other in SPEAKERS:
        finished = await world.poll(other, account, running)
        assert finished.status == 200
        assert FINISHED_KEYS[other.name] <= set(finished.json)
        (link,) = links(other, finished)
        assert (await world.first.ask("GET", link)).status == 200
        assert_failed(other, await world.poll(other, account, failing))


def assert_failed(speaker: Speaker, answer: Answer) -> None:
    """A job that the vendor refused is told as this dialect tells it."""
    if speaker is BIGAPI:
        assert (answer.status, answer.json["message"]) == (200, "Job failed")
        assert answer.json["results"][0]["error"]
    elif speaker is PRODUCTAI:
        assert (answer.status, answer.json["data"]["status"]) == (200, "ERROR")
        assert answer.json["data"]["error"]
    else:
        status, code = expected(speaker, "UPSTREAM_REFUSED")
        assert told(speaker, answer) == (200 if speaker is IMAGEGEN else status, code)


async def test_no_job_is_shown_to_another_account(world: World, account: Account) -> None:
    stranger = await world.first.account()
    for speaker in SPEAKERS:
        bought = await world.buy(speaker, account)
        names = [job_id(bought)] + ([str(bought.json["data"]["id"])] if speaker is PRODUCTAI else [])
        for other in SPEAKERS:
            for name in names:
                hidden = await world.poll(other, stranger, name)
                not_found = "JOB_NOT_FOUND" if other is PRODUCTAI else expected(other, "NOT_FOUND")[1]
                assert told(other, hidden) == (404, not_found)
                assert (await world.poll(other, account, name)).status in (200, 202)


@every_dialect
async def test_a_retry_of_an_sdk_joins_the_job_of_its_first_attempt(
    world: World, account: Account, speaker: Speaker
) -> None:
    gate = world.slow(speaker)
    first = asyncio.create_task(world.buy(speaker, account))
    await eventually(lambda: world.vendor(speaker).purchases == 1)
    retried = asyncio.create_task(world.buy(speaker, account, headers={"x-stainless-retry-count": "1"}))
    gate.set()
    assert job_id(await retried) == job_id(await first)
    await world.ended(speaker, account, job_id(await first))
    late = await world.buy(speaker, account, headers={"x-stainless-retry-count": "2"}, edge=world.second)
    assert job_id(late) == job_id(await first)
    assert world.vendor(speaker).purchases == 1
    other = await world.buy(speaker, account, "A grey hare", headers={"x-stainless-retry-count": "1"})
    fresh = await world.buy(speaker, account, headers={"x-stainless-retry-count": "0"})
    assert len({job_id(await first), job_id(other), job_id(fresh)}) == 3


@every_dialect
async def test_a_dropped_connection_loses_no_picture_that_was_paid(
    world: World, account: Account, speaker: Speaker
) -> None:
    gate, key = world.slow(speaker), {"Idempotency-Key": "order-1"}
    sent = {**speaker.credential(account.api_key), **key, "X-Forwarded-For": world.address()}
    async with aiohttp.ClientSession() as leaving:
        request = leaving.post(world.first.url + speaker.purchase_path, json=speaker.body("A red fox"), headers=sent)
        waiting = asyncio.ensure_future(request)
        await eventually(lambda: world.vendor(speaker).purchases == 1)
        waiting.cancel()
    gate.set()

    async def picked_up() -> Answer:
        answer = await world.buy(speaker, account, headers=key)
        assert "X-Gesso-Cost-Usd" in answer.headers, answer.body
        return answer

    found = await eventually(picked_up)
    assert (found.status, found.headers["Idempotent-Replayed"]) == (200, "true")
    finished = await world.poll(speaker, account, job_id(found))
    assert found.json == finished.json or speaker is PRODUCTAI
    assert (await world.first.ask("GET", links(speaker, finished)[0])).status == 200
    assert world.vendor(speaker).purchases == 1
    assert await world.paid_micros(account) == speaker.price_micros


_DAY = 86_400
LIFETIMES = {"bigapi": 7 * _DAY, "imagegen": _DAY, "opscenter": 3_600, "productai": _DAY, "openai": _DAY}
"""In seconds. Source: contract.md, "Requests and answers"; pixeldojo's links name when they were made, and their files go."""


@every_dialect
async def test_links_open_and_expire(world: World, account: Account, speaker: Speaker) -> None:
    begun = int(time.time())
    (link,) = links(speaker, await world.drawn(speaker, account))
    parts, query = urlsplit(link), parse_qs(urlsplit(link).query)
    opened = await world.first.ask("GET", link)
    assert (opened.status, opened.headers["Content-Type"].partition("/")[0]) == (200, "image")
    name = parts.path.rpartition("/")[2]
    if speaker is PIXELDOJO:
        made_at = int(name.partition("-")[0]) / 1000
        assert not query
        assert begun - 1 <= made_at <= time.time() + 1
        forged = link.replace(name, name[:-20] + ("0" if name[-20] != "0" else "1") + name[-19:])
        assert (await world.first.ask("GET", forged)).status == 404
        return
    assert begun <= int(query["e"][0]) - LIFETIMES[speaker.name] <= time.time() + 1
    assert (
        await world.first.ask("GET", link.replace(f"e={query['e'][0]}", f"e={int(query['e'][0]) + 1}"))
    ).status >= 403
    image, _, extension = name.partition(".")
    key = bytes.fromhex(world.first.state.secrets["link_key"])
    format_name = {"jpg": "jpeg"}.get(extension, extension)
    base_url = f"{parts.scheme}://{parts.netloc}"
    expired = sign(Link(image, format_name, int(time.time()) - 1), base_url=base_url, key=key)
    valid = sign(Link(image, format_name, int(time.time()) + 60), base_url=base_url, key=key)
    assert ((await world.first.ask("GET", expired)).status, (await world.first.ask("GET", valid)).status) == (403, 200)


UNCONFIGURED: Mapping[str, Mapping[str, object]] = {
    "bigapi": {"provider": "reve", "size": None},
    "imagegen": {"model": "stable-diffusion-xl", "parameters": {"width": 64, "height": 64}},
    "opscenter": {"model": "stable-diffusion-xl", "size": "512x512"},
    "pixeldojo": {"model": "flux-dev-single-lora", "megapixels": "0.25"},
    "productai": {"model": "seedream"},
    "openai": {"model": "stable-diffusion-xl", "size": "64x64", "quality": None},
}


@every_dialect
async def test_the_embedded_engine_stands_in_for_vendors_that_are_not_configured(
    world: World, account: Account, speaker: Speaker
) -> None:
    bought = await world.buy(speaker, account, changes=UNCONFIGURED[speaker.name])
    drawn = await world.ended(speaker, account, job_id(bought))
    assert (drawn.status, drawn.headers["X-Gesso-Provider"]) == (200, "sketch")
    assert drawn.headers["X-Gesso-Model"].startswith("sketch")
    if speaker in (IMAGEGEN, OPSCENTER):
        assert "sketch" in (drawn.json.get("provider"), drawn.json.get("_metadata", {}).get("provider_used"))
    assert (await world.first.ask("GET", links(speaker, drawn)[0])).status == 200
    paid_micros = await world.paid_micros(account)
    assert paid_micros == round(float(drawn.headers["X-Gesso-Cost-Usd"]) * 1_000_000) > 0
    assert not world.openai.requests
    assert not world.bfl.requests


LONGEST: tuple[tuple[Speaker, Mapping[str, object], str, str], ...] = (
    (BIGAPI, {}, "fox " * 480, "fox " * 481),
    (BIGAPI, {"provider": "reve", "size": None}, "狐" * 480, "狐" * 481),
    (BIGAPI, {}, "x" * 32_000, "x" * 32_001),
    (IMAGEGEN, {}, "x" * 1_000, "x" * 1_001),
    (OPSCENTER, {}, "x" * 4_000, "x" * 4_001),
    (OPSCENTER, {"model": "dall-e-2"}, "x" * 1_000, "x" * 1_001),
    (OPSCENTER, {"model": "stable-diffusion-xl"}, "x" * 32_000, "x" * 32_001),
    (PIXELDOJO, {}, "x" * 10_000, "x" * 10_001),
    (PIXELDOJO, {"model": "flux-dev-single-lora"}, "狐" * 10_000, "狐" * 10_001),
    (PRODUCTAI, {}, "x" * 10_000, "x" * 10_001),
    (PRODUCTAI, {"model": "kontext-pro"}, "x" * 10_000, "x" * 10_001),
    (OPENAI, {}, "x" * 32_000, "x" * 32_001),
    (OPENAI, {"model": "dall-e-3", "quality": None}, "x" * 4_000, "x" * 4_001),
    (OPENAI, {"model": "dall-e-2", "quality": None}, "x" * 1_000, "x" * 1_001),
)


@pytest.mark.parametrize("row", LONGEST, ids=lambda row: f"{row[0].name}-{row[2][:2]}-{len(row[2])}")
async def test_the_longest_prompt_is_taken_and_not_one_more(
    world: World, account: Account, row: tuple[Speaker, Mapping[str, object], str, str]
) -> None:
    speaker, changes, longest, longer = row
    taken = await world.buy(speaker, account, longest, changes, query="?dry_run=true")
    refused = await world.buy(speaker, account, longer, changes, query="?dry_run=true")
    assert taken.status == 200, taken.body[:500]
    assert told(speaker, refused) == expected(speaker, "INVALID_FIELD")
    assert "prompt" in speaker.said(refused.json).message
