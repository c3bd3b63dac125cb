"""What an account prefers and what its prompts meet is changed by rule, one thing at a time."""

import datetime

import pytest

from billing.accounts import Account, AccountState, Change, actions, changed, new_account
from billing.plans import load
from billing.preferences import Preferences
from servicekit.faults import Conflict, InvalidField

PRO = load().plan("pro")
NOW = datetime.datetime(2026, 5, 1, tzinfo=datetime.UTC)


def account() -> Account:
    return new_account("Ada", PRO, "ada@example.com", NOW)


def test_only_preferences_that_are_named_change() -> None:
    first = changed(account(), Change(preferences=Preferences(default_size="512x768", nsfw_filter=False)), PRO, NOW)
    second = changed(first, Change(preferences=Preferences(nsfw_filter=True, default_model="flux-pro")), PRO, NOW)
    assert second.preferences == Preferences("flux-pro", "512x768", nsfw_filter=True)


@pytest.mark.parametrize(("nsfw_filter", "expected"), [(None, False), (True, False), (False, True)])
def test_only_a_filter_that_is_turned_off_asks_for_fewer_rules(nsfw_filter: bool | None, expected: bool) -> None:
    assert Preferences(nsfw_filter=nsfw_filter).relaxes_safety is expected


@pytest.mark.parametrize("size", ["64x64", "2048x2048", "512x1024", "72x80"])
def test_a_size_within_bounds_is_taken(size: str) -> None:
    wanted = Preferences(default_size=size)
    assert changed(account(), Change(preferences=wanted), PRO, NOW).preferences == wanted


@pytest.mark.parametrize(
    "size",
    [
        "",
        "512",
        "512x",
        "56x64",
        "2056x64",
        "513x512",
        "512X512",
        "0512x512",
        "512x512x1",
        " 512x512",
        "\u0665\u0661\u0662x512",
    ],
)
def test_another_size_is_refused_by_name(size: str) -> None:
    with pytest.raises(InvalidField) as refused:
        changed(account(), Change(preferences=Preferences(default_size=size)), PRO, NOW)
    assert refused.value.details == {"field": "preferences.default_size"}


@pytest.mark.parametrize("model", ["", " ", "m" * 201, "a\nb"])
def test_a_model_is_one_to_200_characters(model: str) -> None:
    with pytest.raises(InvalidField) as refused:
        changed(account(), Change(preferences=Preferences(default_model=model)), PRO, NOW)
    assert refused.value.details == {"field": "preferences.default_model"}


def test_a_policy_is_set_by_group_and_an_empty_mode_gives_the_group_back() -> None:
    first = changed(account(), Change(set_safety={"violence": "off", "persons": "flag"}), PRO, NOW)
    second = changed(first, Change(set_safety={"violence": "", "sexual": "block", "unknown": ""}), PRO, NOW)
    assert second.safety == {"persons": "flag", "sexual": "block"}


@pytest.mark.parametrize(
    "policy",
    [{"violence": "allow"}, {"Violence": "off"}, {"": "off"}, {"x" * 51: "off"}, {f"g{i}": "off" for i in range(101)}],
)
def test_a_policy_of_another_form_is_refused(policy: dict[str, str]) -> None:
    with pytest.raises(InvalidField, match=r"safety|policy|group"):
        changed(account(), Change(set_safety=policy), PRO, NOW)


@pytest.mark.parametrize(
    "email", ["ada", "@example.com", "ada@", "a b@example.com", "ada@x\x00y", "a@b@c", "a" * 65 + "@b"]
)
def test_an_address_of_another_form_is_refused(email: str) -> None:
    with pytest.raises(InvalidField, match="email"):
        changed(account(), Change(email=email), PRO, NOW)


def test_an_empty_address_removes_it_and_none_leaves_it() -> None:
    assert changed(account(), Change(), PRO, NOW).email == "ada@example.com"
    assert changed(account(), Change(email=""), PRO, NOW).email == ""


@pytest.mark.parametrize(
    "change",
    [Change(email="a@b"), Change(set_safety={"violence": "off"}), Change(preferences=Preferences(nsfw_filter=True))],
)
def test_a_closed_account_stays_as_it_is(change: Change) -> None:
    closed = changed(account(), Change(state=AccountState.CLOSED), PRO, NOW)
    with pytest.raises(Conflict):
        changed(closed, change, PRO, NOW)


def test_the_audit_tells_what_was_changed_but_no_persons_address() -> None:
    before = account()
    wanted = Change(email="grace@example.com", set_safety={"violence": "off"}, preferences=Preferences("sketch"))
    assert dict(actions(before, changed(before, wanted, PRO, NOW))) == {
        "account.email_changed": {},
        "account.preferences_changed": {"from": {}, "to": {"default_model": "sketch"}},
        "account.safety_changed": {"from": {}, "to": {"violence": "off"}},
    }
