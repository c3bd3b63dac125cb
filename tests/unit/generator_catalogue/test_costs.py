"""What an order costs us: what the vendor says, else its usage at the vendor's rates, else the catalogue's estimate."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from generator.catalogue import Catalogue
from generator.catalogue_files import CatalogueError, read_tables
from generator.costs import OWN_KEY, Bill, Cost, OrderCost, Source, best_known, booked, estimate_micros
from generator.margins import Margin, below_cost
from generator.public_models import UpstreamCost
from generator.sizes import Size
from gesso.generator.v1 import generator_pb2 as pb

SQUARE = Size(1024, 1024)
USAGE = {"input_tokens_details": {"text_tokens": 61, "image_tokens": 100}, "output_tokens": 1568}


def cost_of(
    cost: UpstreamCost | None,
    *,
    quality: str,
    size: Size | None,
    count: int,
    said_micros: int | None = None,
    usage_json: bytes = b"",
    metered: Mapping[str, float] | None = None,
) -> Cost:
    """What an order of `count` sold pictures costs by one table."""
    expected = None if cost is None else estimate_micros(cost, quality=quality, size=size, count=count)
    return best_known(cost, expected, said_micros, usage_json, metered or {})


def shipped(upstream: str) -> UpstreamCost:
    return read_tables(None, ()).costs[upstream]


def test_every_route_of_the_shipped_catalogue_has_a_cost() -> None:
    tables = read_tables(None, ())
    routes = {
        f"{route.provider}/{route.upstream_model}"
        for model in tables.models.values()
        for route in (*model.routes, *model.weights_routes)
    }
    assert routes == set(tables.costs)


def test_what_the_vendor_says_goes_before_all_else_and_the_estimate_stands_beside_it() -> None:
    cost = cost_of(
        shipped("openai/gpt-image-2"),
        quality="medium",
        size=SQUARE,
        count=2,
        said_micros=70_000,
        usage_json=json.dumps(USAGE).encode(),
    )
    assert cost == Cost(70_000, Source.VENDOR, 106_000)


def test_tokens_are_priced_at_the_vendors_rates_rounded_up_to_a_micro() -> None:
    usage = json.dumps(USAGE).encode()
    cost = cost_of(shipped("openai/gpt-image-2"), quality="medium", size=SQUARE, count=1, usage_json=usage)
    assert cost == Cost(61 * 5 + 100 * 8 + 1568 * 30, Source.USAGE, 53_000)
    one = json.dumps({"input_tokens_details": {"text_tokens": 1, "image_tokens": 1}, "output_tokens": 0}).encode()
    mini = shipped("openai/gpt-image-1-mini")
    assert cost_of(mini, quality="low", size=SQUARE, count=1, usage_json=one).micros == 5  # 2 + 2.5


@pytest.mark.parametrize(
    "usage", [b"", b"{}", b"null", b"[1]", b"not json", b'{"output_tokens": 5}', b'{"output_tokens": true}']
)
def test_a_usage_that_lacks_a_number_is_no_cost(usage: bytes) -> None:
    cost = cost_of(shipped("openai/gpt-image-2"), quality="low", size=None, count=1, usage_json=usage)
    assert cost == Cost(6_000, Source.ESTIMATE, 6_000)


@pytest.mark.parametrize(
    ("upstream", "quality", "size", "count", "micros"),
    [
        ("bfl/flux-kontext-max", "", None, 3, 240_000),
        ("openai/gpt-image-2", "high", Size(1536, 1024), 1, 165_000),
        ("openai/gpt-image-2", "high", Size(3840, 2160), 1, 401_000),
        ("openai/gpt-image-2", "whatever", None, 1, 211_000),
        ("fal/fal-ai/flux/dev", "", None, 1, 25_000),
        ("fal/fal-ai/flux/dev", "", SQUARE, 2, 50_000),
        ("fal/fal-ai/flux/dev", "", Size(1024, 1025), 1, 50_000),
        ("sketch/sketch", "", SQUARE, 10, 0),
    ],
)
def test_an_estimate_is_by_picture_or_by_begun_megapixel(
    upstream: str, quality: str, size: Size | None, count: int, micros: int
) -> None:
    cost = cost_of(shipped(upstream), quality=quality, size=size, count=count)
    assert cost == Cost(micros, Source.ESTIMATE, micros)


def test_what_no_table_names_costs_what_nobody_knows() -> None:
    assert cost_of(None, quality="", size=None, count=1) == Cost(0, Source.UNKNOWN)
    assert cost_of(None, quality="", size=None, count=1, said_micros=9).source is Source.VENDOR


def test_seconds_that_a_vendor_meters_are_priced_too() -> None:
    cost = cost_of(
        shipped("replicate/stability-ai/sdxl"), quality="", size=None, count=1, metered={"predict_time": 2.31}
    )
    assert cost == Cost(2_253, Source.USAGE, 5_000)  # 2.31 s at 0.000975 USD, rounded up


def bill(positions: tuple[int, ...], *, number: int = 1, cost: int, sold: int, kept: int) -> Bill:
    return Bill(number, positions, "acme", "acme-1", Cost(cost, Source.VENDOR, cost), sold, kept)


def rows(orders: list[Bill], charge_micros: int, *, is_paid: bool = False) -> tuple[OrderCost, ...]:
    return booked(
        orders,
        model="painter",
        dialect="openai",
        charge_micros=charge_micros,
        is_paid=is_paid,
        reason_name="UPSTREAM_FAILED",
    )


def test_orders_share_what_the_customer_paid_by_their_pictures() -> None:
    orders = [bill((0, 1), cost=8, sold=2, kept=2), bill((2,), cost=4, sold=1, kept=1)]
    assert [(row.position, row.picture_count, row.paid_micros) for row in rows(orders, 100)] == [(0, 2, 66), (2, 1, 34)]


def test_an_order_that_sold_nothing_is_not_booked_and_one_that_lost_a_picture_says_why() -> None:
    refused = bill((0, 1), cost=8, sold=2, kept=0)
    refused.sold_nothing()
    orders = [refused, bill((0, 1), number=2, cost=8, sold=2, kept=1)]
    (row,) = rows(orders, 50)
    assert (row.number, row.cost_micros, row.paid_micros, row.outcome) == (2, 8, 50, "UPSTREAM_FAILED")
    assert row.lost_micros == 4


def test_what_was_captured_for_a_failure_is_the_last_orders() -> None:
    orders = [bill((0,), cost=8, sold=1, kept=0), bill((1,), cost=8, sold=1, kept=0)]
    assert [(row.paid_micros, row.lost_micros) for row in rows(orders, 90, is_paid=True)] == [(0, 0), (90, 0)]


def test_an_own_key_costs_and_loses_nothing() -> None:
    lost = Bill(1, (0,), "acme", "acme-1", OWN_KEY, 1)
    assert [(row.cost_micros, row.lost_micros, row.source) for row in rows([lost], 0)] == [(0, 0, Source.OWN_KEY)]


COST = '[[cost]]\nupstreams = ["fal/mine"]\nverified = 2026-01-01\n'


def test_an_operators_file_may_say_what_one_upstream_costs_him(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(COST.replace("fal/mine", "openai/gpt-image-2") + "prices = [{ usd = 0.01 }]\n")
    catalogue = Catalogue.load(providers={}, extra_path=path)
    draw = pb.Draw(model="gpt-image-2", n=1)
    assert catalogue.costs.expected("openai", "gpt-image-2", draw, quality="high", count=1).micros == 10_000
    assert catalogue.costs.expected("fal", "openai/gpt-image-2", draw, quality="high", count=1).micros == 211_000


@pytest.mark.parametrize(
    ("text", "entry", "field"),
    [
        (COST, "fal/mine", ""),
        (COST + "prices = []", "fal/mine", "prices"),
        (COST + "prices = [{ usd = -1 }]", "fal/mine", "prices[0]"),
        (COST + "prices = [{ usd = 1, usd_per_megapixel = 1 }]", "fal/mine", "prices[0]"),
        (COST + "prices = [{}]", "fal/mine", "prices[0]"),
        (COST + 'prices = [{ usd = 1, sizes = ["auto"], up_to = "9x9" }]', "fal/mine", "prices[0]"),
        (COST + 'prices = [{ usd = 1, up_to = "9x9" }]', "fal/mine", "prices"),
        (COST + "prices = [{ usd = 1 }]\nusage = { tokens = -1 }", "fal/mine", "usage"),
        (COST.replace("fal/mine", "mine") + "prices = [{ usd = 1 }]", "mine", "upstreams"),
        ((COST + "prices = [{ usd = 1 }]\n") * 2, "fal/mine", "cost"),
        ("[[cost]]\nverified = 2026-01-01\n", "cost 0", "upstreams"),
    ],
)
def test_a_wrong_cost_says_what_to_mend(tmp_path: Path, text: str, entry: str, field: str) -> None:
    path = tmp_path / "own.toml"
    path.write_text(text)
    with pytest.raises(CatalogueError) as caught:
        Catalogue.load(providers={}, extra_path=path)
    assert (caught.value.entry, caught.value.field) == (entry, field)


MODEL = """
[[model]]
id = "mine"
name = "Mine"
owner = "me"
operations = ["text-to-image"]
released = 2026-01-01
verified = 2026-01-01
qualities = ["low", "high"]
default_size = "1024x1024"
prices = [{ dialect = "openai", usd = 0.05 }, { dialect = "productai", credits = 10 }]
routes = [{ provider = "openai", upstream_model = "mine-1" }, { provider = "fal", upstream_model = "mine-2" }]

[[cost]]
upstreams = ["openai/mine-1", "fal/mine-2"]
verified = 2026-01-01
prices = [{ usd = 0.04, qualities = ["low"] }, { usd = 0.06 }]
"""


def test_the_quality_that_loses_most_on_a_configured_route_is_told_before_it_is_sold(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(MODEL)
    catalogue = Catalogue(read_tables(path, ()), configured={"openai"})
    mine = [margin for margin in below_cost(catalogue) if margin.model == "mine"]
    assert mine == [
        Margin("mine", "openai", "openai", "mine-1", 50_000, 60_000),
        Margin("mine", "imagegen", "openai", "mine-1", 50_000, 60_000),
    ]
    assert [margin.micros for margin in mine] == [-10_000, -10_000]
    assert not list(below_cost(Catalogue(read_tables(path, ()), configured=())))
