"""Holds over gRPC: admitted, settled, refunded, repeated; refused in the words of their reasons."""

import pytest

from gesso.billing.v1 import billing_pb2 as pb
from servicekit.faults import Fault
from servicekit.ids import new_id
from testkit.identities import link_as

from .client import Billing, admission, reasons, request_id, settlement


async def test_a_hold_reduces_what_is_available_and_a_capture_what_is_posted(billing: Billing) -> None:
    account = await billing.account(grant_micros=1_000)
    hold = admission(account.id, 400)

    assert await billing.admit(hold) == [600]
    balance = await billing.balance(account.id)
    assert (balance.posted_micros, balance.held_micros, balance.available_micros) == (1_000, 400, 600)

    assert await billing.settle(settlement(hold, 150)) == [850]
    balance = await billing.balance(account.id)
    assert (balance.posted_micros, balance.held_micros, balance.available_micros) == (850, 0, 850)
    ended = await billing.hold(account.id, hold.hold_id)
    assert (ended.state, ended.captured_micros) == (pb.Hold.STATE_CAPTURED, 150)
    assert await billing.breaches() == []


async def test_the_same_hold_again_is_the_same_answer_and_another_amount_a_conflict(billing: Billing) -> None:
    account = await billing.account(grant_micros=1_000)
    hold = admission(account.id, 400)
    other = admission(account.id, 401, hold_id=hold.hold_id)

    assert await billing.admit(hold, hold) == [600, 600]
    assert await billing.admit(hold) == [600]
    assert reasons(await billing.admit(other, hold)) == ["CONFLICT", "OK"]
    assert (await billing.balance(account.id)).held_micros == 400


async def test_a_repeat_in_one_batch_with_a_new_hold_leaves_the_new_one_whole(billing: Billing) -> None:
    account = await billing.account(grant_micros=1_000)
    hold, fresh = admission(account.id, 600), admission(account.id, 400)
    await billing.admit(hold)

    assert await billing.admit(hold, fresh) == [400, 0]


async def test_the_same_settlement_again_is_the_same_answer_and_another_amount_a_conflict(billing: Billing) -> None:
    account = await billing.account(grant_micros=1_000)
    hold = admission(account.id, 400)
    await billing.admit(hold)

    assert await billing.settle(settlement(hold, 100), settlement(hold, 100)) == [900, 900]
    assert await billing.settle(settlement(hold, 100)) == [900]
    assert reasons(await billing.settle(settlement(hold, 0))) == ["CONFLICT"]
    assert (await billing.balance(account.id)).posted_micros == 900
    assert await billing.breaches() == []


async def test_no_more_than_was_held_is_captured(billing: Billing) -> None:
    account = await billing.account(grant_micros=1_000)
    hold = admission(account.id, 400)
    await billing.admit(hold)

    assert reasons(await billing.settle(settlement(hold, 401))) == ["CONFLICT"]
    assert (await billing.balance(account.id)).held_micros == 400


async def test_releasing_an_unknown_hold_leaves_a_tombstone_that_stops_it(billing: Billing) -> None:
    account = await billing.account(grant_micros=1_000)
    late = admission(account.id, 400)

    assert await billing.settle(settlement(late, 0), settlement(late, 0)) == [1_000, 1_000]
    assert reasons(await billing.admit(late)) == ["CONFLICT"]
    assert await billing.settle(settlement(late, 0)) == [1_000]
    assert (await billing.hold(account.id, late.hold_id)).state == pb.Hold.STATE_RELEASED
    assert await billing.breaches() == []


async def test_capturing_an_unknown_hold_is_not_found(billing: Billing) -> None:
    account = await billing.account(grant_micros=1_000)
    assert reasons(await billing.settle(settlement(admission(account.id, 1), 1))) == ["NOT_FOUND"]


async def test_an_ended_hold_is_not_placed_again(billing: Billing) -> None:
    account = await billing.account(grant_micros=1_000)
    hold = admission(account.id, 400)
    await billing.admit(hold)
    await billing.settle(settlement(hold, 400))

    assert reasons(await billing.admit(hold)) == ["CONFLICT"]


async def test_another_accounts_hold_is_neither_settled_nor_shown(billing: Billing) -> None:
    mine, other = await billing.account(grant_micros=1_000), await billing.account(grant_micros=1_000)
    hold = admission(mine.id, 400)
    await billing.admit(hold)
    stolen = pb.SettleRequest.Settlement(hold_id=hold.hold_id, account_id=other.id, capture_micros=0, job_id="job")

    assert reasons(await billing.settle(stolen)) == ["NOT_FOUND"]
    assert reasons(await billing.admit(admission(other.id, 400, hold_id=hold.hold_id))) == ["CONFLICT"]
    with pytest.raises(Fault, match="No hold"):
        await billing.hold(other.id, hold.hold_id)


async def test_insufficient_funds_name_what_is_needed_and_what_there_is(billing: Billing) -> None:
    account = await billing.account(grant_micros=500)
    fits, too_much = admission(account.id, 300), admission(account.id, 201)

    left, refused = await billing.admit(fits, too_much)

    assert left == 200
    assert isinstance(refused, Fault)
    assert refused.reason_name == "INSUFFICIENT_FUNDS"
    assert refused.details == {"required_micros": "201", "available_micros": "200"}
    assert (await billing.balance(account.id)).held_micros == 300


