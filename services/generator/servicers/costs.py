"""Tells the operator what orders cost."""

from collections.abc import Iterable, Mapping
from datetime import date

from generator.catalogue import Catalogue
from generator.margins import Margin, below_cost
from generator.store import costs
from generator.store.costs import Compared, Days, Key, Sums
from gesso.generator.v1 import generator_pb2 as pb
from gesso.generator.v1 import generator_pb2_grpc as rpc
from servicekit.database import Database
from servicekit.faults import InvalidField
from servicekit.server import Context

_KEYS: Mapping[int, Key] = {
    pb.GetCostsRequest.KEY_UNSPECIFIED: "model",
    pb.GetCostsRequest.KEY_MODEL: "model",
    pb.GetCostsRequest.KEY_PROVIDER: "provider",
    pb.GetCostsRequest.KEY_DAY: "day",
}
_Flag = pb.GetCostsResponse.Flag


class CostsServicer(rpc.CostsServicer):
    """gesso.generator.v1.Costs."""

    def __init__(self, database: Database, catalogue: Catalogue) -> None:
        self._database = database
        self._catalogue = catalogue

    async def GetCosts(self, request: pb.GetCostsRequest, context: Context) -> pb.GetCostsResponse:
        """Sum a range of days, and flag what should be looked at."""
        days = Days(_day("since", request.since), _day("until", request.until))
        if request.by not in _KEYS:
            raise InvalidField("by", "Costs are summed by model, provider or day.")
        total, rows = await costs.sums(self._database, days, _KEYS[request.by])
        return pb.GetCostsResponse(
            total=_sums(total),
            rows=[pb.GetCostsResponse.Row(key=key, sums=_sums(sums)) for key, sums in rows],
            losses=[
                pb.GetCostsResponse.Loss(
                    provider=loss.provider, cause=loss.cause, tasks=loss.tasks, amount_micros=loss.amount_micros
                )
                for loss in await costs.losses(self._database, days)
            ],
            flags=await self._flags(days),
        )

    async def _flags(self, days: Days) -> list[pb.GetCostsResponse.Flag]:
        sold = await costs.below_cost(self._database, days)
        known = {(one.model, one.dialect, one.provider, one.upstream_model) for one in sold}
        priced = (
            margin
            for margin in below_cost(self._catalogue)
            if (margin.model, margin.dialect, margin.provider, margin.upstream_model) not in known
        )
        return [
            *_flagged(_Flag.KIND_DRIFT, await costs.drifted(self._database, days)),
            *_flagged(_Flag.KIND_BELOW_COST, sold),
            *(_flag_of(margin) for margin in priced),
            *_flagged(_Flag.KIND_UNKNOWN_COST, await costs.unknown(self._database, days)),
        ]


def _day(field: str, text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise InvalidField(field, f"{field} is a day as 2026-11-20.") from error


def _sums(sums: Sums) -> pb.CostSums:
    return pb.CostSums(
        orders=sums.orders,
        pictures=sums.pictures,
        paid_micros=sums.paid_micros,
        cost_micros=sums.cost_micros,
        estimated_micros=sums.estimated_micros,
        unknown_orders=sums.unknown_orders,
        own_key_orders=sums.own_key_orders,
    )


def _flagged(
    kind: pb.GetCostsResponse.Flag.Kind.ValueType, found: Iterable[Compared]
) -> Iterable[pb.GetCostsResponse.Flag]:
    for one in found:
        yield _Flag(
            kind=kind,
            provider=one.provider,
            upstream_model=one.upstream_model,
            model=one.model,
            dialect=one.dialect,
            orders=one.orders,
            expected_micros=one.expected_micros,
            cost_micros=one.cost_micros,
        )


def _flag_of(margin: Margin) -> pb.GetCostsResponse.Flag:
    return _Flag(
        kind=_Flag.KIND_BELOW_COST,
        provider=margin.provider,
        upstream_model=margin.upstream_model,
        model=margin.model,
        dialect=margin.dialect,
        expected_micros=margin.price_micros,
        cost_micros=margin.cost_micros,
    )
