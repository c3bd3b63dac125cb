"""An image is one kept picture of an account; its blob is the bytes, found by their digest within that account."""

import datetime
from dataclasses import dataclass

from gesso.gallery.v1 import gallery_pb2 as pb
from pictures.facts import Format
from servicekit.ids import AccountId, ImageId, derived_id

RENDITION_SIDES = {"thumb": 256, "small": 512, "medium": 1024}
"""The longest side of each rendition, in pixels; all of them are WebP."""


@dataclass(frozen=True, slots=True)
class Image:
    """One row of `images`; the fields are those of gesso.gallery.v1.Image."""

    id: ImageId
    account_id: AccountId
    digest: bytes
    blob_key: str
    format: Format
    width: int
    height: int
    byte_count: int
    created_at: datetime.datetime
    state: pb.Image.State.ValueType = pb.Image.STATE_KEPT
    source: pb.Image.Source.ValueType = pb.Image.SOURCE_DRAWN
    job_id: str = ""
    task_index: int = 0
    image_index: int = 0
    expires_at: datetime.datetime | None = None

    def stands(self, now: datetime.datetime) -> bool:
        """Whether its bytes may be served: retention need not have come by yet."""
        return self.state == pb.Image.STATE_KEPT and (self.expires_at is None or self.expires_at > now)


def rendition_key(original_key: str, rendition: str) -> str:
    """The key of a rendition: beside its blob, so that both go together."""
    return f"{original_key}.{rendition}.webp"


def input_id(account_id: str, place: str, origin: str) -> ImageId:
    """The id of an input: the same picture in the same place of the same request is brought in once.

    `place` names the request and which of its inputs it is, `origin` its address or its digest: clients choose their request ids,
    and may use one again for other pictures.
    """
    return ImageId(derived_id("img", "input", account_id, place, origin))
