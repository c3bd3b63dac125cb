"""A purchase becomes one job, once, or is refused with nothing in the way of a repeat."""

import asyncio

from gesso.errors.v1 import reason_pb2 as reasons
from gesso.generator.v1 import generator_pb2 as pb
from testkit.eventually import eventually

from .house import Generator, House, ended
from .purchases import PRICE_MICROS, Customer, draw, purchase
from .scripted import Scripted


async def test_the_same_key_and_content_answer_with_the_same_job_and_one_charge(
    house: House, generator: Generator, customer: Customer, alpha: Scripted
) -> None:
    first = await generator.submit(customer.token(), purchase(key="k"))
    first = await ended(generator, customer.token(), first.id)
    (again,) = await generator.submit_all(customer.token(), purchase(key="k"))
    assert (again.replayed, again.job) == (True, first)
    assert len(alpha.orders) == 1
    assert (await house.balance(customer.id)).available_micros == 1_000_000 - PRICE_MICROS


async def test_of_two_equal_keys_in_one_call_one_runs_and_the_other_is_told_to_wait(
    generator: Generator, customer: Customer, alpha: Scripted
) -> None:
    alpha.curtain.clear()
    results = await generator.submit_all(customer.token(), purchase(key="k"), purchase(key="k"))
    (running,) = [one.job for one in results if one.HasField("job")]
    (told,) = [one.fault for one in results if one.HasField("fault")]
    assert (told.reason, told.retry_after_seconds) == (reasons.REASON_IDEMPOTENCY_RUNNING, 1.0)
    alpha.curtain.set()
    await ended(generator, customer.token(), running.id)
    assert len(alpha.orders) == 1


async def test_a_used_key_with_other_content_is_refused(generator: Generator, customer: Customer) -> None:
    await generator.submit(customer.token(), purchase(key="k"))
    fault = await generator.refused(customer.token(), purchase(draw(prompt="another"), key="k"))
    assert fault.reason == reasons.REASON_IDEMPOTENCY_MISMATCH


async def test_a_key_belongs_to_its_account_and_route(house: House, generator: Generator, customer: Customer) -> None:
    other = await house.customer()
    first = await generator.submit(customer.token(), purchase(key="k"))
    second = await generator.submit(other.token(), purchase(key="k"))
    third = purchase(key="k")
    third.route = "edits"
    assert len({first.id, second.id, (await generator.submit(customer.token(), third)).id}) == 3


async def test_a_key_is_free_again_after_a_day(house: House, generator: Generator, customer: Customer) -> None:
    first = await generator.submit(customer.token(), purchase(key="k"))
    await ended(generator, customer.token(), first.id)
    await house.rows("UPDATE jobs SET created_at = now() - interval '25 hours'")
    assert (await generator.submit(customer.token(), purchase(draw(prompt="new"), key="k"))).id != first.id


async def test_a_refused_hold_leaves_the_key_free_and_the_job_readable(house: House, generator: Generator) -> None:
    poor = await house.customer(grant_micros=PRICE_MICROS - 1)
    fault = await generator.refused(poor.token(), purchase(key="k"))
    assert (fault.reason, fault.details["required_micros"]) == (reasons.REASON_INSUFFICIENT_FUNDS, str(PRICE_MICROS))
    (settlement,) = await generator.settlements()
    refused = await generator.job(poor.token(), settlement.job_id)
    assert (refused.state, refused.fault.reason) == (pb.Job.STATE_REFUSED, reasons.REASON_INSUFFICIENT_FUNDS)
    await house.grant(poor.id, 1)
    job = await generator.submit(poor.token(), purchase(key="k"))
    assert (await ended(generator, poor.token(), job.id)).state == pb.Job.STATE_SUCCEEDED


async def test_a_clients_own_retry_joins_the_job_of_the_same_key_and_content(
    house: House, generator: Generator, customer: Customer, alpha: Scripted
) -> None:
    alpha.curtain.clear()
    first = await generator.submit(customer.token(), purchase())
    (joined,) = await generator.submit_all(customer.token(), purchase(join_recent=True))
    assert (joined.job.id, joined.replayed, joined.job.state) == (first.id, True, pb.Job.STATE_RUNNING)
    alpha.curtain.set()
    await ended(generator, customer.token(), first.id)
    assert (await generator.submit(customer.token(), purchase(join_recent=True))).id == first.id
    other_key = Customer(customer.id, await house.api_key(customer.id))
    assert (await generator.submit(other_key.token(), purchase(join_recent=True))).id != first.id
    other_content = purchase(draw(prompt="another"), join_recent=True)
    assert (await generator.submit(customer.token(), other_content)).id != first.id


