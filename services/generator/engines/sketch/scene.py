"""A scene is what a prompt asks for, in the engine's own terms: frozen, complete, and free of pixels."""

from dataclasses import dataclass

Rgb = tuple[float, float, float]


@dataclass(frozen=True)
class Subject:
    """A kind of thing in the picture, `count` times.

    `name` is a drawing of the art library; `phrase` the words that named it; `color` tints it; `place` is left, right, center,
    background, foreground, sky or ""; `relation` and `target` (an index of the scene's subjects) bind it to another.
    """

    name: str
    phrase: str
    count: int = 1
    color: Rgb | None = None
    place: str = ""
    scale: float = 1.0
    relation: str = ""
    target: int | None = None


@dataclass(frozen=True)
class Scene:
    """A whole picture: where, when, in what weather, with what in it, in which manner.

    `settings`, `weather`, `sky` and `styles` name rows of the lexicon, the first being the leading one. `excluded` names features
    that must not appear. `palette` colours the whole; `sky_color` and `ground_color` only those.
    """

    settings: tuple[str, ...]
    hour: str
    weather: tuple[str, ...]
    sky: tuple[str, ...]
    styles: tuple[str, ...]
    subjects: tuple[Subject, ...]
    palette: tuple[Rgb, ...] = ()
    sky_color: Rgb | None = None
    ground_color: Rgb | None = None
    excluded: frozenset[str] = frozenset()
    drawn: tuple[str, ...] = ()
    ignored_words: tuple[str, ...] = ()
