"""What all upscalers ask of an order: its factor, and that what comes of it is no larger than the platform keeps."""

from generator.providers.base import Order
from generator.providers.complaints import invalid
from pictures.facts import DEFAULT, Facts, NotAPicture
from pictures.inspection import inspect

SCALE_FACTOR = "scale_factor"
"""The option of a draw."""
_DEFAULT_FACTOR, _LARGEST_FACTOR = 2.0, 16.0


def asked_factor(order: Order) -> float:
    """How many times as large a picture is to be, 1 to 16; twice where the draw does not say, or says no such number."""
    try:
        factor = float(order.draw.options.get(SCALE_FACTOR, _DEFAULT_FACTOR))
    except ValueError:
        return _DEFAULT_FACTOR
    return factor if 1.0 <= factor <= _LARGEST_FACTOR else _DEFAULT_FACTOR


def enlargeable(provider: str, picture: bytes, factor: float, *, most_pixels: int = 0, most_side: int = 0) -> Facts:
    """The facts of a picture that may be enlarged so; the limits are the vendor's, of the result, 0 for none.

    Raises UpstreamFault, not bought, for what cannot be opened, and for a result beyond these limits or those of the platform.
    """
    try:
        facts = inspect(picture)
    except NotAPicture as error:
        raise invalid(provider, "image", "The picture to enlarge cannot be opened.") from error
    is_too_long = most_side and max(facts.width, facts.height) * factor > most_side
    if is_too_long or facts.width * facts.height * factor**2 > min(
        most_pixels or DEFAULT.max_pixels, DEFAULT.max_pixels
    ):
        text = f"{factor:g} times as large, this picture would be larger than can be drawn or kept."
        raise invalid(provider, SCALE_FACTOR, text)
    return facts
