"""An account's own provider keys: stored sealed, used in place of the platform's key, and never beside it."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from generator.keyring import Keyring, parse_keys
from generator.own_keys import KNOWN_SECONDS, OwnKeys
from generator.providers.base import Bought
from gesso.billing.v1 import billing_pb2
from gesso.billing.v1.billing_pb2_grpc import BudgetsStub
from gesso.errors.v1 import reason_pb2 as reasons
from gesso.generator.v1 import generator_pb2 as pb
from servicekit.database import Database, migrate
from servicekit.faults import Fault
from servicekit.sealing import seal
from testkit import database as databases
from testkit.eventually import eventually
from testkit.identities import link_as

from .house import Generator, House, ended
from .purchases import CATALOGUE, LOST, PRICE_MICROS, Customer, draw, purchase
from .scripted import Scripted, failing, never, ticket

SECRET = "sk-own-0123456789abcdefWXYZ"
OTHER_SECRET = "sk-own-another-0123456789QRST"
KEY_A, KEY_B, KEY_C = (f"{name}:{name * 64}" for name in "abc")
OPSCENTER_CATALOGUE = f"""
{CATALOGUE}

[[model]]
id = "sold"
like = "painter"
prices = [{{ dialect = "openai", usd = 0.01 }}, {{ dialect = "opscenter", credits = 40 }}]
"""
DENIED = reasons.REASON_UPSTREAM_DENIED


def sold(model: str = "sold", *, dialect: str = "opscenter", **fields: object) -> pb.Purchase:
    """A purchase in a dialect whose price book says what an own key costs."""
    bought = purchase(draw(model, **fields))  # type: ignore[arg-type]
    bought.dialect = dialect
    return bought


@pytest.fixture
def catalogue(tmp_path: Path) -> str:
    """The tests' models, and one that opscenter sells too."""
    path = tmp_path / "sold.toml"
    path.write_text(OPSCENTER_CATALOGUE)
    return str(path)


@pytest.fixture
async def generator(house: House, alpha: Scripted, beta: Scripted, catalogue: str) -> AsyncIterator[Generator]:
    """One replica; the platform has a key for alpha alone."""
    beta.configured = False
    providers = {"alpha": alpha, "beta": beta, "narrow": Scripted("narrow")}
    async with house.generator(providers, GESSO_CATALOGUE=catalogue) as generator:
        yield generator


async def refused_key(generator: Generator, token: bytes, provider: str, key: str = SECRET) -> Fault:
    """Store a key that must be refused, and return why."""
    with pytest.raises(Fault) as refused:
        await generator.put_key(token, provider, key)
    return refused.value


async def test_a_stored_key_is_shown_masked_with_the_key_that_it_rests_under(
    generator: Generator, customer: Customer, house: House
) -> None:
    token, stranger = customer.token(), await house.customer()
    put = await generator.put_key(token, "beta", SECRET)
    assert (put.provider, put.masked) == ("beta", "sk-own...WXYZ")
    assert put.key_id
    assert await generator.keys(token) == [put]
    assert await generator.keys(stranger.token()) == []
    again = await generator.put_key(token, "beta", OTHER_SECRET)
    await generator.put_key(token, "alpha", SECRET)
    assert [key.masked for key in await generator.keys(token)] == ["sk-own...WXYZ", "sk-own...QRST"]
    assert again.created_at.ToDatetime() > put.created_at.ToDatetime()


async def test_a_request_that_is_repeated_has_its_first_answer_for_a_day_and_stores_nothing(
    generator: Generator, customer: Customer, house: House
) -> None:
    token = customer.token()
    first = await generator.put_key(token, "beta", SECRET, "req-1")
    newer = await generator.put_key(token, "beta", OTHER_SECRET, "req-2")
    again = await generator.put_key(token, "beta", SECRET, "req-1")
    assert (first.replayed, again.replayed, again.created_at) == (False, True, first.created_at)
    assert await generator.keys(token) == [newer]
    await house.rows("UPDATE creations SET created_at = now() - interval '24 hours'")
    assert not (await generator.put_key(token, "beta", SECRET, "req-1")).replayed
    assert [key.masked for key in await generator.keys(token)] == ["sk-own...WXYZ"]