async def test_retries_that_come_at_once_are_one_job_which_all_of_them_join(
    generator: Generator, customer: Customer, alpha: Scripted
) -> None:
    alpha.curtain.clear()
    together = await generator.submit_all(customer.token(), *(purchase(join_recent=True) for _ in range(5)))
    apart = [await generator.submit(customer.token(), purchase(join_recent=True)) for _ in range(2)]
    assert len({result.job.id for result in together} | {job.id for job in apart}) == 1
    assert sorted(result.replayed for result in together) == [False, True, True, True, True]
    alpha.curtain.set()
    await ended(generator, customer.token(), apart[0].id)
    assert len(alpha.orders) == 1


async def test_a_retry_joins_no_job_that_is_older_than_a_quarter_of_an_hour(
    house: House, generator: Generator, customer: Customer
) -> None:
    first = await generator.submit(customer.token(), purchase(join_recent=True))
    await house.rows("UPDATE jobs SET created_at = now() - interval '16 minutes'")
    second = await generator.submit(customer.token(), purchase(join_recent=True))
    assert second.id != first.id
    assert (await generator.submit(customer.token(), purchase(join_recent=True))).id == second.id


async def test_what_is_wrong_with_one_purchase_harms_no_other_of_the_same_call(
    generator: Generator, customer: Customer
) -> None:
    good, unknown, size, forged = await generator.submit_all(
        customer.token(), purchase(), purchase(draw("nobody")), purchase(draw(), draw(width=9, height=9)), purchase()
    )
    assert good.HasField("job")
    assert unknown.fault.reason == reasons.REASON_UNKNOWN_MODEL
    assert (size.fault.reason, dict(size.fault.details)) == (
        reasons.REASON_INVALID_FIELD,
        {"field": "size", "draw": "1"},
    )
    assert forged.HasField("job")
    (outsider,) = await generator.submit_all(b"x" * 40 + customer.token()[40:], purchase())
    assert outsider.fault.reason == reasons.REASON_CREDENTIAL_INVALID


async def test_a_refusal_by_validation_leaves_the_key_free(generator: Generator, customer: Customer) -> None:
    await generator.refused(customer.token(), purchase(draw(n=11), key="k"))
    assert (await generator.submit(customer.token(), purchase(key="k"))).id


async def test_a_dry_run_prices_and_runs_nothing(
    house: House, generator: Generator, customer: Customer, alpha: Scripted
) -> None:
    (result,) = await generator.submit_all(customer.token(), purchase(draw(n=2), draw(n=3)), dry_run=True)
    assert (result.quote.amount_micros, list(result.quote.draw_micros)) == (50_000, [20_000, 30_000])
    assert not alpha.orders
    assert not await generator.settlements()


async def test_no_more_jobs_run_at_once_than_the_plan_allows(
    generator: Generator, customer: Customer, alpha: Scripted
) -> None:
    alpha.curtain.clear()
    bounded = customer.token(max_concurrency=2)
    results = await generator.submit_all(bounded, *(purchase(draw(prompt=str(n))) for n in range(4)))
    crowded = [one.fault for one in results if one.HasField("fault")]
    assert [(one.reason, one.details["limit"]) for one in crowded] == [(reasons.REASON_CONCURRENCY_EXCEEDED, "2")] * 2
    assert (await generator.refused(bounded, purchase())).reason == reasons.REASON_CONCURRENCY_EXCEEDED
    alpha.curtain.set()
    for one in results:
        if one.HasField("job"):
            await ended(generator, bounded, one.job.id)
    assert (await generator.submit(bounded, purchase())).id


async def test_a_paused_platform_refuses_purchases_and_serves_reads(
    house: House, generator: Generator, customer: Customer
) -> None:
    job = await generator.submit(customer.token(), purchase())
    await generator.pause(paused=True)
    results = await generator.submit_all(customer.token(), purchase())
    assert results[0].fault.reason == reasons.REASON_MAINTENANCE
    assert results[0].fault.retry_after_seconds == 7
    assert (await generator.job(customer.token(), job.id)).id == job.id
    await generator.pause(paused=False)
    results = await generator.submit_all(customer.token(), purchase())
    assert results[0].HasField("job")


async def test_jobs_are_listed_newest_first_page_by_page_and_only_to_their_owner(
    house: House, generator: Generator, customer: Customer
) -> None:
    made = [(await generator.submit(customer.token(), purchase())).id for _ in range(3)]
    page = await generator.page(customer.token(), size=2)
    rest = await generator.page(customer.token(), size=2, page_token=page.next_page_token)
    assert [job.id for job in (*page.jobs, *rest.jobs)] == sorted(made, reverse=True)
    assert rest.next_page_token == ""
    assert (await generator.page(customer.token(), size=3)).next_page_token == ""
    stranger = await house.customer()
    assert not (await generator.page(stranger.token(), size=2)).jobs


