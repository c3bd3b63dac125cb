"""A BIG API request becomes a purchase that the catalogue prices as the document says, or names the field that is wrong."""

import json
from collections.abc import Mapping
from typing import Any, get_args

import pytest

from gateway.dialects.bigapi import tasks as shapes
from gateway.dialects.bigapi.ideogram import StylePreset
from gateway.dialects.bigapi.requests import order
from gateway.dialects.bigapi.sizes import MAX_RESOLUTIONS
from gateway.dialects.bigapi.tasks import JobRequest
from gateway.orders import Order, fingerprint
from gateway.validation import decode
from gateway.visitor import Visitor
from gateway.wire import Ask
from generator.catalogue import Catalogue
from generator.sizes import requested_size
from gesso.billing.v1.billing_pb2 import Caller
from gesso.generator.v1.generator_pb2 import Draw
from servicekit.faults import InvalidField

VISITOR = Visitor(Ask("POST", "/v1/jobs/create", {}, {}, {}), Caller(), "req_1", "req_1")

PROVIDERS = {
    "dalle": (10, "1792x1024"),
    "imagen-4-ultra": (12, "2K"),
    "gpt-image-1": (11, "1536x1024"),
    "ideogram-v3": (9, "2K"),
    "imagen-4": (9, "2K"),
    "flux-kontext": (8, "1536x1024"),
    "seedream-4": (8, "4K"),
    "seedream-3": (7, "2K"),
    "minimax": (7, "1024x1024"),
    "imagen-4-fast": (7, "1K"),
    "flux-dev": (6, "1024x1024"),
    "imagen-3": (6, "1K"),
    "qwen-image": (6, "1024x1024"),
    "gemini": (5, "1024x1024"),
    "reve": (5, "1024x1024"),
}
"""Credits and maximum resolution, as the document's table has them."""

VALUES: Mapping[str, Mapping[str, tuple[Any, ...]]] = {
    "dalle": {"size": ("1024x1024", "1024x1792", "1792x1024")},
    "imagen-4-ultra": {
        "aspect_ratio": ("1:1", "3:4", "4:3", "9:16", "16:9"),
        "image_size": ("1K", "2K"),
        "person_generation": ("dont_allow", "allow_adult", "allow_all"),
    },
    "seedream-4": {
        "image_size": (
            "square_hd",
            "auto_2K",
            "auto_4K",
            "1024x4096",
            "2048x1536",
            {"width": 1024, "height": 1024},
            {"width": 4096, "height": 4096},
        ),
        "enhance_prompt_mode": ("standard", "fast"),
        "enable_safety_checker": (True, False),
    },
    "ideogram-v3": {
        "rendering_speed": ("TURBO", "BALANCED", "QUALITY"),
        "style": ("AUTO", "GENERAL", "REALISTIC", "DESIGN"),
        "style_preset": get_args(StylePreset),
        "negative_prompt": ("people",),
    },
    "gpt-image-1": {
        "image_size": ("auto", "1024x1024", "1536x1024", "1024x1536"),
        "quality": ("auto", "low", "medium", "high"),
        "background": ("auto", "transparent", "opaque"),
        "openai_api_key": ("sk-...",),
    },
    "flux-kontext": {"aspect_ratio": ("1:1", "16:9", "21:9", "2:3", "3:2", "4:5", "5:4", "9:16")},
    "flux-dev": {"aspect_ratio": ("1:1", "16:9", "21:9", "2:3", "3:2", "4:5", "5:4", "9:16")},
    "qwen-image": {
        "image_size": ("square_hd", "square", "portrait_4_3", "portrait_16_9", "landscape_4_3", "landscape_16_9"),
        "guidance_scale": (0, 2.5, 20),
        "acceleration": ("none", "regular", "high"),
        "negative_prompt": ("blurry, low quality",),
        "num_inference_steps": (1, 30, 250),
    },
    **{
        provider: {
            "size": ("auto", "1024x768", "2048x2048"),
            "aspect_ratio": ("1:1", "16:9", "21:9", "9:16"),
            "image_size": ("1K", "2K", "landscape_16_9", "2048x1024"),
        }
        for provider in ("imagen-4", "seedream-3")
    },
    **{
        provider: {
            "size": ("auto", "1024x768", "1024x1024"),
            "aspect_ratio": ("1:1", "16:9", "9:16", "5:4"),
            "image_size": ("1K", "square_hd", "768x1024"),
        }
        for provider in ("minimax", "imagen-4-fast", "imagen-3", "gemini", "reve")
    },
}
"""Values that are taken, by provider and parameter."""