async def test_a_request_that_is_repeated_with_another_key_is_refused_and_stores_nothing(
    generator: Generator, customer: Customer, house: House
) -> None:
    token = customer.token()
    await generator.put_key(token, "beta", SECRET, "req-1")
    for provider, secret in (("beta", OTHER_SECRET), ("alpha", SECRET)):
        with pytest.raises(Fault) as fault:
            await generator.put_key(token, provider, secret, "req-1")
        assert fault.value.reason == reasons.REASON_IDEMPOTENCY_MISMATCH
    assert [(key.provider, key.masked) for key in await generator.keys(token)] == [("beta", "sk-own...WXYZ")]
    noted = await house.rows("SELECT fingerprint, answer FROM creations")
    assert not any(SECRET.encode() in value for row in noted for value in row)


async def test_a_key_is_deleted_once_and_by_its_owner_alone(
    generator: Generator, customer: Customer, house: House
) -> None:
    token, stranger = customer.token(), (await house.customer()).token()
    put = await generator.put_key(token, "beta", SECRET)
    for who, gone in ((stranger, False), (token, True), (token, False)):
        if gone:
            assert await generator.delete_key(who, "beta") == put
        else:
            with pytest.raises(Fault) as unknown:
                await generator.delete_key(who, "beta")
            assert unknown.value.reason == reasons.REASON_NOT_FOUND
    assert await generator.keys(token) == []


@pytest.mark.parametrize("provider", ["unheard-of", "sketch", ""])
async def test_keys_are_taken_for_vendors_of_the_catalogue_alone(
    generator: Generator, customer: Customer, provider: str
) -> None:
    fault = await refused_key(generator, customer.token(), provider)
    assert (fault.reason, fault.details) == (reasons.REASON_INVALID_FIELD, {"field": "provider"})


@pytest.mark.parametrize("key", ["", "1234567", "k" * 501, "sk-with a space", "sk-with\nnewline", "sk-Schlüssel"])
async def test_what_cannot_be_a_key_is_refused_without_being_repeated(
    generator: Generator, customer: Customer, key: str
) -> None:
    fault = await refused_key(generator, customer.token(), "beta", key)
    assert (fault.reason, fault.details) == (reasons.REASON_INVALID_FIELD, {"field": "api_key"})
    assert not key or key not in repr(fault)
    assert await generator.keys(customer.token()) == []


async def test_a_stored_key_draws_for_nothing_at_a_zero_balance_and_before_the_platforms_own(
    house: House, generator: Generator, alpha: Scripted, beta: Scripted
) -> None:
    poor = await house.customer(grant_micros=0)
    assert (await generator.refused(poor.token(), sold())).reason == reasons.REASON_INSUFFICIENT_FUNDS
    await generator.put_key(poor.token(), "beta", SECRET)
    (quoted,) = await generator.submit_all(poor.token(), sold(), dry_run=True)
    assert (quoted.quote.amount_micros, list(quoted.quote.draw_micros)) == (0, [0])
    job = await generator.submit(poor.token(), sold())
    job = await ended(generator, poor.token(), job.id)
    (task,) = job.tasks
    assert (job.state, job.hold_micros, job.charge_micros) == (pb.Job.STATE_SUCCEEDED, 0, 0)
    assert (task.own_key, task.provider, len(task.pictures)) == (True, "beta", 1)
    assert ([order.secret for order in beta.orders], alpha.orders) == ([SECRET], [])
    assert await house.breaches(generator) == []


