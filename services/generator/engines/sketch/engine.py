"""Sketch is the engine as the service sees it: asynchronous, with every stroke made in a child process."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from generator.engines.art.library import ArtLibrary, ArtMissing, art_dir, library_path
from generator.engines.child import ChildLimits, ChildPool, EngineFault, EngineRefused, Message
from generator.engines.sketch.request import SketchFailed, SketchPicture, SketchRefused, SketchRequest

_CHILD_MODULE = "generator.engines.sketch.child"
# One thread per child: parallelism comes from children, and idle thread stacks are memory. The malloc settings keep freed picture
# buffers for the next operation, which spares the page faults that otherwise cost half of the drawing time.
_CHILD_VARIABLES = {
    "OPENBLAS_NUM_THREADS": "1",
    "VIPS_CONCURRENCY": "1",
    "VIPS_BLOCK_UNTRUSTED": "1",
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": str(32 * 1024 * 1024),
    "MALLOC_TRIM_THRESHOLD_": str(512 * 1024 * 1024),
    "NUMPY_MADVISE_HUGEPAGE": "0",  # the kernel may have to move memory about to find huge pages, on the first picture's time
    "PYTHONHASHSEED": "0",
}


def _spare_cpus() -> int:
    return max(1, (os.cpu_count() or 2) - 1)


@dataclass(frozen=True)
class SketchConfig:
    """How many children draw at once, what each may use, and where the art lies."""

    workers: int = field(default_factory=_spare_cpus)
    limits: ChildLimits = field(default_factory=ChildLimits)
    art_folder: Path = field(default_factory=art_dir)


class Sketch:
    """Draws pictures in child processes that start on the first request and end after being idle."""

    def __init__(self, config: SketchConfig | None = None) -> None:
        self._config = config or SketchConfig()
        self._art = library_path(self._config.art_folder)
        self._pool = ChildPool(
            module=_CHILD_MODULE,
            workers=self._config.workers,
            limits=self._config.limits,
            variables={**_CHILD_VARIABLES, "GESSO_ART_DIR": str(self._config.art_folder)},
        )

    async def __aenter__(self) -> Self:
        await self._pool.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._pool.__aexit__(kind, error, trace)

    @property
    def process_ids(self) -> tuple[int, ...]:
        """The children alive now; empty at rest."""
        return self._pool.process_ids

    async def draw(self, request: SketchRequest) -> SketchPicture:
        """Raises SketchRefused for a request that cannot be drawn, SketchFailed when the engine broke or was too slow."""
        blobs = tuple(blob for blob in (request.init_image, request.mask) if blob is not None)
        head = {
            **request.head(),
            "has_init_image": request.init_image is not None,
            "has_mask": request.mask is not None,
        }
        try:
            reply = await self._pool.call(Message(head, blobs))
        except EngineRefused as refusal:
            raise SketchRefused(refusal.reason, str(refusal)) from None
        except EngineFault as fault:
            raise SketchFailed(str(fault)) from fault
        return SketchPicture(
            data=reply.blobs[0],
            width=request.width,
            height=request.height,
            format=request.output_format,
            seed=request.seed,
            drawn=tuple(reply.head["drawn"]),
            ignored_words=tuple(reply.head["ignored_words"]),
            cpu_seconds=reply.head["cpu_seconds"],
        )

    def check_art(self) -> None:
        """Raises SketchRefused with the command that installs the art, when it is missing."""
        try:
            ArtLibrary.open(self._art)
        except ArtMissing as missing:
            raise SketchRefused("ART_MISSING", str(missing)) from None
