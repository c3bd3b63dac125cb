"""`gesso costs` tells, on the running platform, what a picture cost by the vendor's own tokens and what was paid for it."""

from testkit.platform import MODEL, Account, PlatformUnderTest
from testkit.upstreams.openai import OpenAIUpstream


async def test_margins_are_told_of_what_was_drawn(
    platform: PlatformUnderTest, account: Account, upstream: OpenAIUpstream
) -> None:
    before = await _openai(platform)
    fields = {"model": MODEL, "prompt": "a fox", "quality": "medium", "size": "1024x1024", "n": 2}
    answer = await platform.generate(account, fields)
    assert answer.status == 200, answer.json
    usage = answer.json["usage"]
    cost_micros = 5 * usage["input_tokens"] + 30 * usage["output_tokens"]

    total = await _openai(platform)
    assert (total["pictures"] - before["pictures"], total["orders"] - before["orders"]) == (2, 1)
    assert round((total["cost_usd"] - before["cost_usd"]) * 1_000_000) == cost_micros
    assert round((total["paid_usd"] - before["paid_usd"]) * 1_000_000) == 2 * 53_000
    assert total["margin_usd"] == round(total["paid_usd"] - total["cost_usd"], 6)

    shown = await platform.gesso("costs", "--since", "2026-01-01", "--by", "day")
    assert shown.status == 0
    assert "margin_percent" in shown.output
    wrong = await platform.gesso("costs", "--until", "soon")
    assert (wrong.status, "2026-11-20" in wrong.errors) == (1, True)


async def _openai(platform: PlatformUnderTest) -> dict[str, float]:
    """What `gesso costs` tells of this vendor; other tests may have drawn by it, and by the engine."""
    rows = (await platform.gesso("costs", "--by", "provider", "--json")).json["rows"]
    found: dict[str, float] = next(
        (row for row in rows if row["provider"] == "openai"),
        {"pictures": 0, "orders": 0, "cost_usd": 0.0, "paid_usd": 0.0},
    )
    return found
