"""Things stand where the prompt puts them, in sizes that befit them, whole and inside the picture."""

import numpy as np
import pytest

from generator.engines.sketch.draw import draw
from generator.engines.sketch.layout import Placed
from generator.engines.sketch.lexicon import Lexicon, table
from generator.engines.sketch.paint.raster import sprite
from generator.engines.sketch.parse import parse
from generator.engines.sketch.request import SketchRequest
from generator.engines.sketch.staging import composed, empty_stage

SIDE = 512


def things(prompt: str, lexicon: Lexicon, seed: int = 0) -> dict[str, list[Placed]]:
    scene = parse(prompt, "", lexicon)
    found: dict[str, list[Placed]] = {}
    for thing in composed(empty_stage(scene, SIDE, SIDE, seed, lexicon), lexicon)[0]:
        found.setdefault(thing.subject.name, []).append(thing)
    return found


def test_a_hatted_rider_sits_on_its_mount_under_its_hat(lexicon: Lexicon) -> None:
    found = things("a cat wearing a hat riding a bicycle", lexicon)
    (cat,), (hat,), (bicycle,) = found["cat"], found["top-hat"], found["bicycle"]
    assert bicycle.foot - bicycle.height < cat.foot < bicycle.foot
    assert cat.foot - cat.height < hat.foot < cat.foot - cat.height / 2
    assert hat.order > cat.order > bicycle.order


@pytest.mark.parametrize(
    ("prompt", "small", "large"),
    [
        ("a cat and a house", "cat", "house"),
        ("a woman reading a book under a tree", "woman", "deciduous-tree"),
        ("an astronaut floating in space with planet earth behind", "astronaut", "globe-showing-europe-africa"),
        ("a snowman in front of a house", "snowman-without-snow", "house"),
    ],
)
def test_the_smaller_thing_is_drawn_smaller(lexicon: Lexicon, prompt: str, small: str, large: str) -> None:
    found = things(prompt, lexicon)
    assert found[small][0].height < 0.75 * found[large][0].height


def test_many_on_one_table_stand_side_by_side_on_its_top(lexicon: Lexicon) -> None:
    found = things("a teapot and four cups on a round table in a garden", lexicon)
    (table_,), (pot,), cups = found["table"], found["teapot"], found["hot-beverage"]
    assert len(cups) == 4
    for thing in (pot, *cups):
        assert abs(thing.foot - (table_.foot - table_.height)) < 0.12 * table_.height
    assert pot.x > max(cup.x for cup in cups) or pot.x < min(cup.x for cup in cups)


@pytest.mark.parametrize("prompt", ["three camels", "ten butterflies in the sky", "a birthday cake and three balloons"])
@pytest.mark.parametrize("seed", range(4))
def test_no_copy_is_cut_by_the_edge(lexicon: Lexicon, prompt: str, seed: int) -> None:
    for thing in (thing for copies in things(prompt, lexicon, seed).values() for thing in copies):
        assert 0.02 * SIDE < thing.x < 0.98 * SIDE
        assert thing.foot - thing.height >= 0
        assert thing.foot <= SIDE


@pytest.mark.parametrize(
    ("prompt", "name", "count"),
    [
        ("an orange on a plate", "tangerine", 1),
        ("two oranges on a plate", "tangerine", 2),
        ("four roses in a vase", "rose", 4),
        ("a cat in a basket", "cat", 1),
    ],
)
def test_what_lies_in_a_vessel_is_as_many_as_the_prompt_says(
    lexicon: Lexicon, prompt: str, name: str, count: int
) -> None:
    assert len(things(prompt, lexicon)[name]) == count


def test_a_landmark_stands_small_behind_what_is_named(lexicon: Lexicon) -> None:
    found = things("a black cat in Paris", lexicon)
    (cat,), (tower,) = found["black-cat"], found["eiffel-tower"]
    assert tower.order < cat.order
    assert tower.foot < cat.foot


@pytest.mark.parametrize("name", sorted(table("drawings")["drawing"]))
def test_no_drawing_of_ours_is_cut_by_its_grid(name: str) -> None:
    svg = table("drawings")["drawing"][name]["svg"]
    alone = sprite(svg, 64)
    roomy = sprite(f'<g transform="translate(32 32) scale(.5)">{svg}</g>', 64)
    assert roomy.shape[1] / roomy.shape[0] == pytest.approx(alone.shape[1] / alone.shape[0], rel=0.08)


def test_a_coloured_house_has_coloured_walls(lexicon: Lexicon) -> None:
    def middle(prompt: str) -> np.ndarray:
        pixels = draw(SketchRequest(prompt, width=SIDE, height=SIDE), lexicon).pixels
        (house,) = things(prompt, lexicon)["house"]
        wall: np.ndarray = pixels[int(house.foot - house.height * 0.62), int(house.x)]
        return wall

    yellow, plain = middle("a yellow house"), middle("a house")
    assert yellow[0] - yellow[2] > 0.25
    assert plain[0] - plain[2] < 0.2
