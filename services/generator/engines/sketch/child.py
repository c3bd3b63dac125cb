"""The sketch engine's child process: reads requests, draws, and answers with encoded pictures."""

import ctypes
import os
import time
from dataclasses import fields
from functools import cache
from pathlib import Path

from generator.engines.art.library import ArtLibrary, ArtMissing, library_path
from generator.engines.child import EngineRefused, Message, serve
from generator.engines.sketch.codec import encode
from generator.engines.sketch.draw import draw
from generator.engines.sketch.lexicon import Lexicon, load
from generator.engines.sketch.request import SketchRequest


@cache
def _lexicon() -> Lexicon:
    try:
        return load(ArtLibrary.open(library_path(Path(os.environ["GESSO_ART_DIR"]))))
    except ArtMissing as missing:
        raise EngineRefused("ART_MISSING", str(missing)) from None


_LARGE_PIXELS = 1_500_000


def _give_back_memory() -> None:
    """Returns freed memory to the system, where the C library can: a large picture leaves hundreds of megabytes behind."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def answer(message: Message) -> Message:
    """Draws one request."""
    started = time.process_time()
    head, blobs = message.head, list(message.blobs)
    facts = {field.name: head[field.name] for field in fields(SketchRequest) if field.name in head}
    facts["init_image"] = blobs.pop(0) if head["has_init_image"] else None
    facts["mask"] = blobs.pop(0) if head["has_mask"] else None
    request = SketchRequest(**facts)
    picture = draw(request, _lexicon())
    data = encode(picture.pixels, request.output_format, request.quality)
    drawn, ignored_words = picture.scene.drawn, picture.scene.ignored_words
    del picture
    if request.width * request.height > _LARGE_PIXELS:
        _give_back_memory()
    spent = time.process_time() - started
    return Message(
        {"drawn": drawn, "ignored_words": ignored_words, "cpu_seconds": round(spent, 4)},
        (data,),
    )


if __name__ == "__main__":
    serve(answer)
