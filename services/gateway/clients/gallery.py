"""The edge's calls to the gallery: a caller's pictures are brought in and measured.

Addresses and ids go by gRPC, where the gallery fetches them; bytes that came in a request are posted to its files port.
"""

import base64
import urllib.parse
from collections.abc import Sequence

import aiohttp
import msgspec
import pybase64
from google.protobuf import json_format

from gateway.orders import Input, Upload
from gesso.billing.v1.billing_pb2 import Caller
from gesso.errors.v1 import reason_pb2 as reasons
from gesso.gallery.v1 import gallery_pb2 as pb
from gesso.gallery.v1.gallery_pb2_grpc import ImagesStub, InputsStub
from servicekit import calls
from servicekit.faults import Fault, InvalidField, Unavailable, from_proto
from servicekit.identity import REQUEST_ID_KEY, Identity
from servicekit.ids import derived_id, is_id
from servicekit.link import Link

_IMPORT_TIMEOUT_SECONDS = 60.0
_FORMATS = {"png": "PNG", "jpeg": "JPEG", "webp": "WebP", "avif": "AVIF", "gif": "GIF"}
"""All that the platform reads, by what faults call them."""
_UNREADABLE = frozenset({"not_an_image", "truncated", "unsupported", "corrupt"})
"""Causes for which another file is the remedy."""
_UPLOAD_TIMEOUT = aiohttp.ClientTimeout(total=60, sock_connect=5)


class _Refused(msgspec.Struct):
    reason: str
    message: str
    details: dict[str, str] = {}


class Gallery:
    """The gallery as one caller may use it."""

    def __init__(self, link: Link, session: aiohttp.ClientSession, *, files_url: str, identity: Identity) -> None:
        """`files_url` is where the files port is reached from here."""
        self._link = link
        self._images = ImagesStub(link.channel)
        self._inputs = InputsStub(link.channel)
        self._session = session
        self._uploads_url = files_url.rstrip("/") + "/inputs"
        self._headers = dict(identity.metadata())

    async def bring_in(self, caller: Caller, request_id: str, inputs: Sequence[Input]) -> list[pb.Image]:
        """Keep the pictures, in order; the same again under the same request id is the same. Raises the first one's Fault."""
        images: list[pb.Image | None] = [None] * len(inputs)
        named = [index for index, wanted in enumerate(inputs) if _data(wanted) is None]
        if named:
            fetched = await self._import(caller, request_id, [inputs[index] for index in named])
            for index, image in zip(named, fetched, strict=True):
                images[index] = image
        for index, wanted in enumerate(inputs):
            data = _data(wanted)
            if data is not None:
                image_id = derived_id("img", caller.account_id, request_id, "upload", str(index))
                images[index] = await self._upload(caller, image_id, wanted, data)
        return [_taken(wanted, image) for wanted, image in zip(inputs, images, strict=True) if image is not None]

    async def storage(self, caller: Caller) -> pb.Storage:
        """What the account keeps."""
        return await self._link.call(self._images.GetStorage, pb.GetStorageRequest(account_id=caller.account_id))

    async def analysis(self, caller: Caller, image_id: str) -> pb.ImageAnalysis:
        """What is measured of a picture."""
        request = pb.AnalyseImageRequest(caller_token=caller.token, image_id=image_id)
        return await self._link.call(self._inputs.AnalyseImage, request, timeout_seconds=_IMPORT_TIMEOUT_SECONDS)

    async def mask(self, request: pb.MeasureMaskRequest) -> pb.MaskMeasures:
        """Which part of a picture a mask repaints."""
        return await self._link.call(self._inputs.MeasureMask, request, timeout_seconds=_IMPORT_TIMEOUT_SECONDS)

    async def _import(self, caller: Caller, request_id: str, inputs: Sequence[Input]) -> Sequence[pb.Image]:
        items = [_item(wanted) for wanted in inputs]
        request = pb.ImportInputsRequest(caller_token=caller.token, request_id=request_id, items=items)
        answer = await self._link.call(self._inputs.ImportInputs, request, timeout_seconds=_IMPORT_TIMEOUT_SECONDS)
        for wanted, result in zip(inputs, answer.results, strict=True):
            if result.HasField("fault"):
                raise _of_input(wanted, from_proto(result.fault))
        return [result.image for result in answer.results]

    async def _upload(self, caller: Caller, image_id: str, wanted: Input, data: bytes | bytearray) -> pb.Image:
        if len(data) > wanted.limit_bytes:
            raise _too_large(wanted)
        call = calls.current()
        headers = {
            **self._headers,
            "gesso-caller-token": base64.b64encode(caller.token).decode(),
            "gesso-image-id": image_id,
            "gesso-field": urllib.parse.quote(wanted.field, safe="[].-_ "),
            REQUEST_ID_KEY: call.request_id if call else "",
        }
        try:
            async with self._session.post(
                self._uploads_url, data=data, headers=headers, timeout=_UPLOAD_TIMEOUT
            ) as answer:
                body = await answer.read()
                status = answer.status
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Unavailable("gallery") from error
        if status == 422:
            refused = msgspec.json.decode(body, type=_Refused)
            reason = reasons.Reason.Value(f"REASON_{refused.reason}")
            raise _of_input(wanted, Fault(reason, refused.message, details=refused.details))
        if status != 201:
            raise Unavailable("gallery")
        return json_format.Parse(body, pb.Image(), ignore_unknown_fields=True)


