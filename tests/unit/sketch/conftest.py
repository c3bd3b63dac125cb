"""The art and one warm engine for all tests of the sketch engine."""

from collections.abc import AsyncIterator

import pytest

from generator.engines.art.install import install
from generator.engines.art.library import ArtLibrary, art_dir, library_path
from generator.engines.sketch import Sketch, SketchConfig
from generator.engines.sketch.lexicon import Lexicon, load


@pytest.fixture(scope="session")
def art() -> ArtLibrary:
    """The installed art; fetched when the environment has none yet."""
    install(art_dir(), lambda _: None)
    return ArtLibrary.open(library_path(art_dir()))


@pytest.fixture(scope="session")
def lexicon(art: ArtLibrary) -> Lexicon:
    return load(art)


@pytest.fixture(scope="session")
async def sketch(art: ArtLibrary) -> AsyncIterator[Sketch]:
    async with Sketch(SketchConfig(workers=1)) as engine:
        yield engine
