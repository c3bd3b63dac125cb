"""A wrong catalogue stops the start, and the message says which file, model and field to mend."""

from pathlib import Path

import pytest

from generator.catalogue import Catalogue
from generator.catalogue_files import CatalogueError
from gesso.generator.v1 import generator_pb2 as pb
from servicekit.faults import Fault

MODEL = """
[[model]]
id = "mine"
name = "Mine"
owner = "me"
operations = ["text-to-image"]
released = 2026-01-01
verified = 2026-01-01
"""
ROUTE = 'routes = [{ provider = "openai", upstream_model = "gpt-image-2" }]\n'
PRICE = 'prices = [{ dialect = "openai", usd = 0.05 }]\n'


def loaded(tmp_path: Path, text: str, stand_in: str | None = None) -> Catalogue:
    path = tmp_path / "own.toml"
    path.write_text(text)
    return Catalogue.load(providers={}, extra_path=path, stand_in=stand_in)


def test_an_operators_file_adds_a_model(tmp_path: Path) -> None:
    catalogue = loaded(tmp_path, MODEL + ROUTE + PRICE)
    draw = pb.Draw(operation=pb.OPERATION_TEXT_TO_IMAGE, model="mine", n=1)
    assert catalogue.quote(draw, dialect="openai", markup_percent=0).per_picture_micros == 50_000


def test_an_operators_file_may_change_one_thing_of_a_model(tmp_path: Path) -> None:
    text = f'[[model]]\nid = "midjourney-v6"\nlike = "midjourney-v6"\n{ROUTE}'
    assert loaded(tmp_path, text).model("midjourney-v6").providers == ["openai"]
    assert loaded(tmp_path, text).model("midjourney-v6").name == "Midjourney v6"


def test_an_operators_file_may_take_the_place_of_a_price_book(tmp_path: Path) -> None:
    catalogue = loaded(tmp_path, '[[dialect]]\nname = "bigapi"\ncredit_micros = 6000\n')
    draw = pb.Draw(operation=pb.OPERATION_TEXT_TO_IMAGE, model="dalle", n=1)
    assert catalogue.quote(draw, dialect="bigapi", markup_percent=0).per_picture_micros == 60_000


@pytest.mark.parametrize(
    ("text", "entry", "field"),
    [
        (MODEL + ROUTE, "mine", "prices"),
        (MODEL + ROUTE.replace("openai", "opnai") + PRICE, "mine", "routes[0].provider"),
        (MODEL + PRICE.replace('"openai"', '"opnai"'), "mine", "prices[0]"),
        (MODEL + "steps = { min = 1, max = 5, default = 6 }", "mine", "steps"),
        (MODEL + "guidance = { min = 1, max = 5 }", "mine", "guidance"),
        (MODEL + PRICE.replace("0.05", "0"), "mine", "prices[0]"),
        (MODEL + PRICE.replace("0.05", "0.00000001"), "mine", "prices[0]"),
        (MODEL + PRICE.replace("usd = 0.05", "usd = 0.05, credits = 1"), "mine", "prices[0]"),
        (MODEL + PRICE.replace("usd = 0.05", 'usd = 0.05, qualities = ["best"]'), "mine", "prices[0]"),
        (MODEL + PRICE.replace("usd = 0.05", 'usd = 0.05, up_to = "512x512"'), "mine", "prices"),
        (MODEL + PRICE.replace("usd = 0.05", 'usd = "much"'), "mine", "prices[0].usd"),
        (MODEL + "max_n = 11\n" + PRICE, "mine", "max_n"),
        (MODEL + 'colour = "red"\n' + PRICE, "mine", ""),
        (MODEL.replace("2026-01-01", '"soon"', 1) + PRICE, "mine", "released"),
        (MODEL + PRICE + "deprecated = 2026-05-01\nsunset = 2026-04-01\n", "mine", "sunset"),
        (MODEL + PRICE + 'sizes = ["64x64"]\ndefault_size = "65x65"\n', "mine", "default_size"),
        (MODEL + PRICE + MODEL + PRICE, "mine", "id"),
        (MODEL.replace("\nid", '\nlike = "nothing"\nid') + PRICE, "mine", "like"),
        ("[[model]]\nname = 'x'\n", "model 0", "id"),
        ("[[modle]]\n", "", "modle"),
        ("not toml", "", ""),
    ],
)
def test_a_wrong_file_says_what_to_mend(tmp_path: Path, text: str, entry: str, field: str) -> None:
    with pytest.raises(CatalogueError) as caught:
        loaded(tmp_path, text)
    assert (caught.value.file, caught.value.entry, caught.value.field) == ("own.toml", entry, field)


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match="no such file"):
        Catalogue.load(providers={}, extra_path=tmp_path / "none.toml")


def test_a_fallback_engine_that_is_no_model_is_said(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match="GESSO_FALLBACK_ENGINE"):
        loaded(tmp_path, "", stand_in="sketsch")


def test_a_model_without_a_price_may_be_listed_but_not_bought(tmp_path: Path) -> None:
    catalogue = loaded(tmp_path, MODEL)
    assert not catalogue.model("mine").dialects
    with pytest.raises(Fault) as caught:
        catalogue.quote(
            pb.Draw(operation=pb.OPERATION_TEXT_TO_IMAGE, model="mine", n=1), dialect="openai", markup_percent=0
        )
    assert caught.value.reason_name == "UNPRICED"


def test_a_models_parameters_are_shown_as_its_documents_say_them(tmp_path: Path) -> None:
    shown = loaded(tmp_path, "").model("stable-diffusion-xl")
    assert (shown.version, list(shown.features)) == ("1.0", [])
    assert list(shown.native_sizes) == ["1024x1024", "1152x896", "896x1152"]
    assert (shown.steps.min, shown.steps.max, shown.steps.default) == (10, 150, 50)
    assert (shown.guidance.min, shown.guidance.max, shown.guidance.default) == (1, 20, 7.5)
    assert list(shown.schedulers) == ["DPMSolverMultistep", "DDIM", "K_EULER"]
    other = loaded(tmp_path, "").model("midjourney-v6")
    assert (other.version, list(other.features)) == ("6.0", ["artistic", "creative", "stylized"])
    assert [name for name in ("steps", "guidance") if other.HasField(name)] == list(other.schedulers) == []
    assert other.state == pb.Model.STATE_UNAVAILABLE


def test_a_size_that_a_model_was_not_made_for_is_drawn_nevertheless(tmp_path: Path) -> None:
    small = pb.Draw(operation=pb.OPERATION_TEXT_TO_IMAGE, model="stable-diffusion-xl", n=1, width=512, height=512)
    assert loaded(tmp_path, "").quote(small, dialect="opscenter", markup_percent=0).per_picture_micros == 2_000