def _data(wanted: Input) -> bytes | bytearray | None:
    """The bytes of an input that came in the request itself. Raises Fault INPUT_NOT_AN_IMAGE for a data URI that is none."""
    if isinstance(wanted.origin, Upload):
        return wanted.origin.data
    if wanted.origin[:5].lower() != "data:":
        return None
    head, comma, text = wanted.origin.partition(",")
    if not comma or not head.lower().endswith(";base64"):
        raise _no_picture(wanted, "must be a base64 `data:` URI, as `data:image/png;base64,…`", "bad_data_uri")
    if len(text) // 4 * 3 > wanted.limit_bytes + 3:
        raise _too_large(wanted)
    try:
        return pybase64.b64decode(text, validate=True)
    except ValueError:
        raise _no_picture(wanted, "holds no valid base64", "bad_data_uri") from None


def _item(wanted: Input) -> pb.ImportInputsRequest.ImportItem:
    assert isinstance(wanted.origin, str), "uploads are posted"
    item = pb.ImportInputsRequest.ImportItem(field=wanted.field, limit_bytes=wanted.limit_bytes)
    if is_id("img", wanted.origin):
        item.image_id = wanted.origin
    elif wanted.origin.lower().startswith(("https://", "http://")):
        item.url = wanted.origin
    else:
        fault = InvalidField(
            wanted.field, f"`{wanted.field}` must be an https address, a `data:` URI, or the id of one of your images."
        )
        fault.details["cause"] = "no_address"
        raise fault
    return item


def _taken(wanted: Input, image: pb.Image) -> pb.Image:
    if wanted.formats and image.format not in wanted.formats:
        what = f"is of the format {_FORMATS.get(image.format, image.format)}; taken are {_listed(wanted, 'and')}"
        raise _no_picture(wanted, what, "unsupported_format")
    return image


def _listed(wanted: Input, conjunction: str) -> str:
    """The formats that are taken, as a sentence has them."""
    names = [name for word, name in _FORMATS.items() if word in wanted.formats or not wanted.formats]
    return f" {conjunction} ".join([", ".join(names[:-1]), names[-1]]) if names[1:] else names[0]


def _of_input(wanted: Input, fault: Fault) -> Fault:
    """A fault that names the request's field; an image that is not the caller's is an input that cannot be had."""
    details = {**fault.details, "field": wanted.field}
    if fault.reason == reasons.REASON_NOT_FOUND:
        details["cause"] = "not_found"
        return Fault(reasons.REASON_INPUT_UNREACHABLE, f"`{wanted.field}` names no image of yours.", details=details)
    message = fault.message
    if fault.reason == reasons.REASON_INPUT_NOT_AN_IMAGE and details.get("cause") in _UNREADABLE:
        message = f"{message} Send a {_listed(wanted, 'or')} that opens."
    return Fault(fault.reason, message, details=details, retry_after_seconds=fault.retry_after_seconds)


def _too_large(wanted: Input) -> Fault:
    return _no_picture(wanted, f"is larger than {wanted.limit_bytes} bytes", "too_large")


def _no_picture(wanted: Input, what: str, cause: str) -> Fault:
    return Fault(
        reasons.REASON_INPUT_NOT_AN_IMAGE,
        f"`{wanted.field}` {what}.",
        details={"field": wanted.field, "cause": cause},
    )
