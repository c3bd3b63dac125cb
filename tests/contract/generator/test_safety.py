"""What the prompt policy refuses is never priced, written or bought; what it flags is drawn, and says so."""

import pytest

from generator.config import Config
from gesso.errors.v1 import reason_pb2 as reasons
from gesso.generator.v1 import generator_pb2 as pb
from servicekit.settings import SettingError, load

from .house import Generator, House, ended
from .purchases import Customer, draw, purchase
from .scripted import Scripted, failing

NAKED, CHILD = "a naked man", "a naked child"


async def test_a_refused_prompt_buys_nothing_and_leaves_the_key_free(
    house: House, generator: Generator, customer: Customer, alpha: Scripted
) -> None:
    fault = await generator.refused(customer.token(), purchase(draw(), draw(prompt=NAKED), key="k"))
    assert (fault.reason, fault.message) == (reasons.REASON_CONTENT_REFUSED, "The prompt contains prohibited content")
    assert fault.details == {
        "field": "prompt",
        "cause": "nsfw_content_detected",
        "suggestion": "Please modify your prompt to remove inappropriate content",
        "stage": "input",
        "draw": "1",
    }
    assert not await generator.settlements()
    assert not alpha.orders
    assert (await generator.submit(customer.token(), purchase(key="k"))).id


async def test_a_prompt_is_refused_before_it_is_priced_also_in_a_dry_run(
    generator: Generator, customer: Customer
) -> None:
    wrong = draw(prompt=NAKED, width=9, height=9)
    assert (await generator.refused(customer.token(), purchase(wrong))).reason == reasons.REASON_CONTENT_REFUSED
    (dry,) = await generator.submit_all(customer.token(), purchase(wrong), dry_run=True)
    assert dry.fault.reason == reasons.REASON_CONTENT_REFUSED


async def test_what_a_negative_prompt_names_is_to_be_avoided_and_a_style_is_read(
    generator: Generator, customer: Customer
) -> None:
    avoided = await generator.submit(customer.token(), purchase(draw(negative_prompt="nude, gore")))
    assert avoided.id
    styled = await generator.refused(customer.token(), purchase(draw(style="hentai")))
    assert styled.reason == reasons.REASON_CONTENT_REFUSED


async def test_a_flagged_prompt_is_drawn_and_its_task_says_which_rule_it_broke(
    house: House, customer: Customer, alpha: Scripted
) -> None:
    async with house.generator({"alpha": alpha}, GESSO_SAFETY_POLICY="sexual=flag") as generator:
        job = await generator.submit(customer.token(), purchase(draw(prompt=NAKED), draw()))
        assert [list(task.flags) for task in job.tasks] == [["sexual/nudity"], []]
        job = await ended(generator, customer.token(), job.id)
        assert [list(task.flags) for task in job.tasks] == [["sexual/nudity"], []]
        assert job.state == pb.Job.STATE_SUCCEEDED


async def test_flags_and_models_that_an_edge_claims_are_dropped(generator: Generator, customer: Customer) -> None:
    claimed = draw(flags=["made/up"], custom_model=pb.CustomModel(name="custom-x", price_micros=1))
    job = await generator.submit(customer.token(), purchase(claimed))
    assert (list(job.tasks[0].flags), job.tasks[0].draw.HasField("custom_model"), job.hold_micros) == (
        [],
        False,
        10_000,
    )


async def test_an_account_has_its_own_policy_and_relaxes_what_it_may(generator: Generator, customer: Customer) -> None:
    nude, child = purchase(draw(prompt=NAKED)), purchase(draw(prompt=CHILD))
    assert (await generator.submit(customer.token(relaxes_safety=True), nude)).tasks[0].flags == []
    flagged = await generator.submit(customer.token(safety={"sexual": "flag"}), nude)
    assert flagged.tasks[0].flags == ["sexual/nudity"]
    for token in (customer.token(relaxes_safety=True), customer.token(safety={"sexual_minors": "off"})):
        fault = await generator.refused(token, child)
        assert fault.details["cause"] == "minor_sexualization_detected"


async def test_a_used_key_is_answered_though_the_policy_has_changed_since(
    house: House, generator: Generator, customer: Customer
) -> None:
    relaxed = customer.token(safety={"sexual": "off"})
    first = await generator.submit(relaxed, purchase(draw(prompt=NAKED), key="k"))
    first = await ended(generator, relaxed, first.id)
    (again,) = await generator.submit_all(customer.token(), purchase(draw(prompt=NAKED), key="k"))
    assert (again.replayed, again.job) == (True, first)
    assert (await generator.refused(customer.token(), purchase(draw(prompt=NAKED), key="other"))).reason == (
        reasons.REASON_CONTENT_REFUSED
    )


async def test_an_upstreams_refusal_is_neither_repeated_nor_charged_even_where_a_plugin_calls_it_retryable(
    house: House, generator: Generator, customer: Customer, alpha: Scripted, beta: Scripted
) -> None:
    alpha.acts.append(failing(reasons.REASON_UPSTREAM_REFUSED, retryable=True))
    job = await generator.submit(customer.token(), purchase())
    job = await ended(generator, customer.token(), job.id)
    assert (job.state, job.fault.reason) == (pb.Job.STATE_FAILED, reasons.REASON_UPSTREAM_REFUSED)
    assert (len(alpha.orders), len(beta.orders)) == (1, 0)
    assert (await house.balance(customer.id)).available_micros == 1_000_000


async def test_a_policy_that_cannot_be_followed_stops_the_start(house: House, alpha: Scripted) -> None:
    with pytest.raises(SettingError, match="no_such_group"):
        async with house.generator({"alpha": alpha}, GESSO_SAFETY_POLICY="no_such_group=flag"):
            pass
    with pytest.raises(SettingError, match="GESSO_SAFETY_POLICY"):
        load(Config, house.environment(GESSO_SAFETY_POLICY="sexual=perhaps"))
    with pytest.raises(SettingError, match="nowhere"):
        async with house.generator({"alpha": alpha}, GESSO_SAFETY_RULES=str(house.folder / "nowhere.toml")):
            pass


async def test_an_operators_own_rules_are_read_after_the_shipped_ones(
    house: House, customer: Customer, alpha: Scripted
) -> None:
    path = house.folder / "rules.toml"
    path.write_text(
        '[[group]]\nname = "brands"\ncause = "brand_detected"\nsuggestion = "Please name no brands"\n'
        '[[rule]]\ngroup = "brands"\nname = "rivals"\npatterns = ["acme"]\n'
    )
    async with house.generator({"alpha": alpha}, GESSO_SAFETY_RULES=str(path)) as generator:
        fault = await generator.refused(customer.token(), purchase(draw(prompt="an acme rocket")))
        assert (fault.details["cause"], fault.details["suggestion"]) == ("brand_detected", "Please name no brands")
        assert (await generator.refused(customer.token(), purchase(draw(prompt=NAKED)))).reason == (
            reasons.REASON_CONTENT_REFUSED
        )
