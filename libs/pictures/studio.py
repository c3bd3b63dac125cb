"""The studio does everything that needs the pixels of a picture, in child processes that a bomb may take down.

    async with Studio() as studio:
        picture = await studio.rendition(data, max_side=512)

Every operation inspects the bytes before it hands them to a child. What is wrong with them is a NotAPicture: also
when they bring the child to its limits of memory or CPU, or make it crash. StudioUnavailable says that the platform
could not do the work just now.
"""

from __future__ import annotations

import signal
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from types import TracebackType
from typing import Any, Final, Literal, Self, TypeAlias

from pictures.facts import DEFAULT, Buffer, Facts, Flaw, Limits, Manifest, NotAPicture, Standing
from pictures.inspection import inspect
from servicekit import frames
from servicekit.children import ChildCannotStart, ChildDied, Children, ChildTimedOut, Pool
from servicekit.frames import ChildFault, Message

Fit: TypeAlias = Literal["cover", "contain", "fill"]
Colour: TypeAlias = tuple[int, int, int]
Target: TypeAlias = Literal["png", "jpeg", "webp", "avif"]
Marks: TypeAlias = Literal["transparency", "white"]
"""What of a mask with transparency marks the part to repaint; see pictures.repainting."""

DECODER: Final = Pool(
    "pictures.decoder",
    frames.Limits(memory_bytes=3 << 29, cpu_seconds=20, retire_bytes=160 << 20),
    most=2,
    idle_seconds=30,
    environment=(("VIPS_CONCURRENCY", "1"), ("MALLOC_ARENA_MAX", "2")),
)
MEASURER: Final = Pool(
    "pictures.measuring",
    frames.Limits(memory_bytes=3 << 29, cpu_seconds=20, retire_bytes=160 << 20),
    most=1,
    idle_seconds=10,
    environment=(("VIPS_CONCURRENCY", "1"), ("MALLOC_ARENA_MAX", "2"), ("OPENBLAS_NUM_THREADS", "1")),
)
MANIFEST_READER: Final = Pool(
    "pictures.manifest_reader",
    frames.Limits(memory_bytes=1 << 30, cpu_seconds=10, retire_bytes=160 << 20),
    most=1,
    idle_seconds=10,
)


_ENDED_BY_THE_PICTURE: Final = frozenset(
    -number
    for number in (
        signal.SIGSEGV,
        signal.SIGBUS,
        signal.SIGILL,
        signal.SIGFPE,
        signal.SIGABRT,
        signal.SIGTRAP,
        signal.SIGXCPU,
        signal.SIGSYS,
    )
)


class StudioUnavailable(Exception):
    """No child could do the work: it cannot start, was killed from outside, or the machine is overloaded."""


@dataclass(frozen=True, slots=True)
class Picture:
    """An encoded picture and its facts."""

    data: Buffer
    facts: Facts


@dataclass(frozen=True, slots=True)
class Pixels:
    """`data` has height rows of width pixels of three bytes: red, green, blue, in sRGB."""

    width: int
    height: int
    data: Buffer


