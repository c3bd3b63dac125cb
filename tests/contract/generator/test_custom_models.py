"""An account's own model is registered once, bought like any other, and drawn by its base's provider with the account's weights."""

import asyncio

import pytest

from generator.store import custom_models as store
from gesso.errors.v1 import reason_pb2 as reasons
from gesso.generator.v1 import generator_pb2 as pb
from servicekit.database import Database as Tables
from servicekit.faults import Fault
from testkit.eventually import eventually

from .house import Generator, House, ended
from .purchases import Customer, draw, purchase
from .scripted import Scripted, never, ticket

WEIGHTS = "https://example.com/acme.safetensors"
PRICE_MICROS = 90_000


def model(name: str = "custom-acme", **fields: object) -> pb.CustomModel:
    values = {
        "provider": "alpha",
        "base_model": "painter",
        "weights_url": WEIGHTS,
        "trigger_word": "ACME style",
        **fields,
    }
    return pb.CustomModel(name=name, **values)  # type: ignore[arg-type]


def bought(*draws: pb.Draw, key: str = "", dialect: str = "productai") -> pb.Purchase:
    one = purchase(*(draws or (draw("custom-acme"),)), key=key)
    one.dialect = dialect
    return one


async def raised(generator: Generator, token: bytes, wrong: pb.CustomModel) -> Fault:
    with pytest.raises(Fault) as fault:
        await generator.create_custom_model(token, wrong)
    return fault.value


async def test_models_are_listed_to_their_account_oldest_first_until_they_are_deleted(
    house: House, generator: Generator, customer: Customer
) -> None:
    first = await generator.create_custom_model(customer.token(), model())
    second = await generator.create_custom_model(
        customer.token(), model("custom-B.2_x", weights_url="acme/lora", trigger_word="")
    )
    assert (first.name, first.weights_url, first.trigger_word) == ("custom-acme", WEIGHTS, "ACME style")
    assert first.created_at.seconds
    assert await generator.custom_models(customer.token()) == [first, second]
    stranger = await house.customer()
    assert await generator.custom_models(stranger.token()) == []
    with pytest.raises(Fault) as fault:
        await generator.delete_custom_model(stranger.token(), "custom-acme")
    assert fault.value.reason == reasons.REASON_NOT_FOUND
    assert await generator.delete_custom_model(customer.token(), "custom-acme") == first
    assert await generator.custom_models(customer.token()) == [second]
    with pytest.raises(Fault) as fault:
        await generator.delete_custom_model(customer.token(), "custom-acme")
    assert fault.value.reason == reasons.REASON_NOT_FOUND


async def test_the_same_model_again_is_the_same_answer_and_another_of_its_name_a_conflict(
    generator: Generator, customer: Customer
) -> None:
    first = await generator.create_custom_model(customer.token(), model())
    assert await generator.create_custom_model(customer.token(), model()) == first
    assert (await raised(generator, customer.token(), model(trigger_word="other"))).reason == reasons.REASON_CONFLICT
    assert await generator.custom_models(customer.token()) == [first]


async def test_a_request_that_is_repeated_has_its_first_answer_for_a_day(
    house: House, generator: Generator, customer: Customer
) -> None:
    token = customer.token()
    first = await generator.create_custom_model(token, model(), "req-1")
    assert not first.replayed
    again = await generator.create_custom_model(token, model(), "req-1")
    assert (again.replayed, again.created_at) == (True, first.created_at)
    await generator.delete_custom_model(token, "custom-acme")
    assert (await generator.create_custom_model(token, model(), "req-1")).replayed
    assert await generator.custom_models(token) == []
    await house.rows("UPDATE creations SET created_at = now() - interval '24 hours'")
    assert not (await generator.create_custom_model(token, model(), "req-1")).replayed
    assert [one.name for one in await generator.custom_models(token)] == ["custom-acme"]


async def test_a_request_that_is_repeated_with_another_model_is_refused(
    generator: Generator, customer: Customer
) -> None:
    token = customer.token()
    await generator.create_custom_model(token, model(), "req-1")
    with pytest.raises(Fault) as fault:
        await generator.create_custom_model(token, model("custom-other"), "req-1")
    assert fault.value.reason == reasons.REASON_IDEMPOTENCY_MISMATCH


async def test_a_request_that_was_refused_may_be_repeated_otherwise(generator: Generator, customer: Customer) -> None:
    token = customer.token()
    with pytest.raises(Fault):
        await generator.create_custom_model(token, model(provider="nobody"), "req-1")
    assert not (await generator.create_custom_model(token, model(), "req-1")).replayed