WRONG: tuple[tuple[str, str, Any], ...] = (
    ("dalle", "size", "512x512"),
    ("dalle", "size", "auto"),
    ("dalle", "size", 1024),
    ("imagen-4-ultra", "aspect_ratio", "21:9"),
    ("imagen-4-ultra", "image_size", "4K"),
    ("imagen-4-ultra", "person_generation", "allow"),
    ("seedream-4", "image_size", "portrait_4_3"),
    ("seedream-4", "image_size", "1023x2048"),
    ("seedream-4", "image_size", "512x512"),
    ("seedream-4", "image_size", "4097x2048"),
    ("seedream-4", "image_size", "99999x99999"),
    ("seedream-4", "enhance_prompt_mode", "slow"),
    ("seedream-4", "enable_safety_checker", "yes"),
    ("ideogram-v3", "rendering_speed", "FLASH"),
    ("ideogram-v3", "style", "CUSTOM"),
    ("ideogram-v3", "style_preset", "POLKA"),
    ("ideogram-v3", "negative_prompt", "x" * 5_001),
    ("ideogram-v3", "negative_prompt", "\x00"),
    ("gpt-image-1", "image_size", "1792x1024"),
    ("gpt-image-1", "quality", "hd"),
    ("gpt-image-1", "background", "white"),
    ("gpt-image-1", "openai_api_key", ""),
    ("gpt-image-1", "openai_api_key", "sk with spaces"),
    ("gpt-image-1", "openai_api_key", 7),
    ("flux-kontext", "aspect_ratio", "4:3"),
    ("flux-dev", "aspect_ratio", "3:4"),
    ("qwen-image", "image_size", "auto_2K"),
    ("qwen-image", "guidance_scale", -0.1),
    ("qwen-image", "guidance_scale", "2.5"),
    ("qwen-image", "acceleration", "fast"),
    ("qwen-image", "num_inference_steps", 0),
    ("qwen-image", "num_inference_steps", 30.5),
    ("imagen-4", "size", "2049x1024"),
    ("imagen-4", "image_size", "4K"),
    ("imagen-4", "aspect_ratio", "1:9"),
    ("seedream-3", "size", "4096x4096"),
    ("minimax", "size", "1536x1024"),
    ("minimax", "image_size", "2K"),
    ("imagen-4-fast", "image_size", "2K"),
    ("imagen-3", "size", "1024x1025"),
    ("gemini", "image_size", "1792x1024"),
    ("gemini", "size", "large"),
    ("reve", "image_size", "2K"),
    ("reve", "aspect_ratio", 1.5),
)
"""Values that are refused, by provider and parameter."""


def _order(*tasks: Mapping[str, Any], **fields: Any) -> Order:
    return order(decode(json.dumps({"tasks": tasks, **fields}).encode(), JobRequest), VISITOR)


def _draw(provider: str, **fields: Any) -> Draw:
    (draw,) = _order({"prompt": "a lake", "provider": provider, **fields}).purchase.draws
    return draw


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return Catalogue.load(providers={})


def test_every_provider_of_the_table_has_a_shape_and_its_maximum() -> None:
    assert {kind.__struct_config__.tag for kind in get_args(shapes.AnyTask)} == set(PROVIDERS)
    assert {provider: maximum for provider, (_, maximum) in PROVIDERS.items()} == MAX_RESOLUTIONS


@pytest.mark.parametrize(
    ("provider", "parameter", "value"),
    [
        pytest.param(provider, parameter, value, id=f"{provider} {parameter} {value}")
        for provider, parameters in VALUES.items()
        for parameter, values in parameters.items()
        for value in values
    ],
)
def test_every_documented_value_is_taken_at_the_price_of_the_table(
    catalogue: Catalogue, provider: str, parameter: str, value: Any
) -> None:
    draw = _draw(provider, **{parameter: value})
    assert draw.model == provider
    price = catalogue.quote(draw, dialect="bigapi", markup_percent=20)
    assert price.per_picture_micros == PROVIDERS[provider][0] * 5_000


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_task_of_a_prompt_and_a_provider_is_enough(catalogue: Catalogue, provider: str) -> None:
    draw = _draw(provider)
    assert (draw.prompt, draw.n) == ("a lake", 1)
    assert (
        catalogue.quote(draw, dialect="bigapi", markup_percent=0).per_picture_micros == PROVIDERS[provider][0] * 5_000
    )


