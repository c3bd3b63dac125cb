"""Pictures come out as asked: the same for the same seed, of the size, inside the mask, within the budget."""

import struct
import time
import zlib
from pathlib import Path

import numpy as np
import pytest
import pyvips

from generator.engines.art.library import ArtLibrary
from generator.engines.sketch import Sketch, SketchConfig, SketchRefused, SketchRequest
from generator.engines.sketch.draw import draw
from generator.engines.sketch.lexicon import Lexicon
from generator.engines.sketch.paint.raster import sprite

# What `reference_seconds` measures on an idle machine of the kind that the budget of half a second is meant for.
REFERENCE_SECONDS = 0.09
FOX = "A red fox under a full moon in a snowy forest, watercolor"
COSTLY = (
    "a lighthouse on the coast in a storm, oil painting",
    "a city street at night, photo",
    "a red fox in a garden, oil painting",
    "hundred penguins on a beach in a storm, northern lights, rainbow, fireworks, oil painting, neon",
    "twelve dragons, castles, horses, robots, foxes, cats, dogs and birds in a garden in a blizzard, oil painting, neon",
)


def pixels(data: bytes) -> np.ndarray:
    decoded: np.ndarray = pyvips.Image.new_from_buffer(data, "").numpy()
    return decoded


def png(array: np.ndarray) -> bytes:
    height, width = array.shape[:2]
    bands = 1 if array.ndim == 2 else array.shape[2]
    data = np.ascontiguousarray(array.astype(np.uint8))
    return bytes(pyvips.Image.new_from_memory(data, width, height, bands, "uchar").pngsave_buffer())


def checkered(width: int, height: int) -> np.ndarray:
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    return np.stack([(x * 7) % 256, (y * 5) % 256, ((x + y) * 3) % 256], axis=-1).astype(np.uint8)


async def test_the_same_request_gives_the_same_bytes_in_another_process(sketch: Sketch, art: ArtLibrary) -> None:
    request = SketchRequest(FOX, width=256, height=256, seed=11)
    first = await sketch.draw(request)
    async with Sketch(SketchConfig(workers=1)) as other:
        second = await other.draw(request)
        assert set(other.process_ids).isdisjoint(sketch.process_ids)
    assert first.data == second.data


async def test_another_seed_gives_another_picture(sketch: Sketch) -> None:
    pictures = [await sketch.draw(SketchRequest(FOX, width=128, height=128, seed=seed)) for seed in range(4)]
    assert len({picture.data for picture in pictures}) == 4


@pytest.mark.parametrize("size", [(64, 64), (2048, 512), (512, 1024), (333, 517), (64, 2048)])
async def test_the_picture_has_the_size_asked_for(sketch: Sketch, size: tuple[int, int]) -> None:
    picture = await sketch.draw(SketchRequest("a castle by a lake at sunset", width=size[0], height=size[1]))
    assert pixels(picture.data).shape == (size[1], size[0], 3)


@pytest.mark.parametrize(
    "prompt",
    [
        "a cat in a room", "an apple on a table", "portrait of a woman", "a whale underwater", "a rocket in space",
        "birds above the clouds", "an astronaut on the moon", "isometric forest cabin", "harmony", "a camel in the desert",
        "palm beach at dawn, fireworks", "city in a thunderstorm", "village with rainbow", "northern lights over a lake",
        "a witch holding a candle", "king wearing a crown", "twelve penguins", "volcano", "a tree in the background",
        "enchanted forest, sunbeams", "blizzard", "falling leaves", "cherry blossoms", "mars", "jungle", "lavender field",
        "flowers", "bamboo", "road in fog", "a house in the sea",
    ],
)  # fmt: skip
def test_every_backdrop_draws_at_a_small_and_odd_size(lexicon: Lexicon, prompt: str) -> None:
    for width, height in ((97, 64), (64, 131)):
        drawn = draw(SketchRequest(prompt, width=width, height=height, seed=3), lexicon)
        assert drawn.pixels.shape == (height, width, 3)
        assert np.isfinite(drawn.pixels).all()
        assert float(drawn.pixels.std()) > 0.01