async def test_a_request_that_is_sent_many_times_at_once_makes_one_model(
    generator: Generator, customer: Customer
) -> None:
    token = customer.token()
    made = await asyncio.gather(*(generator.create_custom_model(token, model(), "req-1") for _ in range(8)))
    assert sorted(one.replayed for one in made) == [False] + [True] * 7


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("name", model("acme")),
        ("name", model("custom-")),
        ("name", model("custom-a/b")),
        ("name", model("custom-" + "a" * 94)),
        ("provider", model(provider="nobody")),
        ("provider", model(provider="beta")),
        ("base_model", model(base_model="nobody")),
        ("base_model", model(base_model="custom")),
        ("base_model", model(base_model="dall-e-3")),
        ("weights_url", model(weights_url="")),
        ("weights_url", model(weights_url="http://example.com/a.safetensors")),
        ("weights_url", model(weights_url="https://example.com/a.ckpt")),
        ("weights_url", model(weights_url="https:///a.safetensors")),
        ("weights_url", model(weights_url="https://user:word@example.com/a.safetensors")),
        ("weights_url", model(weights_url="https://example.com/a b.safetensors")),
        ("weights_url", model(weights_url="owner/repo/more")),
        ("weights_url", model(weights_url="../repo")),
        ("trigger_word", model(trigger_word="a" * 101)),
        ("trigger_word", model(trigger_word="a\nb")),
        ("price_micros", model(price_micros=-1)),
        ("price_micros", model(price_micros=1 << 62)),
    ],
    ids=str,
)
async def test_what_cannot_be_is_named_by_its_field(
    generator: Generator, customer: Customer, field: str, wrong: pb.CustomModel
) -> None:
    fault = await raised(generator, customer.token(), wrong)
    assert (fault.reason, fault.details["field"]) == (reasons.REASON_INVALID_FIELD, field)


async def test_an_account_has_only_so_many_models(generator: Generator, house: House, customer: Customer) -> None:
    async with Tables.connect(house.database.url("generator"), schema="generator") as tables:
        assert await store.insert(tables, customer.id, model("custom-1"), most=1) is not None
        assert await store.insert(tables, customer.id, model("custom-2"), most=1) is None
    await house.rows(
        "INSERT INTO custom_models (account_id, name, provider, base_model, weights_url, trigger_word, price_micros)"
        " SELECT $1, 'custom-more-' || n, 'alpha', 'painter', 'a/b', '', 0 FROM generate_series(1, 499) AS n",
        customer.id,
    )
    fault = await raised(generator, customer.token(), model("custom-2"))
    assert (fault.reason, fault.details["state"]) == (reasons.REASON_CONFLICT, "full")


async def test_a_picture_of_ones_own_model_is_drawn_with_its_weights_and_costs_three_credits(
    generator: Generator, customer: Customer, alpha: Scripted
) -> None:
    await generator.create_custom_model(customer.token(), model())
    job = await generator.submit(customer.token(), bought(draw("custom-acme", n=2, lora_scale=0.5)))
    job = await ended(generator, customer.token(), job.id)
    (task,) = job.tasks
    assert (job.state, job.charge_micros) == (pb.Job.STATE_SUCCEEDED, 2 * PRICE_MICROS)
    assert (task.draw.model, task.draw.prompt, task.provider, task.upstream_model) == (
        "custom-acme",
        "a fox",
        "alpha",
        "alpha-lora",
    )
    for order in alpha.orders:
        assert (order.draw.prompt, order.draw.lora_weights, order.draw.lora_scale) == (
            "ACME style, a fox",
            WEIGHTS,
            0.5,
        )


async def test_a_picture_is_changed_by_ones_own_model(
    generator: Generator, customer: Customer, alpha: Scripted
) -> None:
    source = await ended(generator, customer.token(), (await generator.submit(customer.token(), purchase())).id)
    await generator.create_custom_model(customer.token(), model(trigger_word=""))
    edit = draw("custom-acme", input_image_ids=[source.tasks[0].pictures[0].image_id])
    edit.operation = pb.OPERATION_IMAGE_TO_IMAGE
    job = await generator.submit(customer.token(), bought(edit))
    job = await ended(generator, customer.token(), job.id)
    assert (job.state, job.tasks[0].upstream_model) == (pb.Job.STATE_SUCCEEDED, "alpha-lora-edit")
    assert (alpha.orders[-1].draw.prompt, len(alpha.orders[-1].inputs)) == ("a fox", 1)


async def test_a_model_that_says_its_price_costs_that_in_every_dialect(
    generator: Generator, customer: Customer
) -> None:
    await generator.create_custom_model(customer.token(), model(price_micros=150_500))
    prices = {}
    for dialect in ("productai", "openai", "imagegen", "bigapi"):
        (result,) = await generator.submit_all(
            customer.token(), bought(draw("custom-acme", n=2), dialect=dialect), dry_run=True
        )
        prices[dialect] = result.quote.amount_micros
    # imagegen counts in twentieths of its credit.
    assert prices == {"productai": 301_000, "openai": 301_000, "imagegen": 302_000, "bigapi": 301_000}