@pytest.mark.parametrize(("provider", "parameter", "value"), WRONG)
def test_a_wrong_value_fails_by_the_name_of_its_place(provider: str, parameter: str, value: Any) -> None:
    good = {"prompt": "a lake", "provider": "dalle"}
    with pytest.raises(InvalidField) as raised:
        _order(good, {"prompt": "a lake", "provider": provider, parameter: value})
    field = f"tasks[1].{parameter}"
    assert raised.value.details["field"] == field
    assert f"`{field}`" in raised.value.message


@pytest.mark.parametrize(
    ("side", "value"), [("width", 1023), ("height", 4097), ("width", None), ("height", "2048"), ("width", 1024.5)]
)
def test_a_wrong_side_of_a_custom_size_is_named(side: str, value: Any) -> None:
    with pytest.raises(InvalidField) as raised:
        _draw("seedream-4", image_size={"width": 2048, "height": 2048, side: value})
    assert raised.value.details["field"] == f"tasks[0].image_size.{side}"


@pytest.mark.parametrize("provider", PROVIDERS)
def test_parameters_that_only_other_providers_know_are_ignored(provider: str) -> None:
    known = set(VALUES[provider])
    foreign = {name: "nonsense" for values in VALUES.values() for name in values if name not in known}
    assert foreign
    assert _draw(provider, **foreign, unknown=[1]) == _draw(provider)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_null_is_absence(provider: str) -> None:
    assert _draw(provider, **dict.fromkeys(VALUES[provider])) == _draw(provider)


def test_the_documents_defaults_hold() -> None:
    draw = _draw("qwen-image")
    assert (draw.guidance, draw.steps) == (2.5, 30)
    dalle = _draw("dalle")
    assert (dalle.width, dalle.height) == (1024, 1024)
    assert not _draw("flux-dev").HasField("steps")


@pytest.mark.parametrize(
    ("fields", "drawn"),
    [
        ({"size": "1024x768", "image_size": "2K", "aspect_ratio": "1:1"}, (1024, 768, "", "")),
        ({"size": "auto", "image_size": "2K", "aspect_ratio": "16:9"}, (0, 0, "16:9", "2K")),
        ({"image_size": "landscape_16_9", "aspect_ratio": "1:1"}, (1024, 576, "", "")),
        ({"image_size": "2K"}, (0, 0, "", "2K")),
        ({"aspect_ratio": "9:16"}, (0, 0, "9:16", "")),
        ({}, (0, 0, "", "")),
    ],
)
def test_pixels_go_before_a_shape(fields: Mapping[str, Any], drawn: tuple[int, int, str, str]) -> None:
    draw = _draw("imagen-4", **fields)
    assert (draw.width, draw.height, draw.aspect_ratio, draw.resolution) == drawn


@pytest.mark.parametrize(
    ("provider", "value", "size"),
    [
        ("seedream-4", "square_hd", "1024x1024"),
        ("seedream-4", "auto_2K", "2048x2048"),
        ("seedream-4", "auto_4K", "4096x4096"),
        ("seedream-4", "1024x4096", "1024x4096"),
        ("seedream-4", {"width": 3000, "height": 2000}, "3000x2000"),
        ("qwen-image", "square_hd", "1024x1024"),
        ("qwen-image", "square", "512x512"),
        ("qwen-image", "portrait_4_3", "768x1024"),
        ("qwen-image", "portrait_16_9", "576x1024"),
        ("qwen-image", "landscape_4_3", "1024x768"),
        ("qwen-image", "landscape_16_9", "1024x576"),
    ],
)
def test_a_named_size_is_that_many_pixels(provider: str, value: Any, size: str) -> None:
    assert str(requested_size(_draw(provider, image_size=value))) == size


def test_a_shape_at_the_largest_resolution_is_priced(catalogue: Catalogue) -> None:
    for provider in ("imagen-4", "imagen-4-ultra", "seedream-3"):
        for ratio in ("16:9", "9:16") if provider == "imagen-4-ultra" else ("16:9", "9:16", "21:9"):
            draw = _draw(provider, image_size="2K", aspect_ratio=ratio)
            assert catalogue.quote(draw, dialect="bigapi", markup_percent=0).per_picture_micros


