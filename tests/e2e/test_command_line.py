"""Every command of the command line does its work on the running platform and prints one JSON value when asked."""

import re
from pathlib import Path

import pytest
from PIL import Image

from servicekit.version import VERSION
from testkit.platform import MODEL, Account, PlatformUnderTest
from testkit.upstreams.openai import OpenAIUpstream


def key_of(account: Account) -> dict[str, str]:
    return {"GESSO_API_KEY": account.api_key}


async def test_an_account_is_made_shown_changed_and_granted_credit(platform: PlatformUnderTest) -> None:
    made = await platform.gesso("accounts", "create", "--name", "Ada", "--plan", "pro", "--balance-usd", "12.5")
    assert made.status == 0, made.errors
    assert set(made.json) == {"account_id", "api_key"}
    account_id = made.json["account_id"]

    shown = (await platform.gesso("accounts", "show", account_id, "--json")).json
    assert (shown["name"], shown["plan"], shown["state"]) == ("Ada", "pro", "active")
    assert (shown["balance_usd"], shown["held_usd"], shown["available_usd"]) == (12.5, 0, 12.5)

    changed = (await platform.gesso("accounts", "set", account_id, "--plan", "starter", "--json")).json
    assert changed["plan"] == "starter"
    limited = await platform.gesso("accounts", "set", account_id, "--limit", "imagegen.minute=600", "--json")
    assert limited.json["limits"] == {"imagegen.minute": 600}
    lifted = await platform.gesso("accounts", "set", account_id, "--limit", "imagegen.minute=default", "--json")
    assert lifted.json["limits"] == {}

    granted = (await platform.gesso("credits", "grant", account_id, "--usd", "7.5", "--json")).json
    assert granted["balance_usd"] == 20
    listed = (await platform.gesso("accounts", "list", "--json")).json
    assert account_id in {account["account_id"] for account in listed}


async def test_what_is_made_or_granted_by_a_request_id_is_done_once(platform: PlatformUnderTest) -> None:
    words = ("accounts", "create", "--name", "Once", "--balance-usd", "1", "--request-id", "once", "--json")
    first, second = (await platform.gesso(*words)).json, (await platform.gesso(*words)).json
    assert first["account_id"] == second["account_id"]
    grant = ("credits", "grant", first["account_id"], "--usd", "2", "--request-id", "once-more", "--json")
    assert [(await platform.gesso(*grant)).json["balance_usd"] for _ in range(2)] == [3, 3]


async def test_keys_are_made_listed_masked_and_revoked(platform: PlatformUnderTest, account: Account) -> None:
    made = (await platform.gesso("keys", "create", account.id, "--name", "ci", "--json")).json
    assert (made["account_id"], made["name"]) == (account.id, "ci")
    listed = (await platform.gesso("keys", "list", account.id, "--json")).json
    assert {key["name"] for key in listed} == {"first", "ci"}
    assert made["api_key"] not in str(listed)
    revoked = (await platform.gesso("keys", "revoke", made["id"], "--json")).json
    assert (revoked["id"], revoked["state"]) == (made["id"], "revoked")
    found = (await platform.gesso("keys", "revoke", account.api_key, "--json")).json
    assert (found["name"], found["state"]) == ("first", "revoked")
    again = await platform.gesso("keys", "revoke", account.api_key, "--json")
    assert again.json == found
    unknown = await platform.gesso("keys", "revoke", "sk-nobodys")
    assert (unknown.status, "sha256:" in unknown.errors) == (1, True), unknown.errors


@pytest.mark.parametrize("state", ["suspended", "closed"])
async def test_a_key_that_is_found_is_revoked_whatever_the_state_of_its_account(
    platform: PlatformUnderTest, account: Account, state: str
) -> None:
    await platform.gesso("accounts", "set", account.id, "--state", state)
    revoked = await platform.gesso("keys", "revoke", account.api_key, "--json")
    assert (revoked.status, revoked.json["state"]) == (0, "revoked"), revoked.errors


async def test_models_are_listed(platform: PlatformUnderTest, account: Account) -> None:
    listed = (await platform.gesso("models", "--json", environment=key_of(account))).json
    assert {"sketch", MODEL} <= {model["id"] for model in listed}
    served = {model["id"]: (model["status"], model["providers"], model["missing"]) for model in listed}
    assert served["sketch"] == ("active", ["sketch"], [])
    assert served[MODEL] == ("active", ["openai"], [])
    assert served["ideogram-v3"] == ("unavailable", [], ["IDEOGRAM_API_KEY", "FAL_KEY"])
    as_text = await platform.gesso("models", environment=key_of(account))
    assert re.search(r"^sketch\s", as_text.output, re.MULTILINE)


async def test_pictures_are_drawn_and_saved(platform: PlatformUnderTest, account: Account, tmp_path: Path) -> None:
    drawn = await platform.gesso(
        *("generate", "A red fox", "-m", "sketch", "-o", "fox.webp", "-n", "2", "--size", "320x200", "--json"),
        environment=key_of(account),
        folder=tmp_path,
    )
    assert drawn.status == 0, drawn.errors
    assert (drawn.json["provider"], drawn.json["cost_usd"]) == ("sketch", 0.004)
    assert drawn.json["files"] == ["fox-1.webp", "fox-2.webp"]
    for name in drawn.json["files"]:
        with Image.open(tmp_path / name) as picture:
            assert (picture.format, picture.size) == ("WEBP", (320, 200))


