"""Masks are made ready for their pictures, pictures for their masks, and results for what was asked of them."""

import io
import math
from collections.abc import AsyncIterator

import pytest
from PIL import Image, ImageDraw

from pictures.facts import Flaw, NotAPicture
from pictures.studio import MaskMeasures, Region, Studio
from testkit.picture_samples import draw, encoded

RED, WHITE, BLACK = (255, 0, 0), (255, 255, 255), (0, 0, 0)


@pytest.fixture(scope="module")
async def studio() -> AsyncIterator[Studio]:
    async with Studio() as running:
        yield running


def opened(data: object) -> Image.Image:
    assert isinstance(data, bytes | bytearray | memoryview)
    picture = Image.open(io.BytesIO(data))
    picture.load()
    return picture.copy()


def mask(mode: str = "L", *, outside: object = 0, inside: object = 255, size: tuple[int, int] = (80, 60)) -> bytes:
    """A mask that is `inside` in its left half."""
    picture = Image.new(mode, size, outside)  # type: ignore[arg-type]
    picture.paste(inside, (0, 0, size[0] // 2, size[1]))  # type: ignore[arg-type]
    return encoded(picture, "PNG")


STROKES = mask("RGBA", outside=(0, 0, 0, 0), inside=(255, 255, 255, 255))
HOLE = mask("RGBA", outside=(0, 0, 0, 255), inside=(0, 0, 0, 0))
HOLE_IN_WHITE = mask("RGBA", outside=(255, 255, 255, 255), inside=(0, 0, 0, 0))


@pytest.mark.parametrize(
    ("data", "marks", "inverted", "left_right"),
    [
        (mask(), "white", False, (255, 0)),
        (mask(), "transparency", False, (255, 0)),
        (mask(), "white", True, (0, 255)),
        (mask(inside=100), "white", False, (100, 0)),
        (STROKES, "white", False, (255, 0)),
        (STROKES, "white", True, (0, 255)),
        (HOLE, "white", False, (255, 0)),
        (HOLE, "transparency", False, (255, 0)),
        (HOLE_IN_WHITE, "transparency", False, (255, 0)),
        (HOLE_IN_WHITE, "white", False, (0, 255)),
    ],
)
async def test_a_mask_becomes_white_where_it_is_repainted(
    studio: Studio, data: bytes, marks: str, inverted: bool, left_right: tuple[int, int]
) -> None:
    picture = encoded(draw(160, 90), "JPEG")
    made = await studio.repaint(picture, data, marks=marks, inverted=inverted)  # type: ignore[arg-type]
    shown = opened(made.mask.data)
    assert (shown.mode, shown.size, made.picture) == ("L", (160, 90), None)
    assert (shown.getpixel((20, 45)), shown.getpixel((140, 45))) == left_right


@pytest.mark.parametrize("sigma", [2.0, 20.0, 64.0])
async def test_a_blurred_mask_fades_as_a_gaussian_does(studio: Studio, sigma: float) -> None:
    data, picture = mask(size=(800, 200)), encoded(Image.new("RGB", (800, 200)), "PNG")
    shown = opened((await studio.repaint(picture, data, marks="white", blur=sigma)).mask.data)
    columns = [400 + round(step * sigma) for step in (-3, -1, 0, 1, 3)]
    found = [shown.getpixel((column, 100)) for column in columns]
    expected = [127.5 * math.erfc((column + 0.5 - 400) / sigma / math.sqrt(2)) for column in columns]
    assert all(abs(one - other) < 6 for one, other in zip(found, expected, strict=True)), (found, expected)  # type: ignore[operator]


async def test_what_is_filled_takes_the_colour_around_it_and_the_rest_stays(studio: Studio) -> None:
    picture = Image.new("RGB", (200, 100), "blue")
    ImageDraw.Draw(picture).rectangle((0, 0, 99, 99), fill="red")
    spot = Image.new("L", (200, 100), 0)
    spot.paste(255, (120, 30, 160, 70))
    made = await studio.repaint(encoded(picture, "PNG"), encoded(spot, "PNG"), marks="white", fill=True)
    assert made.picture is not None
    shown = opened(made.picture.data).convert("RGB")
    assert shown.getpixel((10, 50)) == RED
    red, green, blue = shown.getpixel((140, 50))  # type: ignore[misc]
    assert (blue > 200, red < 60) == (True, True)
    assert green == 0


async def test_a_mask_over_everything_is_filled_with_the_pictures_own_average(studio: Studio) -> None:
    everything = encoded(Image.new("L", (20, 20), 255), "PNG")
    made = await studio.repaint(encoded(Image.new("RGB", (20, 20), RED), "PNG"), everything, marks="white", fill=True)
    assert made.picture is not None
    assert opened(made.picture.data).getpixel((5, 5)) == RED


async def test_a_photograph_on_its_side_is_put_upright_for_its_mask(studio: Studio) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data, upright = encoded(draw(80, 60), "JPEG", exif=exif), mask(size=(60, 80))
    made = await studio.repaint(data, upright, marks="white")
    assert made.picture is not None
    assert (made.picture.facts.format, made.picture.facts.width, made.picture.facts.height) == ("jpeg", 60, 80)
    assert (made.mask.facts.width, made.mask.facts.height) == (60, 80)


async def test_a_picture_takes_over_anothers_colours_and_keeps_its_own_shape(studio: Studio) -> None:
    warm = Image.merge(
        "RGB", [draw(90, 60, "L").point(lambda v: 150 + v // 3), *[draw(90, 60, "L").point(lambda v: v // 4)] * 2]
    )
    source = encoded(warm, "PNG")
    cold = encoded(
        Image.merge("RGB", [Image.new("L", (64, 64), 20), draw(64, 64, "L"), Image.new("L", (64, 64), 220)]), "PNG"
    )
    wanted = await studio.colour_statistics(source)
    before = await studio.colour_statistics(cold)
    made = await studio.transcode(cold, format="png", colours=wanted)
    after = await studio.colour_statistics(made.data)
    distance = [sum(abs(a - b) for a, b in zip(one.means, wanted.means, strict=True)) for one in (before, after)]
    assert distance[1] < distance[0] / 4
    assert (made.facts.width, made.facts.height) == (64, 64)


async def test_transparency_survives_a_change_of_colours(studio: Studio) -> None:
    wanted = await studio.colour_statistics(encoded(draw(40, 40), "PNG"))
    half = Image.new("RGBA", (40, 40), (10, 200, 30, 255))
    half.paste((0, 0, 0, 0), (0, 0, 20, 40))
    made = opened((await studio.transcode(encoded(half, "PNG"), format="png", colours=wanted)).data)
    assert (made.getpixel((5, 5))[3], made.getpixel((35, 5))[3]) == (0, 255)  # type: ignore[index]


@pytest.mark.parametrize("factor", [2, 3, 4])
async def test_an_enlarged_picture_is_so_many_times_as_large_and_keeps_its_transparency(
    studio: Studio, factor: int
) -> None:
    half = Image.new("RGBA", (40, 30), (10, 200, 30, 255))
    half.paste((0, 0, 0, 0), (0, 0, 20, 30))
    made = opened((await studio.enlarge(encoded(half, "PNG"), factor=factor, format="png")).data)
    assert made.size == (40 * factor, 30 * factor)
    assert made.getpixel((2, 2))[3] == 0  # type: ignore[index]
    assert made.getpixel((30 * factor, 5)) == (10, 200, 30, 255)
    edge = made.getpixel((20 * factor, 5))
    assert edge[1] >= 190  # type: ignore[index]  # no black comes in from where nothing was seen


async def test_a_photograph_on_its_side_is_enlarged_upright(studio: Studio) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    made = await studio.enlarge(encoded(draw(80, 60), "JPEG", exif=exif), factor=2, format="jpeg")
    assert (made.facts.width, made.facts.height) == (120, 160)


async def test_nothing_is_enlarged_beyond_what_a_picture_may_be(studio: Studio) -> None:
    with pytest.raises(NotAPicture) as caught:
        await studio.enlarge(encoded(Image.new("L", (4001, 1001)), "PNG"), factor=4, format="png")
    assert caught.value.kind is Flaw.TOO_MANY_PIXELS


async def test_dominant_colours_are_those_that_are_seen(studio: Studio) -> None:
    picture = Image.new("RGBA", (600, 400), (255, 87, 51, 255))
    picture.paste((51, 87, 255, 255), (0, 0, 200, 400))
    picture.paste((0, 255, 0, 0), (500, 0, 600, 400))
    assert list(await studio.dominant_colours(encoded(picture, "PNG"))) == [(255, 87, 51), (51, 87, 255)]
    assert list(await studio.dominant_colours(encoded(Image.new("RGBA", (9, 9), (0, 0, 0, 0)), "PNG"))) == []
    assert list(await studio.dominant_colours(encoded(Image.new("L", (9, 9), 0), "PNG"))) == [BLACK]


async def test_a_mask_is_measured_in_the_size_of_its_picture(studio: Studio) -> None:
    data = mask(size=(40, 30))
    assert await studio.mask_measures(data, width=160, height=120) == MaskMeasures(50.0, (Region(0, 0, 80, 120),))
    inverted = await studio.mask_measures(data, width=160, height=120, inverted=True)
    assert inverted == MaskMeasures(50.0, (Region(80, 0, 80, 120),))


async def test_half_white_counts_and_less_does_not(studio: Studio) -> None:
    assert (await studio.mask_measures(mask(inside=128), width=80, height=60)).area_percent == 50.0
    assert await studio.mask_measures(mask(inside=127), width=80, height=60) == MaskMeasures(0.0, ())


async def test_a_mask_of_noise_is_measured_too(studio: Studio) -> None:
    noise = Image.effect_noise((2048, 2048), 100)
    found = await studio.mask_measures(encoded(noise, "PNG"), width=2048, height=2048)
    assert 40 < found.area_percent < 60
    assert len(found.regions) == 50