def test_vendor_parameters_go_through_under_their_names() -> None:
    seedream = _draw("seedream-4", enhance_prompt_mode="fast", enable_safety_checker=False)
    assert dict(seedream.options) == {"enhance_prompt_mode": "fast", "enable_safety_checker": "false"}
    ideogram = _draw(
        "ideogram-v3", style="REALISTIC", style_preset="TRAVEL_POSTER", rendering_speed="TURBO", negative_prompt="rain"
    )
    assert dict(ideogram.options) == {"rendering_speed": "TURBO", "style_preset": "TRAVEL_POSTER"}
    assert (ideogram.style, ideogram.negative_prompt) == ("REALISTIC", "rain")
    assert dict(_draw("imagen-4-ultra", person_generation="allow_all").options) == {"person_generation": "allow_all"}
    gpt = _draw("gpt-image-1", quality="high", background="transparent", image_size="1536x1024")
    assert (gpt.quality, gpt.background, gpt.width, gpt.height) == ("high", "transparent", 1536, 1024)


def test_a_key_is_a_secret_of_its_task_and_stands_nowhere_else() -> None:
    with_key = {"prompt": "a lake", "provider": "gpt-image-1", "openai_api_key": "sk-one"}
    placed = _order({"prompt": "a lake", "provider": "dalle"}, with_key)
    (secret,) = placed.secrets
    assert (secret.draw_index, secret.provider, secret.key) == (1, "openai", "sk-one")
    assert b"sk-one" not in placed.purchase.SerializeToString()
    assert "sk-one" not in repr(secret)
    assert placed.check is None
    other = _order({"prompt": "a lake", "provider": "dalle"}, {**with_key, "openai_api_key": "sk-two"})
    assert fingerprint(placed) == fingerprint(other)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "tasks"),
        ({"tasks": None}, "tasks"),
        ({"tasks": []}, "tasks"),
        ({"tasks": {}}, "tasks"),
        ({"tasks": [{"prompt": "a lake", "provider": "dalle"}] * 101}, "tasks"),
        ({"tasks": ["a lake"]}, "tasks[0]"),
        ({"tasks": [{"prompt": "a lake"}]}, "tasks[0].provider"),
        ({"tasks": [{"prompt": "a lake", "provider": None}]}, "tasks[0].provider"),
        ({"tasks": [{"prompt": "a lake", "provider": "midjourney"}]}, "tasks[0].provider"),
        ({"tasks": [{"provider": "dalle"}]}, "tasks[0].prompt"),
        ({"tasks": [{"provider": "dalle", "prompt": None}]}, "tasks[0].prompt"),
        ({"tasks": [{"provider": "dalle", "prompt": 5}]}, "tasks[0].prompt"),
        ({"tasks": [{"provider": "dalle", "prompt": " \n"}]}, "tasks[0].prompt"),
        ({"tasks": [{"provider": "dalle", "prompt": "a\x00b"}]}, "tasks[0].prompt"),
        ({"tasks": [{"provider": "dalle", "prompt": "a " * 481}]}, "tasks[0].prompt"),
        ({"tasks": [{"provider": "dalle", "prompt": "a" * 32_001}]}, "tasks[0].prompt"),
        ({"tasks": [{"prompt": "a lake", "provider": "dalle"}], "async": "yes"}, "async"),
    ],
)
def test_a_wrong_request_names_the_field(body: Any, field: str) -> None:
    with pytest.raises(InvalidField) as raised:
        order(decode(json.dumps(body).encode(), JobRequest), VISITOR)
    assert raised.value.details["field"] == field
    assert f"`{field}`" in raised.value.message


def test_an_unknown_provider_is_answered_with_the_known_ones() -> None:
    with pytest.raises(InvalidField, match="`reve`"):
        _draw("midjourney")


def test_a_hundred_tasks_keep_their_order() -> None:
    tasks = [{"prompt": f"picture {index}", "provider": "dalle"} for index in range(100)]
    placed = _order(*tasks, **{"async": True})
    assert [draw.prompt for draw in placed.purchase.draws] == [task["prompt"] for task in tasks]
    assert placed.respond_async
    assert not _order(*tasks).respond_async
