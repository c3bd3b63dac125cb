"""MiniMax: pictures of base64 at once, in an answer that is always a success and says within how it went.

What each model takes stands here, what its codes mean in minimax_errors.py. Options of a route: any input of the model by its
name.
"""

from collections.abc import Mapping, Sequence

import msgspec

from generator.providers.api import VendorApi
from generator.providers.base import (
    Bought,
    Drawn,
    Memory,
    Order,
    Pixels,
    ProviderFactory,
    Ticket,
)
from generator.providers.base64_reply import BadReply, ReplyLimits
from generator.providers.complaints import Stage, invalid, nonsense, refused
from generator.providers.downloads import data_uris
from generator.providers.filling import Filled, Filling
from generator.providers.http import read_pictures
from generator.providers.minimax_errors import DONE, read_code, read_complaint
from generator.providers.variables import Variable, value_of

NAME = "minimax"
KEY = Variable("MINIMAX_API_KEY", "Key of the platform's account at MiniMax.", needed=True, secret=True)
BASE_URL = Variable(
    "MINIMAX_BASE_URL",
    "Address of the API; `https://api.minimaxi.com` in China, whose keys are others.",
    default="https://api.minimax.io",
)
_PATH = "v1/image_generation"
_LIMITS = ReplyLimits()
_MOST_PROMPT_CHARACTERS = 1500
_RATIOS = "aspect_ratio=1:1,16:9,4:3,3:2,2:3,3:4,9:16,21:9"
_SIDES = "width=512..2048/8 height=512..2048/8"
_ASKED = "prompt* n seed prompt_optimizer:bool aigc_watermark:bool"
_MODELS: Mapping[str, str] = {
    "image-01": f"{_ASKED} {_SIDES} subject_reference",
    "image-01-live": f"{_ASKED} {_RATIOS} subject_reference*",
}
"""Source: platform.minimax.io, as of 2026-11-20. Sides go before a ratio, which would override them."""
_ANY_MODEL = f"{_ASKED} {_RATIOS}"
_CONCEPTS: Mapping[str, str] = {
    "prompt": "prompt",
    "n": "count",
    "seed": "seed",
    "aspect_ratio": "ratio",
    "width": "width",
    "height": "height",
    "subject_reference": "picture",
}
_FILLING = Filling(NAME, _CONCEPTS, aliases={"prompt_optimizer": ("prompt_upsampling",)})


class _Status(msgspec.Struct, frozen=True):
    status_code: int = DONE


class _Data(msgspec.Struct, frozen=True):
    image_base64: Sequence[str] | None = None
    """The numbers of the pictures: see base64_reply.py."""


class _Counts(msgspec.Struct, frozen=True):
    failed_count: int | str = 0


class _Reply(msgspec.Struct, frozen=True):
    base_resp: _Status
    data: _Data | None = None
    metadata: _Counts = _Counts()


_READ_REPLY = msgspec.json.Decoder(_Reply).decode


class MiniMaxProvider:
    """One vendor, with the platform's key or the order's own."""

    name = NAME
    free_to_repeat = False
    trained = True

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._api = VendorApi(
            NAME,
            base_url=value_of(environ, BASE_URL),
            key=value_of(environ, KEY),
            complaint=read_complaint,
        )

    @property
    def configured(self) -> bool:
        """Whether the platform has a key."""
        return self._api.has_key

    async def submit(self, order: Order, memory: Memory) -> Drawn:
        """Place the order and read its pictures. Raises UpstreamFault, also for a failure that comes as a success."""
        filled = _filled(order, await data_uris(order.inputs[:1], memory))
        async with self._api.post(_PATH, order, body=filled.fields) as answer:
            try:
                skeleton, pictures = await read_pictures(
                    answer, memory, _LIMITS, count=order.count, keys={"image_base64"}
                )
                reply = _READ_REPLY(skeleton)
            except (BadReply, msgspec.MsgspecError) as error:
                raise self._api.nonsense(str(error)) from error
        if reply.base_resp.status_code != DONE:
            raise self._api.failed(read_code(reply.base_resp.status_code), order, bought=Bought.NO)
        return self._drawn(order, reply, pictures, filled.warnings)

    async def collect(self, ticket: Ticket, order: Order, memory: Memory) -> Drawn:
        """Never called: `submit` always answers with pictures."""
        raise AssertionError("MiniMax gives out no tickets")

    async def close(self) -> None:
        """Close the connections."""
        await self._api.close()

    def _drawn(self, order: Order, reply: _Reply, pictures: Sequence[bytearray], warnings: Sequence[str]) -> Drawn:
        numbers = [number for number in (reply.data and reply.data.image_base64) or () if number.isdecimal()]
        drawn = [pictures[int(number)] for number in numbers][: order.count]
        missing = order.count - len(drawn)
        withheld = min(_whole(reply.metadata.failed_count), missing)
        faults = [refused(NAME, Stage.OUTPUT, bought=Bought.YES) for _ in range(withheld)]
        faults += [nonsense(NAME) for _ in range(missing - withheld)]
        if not drawn:
            raise faults[0]
        alone = order.count == 1 and order.draw.HasField("seed")
        return Drawn(
            pictures=[Pixels(picture, order.draw.seed if alone else None) for picture in drawn],
            upstream_model=order.upstream_model,
            faults=faults,
            warnings=warnings,
        )


PROVIDER = ProviderFactory(NAME, (KEY, BASE_URL), MiniMaxProvider)


def _filled(order: Order, pictures: Sequence[str]) -> Filled:
    if len(order.draw.prompt) > _MOST_PROMPT_CHARACTERS:
        raise invalid(NAME, "prompt", f"A prompt for {NAME} has at most {_MOST_PROMPT_CHARACTERS} characters.")
    filled = _FILLING.fill(order, _MODELS.get(order.upstream_model, _ANY_MODEL), pictures=pictures)
    fields = {"model": order.upstream_model, "response_format": "base64", **filled.fields}
    warnings = list(filled.warnings)
    if "subject_reference" in fields:
        fields["subject_reference"] = [{"type": "character", "image_file": fields["subject_reference"]}]
        warnings.append(f"{NAME} draws anew whom the picture shows, and keeps nothing else of it.")
    return Filled(fields, warnings)


def _whole(count: int | str) -> int:
    """A count, which may come as text; 0 for what is none."""
    return int(count) if str(count).isdecimal() else 0