@dataclass(frozen=True, slots=True)
class ColourStatistics:
    """Mean and deviation of each channel of Oklab."""

    means: tuple[float, ...]
    deviations: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Region:
    """A bounding box in pixels."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class MaskMeasures:
    """What a mask marks: `area_percent` of its pixels, 0..100, and the boxes of its 8-connected regions, largest first."""

    area_percent: float
    regions: tuple[Region, ...]


@dataclass(frozen=True, slots=True)
class Repaint:
    """A mask made ready for its picture; `picture` is None where the picture can go as it is."""

    mask: Picture
    picture: Picture | None


class Studio:
    """An async context manager over the children that decode; none runs before the first call, none when idle."""

    def __init__(
        self,
        decoder: Pool = DECODER,
        manifest_reader: Pool = MANIFEST_READER,
        measurer: Pool = MEASURER,
        *,
        limits: Limits = DEFAULT,
        deadline_seconds: float = 60.0,
    ) -> None:
        self._decoders = Children(decoder)
        self._readers = Children(manifest_reader)
        self._measurers = Children(measurer)
        self._limits = limits
        self._deadline_seconds = deadline_seconds

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for children in (self._decoders, self._readers, self._measurers):
            await children.__aexit__(kind, error, trace)

    async def verify(self, data: Buffer) -> Facts:
        """Proves that the first frame opens, to the last pixel; the facts have its sides as it is shown, upright."""
        facts = inspect(data, limits=self._limits)
        shown = (await self._ask(self._decoders, [data], {"do": "verify"})).head
        return replace(facts, width=shown["width"], height=shown["height"])

    async def transcode(
        self,
        data: Buffer,
        *,
        format: Target,  # noqa: A002 - the word of every dialect
        quality: int = 90,
        width: int | None = None,
        height: int | None = None,
        fit: Fit = "cover",
        background: Colour | None = None,
        colours: ColourStatistics | None = None,
    ) -> Picture:
        """The first frame in another format and size, upright, in sRGB, without metadata.

        With one side given the other follows; with both, `cover` fills the canvas and cuts what is over, `contain`
        shows all on the background (transparent without one; JPEG has white), `fill` stretches. Sides are pixels,
        1..16384; quality is 1..100 and means nothing for PNG. With `colours` it takes over those of another picture.
        """
        assert 1 <= quality <= 100
        call = {"do": "transcode", "format": format, "quality": quality, "width": width, "height": height}
        taken = asdict(colours) if colours else None
        return await self._picture(data, call | {"fit": fit, "background": background, "colours": taken})

    async def enlarge(self, data: Buffer, *, factor: int, format: Target, quality: int = 90) -> Picture:  # noqa: A002
        """The first frame `factor` times as wide and high, by bicubic interpolation; transparency stays but in a JPEG.

        Raises NotAPicture too_many_pixels where the result would be larger than a picture may be.
        """
        call = {"do": "enlarge", "format": format, "quality": quality, "factor": factor}
        return await self._picture(data, call)

    async def rendition(self, data: Buffer, *, max_side: int, quality: int = 80) -> Picture:
        """A WebP of the first frame, no side longer than `max_side` pixels, never enlarged."""
        assert 1 <= quality <= 100
        call = {"do": "transcode", "format": "webp", "quality": quality, "width": max_side, "height": max_side}
        return await self._picture(data, call | {"fit": "shrink", "background": None})

    async def to_white_mask(self, data: Buffer, *, width: int, height: int) -> Picture:
        """A grey PNG of that size in which white is repainted.

        What was transparent becomes white; a mask that is opaque throughout is taken by its brightness.
        """
        call = {"do": "mask", "width": width, "height": height, "marks": "transparency"}
        return await self._picture(data, call)

    async def repaint(
        self,
        picture: Buffer,
        mask: Buffer,
        *,
        marks: Marks,
        inverted: bool = False,
        blur: float = 0.0,
        fill: bool = False,
    ) -> Repaint:
        """A mask made ready for a picture: a grey PNG as large as the picture is when upright, white where it is repainted.

        `blur` is the deviation of a Gaussian in pixels. The picture comes back where it had to be changed: it was stored on its
        side, or `fill` gives what is repainted the average colour of its surroundings.
        """
        call = {"do": "repaint", "marks": marks, "inverted": inverted, "blur": blur, "fill": fill}
        first, *others = (await self._decode([picture, mask], call)).parts
        changed = Picture(others[0], inspect(others[0])) if others else None
        return Repaint(Picture(first, inspect(first)), changed)

    async def colour_statistics(self, data: Buffer) -> ColourStatistics:
        """The colours of the first frame, as `transcode` takes them over."""
        head = (await self._decode([data], {"do": "statistics"})).head
        return ColourStatistics(tuple(head["means"]), tuple(head["deviations"]))

    async def dominant_colours(self, data: Buffer) -> Sequence[Colour]:
        """At most five colours of the first frame by the area that they cover; none where nothing is seen."""
        head = (await self._measure(data, {"do": "colours"})).head
        return [(red, green, blue) for red, green, blue in head["colours"]]

    async def mask_measures(self, data: Buffer, *, width: int, height: int, inverted: bool = False) -> MaskMeasures:
        """What a mask marks of a picture of that size, which it is scaled to: what is at least half white, or, inverted, the rest.

        A mask with transparency marks by white, see pictures.repainting.
        """
        head = (await self._measure(data, {"do": "mask", "width": width, "height": height, "inverted": inverted})).head
        return MaskMeasures(head["area_percent"], tuple(Region(*box) for box in head["regions"]))

    async def pixels(self, data: Buffer, *, max_side: int) -> Pixels:
        """The pixels of the first frame, reduced so that no side is longer than `max_side`."""
        answer = await self._decode([data], {"do": "pixels", "max_side": max_side})
        return Pixels(answer.head["width"], answer.head["height"], answer.parts[0])

    async def manifest(self, data: Buffer, *, anchors_pem: str = "") -> Manifest | None:
        """The Content Credentials of a picture, checked; None, and no child, where there are none."""
        facts = inspect(data, limits=self._limits)
        if not facts.has_manifest:
            return None
        answer = await self._ask(self._readers, [data], {"format": facts.format, "anchors_pem": anchors_pem})
        return _manifest(answer.head) if answer.head else None

    async def _picture(self, data: Buffer, call: dict[str, Any]) -> Picture:
        answer = await self._decode([data], call)
        return Picture(answer.parts[0], inspect(answer.parts[0]))

    async def _decode(self, parts: Sequence[Buffer], call: dict[str, Any]) -> Message:
        for part in parts:
            inspect(part, limits=self._limits)
        return await self._ask(self._decoders, parts, call)

    async def _measure(self, data: Buffer, call: dict[str, Any]) -> Message:
        inspect(data, limits=self._limits)
        return await self._ask(self._measurers, [data], call)

    async def _ask(self, children: Children, parts: Sequence[Buffer], call: dict[str, Any]) -> Message:
        try:
            return await children.call(Message(call, parts), deadline_seconds=self._deadline_seconds)
        except ChildFault as fault:
            raise NotAPicture(Flaw(fault.head["kind"]), fault.head["detail"]) from None
        except ChildDied as died:
            if died.returncode in _ENDED_BY_THE_PICTURE:
                raise NotAPicture(Flaw.CORRUPT, f"decoding it ended the child: {died}") from died
            raise StudioUnavailable(str(died)) from died
        except (ChildCannotStart, ChildTimedOut) as failed:
            raise StudioUnavailable(str(failed)) from failed


def _manifest(head: frames.Head) -> Manifest:
    return Manifest(**{**head, "standing": Standing(head["standing"]), "failures": tuple(head["failures"])})
