"""A picture as a file of a form, for vendors that take PNG, JPEG and WebP."""

from collections.abc import Collection

from generator.providers.complaints import invalid
from generator.providers.multipart import File
from pictures.facts import MEDIA_TYPES, Buffer
from pictures.sniffing import sniff

USUAL_FORMATS = frozenset({"png", "jpeg", "webp"})


def picture_file(
    provider: str, field: str, data: Buffer, *, name: str = "", taken: Collection[str] = USUAL_FORMATS
) -> File:
    """The picture under the form's field; `name` is its file's, without the extension (the field's where it is empty).

    Raises UpstreamFault UPSTREAM_INVALID, not bought, for a picture of another format than those that the vendor takes.
    """
    picture_format = sniff(data)
    if picture_format is None or picture_format not in taken:
        formats = ", ".join(sorted(taken))
        raise invalid(provider, field, f"The upstream {provider} takes pictures of these formats: {formats}.")
    return File(field, f"{name or field}.{picture_format}", MEDIA_TYPES[picture_format], data)
