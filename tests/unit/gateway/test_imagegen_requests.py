"""A request of the Image Generation API becomes an order: every field, bound, table row and preference."""

from typing import Any, cast

import msgspec
import pytest

from gateway.desk import Desk
from gateway.dialects.imagegen import words
from gateway.dialects.imagegen.facts import Facts, frozen, thawed
from gateway.dialects.imagegen.orders import Orders
from gateway.dialects.imagegen.requests import ImageToImage, Inpaint, TextToImage
from gateway.dialects.imagegen.sources import fitted
from gateway.orders import Order, fingerprint
from gateway.validation import decode
from gateway.visitor import Visitor
from gateway.wire import Ask
from gesso.billing.v1.billing_pb2 import Caller, Preferences
from gesso.generator.v1.generator_pb2 import OPERATION_TEXT_TO_IMAGE, Draw
from servicekit.addresses import parse_networks
from servicekit.faults import InvalidField

SOURCE, MASK = "https://example.com/a.jpg", "https://example.com/m.png"


def visitor(**preferences: Any) -> Visitor:
    caller = Caller(account_id="acct_1", preferences=Preferences(**preferences))
    return Visitor(Ask("POST", "/", {}, {}, {}), caller, "req_1", "req_1")


def text(fields: dict[str, Any], who: Visitor | None = None, allow: str = "") -> Order:
    body = msgspec.json.encode({"prompt": "a fox", **fields})
    return Orders(parse_networks(allow)).text_to_image(decode(body, TextToImage), who or visitor())


def image(fields: dict[str, Any]) -> Order:
    body = msgspec.json.encode({"prompt": "a fox", "init_image": SOURCE, **fields})
    return Orders().image_to_image(decode(body, ImageToImage), visitor())


def inpaint(fields: dict[str, Any]) -> Order:
    body = msgspec.json.encode({"prompt": "a fox", "init_image": SOURCE, "mask_image": MASK, **fields})
    return Orders().inpaint(decode(body, Inpaint), visitor())


def drawn(order: Order) -> Draw:
    (draw,) = order.purchase.draws
    return draw


def warned(order: Order) -> list[str]:
    return thawed(order.purchase.facts).warnings


def test_what_is_absent_is_the_documents_default() -> None:
    order = text({})
    assert drawn(order) == Draw(
        operation=OPERATION_TEXT_TO_IMAGE,
        model="stable-diffusion-xl",
        prompt="a fox",
        n=1,
        width=1024,
        height=1024,
        output_format="png",
    )
    assert thawed(order.purchase.facts) == Facts()
    assert (order.purchase.keep_seconds, order.purchase.webhook_url, order.respond_async) == (0, "", False)


def test_every_field_reaches_the_draw() -> None:
    parameters = {
        "width": 640,
        "height": 480,
        "num_outputs": 3,
        "num_inference_steps": 30,
        "guidance_scale": 8,
        "scheduler": "ddim",
        "seed": 42,
        "sampler": "K_Euler_A",
    }
    output = {"format": "jpg", "quality": 80, "return_type": "base64"}
    order = text({"negative_prompt": "blur", "model": "flux-dev", "parameters": parameters, "output": output})
    assert drawn(order) == Draw(
        operation=OPERATION_TEXT_TO_IMAGE,
        model="flux-dev",
        prompt="a fox",
        negative_prompt="blur",
        n=3,
        width=640,
        height=480,
        output_format="jpeg",
        output_quality=80,
        seed=42,
        steps=30,
        guidance=8.0,
        options={"scheduler": "DDIM", "sampler": "k_euler_a"},
    )
    assert thawed(order.purchase.facts) == Facts(in_base64=True)


@pytest.mark.parametrize(
    "fields",
    [{name: None} for name in ("negative_prompt", "model", "parameters", "style", "output", "webhook_url", "metadata")]
    + [{"parameters": {"width": None, "seed": None}}, {"output": {"format": None}}, {"unknown": 1}],
)
def test_null_is_absence_and_unknown_fields_are_ignored(fields: dict[str, Any]) -> None:
    assert drawn(text(fields)) == drawn(text({}))


@pytest.mark.parametrize(("sent", "meant"), [("png", "png"), ("jpg", "jpeg"), ("jpeg", "jpeg"), ("webp", "webp")])
def test_output_formats(sent: str, meant: str) -> None:
    assert drawn(text({"output": {"format": sent}})).output_format == meant


def test_minus_one_is_any_seed_and_0_is_one() -> None:
    assert not drawn(text({"parameters": {"seed": -1}})).HasField("seed")
    assert drawn(text({"parameters": {"seed": 0}})).HasField("seed")


@pytest.mark.parametrize(
    ("parameters", "asked"),
    [
        ({"num_outputs": 2}, True),
        ({"num_outputs": 2, "seed": -1}, True),
        ({"num_outputs": 2, "seed": 5}, False),
        ({}, False),
    ],
)
def test_of_several_pictures_without_a_seed_each_one_s_is_to_be_told(parameters: dict[str, int], asked: bool) -> None:
    assert drawn(text({"parameters": parameters})).tells_seeds is asked


