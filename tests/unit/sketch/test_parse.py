"""What a prompt says is what the scene holds."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generator.engines.art.library import ArtLibrary
from generator.engines.sketch.finish import FINISHES
from generator.engines.sketch.lexicon import Lexicon, table
from generator.engines.sketch.parse import parse
from generator.engines.sketch.scene import Scene
from generator.engines.sketch.terms import singulars


def subjects(scene: Scene) -> list[tuple[str, int]]:
    return [(subject.name, subject.count) for subject in scene.subjects]


@pytest.mark.parametrize(
    ("prompt", "setting", "hour", "things"),
    [
        ("A red fox under a full moon in a snowy forest, watercolor", "forest", "night", [("fox", 1)]),
        ("three red balloons in the sky", "sky", "day", [("balloon", 3)]),
        ("a cat on a wooden table", "tabletop", "day", [("cat", 1)]),
        ("two orange cats and a dog in a living room", "room", "day", [("cat", 2), ("dog", 1)]),
        ("astronaut riding a horse on the moon", "moonscape", "day", [("astronaut", 1), ("horse", 1)]),
        ("dragon flying over a castle at sunset", "hills", "sunset", [("dragon", 1), ("castle", 1)]),
        ("a lighthouse on a rocky coast at dawn", "coast", "dawn", [("lighthouse", 1)]),
        ("a flock of sheep in a meadow", "meadow", "day", [("ewe", 7)]),
        ("koi fish in a pond", "lake", "day", [("fish", 1)]),
        ("a school of tropical fish underwater", "underwater", "day", [("tropical-fish", 7)]),
        ("a dozen roses", "meadow", "day", [("rose", 12)]),
        ("mice", "meadow", "day", [("mouse", 3)]),
        ("a cup of coffee and a croissant", "tabletop", "day", [("hot-beverage", 1), ("croissant", 1)]),
        ("a sailboat", "sea", "day", [("sailboat", 1)]),
        ("a rocket", "space", "day", [("rocket", 1)]),
        ("cyberpunk city street", "street", "night", []),
        ("three blue birds on a branch", "sky", "day", [("bird", 3), ("branch", 1)]),
        ("a red sports car on a coastal road at sunset", "coastroad", "sunset", [("sports-car", 1)]),
        ("a cute baby sea otter", "meadow", "day", [("otter", 1)]),
        ("a couple walking on the beach", "beach", "day", [("woman-and-man-holding-hands", 1)]),
        ("a couple of owls in a forest", "forest", "day", [("owl", 2)]),
        ("3 owls in a forest", "forest", "day", [("owl", 3)]),
        ("a beautiful landscape with mountains and a lake", "mountains", "day", []),
        ("a blue butterfly on a white flower", "meadow", "day", [("butterfly", 1), ("daisies", 1)]),
        ("a white horse in a desert, dust storm", "desert", "day", [("horse", 1)]),
        ("line art of a rose", "studio", "day", [("rose", 1)]),
        ("a cat in a box", "tabletop", "day", [("cat", 1), ("box", 1)]),
        ("two children flying a kite on a beach", "beach", "day", [("child", 2), ("kite", 1)]),
        ("a happy family having dinner at home", "room", "day", [("person", 4)]),
        ("a lone tree under a starry sky", "meadow", "night", [("deciduous-tree", 1)]),
        ("minimalist logo of a mountain", "studio", "day", [("snow-capped-mountain", 1)]),
        ("an orange sky over purple mountains", "mountains", "day", []),
        ("portrait of a viking on a cliff", "mountains", "day", [("knight", 1)]),
        ("a man by a campfire", "meadow", "night", [("man", 1), ("fire", 1)]),
        ("a slice of pizza on a plate", "tabletop", "day", [("pizza", 1), ("plate", 1)]),
        ("a lighthouse", "coast", "day", [("lighthouse", 1)]),
        ("a penguin", "snowfield", "day", [("penguin", 1)]),
        ("an old man with a carrot nose", "meadow", "day", [("old-man", 1)]),
        ("professional portrait photography, studio lighting", "portrait", "day", [("woman", 1)]),
        ("logo for a coffee shop", "studio", "day", [("hot-beverage", 1)]),
        ("vintage travel poster of Paris", "avenue", "day", [("eiffel-tower", 1)]),
        ("transform into a cyberpunk style with neon lights", "city", "night", []),
        ("Un gato negro durmiendo en un sofá rojo", "room", "day", [("black-cat", 1), ("couch-and-lamp", 1)]),
        ("Ein Segelboot auf einem See vor den Alpen", "lake", "day", [("sailboat", 1)]),
        ("un chat noir sous la pleine lune", "meadow", "night", [("black-cat", 1)]),
        ("два рыжих кота в лесу зимой", "forest", "day", [("cat", 2)]),
        ("一只红色的狐狸在雪地里", "meadow", "day", [("fox", 1)]),
        ("", "abstract", "day", []),
        ("zxqv blorp", "abstract", "day", []),
    ],
)
def test_a_prompt_names_its_place_its_hour_and_its_things(
    lexicon: Lexicon, prompt: str, setting: str, hour: str, things: list[tuple[str, int]]
) -> None:
    scene = parse(prompt, "", lexicon)
    assert scene.settings[0] == setting
    assert scene.hour == hour
    assert subjects(scene) == things


def test_a_colour_belongs_to_the_thing_that_follows_it(lexicon: Lexicon) -> None:
    fox, balloon = parse("a blue fox and a green balloon", "", lexicon).subjects
    assert fox.color == pytest.approx((42 / 255, 111 / 255, 214 / 255))
    assert balloon.color is not None
    assert balloon.color[1] > max(balloon.color[0], balloon.color[2])


def test_orange_is_a_fruit_when_nothing_follows_it(lexicon: Lexicon) -> None:
    assert subjects(parse("an orange on a plate", "", lexicon))[0] == ("tangerine", 1)
    (cat,) = parse("an orange cat", "", lexicon).subjects
    assert cat.color is not None


def test_a_colour_without_a_thing_colours_the_whole(lexicon: Lexicon) -> None:
    assert len(parse("freedom in blue and gold", "", lexicon).palette) == 2


def test_places_and_relations_are_kept(lexicon: Lexicon) -> None:
    left, right = parse("On the left a cat, on the right a dog", "", lexicon).subjects
    assert (left.place, right.place) == ("left", "right")
    rider, mount = parse("a knight riding a horse", "", lexicon).subjects
    assert (rider.relation, rider.target, mount.name) == ("on", 1, "horse")


def test_what_is_worn_or_held_leaves_its_owner_free_for_the_next_relation(lexicon: Lexicon) -> None:
    cat, hat, bicycle = parse("a cat wearing a hat riding a bicycle", "", lexicon).subjects
    assert (hat.relation, hat.target) == ("worn", 0)
    assert (cat.relation, cat.target, bicycle.name) == ("on", 2, "bicycle")


def test_clothes_colour_whoever_wears_them_and_parts_colour_nothing(lexicon: Lexicon) -> None:
    (woman,) = parse("a woman in a red dress", "", lexicon).subjects
    assert woman.color is not None
    assert woman.color[0] > max(woman.color[1:])
    scene = parse("an old man with a white beard", "", lexicon)
    assert scene.palette == ()
    assert scene.subjects[0].color is None


def test_what_a_bowl_holds_is_heaped_in_it(lexicon: Lexicon) -> None:
    bowl, fruit = parse("a bowl of apples", "", lexicon).subjects
    assert (bowl.name, bowl.relation, fruit.name) == ("bowl", "filled", "red-apple")


@pytest.mark.parametrize("style", sorted(FINISHES))
def test_every_finish_is_reached_by_each_of_its_words(lexicon: Lexicon, style: str) -> None:
    for word in table("styles")[style]:
        assert style in parse(f"a castle, {word}", "", lexicon).styles, word


def test_the_negative_prompt_takes_out_things_settings_and_styles(lexicon: Lexicon) -> None:
    scene = parse("a cat and a dog in a forest at night, oil painting", "dog, night, oil painting, trees", lexicon)
    assert subjects(scene) == [("cat", 1)]
    assert scene.hour != "night"
    assert scene.styles == ()
    assert {"pines", "treeline"} <= scene.excluded


def test_a_night_without_stars_is_still_night(lexicon: Lexicon) -> None:
    scene = parse("a city street at night", "cars, moon, stars", lexicon)
    assert scene.hour == "night"
    assert {"moon", "stars"} <= scene.excluded


def test_what_flies_takes_along_what_is_with_it(lexicon: Lexicon) -> None:
    scene = parse("Santa Claus in a sleigh with reindeer flying over a snowy village at night", "", lexicon)
    assert [(subject.name, subject.place) for subject in scene.subjects] == [
        ("santa-claus", "sky"),
        ("sled", "sky"),
        ("deer", "sky"),
    ]


def test_without_in_the_prompt_counts_as_negative(lexicon: Lexicon) -> None:
    scene = parse("a castle without clouds and no dragon", "", lexicon)
    assert subjects(scene) == [("castle", 1)]
    assert "clouds" in scene.excluded


def test_unknown_words_are_reported(lexicon: Lexicon) -> None:
    assert parse("a flurbish castle", "", lexicon).ignored_words == ("flurbish",)


@pytest.mark.parametrize(
    ("plural", "singular"), [("foxes", "fox"), ("wolves", "wolf"), ("puppies", "puppy"), ("cats", "cat")]
)
def test_plurals_find_their_singular(plural: str, singular: str) -> None:
    assert singular in singulars(plural)


@settings(max_examples=60, deadline=None)
@given(prompt=st.text(max_size=300), negative=st.text(max_size=100))
def test_any_text_gives_a_scene(lexicon: Lexicon, prompt: str, negative: str) -> None:
    scene = parse(prompt, negative, lexicon)
    assert scene.settings
    assert scene.hour in table("hours")
    assert all(subject.count >= 1 for subject in scene.subjects)


def test_every_word_of_the_lexicon_names_a_drawing_that_exists(art: ArtLibrary) -> None:
    own, rows = table("drawings")["drawing"], table("subjects")
    named = {*rows["synonyms"].values(), *rows["glow"]["names"], *rows["seat"], *rows["worn"], *rows["held"]["names"]}
    named.update(name for row in rows["traits"] for name in row["names"])
    named.update(table("bodies")["color"])
    assert sorted(name for name in named if name not in art and name not in own) == []


def test_many_crowds_are_thinned_until_all_together_can_be_told_apart(lexicon: Lexicon) -> None:
    alone = parse("twelve penguins", "", lexicon)
    crowds = parse(
        "twelve dragons, twelve castles, twelve horses, twelve robots, twelve foxes and twelve cats", "", lexicon
    )
    assert [subject.count for subject in alone.subjects] == [12]
    assert len(crowds.subjects) == 6
    assert sum(subject.count for subject in crowds.subjects) <= 40


def test_a_place_is_of_at_most_three_kinds_the_first_ones_named(lexicon: Lexicon) -> None:
    scene = parse("a fox in a village, forest, garden, jungle and desert", "", lexicon)
    assert scene.settings == ("village", "forest", "garden")
    assert "desert" not in scene.drawn
