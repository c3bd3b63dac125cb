"""What must be changed about a picture for it to be what was asked for."""

import pytest

from generator.transforming import wanted
from gesso.generator.v1 import generator_pb2 as pb
from pictures.facts import Facts

PNG = Facts("png", 1024, 1024)


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