async def test_refused_purchases_take_no_room_in_a_list_of_jobs(house: House, generator: Generator) -> None:
    owner = await house.customer(grant_micros=PRICE_MICROS)
    bought = await generator.submit(owner.token(), purchase())
    for _ in range(3):
        await generator.refused(owner.token(), purchase())
    page = await generator.page(owner.token(), size=2)
    assert ([job.id for job in page.jobs], page.next_page_token) == ([bought.id], "")


async def test_while_billing_is_away_nothing_is_bought_and_later_nothing_is_held(
    house_without_billing: House, alpha: Scripted
) -> None:
    house = house_without_billing
    async with house.billing():
        customer = await house.customer()
    async with house.generator({"alpha": alpha}) as generator:
        fault = await generator.refused(customer.token(), purchase(key="k"))
        assert (fault.reason, fault.details["component"]) == (reasons.REASON_UNAVAILABLE, "billing service")
        assert not alpha.orders
        async with house.billing():

            async def served() -> pb.Job:
                (result,) = await generator.submit_all(customer.token(), purchase(key="k"))
                assert result.HasField("job"), result
                return result.job

            job = await eventually(served)
            await ended(generator, customer.token(), job.id)

            async def released() -> None:
                assert all(one.settled for one in await generator.settlements())

            await eventually(released)
            balance = await house.balance(customer.id)
            assert (balance.held_micros, balance.available_micros) == (0, 1_000_000 - PRICE_MICROS)


async def test_a_client_is_answered_while_billing_is_away_and_charged_when_it_is_back(
    house_without_billing: House, alpha: Scripted
) -> None:
    house = house_without_billing
    alpha.curtain.clear()
    async with house.generator({"alpha": alpha}) as generator:
        async with house.billing():
            customer = await house.customer()
            job = await generator.submit(customer.token(), purchase())
        alpha.curtain.set()

        async def answered() -> pb.Job:
            found = await generator.job(customer.token(), job.id)
            assert found.state == pb.Job.STATE_SUCCEEDED
            return found

        answer = await eventually(answered)
        assert (len(answer.tasks[0].pictures), answer.available_micros) == (1, 1_000_000 - PRICE_MICROS)
        assert [one.settled for one in await generator.settlements()] == [False]
        async with house.billing():
            settled = await ended(generator, customer.token(), job.id)
            assert settled.available_micros == 1_000_000 - PRICE_MICROS
            assert (await house.balance(customer.id)).held_micros == 0


async def test_while_the_object_store_is_away_nothing_new_is_bought_and_what_is_paid_for_is_kept(
    house: House, generator: Generator, customer: Customer, alpha: Scripted
) -> None:
    alpha.curtain.clear()
    job = await generator.submit(customer.token(), purchase())
    store = house.folder / "store"
    (store / customer.id).write_text("a file where a folder should be")
    alpha.curtain.set()
    await ended(generator, customer.token(), job.id)
    fault = await generator.refused(customer.token(), purchase())
    assert (fault.reason, fault.details["component"]) == (reasons.REASON_UNAVAILABLE, "object store")
    assert len(list((house.folder / "spool-1").glob("acct*"))) == 1
    await asyncio.to_thread((store / customer.id).unlink)
    await eventually(lambda: not list((house.folder / "spool-1").glob("acct*")))


async def test_a_used_key_is_answered_also_while_nothing_new_is_bought(
    generator: Generator, customer: Customer, alpha: Scripted, beta: Scripted
) -> None:
    first = await generator.submit(customer.token(), purchase(key="k"))
    first = await ended(generator, customer.token(), first.id)
    await generator.pause(paused=True)
    (again,) = await generator.submit_all(customer.token(), purchase(key="k"))
    assert (again.replayed, again.job) == (True, first)
    assert (await generator.refused(customer.token(), purchase(key="other"))).reason == reasons.REASON_MAINTENANCE
    await generator.pause(paused=False)
    alpha.configured = beta.configured = False
    (again,) = await generator.submit_all(customer.token(), purchase(key="k"))
    assert (again.replayed, again.job) == (True, first)
    assert (await generator.refused(customer.token(), purchase())).reason == reasons.REASON_MODEL_UNAVAILABLE
    mismatch = await generator.refused(customer.token(), purchase(draw(prompt="another"), key="k"))
    assert mismatch.reason == reasons.REASON_IDEMPOTENCY_MISMATCH
