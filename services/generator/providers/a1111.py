"""AUTOMATIC1111 and Forge: a server of the operator's own, which draws at once, for as long as it takes, and answers with base64.

What its calls take stands in a1111_request.py. To enlarge, the upstream model is the server's upscaler. Options of a route:
`lora` and `lora_scale`, weights of the server's own folder, and any input by its name.
"""

from collections.abc import Mapping, Sequence
from pathlib import PurePath

import msgspec
import pybase64

from generator.providers.a1111_request import FILLING, IMAGE_TO_IMAGE, INPAINT, NAME, TEXT_TO_IMAGE, fields
from generator.providers.api import VendorApi
from generator.providers.base import Drawn, Memory, Order, Pixels, ProviderFactory, Ticket
from generator.providers.base64_reply import BadReply, ReplyLimits
from generator.providers.complaints import Complaint, nonsense
from generator.providers.downloads import base64_texts
from generator.providers.enlarging import SCALE_FACTOR, asked_factor, enlargeable
from generator.providers.filling import Filled
from generator.providers.honours import with_options
from generator.providers.http import read_pictures
from generator.providers.masks import Masks
from generator.providers.seeds import told_seed
from generator.providers.selfhosted import CHECKPOINTS_DOC, parse_checkpoints
from generator.providers.variables import Variable, parsed_value, value_of
from gesso.generator.v1 import generator_pb2 as pb

BASE_URL = Variable("A1111_BASE_URL", "Address of the operator's server of AUTOMATIC1111 or Forge.", needed=True)
KEY = Variable("A1111_API_AUTH", "`user:password`, as the server's --api-auth.", secret=True)
CHECKPOINTS = Variable("A1111_CHECKPOINTS", f"{CHECKPOINTS_DOC} Others are asked for by the model's own name.")
_NOWHERE = "http://127.0.0.1:7860"
_LIMITS = ReplyLimits()
_UPSCALE = "image*"
_ENHANCE_FACES = "enhance_faces"


class _Info(msgspec.Struct, frozen=True):
    """What the server says of its pictures, in JSON within a string."""

    all_seeds: Sequence[int] = ()
    index_of_first_image: int = 0
    """1 where a grid of all pictures stands before them."""
    sd_model_name: str = ""


class _Reply(msgspec.Struct, frozen=True):
    images: list[str] | None = None
    """The numbers of the pictures: see base64_reply.py."""
    image: str | None = None
    info: str = "{}"


class _Detail(msgspec.Struct, frozen=True):
    loc: Sequence[str | int] = ()


class _ErrorBody(msgspec.Struct, frozen=True):
    detail: list[_Detail] | str = ""
    error: str = ""


class A1111Provider:
    """The operator's own server."""

    name = NAME
    free_to_repeat = True
    trained = True

    def __init__(self, environ: Mapping[str, str]) -> None:
        """Raises SettingError for checkpoints that cannot be read."""
        base_url = value_of(environ, BASE_URL)
        self._api = VendorApi(
            NAME,
            base_url=base_url or _NOWHERE,
            key=value_of(environ, KEY),
            authorize=_basic,
            complaint=read_complaint,
        )
        self._is_configured = bool(base_url)
        self._checkpoints = parsed_value(environ, CHECKPOINTS, parse_checkpoints)
        self._masks = Masks(NAME)

    @property
    def configured(self) -> bool:
        """Whether there is a server."""
        return self._is_configured

    async def submit(self, order: Order, memory: Memory) -> Drawn:
        """Have the order drawn. Raises UpstreamFault."""
        checkpoint = self._checkpoints.get(order.upstream_model, order.upstream_model)
        if order.draw.operation == pb.OPERATION_UPSCALE:
            path, filled = "extra-single-image", _upscale(order, await base64_texts(order.inputs[:1], memory))
        else:
            path, filled = await self._drawing(order, checkpoint, memory)
        async with self._api.post(f"sdapi/v1/{path}", order, body=filled.fields) as answer:
            try:
                keys = {"images", "image"}
                skeleton, pictures = await read_pictures(answer, memory, _LIMITS, count=order.count, keys=keys)
                reply = msgspec.json.decode(skeleton, type=_Reply)
                info = msgspec.json.decode(reply.info, type=_Info)
            except (BadReply, msgspec.MsgspecError) as error:
                raise self._api.nonsense(str(error)) from error
        return _drawn(order, reply, info, pictures, checkpoint, filled.warnings)

    async def collect(self, ticket: Ticket, order: Order, memory: Memory) -> Drawn:
        """Never called: `submit` always answers with pictures."""
        raise AssertionError("A1111 gives out no tickets")

    async def close(self) -> None:
        """Close the connections and end the children."""
        await self._api.close()
        await self._masks.close()

    async def _drawing(self, order: Order, checkpoint: str, memory: Memory) -> tuple[str, Filled]:
        if not order.inputs:
            return "txt2img", fields(order, TEXT_TO_IMAGE, checkpoint=checkpoint, pictures=(), mask=None)
        mask = await self._masks.white(order.mask, order.inputs[0]) if order.mask else None
        picture, *texts = await base64_texts([order.inputs[0], *filter(None, [mask])], memory)
        filled = fields(
            order,
            INPAINT if mask else IMAGE_TO_IMAGE,
            checkpoint=checkpoint,
            pictures=[picture],
            mask=texts[0] if texts else None,
        )
        return "img2img", filled


