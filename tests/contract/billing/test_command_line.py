"""The operator's commands about accounts, over billing's own socket."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from embedded.layout import State, make, save
from testkit.identities import TOKENS

from .client import Billing

pytestmark = pytest.mark.timeout(60)


class Commands:
    """`gesso` in a state folder that knows of one billing service."""

    def __init__(self, home: Path) -> None:
        self._home = home

    async def run(self, *words: str) -> Any:
        """What a command prints, as JSON."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "cli.main", *words, "--json"),
            env={"GESSO_HOME": str(self._home)},
            stdout=asyncio.subprocess.PIPE,
        )
        output, _ = await process.communicate()
        assert process.returncode == 0
        return json.loads(output)


@pytest.fixture
def gesso(billing: Billing, tmp_path: Path) -> Commands:
    home = tmp_path / "home"
    save(make(home), State({"operator_token": TOKENS["operator"]}, addresses={"billing": billing.address}))
    return Commands(home)


async def test_address_policy_and_subscription_are_set_shown_and_taken_back(gesso: Commands, billing: Billing) -> None:
    made = await gesso.run("accounts", "create", "--name", "Ada", "--plan", "pro", "--email", "ada@example.com")
    account = made["account_id"]
    shown = await gesso.run("accounts", "show", account)
    assert (shown["email"], shown["subscription"], shown["storage_mb"]) == ("ada@example.com", "active", 10_240)
    assert (shown["safety"], shown["preferences"]) == ({}, {})

    changes = ("--safety", "violence=off", "--safety", "persons=flag", "--subscription", "inactive", "--email", "a@b.c")
    changed = await gesso.run("accounts", "set", account, *changes)
    assert changed["safety"] == {"violence": "off", "persons": "flag"}
    assert (changed["subscription"], changed["email"]) == ("inactive", "a@b.c")

    lifted = await gesso.run("accounts", "set", account, "--safety", "violence=default", "--email", "")
    assert (lifted["safety"], lifted["email"]) == ({"persons": "flag"}, "")
    assert await gesso.run("accounts", "show", account) == lifted


async def test_an_account_that_is_made_twice_by_one_request_id_has_the_same_key(gesso: Commands) -> None:
    words = ("accounts", "create", "--name", "Ada", "--request-id", "once")
    assert await gesso.run(*words) == await gesso.run(*words)
