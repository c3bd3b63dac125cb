"""What the sketch engine is asked for, what it gives back, and how it names itself."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

NAME = "sketch"
VERSION = "1.1"
MIN_SIDE = 64
MAX_SIDE = 2048

OutputFormat = Literal["png", "jpeg", "webp"]


def metadata() -> dict[str, str]:
    """What a picture's metadata says of its maker: that no AI model drew it."""
    return {
        "Software": f"Gesso sketch engine {VERSION} (procedural renderer, no AI model)",
        "Art": "Noto Emoji vector art, Apache-2.0",
    }


class SketchFailed(Exception):
    """The engine could not draw: it died or ran out of time; the same request may be tried later."""


class SketchRefused(SketchFailed):
    """The engine refuses this request for `reason`: ART_MISSING, or UNREADABLE_INPUT for an init image or mask."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True)
class SketchRequest:
    """One picture to draw. The same request gives the same bytes.

    `width` and `height` in pixels, 64 to 2048. `strength` 0 keeps `init_image`, 1 ignores it. White in `mask` is
    repainted, black kept exactly; without an init image the mask means nothing. `quality` 1 to 100 for JPEG and WebP.
    """

    prompt: str
    negative_prompt: str = ""
    width: int = 1024
    height: int = 1024
    seed: int = 0
    init_image: bytes | None = None
    mask: bytes | None = None
    strength: float = 0.7
    output_format: OutputFormat = "png"
    quality: int = 90

    def __post_init__(self) -> None:
        assert MIN_SIDE <= self.width <= MAX_SIDE, self.width
        assert MIN_SIDE <= self.height <= MAX_SIDE, self.height
        assert 0.0 <= self.strength <= 1.0, self.strength
        assert 1 <= self.quality <= 100, self.quality

    def head(self) -> dict[str, Any]:
        """The request without its pictures, for JSON."""
        return {name: value for name, value in asdict(self).items() if not isinstance(value, bytes)}


@dataclass(frozen=True)
class SketchPicture:
    """One drawn picture: its encoded bytes, and what the engine understood of the prompt.

    `drawn` names what was recognised (setting, hour, weather, styles, subjects), `ignored_words` the words that named nothing it
    knows. `cpu_seconds` is the processor time the child spent on it.
    """

    data: bytes
    width: int
    height: int
    format: OutputFormat
    seed: int
    drawn: tuple[str, ...]
    ignored_words: tuple[str, ...]
    cpu_seconds: float