BOUNDS: list[tuple[str, str, Any, Any]] = [
    ("text", "parameters.width", 64, 56),
    ("text", "parameters.width", 2048, 2056),
    ("text", "parameters.width", 1000, 1001),
    ("text", "parameters.height", 64, 0),
    ("text", "parameters.height", 2048, 4096),
    ("text", "parameters.height", 72, "72"),
    ("text", "parameters.num_outputs", 1, 0),
    ("text", "parameters.num_outputs", 4, 5),
    ("text", "parameters.num_inference_steps", 10, 9),
    ("text", "parameters.num_inference_steps", 150, 151),
    ("text", "parameters.num_inference_steps", 50, 50.5),
    ("text", "parameters.guidance_scale", 1, 0.99),
    ("text", "parameters.guidance_scale", 20, 20.01),
    ("text", "parameters.seed", -1, -2),
    ("text", "parameters.seed", 4_294_967_295, 4_294_967_296),
    ("text", "parameters.scheduler", "DDIM", 1),
    ("text", "parameters", {}, []),
    ("text", "output.format", "webp", "gif"),
    ("text", "output.quality", 1, 0),
    ("text", "output.quality", 100, 101),
    ("text", "output.return_type", "base64", "b64"),
    ("text", "style.preset", "anime", 3),
    ("text", "prompt", "x" * 1_000, "x" * 1_001),
    ("text", "prompt", "x", ""),
    ("text", "prompt", "x", "  \n"),
    ("text", "prompt", "x", None),
    ("text", "prompt", "x", "a\x00b"),
    ("text", "negative_prompt", "", "a\x00b"),
    ("text", "model", "m", ""),
    ("text", "webhook_url", "https://example.com/hook", "http://example.com/hook"),
    ("text", "webhook_url", "https://93.184.216.34/", "https://127.0.0.1/"),
    ("text", "webhook_url", "https://example.com", "nonsense"),
    ("text", "metadata", {"a": 1}, "a"),
    ("text", "metadata", {"a": "x" * (16 * 1024 - 8)}, {"a": "x" * (16 * 1024 - 7)}),
    ("text", "metadata.tags", ["x"] * 32, ["x"] * 33),
    ("text", "metadata.tags", [], "x"),
    ("image", "strength", 0, -0.1),
    ("image", "strength", 1, 1.1),
    ("image", "init_image", SOURCE, ""),
    ("image", "init_image", SOURCE, None),
    ("image", "preserve.colors", True, "yes"),
    ("inpaint", "mask_image", MASK, None),
    ("inpaint", "mask_blur", 0, -1),
    ("inpaint", "mask_blur", 64, 65),
    ("inpaint", "inpaint_mode", "latent_nothing", "none"),
    ("inpaint", "preserve_masked_area", False, 0),
]
ROUTES = {"text": text, "image": image, "inpaint": inpaint}


def nested(path: str, value: Any) -> dict[str, Any]:
    outer, _, inner = path.partition(".")
    return {outer: {inner: value} if inner else value}


@pytest.mark.parametrize(("route", "field", "right", "wrong"), BOUNDS)
def test_a_wrong_value_is_named_and_the_last_right_one_is_taken(route: str, field: str, right: Any, wrong: Any) -> None:
    assert drawn(ROUTES[route](nested(field, right)))
    with pytest.raises(InvalidField) as refused:
        ROUTES[route](nested(field, wrong))
    assert refused.value.details == {"field": field}
    assert f"`{field}`" in refused.value.message


def test_a_wrong_tag_is_named_with_its_place() -> None:
    with pytest.raises(InvalidField) as refused:
        text({"metadata": {"tags": ["x" * 50, "x" * 51]}})
    assert refused.value.details == {"field": "metadata.tags[1]"}


def test_every_inpaint_mode_is_handed_on() -> None:
    for mode in ("original", "fill", "latent_noise", "latent_nothing"):
        assert drawn(inpaint({"inpaint_mode": mode})).options["inpaint_mode"] == mode


def test_a_webhook_by_http_is_taken_inside_allowed_networks() -> None:
    order = text({"webhook_url": "http://127.0.0.1:9/hook"}, allow="127.0.0.0/8")
    assert (order.purchase.webhook_url, order.respond_async) == ("http://127.0.0.1:9/hook", True)


@pytest.mark.parametrize(
    ("address", "allow", "is_taken"),
    [
        ("https://localhost/hook", "", False),
        ("https://localhost/hook", "127.0.0.0/8", True),
        ("http://localhost/hook", "127.0.0.0/8", True),
        ("http://localhost/hook", "10.0.0.0/8", False),
        ("http://no-such-host.invalid/hook", "127.0.0.0/8", False),
        ("https://no-such-host.invalid/hook", "", True),
    ],
)
async def test_a_webhooks_host_must_not_lead_where_nothing_is_allowed(address: str, allow: str, is_taken: bool) -> None:
    order, desk = text({"webhook_url": address}, allow=allow), cast("Desk", None)
    assert order.check is not None
    if is_taken:
        await order.check(desk)
        return
    with pytest.raises(InvalidField) as refusal:
        await order.check(desk)
    assert refusal.value.details == {"field": "webhook_url"}


