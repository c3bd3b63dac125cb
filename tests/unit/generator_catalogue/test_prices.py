"""The built-in catalogue charges what the dialects' documents say, and refuses what no price covers."""

from typing import Any

import pytest

from generator.catalogue import Catalogue
from generator.sizes import Size
from gesso.errors.v1 import reason_pb2 as reason
from gesso.generator.v1 import generator_pb2 as pb
from servicekit.faults import Fault

CREDITS = {"opscenter": 1_000, "imagegen": 20_000, "pixeldojo": 40_000, "bigapi": 5_000, "productai": 30_000}
BIGAPI = {
    "dalle": 10, "imagen-4-ultra": 12, "gpt-image-1": 11, "ideogram-v3": 9, "imagen-4": 9, "flux-kontext": 8, "seedream-4": 8,
    "seedream-3": 7, "minimax": 7, "imagen-4-fast": 7, "flux-dev": 6, "imagen-3": 6, "qwen-image": 6, "gemini": 5, "reve": 5,
}  # fmt: skip
PRODUCTAI = {
    "gpt-low": 2, "gpt-medium": 3, "gpt-high": 8, "kontext-pro": 2, "kontext-max": 3, "nanobanana": 3, "nanobananapro": 8,
    "seedream": 3,
}  # fmt: skip
PIXELDOJO = {"flux-pro": 1, "flux-1.1-pro": 1, "flux-1.1-pro-ultra": 1.5, "flux-dev-single-lora": 1}


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    """The files that are shipped."""
    return Catalogue.load(providers={})


def micros(catalogue: Catalogue, dialect: str, model: str, *, markup_percent: int = 20, **fields: Any) -> int:
    draw = pb.Draw(**{"operation": pb.OPERATION_TEXT_TO_IMAGE, "model": model, "prompt": "a fox", "n": 1, **fields})
    return catalogue.quote(draw, dialect=dialect, markup_percent=markup_percent).per_picture_micros


def square(side: int) -> dict[str, int]:
    return {"width": side, "height": side}


@pytest.mark.parametrize(
    ("dialect", "model", "credits_each"),
    [("bigapi", *price) for price in BIGAPI.items()] + [("pixeldojo", *price) for price in PIXELDOJO.items()],
)
def test_each_flat_price_is_that_of_the_document(
    catalogue: Catalogue, dialect: str, model: str, credits_each: float
) -> None:
    assert micros(catalogue, dialect, model) == credits_each * CREDITS[dialect]


@pytest.mark.parametrize(("model", "tokens"), PRODUCTAI.items())
def test_each_edit_price_is_that_of_the_document(catalogue: Catalogue, model: str, tokens: int) -> None:
    fields: dict[str, Any] = {"operation": pb.OPERATION_IMAGE_TO_IMAGE, "aspect_ratio": "1:1"}
    assert micros(catalogue, "productai", model, **fields) == tokens * CREDITS["productai"]


@pytest.mark.parametrize("resolution", ["1K", "2K", "4K"])
@pytest.mark.parametrize("ratio", ["1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9"])
@pytest.mark.parametrize("model", ["nanobanana", "nanobananapro"])
def test_an_edit_costs_the_same_at_every_documented_resolution_and_ratio(
    catalogue: Catalogue, model: str, ratio: str, resolution: str
) -> None:
    fields: dict[str, Any] = {
        "operation": pb.OPERATION_IMAGE_TO_IMAGE,
        "aspect_ratio": ratio,
        "resolution": resolution,
    }
    assert micros(catalogue, "productai", model, **fields) == PRODUCTAI[model] * CREDITS["productai"]


@pytest.mark.parametrize(
    ("model", "fields", "expected"),
    [
        ("dall-e-3", square(1024), [60, 48, 40]),
        ("dall-e-3", {**square(1024), "quality": "standard"}, [60, 48, 40]),
        ("dall-e-3", {**square(1024), "quality": "hd"}, [120, 96, 80]),
        ("dall-e-3", {"width": 1792, "height": 1024, "quality": "hd"}, [120, 96, 80]),
        ("dall-e-3", {}, [60, 48, 40]),
        ("dall-e-2", square(256), [24, 20, 16]),
        ("dall-e-2", square(512), [26, 21, 17]),
        ("dall-e-2", square(1024), [27, 22, 18]),
        ("stable-diffusion-xl", square(512), [3, 3, 2]),
        ("stable-diffusion-xl", square(1024), [8, 6, 5]),
        ("stable-diffusion-xl", square(1536), [8, 6, 5]),
        ("stable-diffusion-3", square(512), [5, 4, 3]),
        ("stable-diffusion-3", square(1024), [9, 8, 6]),
        ("stable-diffusion-3", square(1536), [15, 12, 10]),
    ],
)
def test_opscenter_adds_the_plans_markup_and_rounds_up_to_whole_credits(
    catalogue: Catalogue, model: str, fields: dict[str, Any], expected: list[int]
) -> None:
    free, managed, founder = 50, 20, 0
    prices = [micros(catalogue, "opscenter", model, markup_percent=it, **fields) for it in (free, managed, founder)]
    assert prices == [credits_each * 1_000 for credits_each in expected]


