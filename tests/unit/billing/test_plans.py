"""The plan table says what the contract and the API documents say."""

from pathlib import Path

import pytest

from billing.plans import Limits, Window, load
from servicekit.faults import InvalidField

MINUTE, HOUR, DAY = Window.MINUTE, Window.HOUR, Window.DAY
PLANS = load()


@pytest.mark.parametrize(
    ("dialect", "plan", "expected"),
    [
        ("bigapi", "free", {MINUTE: 10, HOUR: 100, DAY: 500}),
        ("bigapi", "starter", {MINUTE: 60, HOUR: 1_000, DAY: 10_000}),
        ("bigapi", "basic", {MINUTE: 60, HOUR: 1_000, DAY: 10_000}),
        ("bigapi", "standard", {MINUTE: 60, HOUR: 1_000, DAY: 10_000}),
        ("bigapi", "pro", {MINUTE: 120, HOUR: 5_000, DAY: 50_000}),
        ("imagegen", "free", {MINUTE: 10, HOUR: 100, DAY: 1_000}),
        ("imagegen", "starter", {MINUTE: 60, HOUR: 1_000, DAY: 10_000}),
        ("opscenter", "pro", {MINUTE: 300, HOUR: 5_000, DAY: 50_000}),
        ("openai", "standard", {MINUTE: 60, HOUR: 1_000, DAY: 10_000}),
        ("pixeldojo", "free", {MINUTE: 60}),
        ("pixeldojo", "standard", {MINUTE: 60}),
        ("pixeldojo", "enterprise", {MINUTE: 60}),
        ("imagegen", "enterprise", {}),
        ("bigapi", "vip_founder", {}),
        ("productai", "pro", {}),
    ],
)
def test_a_dialects_table_limits_each_plan(dialect: str, plan: str, expected: Limits) -> None:
    assert PLANS.limits_of(plan, {}, dialect) == expected


@pytest.mark.parametrize(
    ("percent", "plans"),
    [(50, {"free"}), (20, {"starter", "basic", "standard", "pro"}), (0, {"enterprise", "vip_founder"})],
)
def test_each_plan_has_its_markup(percent: int, plans: set[str]) -> None:
    assert {plan.name for plan in PLANS.by_name.values() if plan.markup_percent == percent} == plans


def test_only_free_has_no_subscription() -> None:
    assert [plan.name for plan in PLANS.by_name.values() if not plan.subscription] == ["free"]


@pytest.mark.parametrize("text", ["", "[plans]", "plans = 1", "[plans.free]\nsubscription = true", "no toml"])
def test_a_file_that_makes_no_sense_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "plans.toml").write_text(text)
    with pytest.raises(ValueError):  # noqa: PT011 - what the settings take for a value that cannot be read
        load(tmp_path / "plans.toml")
    with pytest.raises(ValueError, match="no plans can be read"):
        load(tmp_path / "none.toml")


def test_an_unknown_plan_is_refused() -> None:
    with pytest.raises(InvalidField, match="gold"):
        PLANS.plan("gold")


def test_an_override_counts_for_its_window_in_each_dialect_of_its_table() -> None:
    overrides = {"imagegen.minute": 600, "imagegen.day": 0, "opscenter.minute": 7}
    assert PLANS.limits_of("free", overrides, "imagegen") == {MINUTE: 600, HOUR: 100}
    assert PLANS.limits_of("free", overrides, "openai") == {MINUTE: 600, HOUR: 100}
    assert PLANS.limits_of("free", overrides, "opscenter") == {MINUTE: 7, HOUR: 100}
    assert PLANS.limits_of("free", overrides, "bigapi") == {MINUTE: 10, HOUR: 100, DAY: 500}
    assert PLANS.limits_of("free", {"openai.minute": 7}, "imagegen") == {MINUTE: 10, HOUR: 100, DAY: 1_000}
    assert PLANS.limits_of("enterprise", {"imagegen.hour": 7}, "imagegen") == {HOUR: 7}


def test_an_address_is_counted_for_productai_and_for_routes_without_a_key() -> None:
    assert PLANS.limits_of_address("productai") == ("productai", {MINUTE: 15})
    assert PLANS.limits_of_address("productai", {"productai.minute": 600, "imagegen.minute": 5})[1] == {MINUTE: 600}
    assert PLANS.limits_of_address("productai", {"productai.minute": 0})[1] == {}
    assert PLANS.limits_of_address("imagegen") == PLANS.limits_of_address("") == ("keyless", {MINUTE: 60})


def test_an_unlimited_account_is_limited_where_addresses_are() -> None:
    assert PLANS.limited_dialects("enterprise", {"pixeldojo.minute": 0}) == ("productai",)
    assert set(PLANS.limited_dialects("free", {})) == set(PLANS.dialects)