PROVIDER = ProviderFactory(NAME, (BASE_URL, KEY, CHECKPOINTS), A1111Provider)


def read_complaint(status: int, body: bytes) -> Complaint:
    """Read an error's body: the field of a validation's first detail, or the name of an exception; empty for anything else."""
    try:
        read = msgspec.json.decode(body, type=_ErrorBody)
    except msgspec.MsgspecError:
        return Complaint()
    if isinstance(read.detail, str) or not read.detail:
        return Complaint(code=read.error)
    names = [name for name in read.detail[0].loc if isinstance(name, str) and name != "body"]
    return Complaint(field=".".join(names))


def _basic(key: str) -> Mapping[str, str]:
    return {"Authorization": f"Basic {pybase64.b64encode(key.encode()).decode()}"} if key else {}


def _upscale(order: Order, pictures: Sequence[str]) -> Filled:
    """What to send to have a picture enlarged. Raises UpstreamFault, not bought, for a result that is too large."""
    factor = asked_factor(order)
    if order.inputs:
        enlargeable(NAME, order.inputs[0], factor)
    with_faces = order.draw.options.get(_ENHANCE_FACES) == "true"
    filled = FILLING.fill(with_options(order, {SCALE_FACTOR: None, _ENHANCE_FACES: None}), _UPSCALE, pictures=pictures)
    asked = {"upscaler_1": order.upstream_model, "resize_mode": 0, "upscaling_resize": factor}
    return Filled({**filled.fields, **asked, **({"gfpgan_visibility": 1} if with_faces else {})}, filled.warnings)


def _drawn(
    order: Order,
    reply: _Reply,
    info: _Info,
    pictures: Sequence[bytearray],
    checkpoint: str,
    warnings: Sequence[str],
) -> Drawn:
    """The answer in our words. Raises UpstreamFault for one without a picture."""
    numbers = reply.images[info.index_of_first_image :] if reply.images else list(filter(None, [reply.image]))
    kept = [pictures[int(number)] for number in numbers if number.isdecimal()][: order.count]
    if not kept:
        raise nonsense(NAME)
    seeds = [*info.all_seeds, *[None] * len(kept)]
    found = list(warnings)
    if info.sd_model_name and info.sd_model_name != _stem(checkpoint):
        found.append(f"{NAME} has no checkpoint {checkpoint}, and drew with {info.sd_model_name}.")
    return Drawn(
        [Pixels(picture, told_seed(seed)) for picture, seed in zip(kept, seeds, strict=False)],
        info.sd_model_name or order.upstream_model,
        faults=[nonsense(NAME) for _ in range(order.count - len(kept))],
        warnings=found,
    )


def _stem(checkpoint: str) -> str:
    """The name that the server tells of a checkpoint: without folder, hash and kind of file."""
    name = PurePath(checkpoint.partition(" [")[0]).name
    return name.rpartition(".")[0] if name.endswith((".safetensors", ".ckpt", ".gguf")) else name