@pytest.mark.parametrize(
    ("model", "credits_each"),
    [("stable-diffusion-xl", 1), ("midjourney-v6", 2.5), ("flux-1.1-pro", 2), ("imagen-4-fast", 1.7)],
)
def test_imagegen_charges_its_own_prices_and_else_the_usd_price(
    catalogue: Catalogue, model: str, credits_each: float
) -> None:
    assert micros(catalogue, "imagegen", model, **square(1024)) == credits_each * 20_000


@pytest.mark.parametrize(
    ("model", "operation", "credits_each"),
    [
        ("filters", pb.OPERATION_FILTER, 0.1),
        ("background-removal", pb.OPERATION_REMOVE_BACKGROUND, 1),
        ("real-esrgan", pb.OPERATION_UPSCALE, 2),
    ],
)
def test_imagegen_charges_a_run_of_processing(
    catalogue: Catalogue, model: str, operation: pb.Operation.ValueType, credits_each: float
) -> None:
    assert micros(catalogue, "imagegen", model, operation=operation, prompt="") == credits_each * 20_000


def test_imagegen_rounds_a_usd_price_up_to_the_next_twentieth_of_a_credit(catalogue: Catalogue) -> None:
    assert micros(catalogue, "imagegen", "gpt-image-2.5-flare", quality="low", **square(1024)) == 6_000


def test_only_opscenter_adds_a_markup(catalogue: Catalogue) -> None:
    assert micros(catalogue, "bigapi", "dalle", markup_percent=50) == 50_000


@pytest.mark.parametrize(
    ("model", "fields", "expected"),
    [
        ("gpt-image-2", {"quality": "medium", **square(1024)}, 53_000),
        ("gpt-image-2", {"quality": "medium", "width": 1024, "height": 1536}, 42_000),
        ("gpt-image-2", {"quality": "high", "width": 3840, "height": 2160}, 401_000),
        ("gpt-image-2", {"quality": "high", **square(1152)}, 211_000),
        ("gpt-image-2.5-flare", {"quality": "max", **square(1024)}, 210_700),
        ("gpt-image-1", {"quality": "low"}, 16_000),
        ("dall-e-3", {"quality": "hd", "width": 1792, "height": 1024}, 120_000),
    ],
)
def test_openai_charges_the_models_own_usd_price(
    catalogue: Catalogue, model: str, fields: dict[str, Any], expected: int
) -> None:
    assert micros(catalogue, "openai", model, **fields) == expected


@pytest.mark.parametrize(
    "model", ["gpt-image-1", "gpt-image-1.5", "gpt-image-1-mini", "gpt-image-2", "gpt-image-2.5-flare"]
)
def test_what_is_left_to_the_vendor_costs_the_most_that_it_may_become(catalogue: Catalogue, model: str) -> None:
    standard = [square(1024), {"width": 1536, "height": 1024}, {"width": 1024, "height": 1536}]
    dearest = max(micros(catalogue, "openai", model, quality="high", **size) for size in standard)
    assert micros(catalogue, "openai", model) == micros(catalogue, "openai", model, quality="auto") == dearest


@pytest.mark.parametrize(
    ("snapshot", "family"),
    [
        ("gpt-image-2-2026-04-21", "gpt-image-2"),
        ("gpt-image-2.5-flare-2026-09-08", "gpt-image-2.5-flare"),
        ("gpt-image-2.5-sunburst-2026-09-08", "gpt-image-2.5-sunburst"),
    ],
)
def test_a_snapshot_is_drawn_by_itself_at_its_familys_price(catalogue: Catalogue, snapshot: str, family: str) -> None:
    draw = pb.Draw(operation=pb.OPERATION_TEXT_TO_IMAGE, model=snapshot)
    assert {route.upstream_model for route in catalogue.candidates(draw)} == {snapshot}
    assert micros(catalogue, "openai", snapshot) == micros(catalogue, "openai", family)


def refusal(catalogue: Catalogue, dialect: str, model: str, **fields: Any) -> tuple[str, str]:
    with pytest.raises(Fault) as caught:
        micros(catalogue, dialect, model, **fields)
    return caught.value.reason_name, caught.value.details.get("field", caught.value.details.get("model", ""))


@pytest.mark.parametrize(
    ("dialect", "model", "fields"),
    [
        ("pixeldojo", "dall-e-3", {}),
        ("opscenter", "flux-pro", {}),
        ("opscenter", "stable-diffusion-3", square(1600)),
        ("imagegen", "dall-e-3", square(4096)),
    ],
    ids=["a model of another dialect", "no price there", "an area above", "imagegen's area"],
)
def test_what_no_rule_covers_is_unpriced(
    catalogue: Catalogue, dialect: str, model: str, fields: dict[str, Any]
) -> None:
    assert refusal(catalogue, dialect, model, **fields) == (reason.Reason.Name(reason.REASON_UNPRICED)[7:], model)


