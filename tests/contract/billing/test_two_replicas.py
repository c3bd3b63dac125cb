"""Two replicas on one database under 64 clients: no money is made or lost, nothing is charged twice."""

import asyncio
import random

from gesso.billing.v1 import billing_pb2 as pb
from servicekit.faults import Fault

from .client import Billing, Replica, admission, reasons, request_id, settlement

_CLIENTS = 64
_ROUNDS = 8
_GRANT_MICROS = 20_000


async def test_sixty_four_clients_on_two_replicas_leave_the_books_right(replica: Replica) -> None:
    async with replica() as one, replica() as other:
        hot = await one.account(grant_micros=_GRANT_MICROS)
        bounded = await one.account(grant_micros=_GRANT_MICROS)
        await one.budget(bounded.id, 5_000)
        captured = await asyncio.gather(
            *(_client(random.Random(seed), (one, other), (hot.id, bounded.id)) for seed in range(_CLIENTS))
        )

        assert await one.breaches() == []
        spent = {account: sum(each[account] for each in captured) for account in (hot.id, bounded.id)}
        for account_id, micros in spent.items():
            balance = await other.balance(account_id)
            assert (balance.posted_micros, balance.held_micros) == (_GRANT_MICROS - micros, 0)
        assert 0 < spent[bounded.id] <= 5_000
        assert spent[hot.id] > 0


async def _client(
    chance: random.Random, replicas: tuple[Billing, Billing], accounts: tuple[str, str]
) -> dict[str, int]:
    """Place holds and end them, each call at both replicas at once or at either; returns what was captured by account."""
    captured = dict.fromkeys(accounts, 0)
    for _ in range(_ROUNDS):
        holds = [admission(chance.choice(accounts), chance.randrange(50, 400)) for _ in range(chance.randrange(1, 4))]
        placed = [
            next((result for result in results if not isinstance(result, Fault)), results[0])
            for results in zip(
                *await asyncio.gather(*(each.admit(*holds) for each in _some(chance, replicas))), strict=True
            )
        ]
        ends = [settlement(hold, chance.randrange(0, hold.amount_micros + 1)) for hold in holds]
        settled, *others = await asyncio.gather(*(each.settle(*ends) for each in _some(chance, replicas)))
        assert all(reasons(answer) == reasons(settled) for answer in others)
        for hold, end, admitted, ended in zip(holds, ends, placed, settled, strict=True):
            if isinstance(admitted, Fault):
                assert admitted.reason_name in {"INSUFFICIENT_FUNDS", "BUDGET_EXCEEDED"}
                assert not end.capture_micros or isinstance(ended, Fault)
            else:
                assert not isinstance(ended, Fault)
                captured[hold.account_id] += end.capture_micros
    return captured


def _some(chance: random.Random, replicas: tuple[Billing, Billing]) -> tuple[Billing, ...]:
    """One of the replicas, or both: a hold that one of them refuses the other may place a moment later."""
    return replicas if chance.random() < 0.3 else (chance.choice(replicas),)


async def test_one_grant_sent_to_both_replicas_at_once_is_booked_once(replica: Replica) -> None:
    async with replica() as one, replica() as other:
        account = await one.account()
        for _ in range(10):
            grant = pb.GrantCreditsRequest(request_id=request_id(), account_id=account.id, amount_micros=7)
            await asyncio.gather(*(each.link.call(each.ledger.GrantCredits, grant) for each in (one, other, one)))
        assert (await one.balance(account.id)).posted_micros == 70
        assert await one.breaches() == []


async def test_one_account_created_at_both_replicas_at_once_is_one(replica: Replica) -> None:
    async with replica() as one, replica() as other:
        request = pb.CreateAccountRequest(request_id=request_id(), name="Ada", plan="pro", grant_micros=5)
        made = await asyncio.gather(
            *(each.link.call(each.accounts.CreateAccount, request) for each in (one, other) * 4)
        )
        assert len({account.id for account in made}) == 1
        assert (await one.balance(made[0].id)).posted_micros == 5