async def test_without_a_price_of_its_own_it_costs_the_catalogues_or_is_not_sold(
    generator: Generator, customer: Customer
) -> None:
    await generator.create_custom_model(customer.token(), model())
    (shown,) = await generator.submit_all(customer.token(), bought(dialect="imagegen"), dry_run=True)
    assert shown.quote.amount_micros == PRICE_MICROS
    assert (await generator.refused(customer.token(), bought(dialect="bigapi"))).reason == reasons.REASON_UNPRICED


async def test_what_nobody_registered_is_an_unknown_model_and_so_is_a_strangers(
    house: House, generator: Generator, customer: Customer
) -> None:
    await generator.create_custom_model(customer.token(), model())
    stranger = await house.customer()
    for token, name in (
        (stranger.token(), "custom-acme"),
        (customer.token(), "custom-none"),
        (customer.token(), "custom"),
    ):
        fault = await generator.refused(token, bought(draw(), draw(name), dialect="openai"))
        assert (fault.reason, fault.details["model"], fault.details["draw"]) == (
            reasons.REASON_UNKNOWN_MODEL,
            name,
            "1",
        )
    assert "custom" not in {one.id for one in await generator.catalogue()}


async def test_an_operation_that_the_base_has_no_route_for_is_refused(generator: Generator, customer: Customer) -> None:
    await generator.create_custom_model(customer.token(), model())
    inpaint = draw("custom-acme")
    inpaint.operation = pb.OPERATION_INPAINT
    fault = await generator.refused(customer.token(), bought(inpaint))
    assert (fault.reason, fault.details["field"]) == (reasons.REASON_INVALID_FIELD, "model")


async def test_its_trigger_word_is_judged_with_the_prompt(generator: Generator, customer: Customer) -> None:
    await generator.create_custom_model(customer.token(), model(trigger_word="nude"))
    assert (await generator.refused(customer.token(), bought())).reason == reasons.REASON_CONTENT_REFUSED


async def test_without_its_provider_it_is_not_available_whoever_else_draws_the_base(
    generator: Generator, customer: Customer, alpha: Scripted
) -> None:
    await generator.create_custom_model(customer.token(), model())
    alpha.configured = False
    assert (await generator.refused(customer.token(), bought())).reason == reasons.REASON_MODEL_UNAVAILABLE


async def test_the_fallback_engine_stands_in_where_its_provider_is_not_configured(
    house: House, customer: Customer
) -> None:
    away, sketch = Scripted("alpha", configured=False), Scripted("sketch", free_to_repeat=True)
    async with house.generator({"alpha": away, "sketch": sketch}, GESSO_FALLBACK_ENGINE="sketch") as generator:
        await generator.create_custom_model(customer.token(), model())
        job = await generator.submit(customer.token(), bought())
        job = await ended(generator, customer.token(), job.id)
        assert (job.state, job.tasks[0].provider) == (pb.Job.STATE_SUCCEEDED, "sketch")
        assert job.charge_micros == PRICE_MICROS


@pytest.mark.parametrize("accepted", [True, False], ids=["collected", "ordered again"])
async def test_a_job_outlives_its_replica_and_its_model(house: House, customer: Customer, accepted: bool) -> None:
    first, second = (Scripted("alpha", free_to_repeat=True) for _ in range(2))
    if accepted:
        first.acts.append(ticket())
    first.curtain.clear()
    async with house.generator({"alpha": first}) as generator:
        await generator.create_custom_model(customer.token(), model())
        job = await generator.submit(customer.token(), bought())
        await eventually(lambda: len(first.orders))
        if accepted:
            first.curtain.set()
            first.collecting.append(never)
            await eventually(lambda: len(first.collected))
        await generator.delete_custom_model(customer.token(), "custom-acme")
    async with house.generator({"alpha": second}) as generator:
        job = await ended(generator, customer.token(), job.id)
        assert (job.state, job.charge_micros) == (pb.Job.STATE_SUCCEEDED, PRICE_MICROS)
        assert (len(second.orders), len(second.collected)) == ((0, 1) if accepted else (1, 0))
        for order in second.orders:
            assert (order.draw.lora_weights, order.upstream_model) == (WEIGHTS, "alpha-lora")
        assert (await generator.refused(customer.token(), bought())).reason == reasons.REASON_UNKNOWN_MODEL


async def test_a_used_key_is_answered_though_its_model_is_gone(generator: Generator, customer: Customer) -> None:
    await generator.create_custom_model(customer.token(), model())
    job = await generator.submit(customer.token(), bought(key="k"))
    job = await ended(generator, customer.token(), job.id)
    await generator.delete_custom_model(customer.token(), "custom-acme")
    (again,) = await generator.submit_all(customer.token(), bought(key="k"))
    assert (again.replayed, again.job) == (True, job)
