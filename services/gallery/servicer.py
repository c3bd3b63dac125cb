"""The gallery's gRPC face: messages to domain values and back, nothing else."""

import datetime
from collections.abc import Sequence
from typing import TypeVar, cast

from gallery.analyses import Analyses
from gallery.images import Image
from gallery.inputs import Inputs, Origin, Place
from gallery.provenance.claims import SignRequest, source_type
from gallery.provenance.signer import RenewingSigner, Signer, SlotTooSmall
from gallery.recording import Recorder
from gallery.store import Store
from gesso.gallery.v1 import gallery_pb2 as pb
from gesso.gallery.v1 import gallery_pb2_grpc as rpc
from pictures.facts import Format, extension
from servicekit import calls
from servicekit.boundary import batched
from servicekit.faults import Fault, InvalidField, NotFound, to_proto
from servicekit.ids import AccountId, ImageId, is_id
from servicekit.server import Context
from servicekit.timestamps import to_datetime, to_timestamp
from servicekit.tokens import open_token

_LARGEST_BATCH = 256

Item = TypeVar("Item")


class ImagesServicer(rpc.ImagesServicer):
    """gesso.gallery.v1.Images."""

    def __init__(self, store: Store, recorder: Recorder, signer: RenewingSigner) -> None:
        self._store = store
        self._signer = signer
        self._recorder = recorder

    async def SignImages(self, request: pb.SignImagesRequest, context: Context) -> pb.SignImagesResponse:
        """Make Content Credentials; a tenth of a millisecond each, so they are made where the call arrives."""
        calls.note("items", len(_bounded(request.items)))
        signer = self._signer.at(datetime.datetime.now(datetime.UTC))
        return pb.SignImagesResponse(results=[_signed(signer, item) for item in request.items])

    async def RecordImages(self, request: pb.RecordImagesRequest, context: Context) -> pb.RecordImagesResponse:
        """Write pictures down, together with those of other calls that arrive meanwhile."""
        calls.note("items", len(_bounded(request.images)))
        results = await self._recorder.record([to_image(message) for message in request.images])
        return pb.RecordImagesResponse(results=[_record_result(result) for result in results])

    SignImagesBatches = batched(SignImages)

    RecordImagesBatches = batched(RecordImages)

    async def GetImage(self, request: pb.GetImageRequest, context: Context) -> pb.Image:
        """Return an account's image."""
        return to_message(await self._own(request.account_id, request.image_id))

    async def DeleteImage(self, request: pb.DeleteImageRequest, context: Context) -> pb.Image:
        """Forget an image."""
        image = await self._own(request.account_id, request.image_id)
        await self._store.forget([image.id])
        return to_message(await self._own(request.account_id, request.image_id))

    async def ListImages(self, request: pb.ListImagesRequest, context: Context) -> pb.ListImagesResponse:
        """List images in the order of their ids."""
        limit = _page_size(request.page_size)
        images = await self._store.list_images(
            request.account_id, after=request.page_token, job_id=request.job_id, limit=limit
        )
        following = images[-1].id if len(images) == limit else ""
        return pb.ListImagesResponse(images=[to_message(image) for image in images], next_page_token=following)

    async def GetStorage(self, request: pb.GetStorageRequest, context: Context) -> pb.Storage:
        """Tell what an account keeps."""
        storage = await self._store.storage(request.account_id)
        return pb.Storage(image_count=storage.image_count, byte_count=storage.byte_count)

    async def _own(self, account_id: str, image_id: str) -> Image:
        image = await self._store.get(image_id) if is_id("img", image_id) else None
        if image is None or image.account_id != account_id:
            raise NotFound("image", image_id)
        return image


