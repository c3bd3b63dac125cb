"""Inputs are a caller's own pictures: fetched through the egress guard or uploaded, checked by their content, and kept a while."""

import datetime
import hashlib
from dataclasses import dataclass

from gallery.images import Image
from gallery.recording import Recorder
from gallery.store import Store
from gesso.errors.v1 import reason_pb2 as reasons
from gesso.gallery.v1 import gallery_pb2 as pb
from pictures.facts import NotAPicture, extension
from pictures.inspection import inspect
from pictures.studio import Studio, StudioUnavailable
from servicekit.egress import EgressError, ForbiddenUrl, GuardedClient, TooLarge
from servicekit.faults import Fault, NotFound, Unavailable
from servicekit.ids import AccountId, ImageId, is_id
from servicekit.objects import Objects, StoreUnavailable, blob_key


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an input comes from (one of `url` and `image_id`), and the request's field that named it."""

    field: str
    url: str = ""
    image_id: str = ""
    limit_bytes: int = 0


@dataclass(frozen=True, slots=True)
class InputLimits:
    """Bounds of every input."""

    max_bytes: int
    timeout_seconds: float
    keep_seconds: int


class Inputs:
    """Brings pictures in: fetch, check, put, record. Doing it twice under one id keeps one."""

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

    async def bring_in(self, account_id: AccountId, image_id: ImageId, origin: Origin) -> Image:
        """Return the kept input.

        Raises Fault INPUT_UNREACHABLE, INPUT_NOT_AN_IMAGE or INVALID_FIELD with the origin's field, NotFound for an image of
        another account, Unavailable where the object store is down.
        """
        if origin.image_id:
            return await self._own(account_id, origin)
        known = await self._store.get(image_id)
        if known is not None and known.kept:
            return known
        return await self.keep(account_id, image_id, await self._fetched(origin), origin.field)

    async def keep(self, account_id: AccountId, image_id: ImageId, data: bytes | bytearray, field: str) -> Image:
        """Check that the bytes are a picture that opens, and keep them as an input of the account."""
        try:
            facts = inspect(data)
            await self._studio.verify(data)
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
        image = await self._store.get(origin.image_id) if is_id("img", origin.image_id) else None
        if image is None or image.account_id != account_id or not image.kept:
            fault = NotFound("image", origin.image_id)
            fault.details["field"] = origin.field
            raise fault
        return image

    async def _fetched(self, origin: Origin) -> bytearray:
        data = bytearray()

        async def sink(chunk: bytes) -> None:
            data.extend(chunk)

        limit = min(origin.limit_bytes or self._limits.max_bytes, self._limits.max_bytes)
        try:
            await self._client.fetch(
                origin.url, max_bytes=limit, timeout_seconds=self._limits.timeout_seconds, sink=sink
            )
        except EgressError as error:
            raise _unfetched(origin.field, error, limit) from error
        return data


def _unfetched(field: str, error: EgressError, limit_bytes: int) -> Fault:
    if isinstance(error, TooLarge):
        return Fault(
            reasons.REASON_INPUT_NOT_AN_IMAGE,
            f"The picture at {field} is larger than {limit_bytes} bytes.",
            details={"field": field, "cause": "too_large"},
        )
    cause = "forbidden" if isinstance(error, ForbiddenUrl) else "unreachable"
    return Fault(
        reasons.REASON_INPUT_UNREACHABLE,
        f"The picture at {field} could not be fetched: {error}.",
        details={"field": field, "cause": cause},
    )


def _not_an_image(field: str, error: NotAPicture) -> Fault:
    return Fault(
        reasons.REASON_INPUT_NOT_AN_IMAGE,
        f"{field} is no picture that can be used ({error.kind}): send a PNG, JPEG, WebP, AVIF or GIF that opens.",
        details={"field": field, "cause": str(error.kind)},
    )
