"""Whose word decides what becomes of a prompt that breaks a rule, and what an operator's own file changes."""

from pathlib import Path

import pytest

from generator.safety import Action, Policy, RuleError, Safety, parse_actions, parse_groups, read_rules
from gesso.billing.v1.billing_pb2 import CallerClaims
from servicekit.faults import Fault

NAKED, GORY, CHILD = "a naked man", "gore everywhere", "a naked child"


def safety(actions: str = "", relaxable: str = "") -> Safety:
    return Safety.load(None, actions=parse_actions(actions), relaxable=parse_groups(relaxable))


def outcome(one: Safety, prompt: str, claims: CallerClaims) -> str:
    try:
        flags = one.check(prompt, claims)
    except Fault:
        return "block"
    return f"flag {' '.join(flags)}" if flags else "off"


@pytest.mark.parametrize(
    ("actions", "relaxable", "claims", "prompt", "expected"),
    [
        ("", "", CallerClaims(), NAKED, "block"),
        ("sexual=flag", "", CallerClaims(), NAKED, "flag sexual/nudity"),
        ("sexual=off", "", CallerClaims(), NAKED, "off"),
        ("all=flag", "", CallerClaims(), GORY, "flag violence/gore"),
        ("all=off,violence=block", "", CallerClaims(), GORY, "block"),
        ("all=off", "", CallerClaims(), CHILD, "block"),
        ("", "", CallerClaims(relaxes_safety=True), NAKED, "off"),
        ("", "", CallerClaims(relaxes_safety=True), GORY, "off"),
        ("", "", CallerClaims(relaxes_safety=True), "a white power poster", "block"),
        ("", "", CallerClaims(relaxes_safety=True), CHILD, "block"),
        ("", "violence", CallerClaims(relaxes_safety=True), NAKED, "block"),
        ("", "none", CallerClaims(relaxes_safety=True), GORY, "block"),
        ("", "", CallerClaims(safety={"sexual": "flag"}), NAKED, "flag sexual/nudity"),
        ("sexual=off", "", CallerClaims(safety={"sexual": "block"}), NAKED, "block"),
        ("", "", CallerClaims(safety={"sexual": "block"}, relaxes_safety=True), NAKED, "block"),
        ("", "", CallerClaims(safety={"sexual_minors": "off", "sexual": "off"}), CHILD, "block"),
        ("", "", CallerClaims(safety={"sexual": "whatever", "no_such": "off"}), NAKED, "block"),
    ],
)
def test_the_operators_word_for_the_account_goes_before_its_preference_and_both_before_the_house(
    actions: str, relaxable: str, claims: CallerClaims, prompt: str, expected: str
) -> None:
    assert outcome(safety(actions, relaxable), prompt, claims) == expected


@pytest.mark.parametrize("actions", ["sexual", "sexual=maybe", "=block"])
def test_a_policy_that_cannot_be_read_is_refused(actions: str) -> None:
    with pytest.raises((ValueError, RuleError)):
        safety(actions)


@pytest.mark.parametrize(
    ("actions", "relaxable"), [("nudity=off", ""), ("sexual_minors=flag", ""), ("", "sexual_minors"), ("", "nudity")]
)
def test_a_policy_over_groups_that_there_are_not_or_that_are_locked_is_refused(actions: str, relaxable: str) -> None:
    with pytest.raises(RuleError, match=r"sexual_minors|nudity"):
        safety(actions, relaxable)


def test_a_policy_is_a_value() -> None:
    policy = Policy({"sexual": Action.BLOCK}, relaxable=frozenset({"sexual"}))
    assert policy.set({"sexual": Action.FLAG}) != policy
    assert policy.for_account({}, relaxes=True) == {"sexual": Action.OFF}


OWN = """
[lists]
brands = ["acme/acmes", "foo bar"]

[[group]]
name = "brands"
cause = "brand_detected"
suggestion = "Please name no brands"
action = "flag"

[[group]]
name = "violence"
action = "off"

[[rule]]
group = "brands"
name = "rivals"
patterns = ["@brands", "buy @brand_words now"]
exceptions = ["acme of perfection"]
refuses = ["an acme rocket", "the FOO bar", "buy this now"]
passes = ["the acme of perfection"]

[[rule]]
group = "sexual"
name = "explicit"
patterns = []
"""


def own_rules(folder: Path, text: str) -> Path:
    path = folder / "rules.toml"
    path.write_text(text)
    return path


def test_an_operators_file_adds_groups_changes_groups_and_takes_rules_away(tmp_path: Path) -> None:
    path = own_rules(tmp_path, OWN.replace("[lists]", '[lists]\nbrand_words = ["this", "that"]'))
    own = Safety.load(path, actions={}, relaxable=None)
    claims = CallerClaims()
    assert outcome(own, "an acme rocket", claims) == "flag brands/rivals"
    assert outcome(own, GORY, claims) == "off"
    assert outcome(own, "porn", claims) == "off"
    assert outcome(own, NAKED, claims) == "block"


def test_an_operators_rule_may_refuse_what_the_house_lets_pass(tmp_path: Path) -> None:
    assert not Safety(read_rules()).broken("infographic on deepfake detection")
    path = own_rules(tmp_path, '[[rule]]\ngroup = "deception"\nname = "charts"\npatterns = ["infographic"]\n')
    assert (
        outcome(Safety.load(path, actions={}, relaxable=None), "infographic on deepfake detection", CallerClaims())
        == "block"
    )


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("@brand_words", "@nothing"), "nothing"),
        (('"an acme rocket"', '"a rocket"'), "a rocket"),
        (('"the acme of perfection"', '"an acme"'), "an acme"),
        (('group = "brands"', 'group = "brandz"'), "brandz"),
        (('action = "flag"', 'action = "perhaps"'), "brands"),
        (('exceptions = ["acme of perfection"]', 'exceptions = ["of?"]'), "of"),
        (("[lists]", "[list]"), "list"),
        (("[lists]", "[lists"), "rules.toml"),
    ],
)
def test_a_file_that_does_not_hold_is_refused_by_what_is_wrong_in_it(
    tmp_path: Path, change: tuple[str, str], told: str
) -> None:
    text = OWN.replace("[lists]", '[lists]\nbrand_words = ["this", "that"]').replace(*change)
    with pytest.raises(RuleError, match=told):
        Safety.load(own_rules(tmp_path, text), actions={}, relaxable=None)


def test_a_file_that_there_is_not_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RuleError, match="nowhere"):
        read_rules(tmp_path / "nowhere.toml")