async def test_a_used_up_budget_does_not_stop_what_costs_nothing(
    house: House, generator: Generator, customer: Customer
) -> None:
    async with link_as("operator", house.socket("billing")) as link:
        budget = billing_pb2.SetBudgetRequest(account_id=customer.id, period=billing_pb2.PERIOD_DAY, limit_micros=1)
        await link.call(BudgetsStub(link.channel).SetBudget, budget)
    assert (await generator.refused(customer.token(), sold())).reason == reasons.REASON_BUDGET_EXCEEDED
    await generator.put_key(customer.token(), "beta", SECRET)
    job = await generator.submit(customer.token(), sold())
    assert (await ended(generator, customer.token(), job.id)).state == pb.Job.STATE_SUCCEEDED


async def test_where_the_price_book_does_not_make_it_free_an_own_key_is_used_at_the_usual_price(
    generator: Generator, customer: Customer, beta: Scripted
) -> None:
    await generator.put_key(customer.token(), "beta", SECRET)
    job = await generator.submit(customer.token(), purchase())
    job = await ended(generator, customer.token(), job.id)
    assert (job.charge_micros, job.tasks[0].own_key, beta.orders[0].secret) == (PRICE_MICROS, True, SECRET)


async def test_a_key_for_a_vendor_that_does_not_draw_the_model_changes_nothing(
    generator: Generator, customer: Customer, alpha: Scripted
) -> None:
    await generator.put_key(customer.token(), "narrow", SECRET)
    job = await generator.submit(customer.token(), purchase())
    job = await ended(generator, customer.token(), job.id)
    assert (job.tasks[0].own_key, alpha.orders[0].secret) == (False, None)


async def test_an_own_key_that_fails_never_gives_way_to_the_platforms(
    house: House, generator: Generator, customer: Customer, alpha: Scripted, beta: Scripted
) -> None:
    beta.acts.extend([failing(), failing(), failing(DENIED, bought=Bought.NO, retryable=False)])
    await generator.put_key(customer.token(), "beta", SECRET)
    job = await generator.submit(customer.token(), purchase())
    job = await ended(generator, customer.token(), job.id)
    assert (job.state, job.fault.reason, job.charge_micros) == (pb.Job.STATE_FAILED, DENIED, 0)
    assert (len(beta.orders), alpha.orders) == (3, [])
    assert await house.rows(LOST) == []


async def test_one_own_key_gives_way_to_another(
    generator: Generator, customer: Customer, alpha: Scripted, beta: Scripted
) -> None:
    alpha.acts.append(failing())
    await generator.put_key(customer.token(), "alpha", SECRET)
    await generator.put_key(customer.token(), "beta", OTHER_SECRET)
    job = await generator.submit(customer.token(), purchase())
    assert (await ended(generator, customer.token(), job.id)).tasks[0].provider == "beta"
    assert [order.secret for order in (*alpha.orders, *beta.orders)] == [SECRET, OTHER_SECRET]


async def test_a_key_that_came_with_the_request_goes_before_a_stored_one_at_its_price(
    generator: Generator, customer: Customer, alpha: Scripted
) -> None:
    await generator.put_key(customer.token(), "alpha", SECRET)
    box = seal(await generator.sealing_key(), "sk-of-the-request")
    job = await generator.submit(customer.token(), sold(sealed_secret=box, sealed_for="alpha"))
    job = await ended(generator, customer.token(), job.id)
    assert (job.charge_micros, job.tasks[0].own_key) == (40_000, False)
    assert [order.secret for order in alpha.orders] == ["sk-of-the-request"]


async def test_no_order_is_placed_with_a_key_that_was_deleted_while_it_waited(
    house: House, customer: Customer, catalogue: str
) -> None:
    narrow = Scripted("narrow")
    narrow.curtain.clear()
    async with house.generator({"narrow": narrow}, GESSO_CATALOGUE=catalogue) as generator:
        await generator.put_key(customer.token(), "narrow", SECRET)
        first = await generator.submit(customer.token(), purchase(draw("solo")))
        await eventually(lambda: len(narrow.orders) == 1)
        second = await generator.submit(customer.token(), purchase(draw("solo", prompt="second")))
        assert second.state == pb.Job.STATE_QUEUED
        await generator.delete_key(customer.token(), "narrow")
        narrow.curtain.set()
        await ended(generator, customer.token(), first.id)
        second = await ended(generator, customer.token(), second.id)
    assert (second.state, second.fault.reason, second.charge_micros) == (pb.Job.STATE_FAILED, DENIED, 0)
    assert [order.secret for order in narrow.orders] == [SECRET]


