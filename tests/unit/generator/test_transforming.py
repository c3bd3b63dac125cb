"""What must be changed about a picture for it to be what was asked for."""

import pytest

from generator.transforming import wanted
from gesso.generator.v1 import generator_pb2 as pb
from pictures.facts import Facts

PNG, JPEG, GIF = Facts("png", 1024, 1024), Facts("jpeg", 1024, 1024), Facts("gif", 32, 32)


@pytest.mark.parametrize(
    "draw",
    [
        pb.Draw(),
        pb.Draw(width=1024, height=1024),
        pb.Draw(output_format="png"),
        pb.Draw(aspect_ratio="16:9"),
        pb.Draw(width=1024, height=1024, output_format="png", output_quality=50),
    ],
)
def test_a_picture_that_is_as_asked_stays_untouched(draw: pb.Draw) -> None:
    assert wanted(PNG, draw) is None


def test_another_size_is_resized_and_said() -> None:
    change = wanted(PNG, pb.Draw(width=512, height=256))
    assert change is not None
    assert (change.format, change.width, change.height) == ("png", 512, 256)
    assert change.warnings == ("resized from 1024x1024 to 512x256",)
    assert change.transformations == ("resize",)


@pytest.mark.parametrize("word", ["jpeg", "jpg"])
def test_another_format_is_converted_and_keeps_its_size(word: str) -> None:
    change = wanted(PNG, pb.Draw(output_format=word))
    assert change is not None
    assert (change.format, change.width, change.height) == ("jpeg", None, None)
    assert change.warnings == ("converted from png to jpeg",)
    assert change.transformations == ("reencode",)


@pytest.mark.parametrize(
    ("facts", "draw", "quality", "steps"),
    [
        (PNG, pb.Draw(options={"preserve_colors": "true"}), None, None),
        (PNG, pb.Draw(options={"preserve_colors": "false"}, input_image_ids=["img"]), None, None),
        (PNG, pb.Draw(options={"preserve_colors": "true"}, input_image_ids=["img"]), None, ("color_transfer",)),
        (JPEG, pb.Draw(output_quality=80), 95, ("reencode",)),
        (JPEG, pb.Draw(output_quality=80), 85, None),
        (JPEG, pb.Draw(output_quality=80), 40, None),
        (JPEG, pb.Draw(output_quality=80), None, None),
        (JPEG, pb.Draw(), 95, None),
        (PNG, pb.Draw(output_quality=80, output_format="jpeg"), None, ("reencode",)),
        (GIF, pb.Draw(), None, None),
        (GIF, pb.Draw(width=64, height=64), None, ("resize", "reencode")),
    ],
)
def test_only_what_is_asked_for_and_not_so_already_is_done(
    facts: Facts, draw: pb.Draw, quality: int | None, steps: tuple[str, ...] | None
) -> None:
    change = wanted(facts, draw, quality=quality)
    assert (change and change.transformations) == steps


def test_a_gif_is_never_written() -> None:
    change = wanted(GIF, pb.Draw(width=64, height=64))
    assert change is not None
    assert (change.format, change.warnings) == ("png", ("resized from 32x32 to 64x64", "converted from gif to png"))