async def test_a_job_is_shown_and_watched(
    platform: PlatformUnderTest, account: Account, upstream: OpenAIUpstream
) -> None:
    accepted = await platform.generate(
        account,
        {"model": MODEL, "prompt": "[[slow:1]] a tower", "size": "1024x1024"},
        headers={"Prefer": "respond-async"},
    )
    job_id = accepted.json["id"]
    watched = (await platform.gesso("jobs", "watch", job_id, "--json")).json
    assert (watched["job_id"], watched["state"]) == (job_id, "succeeded")
    shown = (await platform.gesso("jobs", "show", job_id, "--json")).json
    assert shown == watched
    assert (shown["account_id"], shown["dialect"]) == (account.id, "openai")
    task = shown["tasks"][0]
    assert (task["state"], task["provider"], task["upstream_model"], task["attempts"]) == ("kept", "openai", MODEL, 1)
    refused = await platform.gesso("jobs", "cancel", job_id, "--json")
    assert refused.status == 1
    assert "ended" in refused.errors


async def test_a_job_is_found_by_every_name_that_an_api_gives_it(platform: PlatformUnderTest, account: Account) -> None:
    drawn = await platform.generate(account, {"model": "sketch", "prompt": "A fox", "size": "64x64"})
    job_id = drawn.headers["X-Gesso-Job-Id"]
    by_view = await platform.gesso("jobs", "show", job_id.replace("job_", "gen_"), "--json")
    assert by_view.json["job_id"] == job_id
    unknown = await platform.gesso("jobs", "show", "999999999999")
    assert unknown.status == 1
    assert re.fullmatch(r"gesso: .+\n", unknown.errors)


async def test_a_job_that_delivered_nothing_is_shown_and_fails_its_watch(
    platform: PlatformUnderTest, account: Account
) -> None:
    refused = await platform.generate(account, {"model": MODEL, "prompt": "[[refusal]] a ruin", "size": "1024x1024"})
    watched = await platform.gesso("jobs", "watch", refused.headers["X-Gesso-Job-Id"], "--json")
    assert (watched.status, watched.json["state"]) == (1, "failed")
    assert "failed" in watched.errors


async def test_the_ledger_is_verified(platform: PlatformUnderTest, account: Account) -> None:
    await platform.generate(account, {"model": "sketch", "prompt": "A fox", "size": "64x64"})
    report = await platform.verify()
    assert (report["ok"], report["breaches"]) == (True, [])
    assert min(report[name] for name in ("accounts", "entries", "holds", "jobs", "images")) >= 1


async def test_the_engines_are_installed(platform: PlatformUnderTest) -> None:
    installed = await platform.gesso("engines", "install", "--json")
    assert installed.status == 0, installed.errors
    assert installed.json["drawings"] > 1000


async def test_the_operators_commands_work_from_afar_with_the_operators_token(
    platform: PlatformUnderTest, account: Account, tmp_path: Path
) -> None:
    afar = {"GESSO_HOME": str(tmp_path), "GESSO_URL": platform.url}
    token = {"GESSO_ADMIN_TOKEN": platform.state.secrets["operator_token"]}
    shown = await platform.gesso("accounts", "show", account.id, "--json", environment={**afar, **token})
    assert shown.json["account_id"] == account.id
    verified = await platform.gesso("ledger", "verify", "--json", environment={**afar, **token})
    assert verified.json["ok"] is True
    without = await platform.gesso("accounts", "show", account.id, environment=afar)
    wrong = await platform.gesso("accounts", "list", environment={**afar, "GESSO_ADMIN_TOKEN": "guessed"})
    assert (without.status, wrong.status) == (1, 1)
    assert "GESSO_ADMIN_TOKEN" in without.errors
    listed = await platform.gesso("models", "--json", environment={**afar, **key_of(account)})
    assert "sketch" in {model["id"] for model in listed.json}
    assert not any("providers" in model for model in listed.json)
    told = await platform.gesso("models", "--json", environment={**afar, **key_of(account), **token})
    assert {"sketch"} in [set(model["providers"]) for model in told.json]


async def test_a_command_that_fails_says_why_on_one_line(platform: PlatformUnderTest, tmp_path: Path) -> None:
    for words in (
        ("accounts", "show", "acct_nobody"),
        ("jobs", "show", "job_nothing"),
        ("keys", "revoke", "key_nothing"),
        ("generate", "A fox", "-o", "fox.bmp"),
    ):
        ended = await platform.gesso(*words)
        assert ended.status == 1
        assert re.fullmatch(r"gesso: .+\n", ended.errors), ended.errors
    elsewhere = await platform.gesso("accounts", "list", environment={"GESSO_HOME": str(tmp_path)})
    assert elsewhere.status == 1
    assert "make run" in elsewhere.errors


async def test_json_is_asked_for_before_between_or_after_a_commands_words(
    platform: PlatformUnderTest, account: Account
) -> None:
    words = ("accounts", "show", account.id)
    answers = [await platform.gesso(*words[:at], "--json", *words[at:]) for at in range(4)]
    assert [answer.json["account_id"] for answer in answers] == [account.id] * 4


async def test_waiting_for_a_picture_leaves_an_accounts_limit_alone(
    platform: PlatformUnderTest, tmp_path: Path
) -> None:
    account = await platform.account()
    await platform.gesso("accounts", "set", account.id, "--limit", "openai.minute=8")
    drawn = await platform.gesso(
        *("generate", "[[slow:4]] a tower", "-m", MODEL, "-o", "tower.png", "--size", "1024x1024", "--json"),
        environment=key_of(account),
        folder=tmp_path,
    )
    assert drawn.status == 0, drawn.errors


async def test_the_version_is_told(platform: PlatformUnderTest) -> None:
    assert (await platform.gesso("--version")).output == f"gesso {VERSION}\n"