async def test_another_replica_goes_on_with_the_stored_key_where_one_has_ended(
    house: House, customer: Customer, catalogue: str
) -> None:
    first_alpha, second_alpha = Scripted("alpha"), Scripted("alpha")
    first_alpha.acts.append(ticket(b"their-id"))
    first_alpha.collecting.append(never)
    one_at_a_time = {"GESSO_GENERATOR_TASKS": "1", "GESSO_GENERATOR_WAITING_TASKS": "0"}
    async with house.generator({"alpha": first_alpha}, GESSO_CATALOGUE=catalogue, **one_at_a_time) as first:
        await first.put_key(customer.token(), "alpha", SECRET)
        submitted = await first.submit(customer.token(), sold())
        await eventually(lambda: _submitted(house))
        queued = await first.submit(customer.token(), sold(prompt="queued"))
    async with house.generator({"alpha": second_alpha}, GESSO_CATALOGUE=catalogue) as second:
        jobs = [await ended(second, customer.token(), job.id) for job in (submitted, queued)]
    assert [(job.state, job.charge_micros) for job in jobs] == [(pb.Job.STATE_SUCCEEDED, 0)] * 2
    assert (second_alpha.collected, [order.secret for order in second_alpha.orders]) == ([b"their-id"], [SECRET])


async def _submitted(house: House) -> None:
    assert pb.Task.STATE_SUBMITTED in [row["state"] for row in await house.rows("SELECT state FROM tasks")]


async def test_without_the_key_no_replica_collects_or_buys_again_what_was_bought_with_it(
    house: House, customer: Customer, catalogue: str
) -> None:
    alpha, other = Scripted("alpha"), Scripted("alpha")
    alpha.acts.append(ticket(b"their-id"))
    alpha.collecting.append(never)
    async with house.generator({"alpha": alpha}, GESSO_CATALOGUE=catalogue) as first:
        await first.put_key(customer.token(), "alpha", SECRET)
        job = await first.submit(customer.token(), sold())
        await eventually(lambda: _submitted(house))
        await first.delete_key(customer.token(), "alpha")
    async with house.generator({"alpha": other}, GESSO_CATALOGUE=catalogue) as second:
        job = await ended(second, customer.token(), job.id)
    assert (job.state, job.fault.reason, job.charge_micros) == (pb.Job.STATE_FAILED, DENIED, 0)
    assert (other.orders, other.collected) == ([], [])


async def test_every_replica_knows_of_a_key_that_one_has_stored_or_deleted(
    house: House, customer: Customer, catalogue: str
) -> None:
    async with (
        house.generator({"alpha": Scripted("alpha")}, GESSO_CATALOGUE=catalogue) as first,
        house.generator({"alpha": Scripted("alpha")}, GESSO_CATALOGUE=catalogue) as second,
    ):

        async def quoted(replica: Generator, amount_micros: int) -> None:
            (result,) = await replica.submit_all(customer.token(), sold(), dry_run=True)
            assert result.quote.amount_micros == amount_micros

        await quoted(first, 40_000)
        await quoted(second, 40_000)
        await first.put_key(customer.token(), "alpha", SECRET)
        await quoted(first, 0)
        await eventually(lambda: quoted(second, 0))
        await second.delete_key(customer.token(), "alpha")
        await quoted(second, 40_000)
        await eventually(lambda: quoted(first, 40_000))