@pytest.mark.parametrize(
    ("model", "fields", "field"),
    [
        ("dall-e-3", {"n": 11}, "n"),
        ("dall-e-3", {"n": 0}, "n"),
        ("dall-e-2", {"prompt": "x" * 1001}, "prompt"),
        ("gpt-image-1", {"quality": "hd"}, "quality"),
        ("dall-e-3", square(512), "size"),
        ("gpt-image-2", {"width": 1024}, "size"),
        ("gpt-image-2", {"width": 3200, "height": 800}, "size"),
        ("gpt-image-2", square(1000), "size"),
        ("gpt-image-2", square(3840), "size"),
        ("gpt-image-2.5-sunburst", {"width": 1024, "height": 1030}, "size"),
        ("flux-pro", {"width": 32, "height": 512}, "size"),
        ("flux-pro", {"aspect_ratio": "wide"}, "aspect_ratio"),
        ("flux-pro", {"resolution": "9K"}, "resolution"),
        ("flux-pro", {"operation": pb.OPERATION_INPAINT}, "model"),
        ("gpt-image-1", {"background": "transparent", "output_format": "jpeg"}, "background"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_does_not_fit_the_model_names_its_field(
    catalogue: Catalogue, model: str, fields: dict[str, Any], field: str
) -> None:
    assert refusal(catalogue, "openai", model, **fields) == ("INVALID_FIELD", field)


def test_a_name_that_no_model_has_is_unknown(catalogue: Catalogue) -> None:
    assert refusal(catalogue, "openai", "dall-e-9") == ("UNKNOWN_MODEL", "dall-e-9")


def test_imagegen_takes_any_size_since_it_resizes(catalogue: Catalogue) -> None:
    assert micros(catalogue, "imagegen", "dall-e-3", width=768, height=512) == 40_000
    assert micros(catalogue, "imagegen", "gpt-image-2", width=1000, height=1000) > 0


def test_every_quality_of_every_model_has_a_price_at_the_default_size(catalogue: Catalogue) -> None:
    for model in catalogue.models():
        entry = catalogue.entry(model.id)
        for quality in entry.qualities:
            assert micros(catalogue, "openai", model.id, operation=model.operations[0], quality=quality, prompt="") > 0


def test_a_shape_beyond_the_models_is_taken_where_results_are_resized_alone(catalogue: Catalogue) -> None:
    assert micros(catalogue, "imagegen", "gpt-image-2", width=64, height=2048) > 0
    with pytest.raises(Fault, match="3 times the shorter"):
        micros(catalogue, "openai", "gpt-image-2", width=64, height=2048)


def test_a_listed_price_is_what_a_picture_costs_when_nothing_is_said_of_it(catalogue: Catalogue) -> None:
    for model in catalogue.models():
        operation = model.operations[0]
        listed = model.price_micros["imagegen"]
        assert listed == micros(catalogue, "imagegen", model.id, operation=operation, width=1024, height=1024), model.id
    assert {model.price_micros["imagegen"] for model in catalogue.models() if model.id == "dall-e-3"} == {40_000}


def test_retired_models_say_since_when(catalogue: Catalogue) -> None:
    sunsets = {model.id: model.sunset_on for model in catalogue.models() if model.sunset_on}
    assert (
        sunsets.items()
        >= {
            "dall-e-2": "2026-05-12",
            "dall-e-3": "2026-05-12",
            "gpt-image-1": "2026-10-23",
            "chatgpt-image-latest": "2026-12-01",
        }.items()
    )


def test_the_hold_and_the_record_name_the_rule(catalogue: Catalogue) -> None:
    draw = pb.Draw(operation=pb.OPERATION_TEXT_TO_IMAGE, model="dall-e-3", n=1, quality="hd", width=1024, height=1024)
    assert catalogue.quote(draw, dialect="opscenter", markup_percent=20).rule == "opscenter/dall-e-3 hd 80 credits +20%"


@pytest.mark.parametrize(("side", "usd"), [((1024, 1024), 0.167), ((1536, 1024), 0.25), ((64, 64), 0.167)])
def test_a_size_that_was_left_to_the_model_is_held_at_its_dearest_and_charged_as_it_came(
    catalogue: Catalogue, side: tuple[int, int], usd: float
) -> None:
    draw = pb.Draw(operation=pb.OPERATION_TEXT_TO_IMAGE, model="gpt-image-1", prompt="a fox", n=1)
    held = catalogue.quote(draw, dialect="openai", markup_percent=20).per_picture_micros
    delivered = catalogue.delivered_micros(draw, dialect="openai", markup_percent=20, size=Size(*side))
    assert (held, delivered) == (250_000, round(usd * 1_000_000))


def test_a_size_that_was_asked_for_is_charged_as_asked(catalogue: Catalogue) -> None:
    draw = pb.Draw(
        operation=pb.OPERATION_TEXT_TO_IMAGE, model="gpt-image-1", prompt="a fox", n=1, width=1536, height=1024
    )
    assert catalogue.delivered_micros(draw, dialect="openai", markup_percent=20, size=Size(1024, 1024)) is None
