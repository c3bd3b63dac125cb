"""A vendor is told one end user from another, and never who they are."""

import re

from gesso.generator.v1.generator_pb2 import Purchase

from .house import Generator, House, ended
from .purchases import Customer, draw, purchase
from .scripted import Scripted


def _by(end_user: str) -> Purchase:
    bought = purchase(draw())
    if end_user:
        bought.draws[0].options["safety_identifier"] = end_user
    return bought


async def test_end_users_are_told_apart_by_a_hash_alone(
    house: House, generator: Generator, customer: Customer, alpha: Scripted
) -> None:
    for end_user in ("ada@example.com", "ada@example.com", "bob", ""):
        job = await generator.submit(customer.token(), _by(end_user))
        await ended(generator, customer.token(), job.id)
    ada, again, bob, account = (order.options["safety_identifier"] for order in alpha.orders)
    assert ada == again
    assert len({ada, bob, account}) == 3
    assert all(re.fullmatch("[0-9a-f]{64}", name) for name in (ada, bob, account))
