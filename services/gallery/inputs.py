"""Inputs are a caller's own pictures: fetched through the egress guard or uploaded, checked by their content, and kept a while."""

import datetime
import hashlib
from dataclasses import dataclass

from gallery.images import Image, input_id
from gallery.recording import Recorder
from gallery.store import Store
from gesso.errors.v1 import reason_pb2 as reasons
from gesso.gallery.v1 import gallery_pb2 as pb
from pictures.facts import DEFAULT, Flaw, NotAPicture, extension
from pictures.studio import Studio, StudioUnavailable
from servicekit.egress import EgressError, ForbiddenUrl, GuardedClient, TooLarge
from servicekit.faults import Fault, NotFound, Unavailable
from servicekit.ids import AccountId, ImageId
from servicekit.objects import Objects, StoreUnavailable, blob_key


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an input comes from (one of `url` and `image_id`), and the request's field that named it."""

    field: str
    url: str = ""
    image_id: str = ""
    limit_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Place:
    """Which input of which request of an account something is: what was brought in for it is not brought in again."""

    account_id: AccountId
    name: str


@dataclass(frozen=True, slots=True)
class InputLimits:
    """Bounds of every input."""

    max_bytes: int
    timeout_seconds: float
    keep_seconds: int

    def bytes_of(self, asked: int) -> int:
        """The most bytes of an input for which a caller allows so many; 0 for no bound of the caller's."""
        return min(asked or self.max_bytes, self.max_bytes)


class Inputs:
    """Brings pictures in: fetch, check, put, record. Doing it twice for one place keeps one."""

    def __init__(
        self,
        store: Store,
        recorder: Recorder,
        objects: Objects,
        studio: Studio,
        client: GuardedClient,
        limits: InputLimits,
    ) -> None:
        self._store = store
        self._recorder = recorder
        self._objects = objects
        self._studio = studio
        self._client = client
        self._limits = limits

    async def bring_in(self, place: Place, origin: Origin) -> Image:
        """Return the kept input.

        Raises Fault INPUT_UNREACHABLE, INPUT_NOT_AN_IMAGE or INVALID_FIELD with the origin's field, NotFound for an image of
        another account, Unavailable where the object store is down.
        """
        if origin.image_id:
            return await self._own(place.account_id, origin)
        image_id = input_id(place.account_id, place.name, origin.url)
        known = await self._store.standing(place.account_id, image_id, datetime.datetime.now(datetime.UTC))
        return known or await self._keep(place.account_id, image_id, await self._fetched(origin), origin.field)

    async def upload(self, place: Place, data: bytes | bytearray, *, field: str, limit_bytes: int = 0) -> Image:
        """Keep bytes that the edge was sent. Raises as `bring_in` does."""
        limit = self._limits.bytes_of(limit_bytes)
        if len(data) > limit:
            raise too_large(field, limit)
        digest = hashlib.sha256(data).hexdigest()
        image_id = input_id(place.account_id, place.name, digest)
        return await self._keep(place.account_id, image_id, data, field)

    async def _keep(self, account_id: AccountId, image_id: ImageId, data: bytes | bytearray, field: str) -> Image:
        """Check that the bytes are a picture that opens, and keep them as an input of the account."""
        try:
            facts = await self._studio.verify(data)
        except NotAPicture as error:
            raise _not_an_image(field, error) from error
        except StudioUnavailable as error:
            raise Unavailable("studio") from error
        digest = hashlib.sha256(data).digest()
        key = blob_key(account_id, digest, extension(facts.format))
        now = datetime.datetime.now(datetime.UTC)
        image = Image(
            id=image_id,
            account_id=account_id,
            digest=digest,
            blob_key=key,
            format=facts.format,
            width=facts.width,
            height=facts.height,
            byte_count=len(data),
            created_at=now,
            source=pb.Image.SOURCE_INPUT,
            expires_at=now + datetime.timedelta(seconds=self._limits.keep_seconds),
        )
        return await self._put_and_record(image, data)

    async def _put_and_record(self, image: Image, data: bytes | bytearray) -> Image:
        result: Image | Fault
        for _ in range(2):
            try:
                await self._objects.put_new(image.blob_key, (data,))
            except StoreUnavailable as error:
                raise Unavailable("object store") from error
            (result,) = await self._recorder.record([image])
            if isinstance(result, Image):
                return result
        raise Unavailable("object store")

    async def _own(self, account_id: AccountId, origin: Origin) -> Image:
        image = await self._store.standing(account_id, origin.image_id, datetime.datetime.now(datetime.UTC))
        if image is None:
            fault = NotFound("image", origin.image_id)
            fault.details["field"] = origin.field
            raise fault
        if image.byte_count > (limit := self._limits.bytes_of(origin.limit_bytes)):
            raise too_large(origin.field, limit)
        if image.width * image.height > DEFAULT.max_pixels:
            raise _not_an_image(origin.field, NotAPicture(Flaw.TOO_MANY_PIXELS, f"{image.width}x{image.height}"))
        return image

    async def _fetched(self, origin: Origin) -> bytearray:
        data = bytearray()

        async def sink(chunk: bytes) -> None:
            data.extend(chunk)

        limit = self._limits.bytes_of(origin.limit_bytes)
        try:
            await self._client.fetch(
                origin.url, max_bytes=limit, timeout_seconds=self._limits.timeout_seconds, sink=sink
            )
        except EgressError as error:
            raise _unfetched(origin.field, error, limit) from error
        return data


def too_large(field: str, limit_bytes: int) -> Fault:
    """The fault of an input with more bytes than are taken."""
    return Fault(
        reasons.REASON_INPUT_NOT_AN_IMAGE,
        f"The picture at {field} is larger than {limit_bytes} bytes.",
        details={"field": field, "cause": str(Flaw.TOO_LARGE)},
    )


def _unfetched(field: str, error: EgressError, limit_bytes: int) -> Fault:
    if isinstance(error, TooLarge):
        return too_large(field, limit_bytes)
    cause = "forbidden" if isinstance(error, ForbiddenUrl) else "unreachable"
    return Fault(
        reasons.REASON_INPUT_UNREACHABLE,
        f"The picture at {field} could not be fetched: {error}.",
        details={"field": field, "cause": cause},
    )


def _not_an_image(field: str, error: NotAPicture) -> Fault:
    """The fault of bytes that cannot be used; which formats are taken is for the edge to say: it knows the API that was asked."""
    message = f"{field} is no picture that can be used ({error.kind})."
    if error.kind is Flaw.TOO_MANY_PIXELS:
        most = DEFAULT.max_pixels // 1_000_000
        message = f"{field} has too many pixels: at most {most} megapixels and {DEFAULT.max_side} a side are taken."
    return Fault(reasons.REASON_INPUT_NOT_AN_IMAGE, message, details={"field": field, "cause": str(error.kind)})