@pytest.mark.parametrize(
    ("output_format", "magic"), [("png", b"\x89PNG"), ("jpeg", b"\xff\xd8\xff"), ("webp", b"RIFF")]
)
async def test_each_format_is_what_it_says(sketch: Sketch, output_format: str, magic: bytes) -> None:
    picture = await sketch.draw(SketchRequest("a boat", width=96, height=64, output_format=output_format))  # type: ignore[arg-type]
    assert picture.data.startswith(magic)
    assert pixels(picture.data).shape == (64, 96, 3)


async def test_the_png_says_that_no_model_drew_it(sketch: Sketch) -> None:
    picture = await sketch.draw(SketchRequest("a boat", width=64, height=64))
    texts, at = {}, 8
    while at < len(picture.data):
        (length,) = struct.unpack_from(">I", picture.data, at)
        kind, body = picture.data[at + 4 : at + 8], picture.data[at + 8 : at + 8 + length]
        assert zlib.crc32(kind + body) == struct.unpack_from(">I", picture.data, at + 8 + length)[0]
        if kind == b"zTXt":
            key, _, value = body.partition(b"\0")
            texts[key.decode()] = zlib.decompress(value[1:]).decode()
        at += 12 + length
    assert "no AI model" in texts["Software"]


async def test_the_style_changes_the_picture(sketch: Sketch) -> None:
    plain = pixels((await sketch.draw(SketchRequest("a red fox in a forest", width=256, height=256))).data)
    gray = pixels(
        (await sketch.draw(SketchRequest("a red fox in a forest, black and white", width=256, height=256))).data
    )
    line = pixels((await sketch.draw(SketchRequest("a red fox in a forest, line art", width=256, height=256))).data)
    assert np.ptp(plain.astype(int), axis=-1).mean() > 20
    assert np.ptp(gray.astype(int), axis=-1).mean() < 10
    assert (line > 230).mean() > 0.5


async def test_what_the_negative_prompt_names_is_not_drawn(sketch: Sketch) -> None:
    request = SketchRequest("a cat and a dog in a room", "dog", width=128, height=128)
    assert "dog" not in (await sketch.draw(request)).drawn


async def test_strength_zero_keeps_the_source_and_one_ignores_it(sketch: Sketch) -> None:
    source = checkered(128, 96)
    kept = await sketch.draw(SketchRequest(FOX, width=128, height=96, init_image=png(source), strength=0.0))
    ignored = await sketch.draw(SketchRequest(FOX, width=128, height=96, init_image=png(source), strength=1.0))
    drawn = await sketch.draw(SketchRequest(FOX, width=128, height=96))
    assert (pixels(kept.data) == source).all()
    assert ignored.data == drawn.data


async def test_more_strength_is_farther_from_the_source(sketch: Sketch) -> None:
    source = checkered(128, 128)
    distances = []
    for strength in (0.2, 0.5, 0.8):
        picture = await sketch.draw(
            SketchRequest("a cat", width=128, height=128, init_image=png(source), strength=strength)
        )
        distances.append(float(np.abs(pixels(picture.data).astype(int) - source).mean()))
    assert distances == sorted(distances)
    assert distances[0] > 1


async def test_black_in_the_mask_keeps_the_source_exactly(sketch: Sketch) -> None:
    source, mask = checkered(160, 120), np.zeros((120, 160), np.uint8)
    mask[30:90, 60:140] = 255
    request = SketchRequest(
        "a red balloon", width=160, height=120, init_image=png(source), mask=png(mask), strength=1.0
    )
    result = pixels((await sketch.draw(request)).data)
    assert (result[mask == 0] == source[mask == 0]).all()
    assert (result[mask == 255] != source[mask == 255]).any(axis=-1).mean() > 0.9


async def test_a_source_of_another_size_is_fitted(sketch: Sketch) -> None:
    request = SketchRequest("a cat", width=100, height=140, init_image=png(checkered(300, 90)), strength=0.3)
    assert pixels((await sketch.draw(request)).data).shape == (140, 100, 3)


async def test_an_unreadable_source_is_refused_and_the_engine_goes_on(sketch: Sketch) -> None:
    with pytest.raises(SketchRefused) as refused:
        await sketch.draw(SketchRequest("a cat", width=64, height=64, init_image=b"not a picture", strength=0.5))
    assert refused.value.reason == "UNREADABLE_INPUT"
    with pytest.raises(SketchRefused):
        await sketch.draw(
            SketchRequest("a cat", width=64, height=64, init_image=png(checkered(64, 64))[:-900], strength=0.5)
        )
    assert (await sketch.draw(SketchRequest("a cat", width=64, height=64))).data


