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

    @property
    def kept(self) -> bool:
        """Whether its bytes may be served."""
        return self.state == pb.Image.STATE_KEPT


def rendition_key(original_key: str, rendition: str) -> str:
    """The key of a rendition: beside its blob, so that both go together."""
    return f"{original_key}.{rendition}.webp"


def input_id(account_id: str, request_id: str, index: int) -> ImageId:
    """The id of the index-th input of a request: the same request brings the same image in once."""
    return ImageId(derived_id("img", "input", account_id, request_id, str(index)))
