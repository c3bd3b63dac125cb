"""`costs`: what orders cost beside what customers paid, losses by cause, and prices that an operator should look at."""

import argparse
from typing import Any

from cli.money import usd
from cli.operator import operator
from cli.output import Result
from cli.places import Place
from gesso.generator.v1 import generator_pb2 as pb

KEYS = {
    "model": pb.GetCostsRequest.KEY_MODEL,
    "provider": pb.GetCostsRequest.KEY_PROVIDER,
    "day": pb.GetCostsRequest.KEY_DAY,
}
_FLAGS = {
    pb.GetCostsResponse.Flag.KIND_DRIFT: "drift",
    pb.GetCostsResponse.Flag.KIND_BELOW_COST: "below_cost",
    pb.GetCostsResponse.Flag.KIND_UNKNOWN_COST: "unknown_cost",
}


def costs(arguments: argparse.Namespace) -> Result:
    """Show margins by model, provider or day."""
    request = pb.GetCostsRequest(since=arguments.since or "", until=arguments.until or "", by=KEYS[arguments.by])
    found = operator(Place.here()).call("gesso.generator.v1.Costs/GetCosts", request, pb.GetCostsResponse)
    return {
        "total": _sums(found.total),
        "rows": [{arguments.by: row.key, **_sums(row.sums)} for row in found.rows],
        "losses": [
            {"provider": loss.provider, "cause": loss.cause, "tasks": loss.tasks, "amount_usd": usd(loss.amount_micros)}
            for loss in found.losses
        ],
        "flags": [_flag(flag) for flag in found.flags],
    }


def _sums(sums: pb.CostSums) -> dict[str, Any]:
    """Sums with their margin: what was paid less what it cost, in dollars and as a share of what was paid."""
    margin = sums.paid_micros - sums.cost_micros
    return {
        "pictures": sums.pictures,
        "paid_usd": usd(sums.paid_micros),
        "cost_usd": usd(sums.cost_micros),
        "margin_usd": usd(margin),
        "margin_percent": percent(margin, sums.paid_micros),
        "estimated_percent": percent(sums.estimated_micros, sums.cost_micros),
        "orders": sums.orders,
        "own_key_orders": sums.own_key_orders,
        "unknown_cost_orders": sums.unknown_orders,
    }


def percent(part: int, whole: int) -> float | None:
    """A share with one decimal; None of nothing."""
    return round(part * 100 / whole, 1) if whole else None


def _flag(flag: pb.GetCostsResponse.Flag) -> dict[str, Any]:
    return {
        "flag": _FLAGS.get(flag.kind, "unknown"),
        "provider": flag.provider,
        "upstream_model": flag.upstream_model,
        "model": flag.model,
        "dialect": flag.dialect,
        "orders": flag.orders,
        "expected_usd": usd(flag.expected_micros),
        "cost_usd": usd(flag.cost_micros),
        "difference_percent": percent(flag.cost_micros - flag.expected_micros, flag.expected_micros),
    }