def reference_seconds() -> float:
    """The CPU time of a fixed load of the kind that a picture is: sums over planes, a blur, an encoding."""
    rng = np.random.default_rng(1)
    started = time.process_time()
    field = rng.random((3, 1024, 1024), dtype=np.float32)
    for _ in range(10):
        field = np.sqrt(field * 0.5 + 0.5)
    grain = rng.integers(0, 16, (1024, 1024, 3), dtype=np.uint8)
    image = pyvips.Image.new_from_array(grain)
    assert image.gaussblur(4).avg() < 16
    assert image.pngsave_buffer(compression=3)
    return time.process_time() - started


@pytest.mark.parametrize("prompt", [FOX, *COSTLY])
async def test_a_picture_of_a_megapixel_costs_at_most_half_a_second_of_cpu(sketch: Sketch, prompt: str) -> None:
    """On an idle machine half of that: busy neighbours, with whom the processor's caches are shared, inflate CPU time too.

    What they add is measured by a known load right before and after each picture. It may excuse a picture that cost more,
    never one that would cost more on the reference machine.
    """
    costs = []
    before = reference_seconds()
    for seed in (0, 1, 2):
        spent = (await sketch.draw(SketchRequest(prompt, seed=seed))).cpu_seconds
        after = reference_seconds()
        costs.append((spent / max(1.0, min(before, after) / REFERENCE_SECONDS), spent, before, after))
        before = after
    assert min(costs)[0] <= 0.5, costs


def peak_megabytes(process_id: int) -> int:
    status = Path(f"/proc/{process_id}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) // 1024


async def test_a_child_needs_no_more_memory_for_the_tenth_picture_than_for_the_third() -> None:
    async with Sketch(SketchConfig(workers=1)) as sketch:
        peaks = []
        for seed in range(10):
            await sketch.draw(SketchRequest("a fox, photo", seed=seed))
            peaks.append(peak_megabytes(sketch.process_ids[0]))
    assert peaks[9] - peaks[2] < 24, peaks  # a picture of a megapixel has 12 MB, and its stage 16


def test_of_several_media_the_strong_word_rules_and_the_weak_one_is_left(lexicon: Lexicon) -> None:
    def drawn(prompt: str) -> np.ndarray:
        return draw(SketchRequest(prompt, width=96, height=96), lexicon).pixels

    assert (drawn("a castle, realistic minimalist watercolor") == drawn("a castle, watercolor")).all()
    assert (drawn("a castle, watercolor, sepia") != drawn("a castle, watercolor")).any()


async def test_no_svg_is_opened_for_a_caller_not_even_after_the_engine_drew_its_own(sketch: Sketch) -> None:
    svg = b'<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64"><rect width="64" height="64"/></svg>'
    await sketch.draw(SketchRequest("a cat", width=64, height=64))
    for init_image, mask in ((svg, None), (png(checkered(64, 64)), svg)):
        with pytest.raises(SketchRefused) as refused:
            await sketch.draw(
                SketchRequest("a cat", width=64, height=64, init_image=init_image, mask=mask, strength=0.5)
            )
        assert refused.value.reason == "UNREADABLE_INPUT"


def test_a_drawing_is_whole_where_it_is_clipped_by_the_alias_of_a_shape() -> None:
    """As the hand and the ear of the library are; librsvg does not follow a `use` of a `use` in a clip."""
    square = '<path fill="#ff0000" d="M0 0h128v128H0z"/>'
    clip = (
        '<defs><path id="a" d="M0 0h64v128H0z"/></defs><defs><use href="#a" id="b"/></defs>'
        '<clipPath id="c"><use href="#b"/></clipPath>'
    )
    green = '<path fill="#00ff00" d="M0 0h128v128H0z" clip-path="url(#c)"/>'
    shown = sprite(square + clip + green, 128)
    assert shown[64, 30].tolist() == [0, 1, 0, 1]
    assert shown[64, 100].tolist() == [1, 0, 0, 1]