class InputsServicer(rpc.InputsServicer):
    """gesso.gallery.v1.Inputs."""

    def __init__(self, inputs: Inputs, analyses: Analyses, caller_token_key: bytes) -> None:
        self._inputs = inputs
        self._analyses = analyses
        self._caller_token_key = caller_token_key

    async def ImportInputs(self, request: pb.ImportInputsRequest, context: Context) -> pb.ImportInputsResponse:
        """Bring pictures in, one after the other, so that a request of many large ones holds one in memory."""
        account_id = self._account(request.caller_token)
        results = []
        for index, item in enumerate(_bounded(request.items)):
            origin = Origin(url=item.url, image_id=item.image_id, field=item.field, limit_bytes=item.limit_bytes)
            try:
                image = await self._inputs.bring_in(Place(account_id, f"{request.request_id}/{index}"), origin)
                results.append(pb.ImportInputsResponse.ImportResult(image=to_message(image)))
            except Fault as fault:
                results.append(pb.ImportInputsResponse.ImportResult(fault=to_proto(fault)))
        return pb.ImportInputsResponse(results=results)

    async def AnalyseImage(self, request: pb.AnalyseImageRequest, context: Context) -> pb.ImageAnalysis:
        """Measure a picture."""
        account_id = self._account(request.caller_token)
        return pb.ImageAnalysis(dominant_colors=await self._analyses.dominant_colours(account_id, request.image_id))

    async def MeasureMask(self, request: pb.MeasureMaskRequest, context: Context) -> pb.MaskMeasures:
        """Measure a mask."""
        found = await self._analyses.mask(
            self._account(request.caller_token),
            request.mask_image_id,
            width=request.width,
            height=request.height,
            inverted=request.inverted,
        )
        boxes = [pb.MaskMeasures.Region(x=one.x, y=one.y, width=one.width, height=one.height) for one in found.regions]
        return pb.MaskMeasures(area_percent=found.area_percent, regions=boxes)

    def _account(self, caller_token: bytes) -> AccountId:
        account_id = AccountId(open_token(caller_token, self._caller_token_key).account_id)
        calls.note("account", account_id)
        return account_id


def to_image(message: pb.Image) -> Image:
    """Read an image; the formats are those of `pictures`."""
    return Image(
        id=ImageId(message.id),
        account_id=AccountId(message.account_id),
        digest=message.digest,
        blob_key=message.blob_key,
        format=cast("Format", message.format),
        width=message.width,
        height=message.height,
        byte_count=message.byte_count,
        created_at=to_datetime(message.created_at),
        source=message.source or pb.Image.SOURCE_DRAWN,
        job_id=message.job_id,
        task_index=message.task_index,
        image_index=message.image_index,
        expires_at=to_datetime(message.expires_at) if message.HasField("expires_at") else None,
    )


def to_message(image: Image) -> pb.Image:
    """Write an image."""
    return pb.Image(
        id=image.id,
        account_id=image.account_id,
        state=image.state,
        source=image.source,
        digest=image.digest,
        blob_key=image.blob_key,
        format=image.format,
        width=image.width,
        height=image.height,
        byte_count=image.byte_count,
        job_id=image.job_id,
        task_index=image.task_index,
        image_index=image.image_index,
        created_at=to_timestamp(image.created_at),
        expires_at=to_timestamp(image.expires_at),
    )


def _signed(signer: Signer, item: pb.SignImagesRequest.SignItem) -> pb.SignImagesResponse.SignResult:
    try:
        return pb.SignImagesResponse.SignResult(insertion=signer.sign(_sign_request(item)))
    except SlotTooSmall as error:
        fault: Fault = InvalidField("slot_length", f"The manifest takes {error.required_bytes} bytes.")
    except (ValueError, KeyError) as error:
        fault = InvalidField("items", f"This picture cannot be signed: {error}.")
    return pb.SignImagesResponse.SignResult(fault=to_proto(fault))


def _record_result(result: Image | Fault) -> pb.RecordImagesResponse.RecordResult:
    if isinstance(result, Fault):
        return pb.RecordImagesResponse.RecordResult(fault=to_proto(result))
    return pb.RecordImagesResponse.RecordResult(image=to_message(result))


def _sign_request(item: pb.SignImagesRequest.SignItem) -> SignRequest:
    picture_format = cast("Format", item.format)
    return SignRequest(
        digest_sha256=item.digest,
        format=picture_format,
        slot_offset_bytes=item.slot_offset,
        slot_length_bytes=item.slot_length,
        title=f"{item.image_id}.{extension(picture_format)}",
        model=item.model,
        upstream_model=item.upstream_model,
        provider=item.provider,
        source_type=source_type(trained=item.trained, composite=item.composite, enhanced=item.enhanced),
        created_at=to_datetime(item.drawn_at),
        changes=tuple(item.transformations),
    )


def _page_size(asked: int) -> int:
    return min(max(asked, 1), 1000) if asked else 100


def _bounded(items: Sequence[Item]) -> Sequence[Item]:
    if len(items) > _LARGEST_BATCH:
        raise InvalidField("items", f"At most {_LARGEST_BATCH} items go into one call.")
    return items