async def test_each_item_of_a_batch_has_its_own_fault(billing: Billing) -> None:
    account = await billing.account(grant_micros=500)
    results = await billing.admit(
        admission(account.id, 100),
        admission(account.id, -1),
        admission(new_id("acct"), 1),
        admission("acct\x00", 1),
        admission(account.id, 1, hold_id="hold_7"),
        admission(account.id, 400),
    )
    assert reasons(results) == ["OK", "INVALID_FIELD", "NOT_FOUND", "NOT_FOUND", "INVALID_FIELD", "OK"]


async def test_a_hold_of_nothing_may_stand_on_an_empty_wallet(billing: Billing) -> None:
    account = await billing.account()
    hold = admission(account.id, 0)

    assert await billing.admit(hold) == [0]
    assert await billing.settle(settlement(hold, 0)) == [0]
    assert (await billing.hold(account.id, hold.hold_id)).state == pb.Hold.STATE_RELEASED


@pytest.mark.parametrize(
    ("state", "reason"),
    [(pb.ACCOUNT_STATE_SUSPENDED, "ACCOUNT_SUSPENDED"), (pb.ACCOUNT_STATE_CLOSED, "ACCOUNT_CLOSED")],
)
async def test_an_account_that_is_not_active_holds_nothing_new_but_settles_what_it_held(
    billing: Billing, state: pb.AccountState.ValueType, reason: str
) -> None:
    account = await billing.account(grant_micros=1_000)
    hold = admission(account.id, 400)
    await billing.admit(hold)
    await billing.update(pb.UpdateAccountRequest(account_id=account.id, state=state))

    assert reasons(await billing.admit(admission(account.id, 1))) == [reason]
    assert await billing.settle(settlement(hold, 400)) == [600]


async def test_refunds_give_back_no_more_than_was_captured(billing: Billing) -> None:
    account = await billing.account(grant_micros=1_000)
    hold = admission(account.id, 400)
    await billing.admit(hold)
    await billing.settle(settlement(hold, 300))

    def refund(amount_micros: int) -> pb.RefundRequest:
        return pb.RefundRequest(
            request_id=request_id(),
            account_id=account.id,
            hold_id=hold.hold_id,
            amount_micros=amount_micros,
            cause="our fault",
        )

    first = refund(100)
    for _ in range(2):
        refunded = await billing.link.call(billing.ledger.Refund, first)
        assert (refunded.refunded_micros, refunded.balance.posted_micros) == (100, 800)
    refunded = await billing.link.call(billing.ledger.Refund, refund(200))
    assert (refunded.refunded_micros, refunded.balance.posted_micros) == (300, 1_000)
    with pytest.raises(Fault, match="0 micros"):
        await billing.link.call(billing.ledger.Refund, refund(1))
    assert await billing.breaches() == []


async def test_a_grant_is_made_once_and_its_request_id_bound_to_its_contents(billing: Billing) -> None:
    account = await billing.account()
    grant = pb.GrantCreditsRequest(request_id=request_id(), account_id=account.id, amount_micros=50, cause="gift")

    for _ in range(2):
        assert (await billing.link.call(billing.ledger.GrantCredits, grant)).posted_micros == 50
    grant.amount_micros = 51
    with pytest.raises(Fault, match="request_id") as refused:
        await billing.link.call(billing.ledger.GrantCredits, grant)
    assert refused.value.reason_name == "CONFLICT"


async def test_holds_are_listed_oldest_first_page_by_page(billing: Billing) -> None:
    account = await billing.account(grant_micros=1_000)
    holds = [admission(account.id, 1) for _ in range(5)]
    for hold in holds:
        await billing.admit(hold)
    await billing.settle(settlement(holds[0], 1))

    async def listed(request: pb.ListHoldsRequest) -> list[str]:
        ids: list[str] = []
        while True:
            page = await billing.link.call(billing.ledger.ListHolds, request)
            ids += [hold.id for hold in page.holds]
            if not page.next_page_token:
                return ids
            request.page_token = page.next_page_token

    ids = [hold.hold_id for hold in holds]
    assert await listed(pb.ListHoldsRequest(page_size=2)) == ids
    assert await listed(pb.ListHoldsRequest(page_size=3, state=pb.Hold.STATE_OPEN, account_id=account.id)) == ids[1:]
    assert await listed(pb.ListHoldsRequest(state=pb.Hold.STATE_CAPTURED)) == ids[:1]


async def test_only_holds_past_their_review_are_listed_as_such(billing: Billing) -> None:
    account = await billing.account(grant_micros=1_000)
    due, later = admission(account.id, 1, review_in_seconds=-10), admission(account.id, 1)
    await billing.admit(due, later)
    request = pb.ListHoldsRequest(state=pb.Hold.STATE_OPEN)
    request.review_before.GetCurrentTime()

    page = await billing.link.call(billing.ledger.ListHolds, request)

    assert [hold.id for hold in page.holds] == [due.hold_id]


async def test_the_edge_may_not_move_money(billing: Billing) -> None:
    async with link_as("gateway", billing.address) as edge:
        with pytest.raises(Fault) as refused:
            await Billing(edge, billing.address).admit()
    assert refused.value.reason_name == "FORBIDDEN"