async def test_a_key_stands_nowhere_in_the_clear(
    house: House, generator: Generator, customer: Customer, capfd: pytest.CaptureFixture[str]
) -> None:
    await generator.put_key(customer.token(), "beta", SECRET)
    job = await generator.submit(customer.token(), sold())
    job = await ended(generator, customer.token(), job.id)
    tables = [
        row["name"]
        for row in await house.rows(
            "SELECT relname AS name FROM pg_class WHERE relkind = 'r' AND relnamespace = 'generator'::regnamespace"
        )
    ]
    for table in tables:
        for row in await house.rows(f"SELECT * FROM {table}"):  # noqa: S608 - the catalogue's own names
            assert SECRET not in repr(row)
    assert "provider_keys" in tables
    assert SECRET not in str(job)
    captured = capfd.readouterr()
    assert SECRET not in captured.out + captured.err


async def test_keys_are_put_under_the_operators_new_key_and_the_old_one_can_go(
    house: House, customer: Customer, catalogue: str, alpha: Scripted
) -> None:
    other = await house.customer()

    @contextlib.asynccontextmanager
    async def with_keys(*keys: str) -> AsyncIterator[Generator]:
        environment = {"GESSO_CATALOGUE": catalogue, "GESSO_SECRETS_KEYS": ",".join(keys)}
        async with house.generator({"alpha": alpha}, **environment) as generator:
            yield generator

    async with with_keys(KEY_A) as generator:
        await generator.put_key(customer.token(), "alpha", SECRET)
    async with with_keys(KEY_B, KEY_A) as generator:
        await generator.put_key(other.token(), "alpha", OTHER_SECRET)
        assert await generator.rewrap_keys() == (1, 1)
        assert await generator.rewrap_keys() == (0, 2)
    async with with_keys(KEY_B) as generator:
        for owner in (customer, other):
            job = await generator.submit(owner.token(), sold())
            assert (await ended(generator, owner.token(), job.id)).state == pb.Job.STATE_SUCCEEDED
            assert [key.key_id for key in await generator.keys(owner.token())] == ["b"]
    assert [order.secret for order in alpha.orders] == [SECRET, OTHER_SECRET]


async def test_a_key_under_an_operators_key_that_is_gone_is_reported_and_draws_nothing(
    house: House, customer: Customer, catalogue: str, alpha: Scripted
) -> None:
    async with house.generator({"alpha": alpha}, GESSO_CATALOGUE=catalogue, GESSO_SECRETS_KEYS=KEY_A) as generator:
        await generator.put_key(customer.token(), "alpha", SECRET)
    async with house.generator({"alpha": alpha}, GESSO_CATALOGUE=catalogue, GESSO_SECRETS_KEYS=KEY_C) as generator:
        with pytest.raises(Fault) as reported:
            await generator.rewrap_keys()
        job = await generator.submit(customer.token(), sold())
        job = await ended(generator, customer.token(), job.id)
    assert (reported.value.reason, reported.value.details["id"]) == (reasons.REASON_CONFLICT, "a")
    assert (job.fault.reason, alpha.orders) == (DENIED, [])


class Clock:
    """Time that a test moves."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


async def test_an_account_without_keys_is_looked_up_once_in_five_seconds(database: databases.Database) -> None:
    clock, keyring = Clock(), Keyring(parse_keys(KEY_A))
    async with Database.connect(database.url("generator"), schema="generator") as connected:
        await migrate(connected, "generator.migrations")
        here, elsewhere = (OwnKeys(connected, keyring, takes_keys=bool, clock=clock) for _ in range(2))
        assert await here.providers("acct_a") == frozenset()
        await elsewhere.put("acct_a", "alpha", SECRET)
        clock.now = KNOWN_SECONDS - 0.1
        assert await here.providers("acct_a") == frozenset()
        clock.now = KNOWN_SECONDS
        assert await here.providers("acct_a") == {"alpha"}
        await here.delete("acct_a", "alpha")
        assert await here.providers("acct_a") == frozenset()
