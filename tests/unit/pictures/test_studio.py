"""The studio decodes what is a picture, refuses what is not, and outlives both."""

import asyncio
import io
import os
import signal
import struct
import zlib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image, ImageCms, ImageDraw

from pictures.facts import Facts, Flaw, Format, Limits, NotAPicture
from pictures.inspection import inspect
from pictures.studio import DECODER, Fit, Studio, StudioUnavailable, Target
from servicekit import frames
from testkit.picture_samples import SAMPLES, animated, draw, encoded

RED = (255, 0, 0)
FITS: tuple[Fit, ...] = ("cover", "contain", "fill")


@pytest.fixture(scope="module")
async def studio() -> AsyncIterator[Studio]:
    async with Studio() as running:
        yield running


def opened(data: frames.Buffer) -> Image.Image:
    picture = Image.open(io.BytesIO(data))
    picture.load()
    return picture.copy()


def children_of_this_process() -> set[int]:
    return {
        int(child) for task in Path("/proc/self/task").iterdir() for child in (task / "children").read_text().split()
    }


def chunk(kind: bytes, contents: bytes) -> bytes:
    return struct.pack(">I", len(contents)) + kind + contents + struct.pack(">I", zlib.crc32(kind + contents))


def png_bomb(side: int) -> bytes:
    """An interlaced picture of some kilobytes, which decodes to side x side x 8 bytes, all of them at once."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 16, 6, 0, 0, 1))
    passes = ((8, 8, 0, 0), (8, 8, 4, 0), (4, 8, 0, 4), (4, 4, 2, 0), (2, 4, 0, 2), (2, 2, 1, 0), (1, 2, 0, 1))
    rows = ((1 + 8 * len(range(x, side, dx)), len(range(y, side, dy))) for dx, dy, x, y in passes)
    packed = zlib.compress(bytes(sum(row * count for row, count in rows)))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


@pytest.mark.parametrize("name", SAMPLES)
async def test_a_whole_picture_is_verified(name: Format, studio: Studio) -> None:
    assert await studio.verify(SAMPLES[name]()) == Facts(name, 80, 60)


@pytest.mark.parametrize(
    ("orientation", "sides"), [(1, (80, 60)), (3, (80, 60)), (6, (60, 80)), (8, (60, 80)), (9, (80, 60))]
)
@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP"])
async def test_the_sides_of_a_photo_are_those_that_are_seen(
    name: str, orientation: int, sides: tuple[int, int], studio: Studio
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    facts = await studio.verify(encoded(draw(80, 60), name, exif=exif))
    assert (facts.width, facts.height) == sides


@pytest.mark.parametrize("name", ["jpeg", "png", "webp", "gif"])
async def test_damage_that_the_structure_hides_is_found(name: Format, studio: Studio) -> None:
    # Lossless, for a lossy frame decodes to something whatever its bytes are.
    data = bytearray(encoded(draw(80, 60), "WEBP", lossless=True) if name == "webp" else SAMPLES[name]())
    if name == "png":
        data = data[:33] + chunk(b"IDAT", b"\x78\x9c" + b"\xff" * 500) + chunk(b"IEND", b"")
    else:
        data[len(data) // 2 : len(data) // 2 + 300] = b"\xff\xd8\xfe" * 100
    with pytest.raises(NotAPicture):
        await studio.verify(data)


async def test_what_is_no_picture_never_reaches_a_child(studio: Studio) -> None:
    async with Studio(replace(DECODER, module="no_such_module")) as closed:
        with pytest.raises(NotAPicture) as caught:
            await closed.verify(b"<html>")
        with pytest.raises(StudioUnavailable):
            await closed.verify(SAMPLES["png"]())
    assert caught.value.kind is Flaw.NOT_AN_IMAGE


@pytest.mark.parametrize("target", ["png", "jpeg", "webp", "avif"])
@pytest.mark.parametrize("name", SAMPLES)
async def test_every_format_turns_into_every_other(name: Format, target: Target, studio: Studio) -> None:
    picture = await studio.transcode(SAMPLES[name](), format=target)
    assert picture.facts == inspect(picture.data) == Facts(target, 80, 60, picture.facts.has_alpha)
    before, after = (opened(data).convert("RGB").resize((1, 1)).tobytes() for data in (SAMPLES[name](), picture.data))
    assert all(abs(one - other) < 12 for one, other in zip(before, after, strict=True))


@pytest.mark.parametrize(
    ("width", "height", "expected"),
    [(40, None, (40, 30)), (None, 120, (160, 120)), (64, 64, (64, 64)), (300, 100, (300, 100))],
)
@pytest.mark.parametrize("fit", FITS)
async def test_a_picture_has_the_size_asked_for(
    width: int | None, height: int | None, expected: tuple[int, int], fit: Fit, studio: Studio
) -> None:
    picture = await studio.transcode(SAMPLES["jpeg"](), format="png", width=width, height=height, fit=fit)
    assert opened(picture.data).size == expected


async def test_fits_differ_in_what_they_show(studio: Studio) -> None:
    wide = Image.new("RGB", (100, 50), "blue")
    ImageDraw.Draw(wide).rectangle((0, 0, 9, 49), fill="red")
    data = encoded(wide, "PNG")
    shown = {
        fit: opened((await studio.transcode(data, format="png", width=50, height=50, fit=fit)).data).convert("RGBA")
        for fit in FITS
    }
    assert shown["cover"].getpixel((0, 25)) == (0, 0, 255, 255)
    assert shown["contain"].getpixel((1, 25)) == (*RED, 255)
    assert shown["contain"].getpixel((25, 2)) == (0, 0, 0, 0)
    assert shown["fill"].getpixel((1, 2)) == (*RED, 255)


async def test_a_background_lies_under_what_is_transparent(studio: Studio) -> None:
    data = encoded(Image.new("RGBA", (20, 20), (0, 0, 0, 0)), "PNG")
    white = await studio.transcode(data, format="jpeg")
    red = await studio.transcode(data, format="jpeg", background=RED, width=40, height=20, fit="contain")
    assert opened(white.data).getpixel((10, 10)) == (255, 255, 255)
    assert all(abs(one - other) < 4 for one, other in zip(opened(red.data).tobytes()[:3], RED, strict=True))


async def test_a_rendition_is_a_small_webp_and_never_enlarged(studio: Studio) -> None:
    large = await studio.rendition(encoded(draw(400, 200), "PNG"), max_side=100)
    small = await studio.rendition(SAMPLES["png"](), max_side=512)
    assert (large.facts, small.facts) == (Facts("webp", 100, 50), Facts("webp", 80, 60))
    assert len(large.data) < 8000


async def test_an_animation_gives_its_first_frame(studio: Studio) -> None:
    assert (await studio.rendition(animated("GIF"), max_side=512)).facts.frames == 1


async def test_a_turned_photograph_stands_upright_and_loses_its_metadata(studio: Studio) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010E] = "a place that is nobody's business"
    turned = await studio.transcode(encoded(draw(80, 60), "JPEG", exif=exif), format="jpeg")
    assert opened(turned.data).size == (60, 80)
    assert not opened(turned.data).getexif()
    assert b"nobody" not in bytes(turned.data)


async def test_a_colour_profile_is_applied_and_a_broken_one_is_ignored(studio: Studio) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    plain, broken = Image.new("RGB", (30, 20), (200, 100, 50)), b"no profile" * 20
    same = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for embedded in (same, broken, profile):
        turned = await studio.transcode(encoded(plain, "PNG", icc_profile=embedded), format="png")
        assert opened(turned.data).getpixel((3, 3)) == (200, 100, 50)
        assert "icc_profile" not in Image.open(io.BytesIO(turned.data)).info


@pytest.mark.parametrize("mode", ["L", "LA", "P", "1", "CMYK", "I;16", "RGBA"])
async def test_every_kind_of_pixel_becomes_eight_bit_colour(mode: str, studio: Studio) -> None:
    picture = Image.new("I;16", (8, 8), 0xFFFF) if mode == "I;16" else Image.new("RGB", (8, 8), "white").convert(mode)
    data = encoded(picture, "JPEG" if mode == "CMYK" else "PNG")
    found = await studio.pixels(data, max_side=8)
    assert (found.width, found.height, len(found.data)) == (8, 8, 192)
    assert min(found.data) > 250


async def test_pixels_are_rows_of_red_green_blue(studio: Studio) -> None:
    picture = Image.new("RGB", (3, 2), RED)
    picture.putpixel((2, 0), (0, 0, 255))
    found = await studio.pixels(encoded(picture, "PNG"), max_side=64)
    assert bytes(found.data) == b"\xff\x00\x00" * 2 + b"\x00\x00\xff" + b"\xff\x00\x00" * 3


async def mask_of(studio: Studio, picture: Image.Image) -> tuple[str, int, int]:
    """Its mode, and how the left and the right half came out."""
    mask = await studio.to_white_mask(encoded(picture, "PNG"), width=40, height=20)
    shown = opened(mask.data)
    assert shown.size == (40, 20)
    return shown.mode, shown.tobytes()[10 * 40 + 5], shown.tobytes()[10 * 40 + 35]


async def test_what_was_transparent_in_a_mask_is_white(studio: Studio) -> None:
    picture = Image.new("RGBA", (80, 40), (0, 0, 0, 255))
    picture.paste((255, 255, 255, 0), (0, 0, 40, 40))
    assert await mask_of(studio, picture) == ("L", 255, 0)


@pytest.mark.parametrize("mode", ["L", "RGB", "1", "RGBA", "LA", "P"])
async def test_what_was_bright_in_an_opaque_mask_is_white(mode: str, studio: Studio) -> None:
    picture = Image.new("L", (80, 40), 0)
    picture.paste(255, (0, 0, 40, 40))
    assert await mask_of(studio, picture.convert(mode)) == ("L", 255, 0)


async def test_a_bomb_is_refused_by_its_header(studio: Studio) -> None:
    with pytest.raises(NotAPicture) as caught:
        await studio.verify(png_bomb(8001)[:2000])
    assert caught.value.kind is Flaw.TOO_MANY_PIXELS


async def test_a_result_that_would_be_a_bomb_is_refused(studio: Studio) -> None:
    with pytest.raises(NotAPicture) as caught:
        await studio.transcode(SAMPLES["png"](), format="png", width=16_000)
    assert caught.value.kind is Flaw.TOO_MANY_PIXELS


async def test_a_picture_that_takes_too_much_memory_is_no_picture_and_the_next_one_is() -> None:
    tight = frames.Limits(memory_bytes=200 << 20, cpu_seconds=20, retire_bytes=1 << 30)
    async with Studio(replace(DECODER, limits=tight)) as studio:
        with pytest.raises(NotAPicture) as caught:
            await studio.verify(png_bomb(4000))
        assert caught.value.kind is Flaw.CORRUPT
        assert (await studio.verify(SAMPLES["jpeg"]())).format == "jpeg"


async def test_a_picture_that_takes_too_much_work_is_no_picture_and_the_next_one_is() -> None:
    tight = frames.Limits(memory_bytes=2 << 30, cpu_seconds=0, retire_bytes=1 << 30)
    async with Studio(replace(DECODER, limits=tight)) as studio:
        with pytest.raises(NotAPicture) as caught:
            await studio.transcode(SAMPLES["jpeg"](), format="avif", width=8000, height=8000, quality=100)
        assert caught.value.kind is Flaw.CORRUPT
        assert (await studio.verify(SAMPLES["jpeg"]())).format == "jpeg"


async def test_a_child_that_is_killed_from_outside_is_not_the_pictures_fault() -> None:
    async with Studio() as studio:
        before = children_of_this_process()
        await studio.verify(SAMPLES["png"]())
        (child,) = children_of_this_process() - before
        data = encoded(draw(3000, 3000), "PNG", compress_level=1)
        call = asyncio.create_task(studio.transcode(data, format="webp"))
        await asyncio.sleep(0)
        os.kill(child, signal.SIGSTOP)
        await asyncio.sleep(0)
        os.kill(child, signal.SIGKILL)
        with pytest.raises(StudioUnavailable):
            await call


async def test_many_pictures_at_once_are_all_answered(studio: Studio) -> None:
    data = encoded(draw(300, 200), "PNG")
    made = await asyncio.gather(*(studio.rendition(data, max_side=64) for _ in range(20)))
    assert {picture.facts for picture in made} == {Facts("webp", 64, 43)}


async def test_limits_of_the_caller_hold_before_any_decoding() -> None:
    async with Studio(limits=Limits(max_bytes=100)) as studio:
        with pytest.raises(NotAPicture) as caught:
            await studio.rendition(SAMPLES["png"](), max_side=64)
    assert caught.value.kind is Flaw.TOO_LARGE


async def test_a_picture_without_manifest_needs_no_reader(studio: Studio) -> None:
    assert await studio.manifest(SAMPLES["png"]()) is None