def test_metadata_is_kept_as_it_was_sent() -> None:
    metadata = {"z": 1, "a": [1.5, None, {"b": "ü"}], "tags": ["x"]}
    kept = thawed(text({"metadata": metadata}).purchase.facts).metadata
    assert list(kept.items()) == list(metadata.items())


STYLES = [(field, word) for field, table in words.STYLE_TABLES.items() for word in table]


@pytest.mark.parametrize(("field", "word"), STYLES)
def test_a_word_of_a_style_is_worked_into_the_prompt(field: str, word: str) -> None:
    order = text({"style": {field: word}})
    assert drawn(order).prompt == f"a fox, {words.STYLE_TABLES[field][word]}"
    assert warned(order) == []


def test_words_are_known_in_any_spelling_and_added_in_the_tables_order() -> None:
    style = {"camera_angle": "Bird's Eye", "artistic_style": "Impressionism", "lighting": "golden-hour", "preset": ""}
    assert drawn(text({"style": style})).prompt == (
        "a fox, in the impressionist style, golden hour lighting, bird's-eye view"
    )


@pytest.mark.parametrize("field", words.STYLE_TABLES)
def test_an_unknown_word_of_a_style_is_a_warning(field: str) -> None:
    order = text({"style": {field: "wobbly"}})
    assert drawn(order).prompt == "a fox"
    assert warned(order) == [f"`style.{field}` 'wobbly' is not known and was ignored."]


@pytest.mark.parametrize(
    ("field", "names"), [("scheduler", words.SCHEDULERS), ("sampler", words.SAMPLERS)], ids=["scheduler", "sampler"]
)
def test_schedulers_and_samplers_are_handed_on_by_their_names(field: str, names: tuple[str, ...]) -> None:
    for name in names:
        assert drawn(text({"parameters": {field: name.upper()}})).options[field] == name
    order = text({"parameters": {field: "wobbly"}})
    assert dict(drawn(order).options) == {}
    assert warned(order) == [f"`parameters.{field}` 'wobbly' is not known and was ignored."]


def test_quality_is_no_matter_of_png() -> None:
    order = text({"output": {"format": "png", "quality": 10}})
    assert drawn(order).output_quality == 0
    assert warned(order) == ["`output.quality` has no effect on png and was ignored."]
    assert warned(text({"output": {"format": "webp", "quality": 10}})) == []


def test_preferences_hold_where_the_request_leaves_it_open() -> None:
    who = visitor(default_model="flux-dev", default_size="512x768", auto_save_gallery=False)
    order = text({}, who)
    draw = drawn(order)
    assert (draw.model, draw.width, draw.height, order.purchase.keep_seconds) == ("flux-dev", 512, 768, 86_400)
    draw = drawn(text({"model": "sketch", "parameters": {"width": 64}}, who))
    assert (draw.model, draw.width, draw.height) == ("sketch", 64, 768)


def test_a_picture_stays_unless_the_account_prefers_otherwise() -> None:
    assert text({}, visitor(auto_save_gallery=True)).purchase.keep_seconds == 0


@pytest.mark.parametrize(
    ("fields", "strength"),
    [
        ({}, 0.75),
        ({"strength": 0}, 0.0),
        ({"strength": 0.5}, 0.5),
        ({"strength": 0.5, "preserve": {"structure": True}}, 0.3),
        ({"preserve": {"structure": True}}, 0.45),
        ({"preserve": {"structure": False}}, 0.75),
    ],
)
def test_structure_lowers_the_strength(fields: dict[str, Any], strength: float) -> None:
    assert drawn(image(fields)).strength == strength


def test_colors_and_style_are_asked_to_stay() -> None:
    draw = drawn(image({"preserve": {"colors": True, "style": True}}))
    assert dict(draw.options) == {"preserve_colors": "true"}
    assert draw.prompt == "a fox, in the style of the source picture"
    assert dict(drawn(image({"preserve": {"colors": False, "style": False}})).options) == {}


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ((1024, 1024), (1024, 1024)),
        ((1023, 769), (1016, 768)),
        ((4096, 2048), (2048, 1024)),
        ((3000, 4000), (1536, 2048)),
        ((2049, 100), (2048, 96)),
        ((20, 64), (64, 64)),
    ],
)
def test_a_source_gives_its_size(source: tuple[int, int], wanted: tuple[int, int]) -> None:
    assert fitted(*source) == wanted


def test_the_same_content_has_the_same_fingerprint() -> None:
    assert fingerprint(image({"strength": 0.75})) == fingerprint(image({}))
    assert fingerprint(image({"strength": 0.5})) != fingerprint(image({}))
    assert fingerprint(image({"init_image": MASK})) != fingerprint(image({}))
    assert fingerprint(image({"metadata": {"a": 1}})) != fingerprint(image({}))


def test_facts_that_an_older_version_froze_are_still_read() -> None:
    assert thawed(b"[true]") == Facts(in_base64=True)
    assert thawed(frozen(Facts(mask_regions=[(1, 2, 3, 4)]))).mask_regions == [(1, 2, 3, 4)]
