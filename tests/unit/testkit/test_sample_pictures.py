"""Sample pictures open in an independent decoder, have the size asked for, and are all different."""

import base64
import io

import pytest
from PIL import Image

from testkit.sample_pictures import png_claiming, sample


@pytest.mark.parametrize("file_format", ["png", "jpeg", "webp"])
@pytest.mark.parametrize(("width", "height"), [(1, 1), (17, 9), (1024, 1536), (3840, 2160)])
def test_a_sample_decodes_at_its_size(file_format: str, width: int, height: int) -> None:
    picture = Image.open(io.BytesIO(sample(file_format, width, height).stamped(7)))
    picture.load()
    assert (picture.format, picture.size) == (file_format.upper(), (width, height))


@pytest.mark.parametrize("file_format", ["png", "jpeg", "webp"])
@pytest.mark.parametrize("size_bytes", [10_000, 100_000, 1_500_000])
def test_a_sample_has_the_file_size_asked_for(file_format: str, size_bytes: int) -> None:
    data = sample(file_format, 1024, 1024, size_bytes=size_bytes).stamped(7)
    assert abs(len(data) - size_bytes) <= 8
    Image.open(io.BytesIO(data)).load()


@pytest.mark.parametrize("file_format", ["png", "jpeg", "webp"])
def test_stamps_make_samples_differ_and_base64_agrees(file_format: str) -> None:
    made = sample(file_format, 64, 64)
    assert made.stamped(1) != made.stamped(2)
    assert base64.b64decode(b"".join(made.stamped_base64(3)), validate=True) == made.stamped(3)


@pytest.mark.parametrize("file_format", ["png", "webp"])
def test_a_transparent_sample_has_transparent_pixels(file_format: str) -> None:
    picture = Image.open(io.BytesIO(sample(file_format, 64, 64, transparent=True).stamped(0)))
    assert min(picture.convert("RGBA").getchannel("A").tobytes()) < 255


def test_a_claiming_png_is_small_and_opens_at_the_claimed_size() -> None:
    bomb = png_claiming(5000, 5000)
    assert len(bomb) < 1000
    assert Image.open(io.BytesIO(bomb)).size == (5000, 5000)
