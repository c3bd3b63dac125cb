"""Whatever the sequence of operations, the ledger answers as a small model does and its books stay right."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing.app import running
from billing.config import Config
from gesso.billing.v1 import billing_pb2 as pb
from servicekit.faults import Fault
from servicekit.ids import derived_id
from servicekit.settings import load
from testkit.database import Database
from testkit.identities import SHARED_ENVIRONMENT, TOKENS, link_as

from .client import Billing, admission, request_id, settlement
from .model import Model

_NAMES = st.sampled_from("abcdef")
_AMOUNTS = st.integers(0, 60)
_PAIRS = st.lists(st.tuples(_NAMES, _AMOUNTS), min_size=1, max_size=6)
_OPERATIONS = st.one_of(
    st.tuples(st.just("admit"), _PAIRS),
    st.tuples(st.just("settle"), _PAIRS),
    st.tuples(st.just("refund"), st.lists(st.tuples(_NAMES, st.integers(1, 60)), min_size=1, max_size=1)),
    st.tuples(st.just("grant"), st.lists(st.tuples(_NAMES, st.integers(1, 100)), min_size=1, max_size=1)),
)


@pytest.fixture(scope="module")
async def shared(module_database: Database, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Billing]:
    folder: Path = tmp_path_factory.mktemp("billing")
    environment = {
        **SHARED_ENVIRONMENT,
        "GESSO_BILLING_LISTEN": f"unix:{folder}/billing.sock",
        "GESSO_BILLING_DATABASE_URL": module_database.url("billing"),
        "GESSO_BILLING_TOKEN": TOKENS["billing"],
    }
    async with running(load(Config, environment)) as address, link_as("operator", address) as link:
        yield Billing(link, address)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(operations=st.lists(_OPERATIONS, min_size=1, max_size=12))
async def test_the_ledger_answers_as_the_model(
    shared: Billing, operations: list[tuple[str, list[tuple[str, int]]]]
) -> None:
    account = await shared.account(grant_micros=100)
    model = Model(posted=100)

    for kind, pairs in operations:
        expected = [_modelled(model, kind, name, amount) for name, amount in pairs]
        assert await _performed(shared, account.id, kind, pairs) == expected

    balance = await shared.balance(account.id)
    assert (balance.posted_micros, balance.held_micros) == (model.posted, model.held)
    assert await shared.breaches() == []


def _modelled(model: Model, kind: str, name: str, amount: int) -> int | str:
    match kind:
        case "admit":
            return model.admit(name, amount)
        case "settle":
            return model.settle(name, amount)
        case "refund":
            return model.refund(name, amount)
        case _:
            return model.grant(amount)


async def _performed(billing: Billing, account_id: str, kind: str, pairs: list[tuple[str, int]]) -> list[int | str]:
    holds = [admission(account_id, amount, hold_id=derived_id("hold", account_id, name)) for name, amount in pairs]
    try:
        match kind:
            case "admit":
                return _answers(await billing.admit(*holds))
            case "settle":
                return _answers(await billing.settle(*(settlement(hold, hold.amount_micros) for hold in holds)))
            case "refund":
                refund = pb.RefundRequest(
                    request_id=request_id(),
                    account_id=account_id,
                    hold_id=holds[0].hold_id,
                    amount_micros=holds[0].amount_micros,
                )
                refunded = await billing.link.call(billing.ledger.Refund, refund)
                return [refunded.balance.available_micros]
            case _:
                grant = pb.GrantCreditsRequest(
                    request_id=request_id(), account_id=account_id, amount_micros=holds[0].amount_micros
                )
                return [(await billing.link.call(billing.ledger.GrantCredits, grant)).available_micros]
    except Fault as fault:
        return [fault.reason_name]


def _answers(results: list[int | Fault]) -> list[int | str]:
    return [result.reason_name if isinstance(result, Fault) else result for result in results]
