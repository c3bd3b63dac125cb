"""Ark (BytePlus ModelArk, Volcengine): Seedream, which draws one picture for each order and answers at once with its address.

What each model takes stands in ark_models.py. Options of a route: `family`, the model that an endpoint of one's own (`ep-…`)
serves, and any input of the model by its name.
"""

from collections.abc import Mapping, Sequence

import msgspec

from generator.providers.addressed import Addressed, read_addressed
from generator.providers.api import VendorApi
from generator.providers.ark_errors import ArkError, complaint_of, read_complaint
from generator.providers.ark_models import ALIASES, CONCEPTS, Model, model_of
from generator.providers.base import Bought, Drawn, Memory, Order, ProviderFactory, Ticket, UpstreamFault
from generator.providers.complaints import REFUSED
from generator.providers.deadline import Deadline
from generator.providers.downloads import EGRESS_ALLOW, Downloads, data_uris
from generator.providers.filling import Filled, Filling
from generator.providers.seeds import asked_seed
from generator.providers.variables import Variable, value_of
from gesso.generator.v1.generator_pb2 import Draw

NAME = "ark"
KEY = Variable(
    "ARK_API_KEY",
    "Key of the platform's account at BytePlus ModelArk, or at Volcengine with its address.",
    needed=True,
    secret=True,
)
BASE_URL = Variable(
    "ARK_BASE_URL",
    "Address of the API, with its version; `https://ark.cn-beijing.volces.com/api/v3` is Volcengine's.",
    default="https://ark.ap-southeast.bytepluses.com/api/v3",
)
# The vendor's own default puts a mark on every picture.
_ALWAYS = {"response_format": "url", "watermark": False}
_EDITED_AS = "2K"
_FILLING = Filling(NAME, CONCEPTS, aliases=ALIASES)


class _Datum(msgspec.Struct, frozen=True):
    url: str | None = None
    error: ArkError | None = None


class _Answer(msgspec.Struct, frozen=True):
    data: list[_Datum] | None = None
    model: str = ""
    error: ArkError | None = None
    usage: msgspec.Raw = msgspec.Raw(b"")


class ArkProvider:
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
        self._downloads = Downloads(NAME, environ)

    @property
    def configured(self) -> bool:
        """Whether the platform has a key."""
        return self._api.has_key

    async def submit(self, order: Order, memory: Memory) -> Ticket:
        """Have the picture drawn; its address is the ticket, good for 24 hours. Raises UpstreamFault."""
        model = model_of(order.upstream_model, order.options.get("family", ""))
        filled = _filled(order, model, await data_uris(order.inputs, memory))
        body = {"model": order.upstream_model, **_ALWAYS, **model.always, **_worded(filled.fields)}
        answer = await self._api.ask("POST", "images/generations", order, body=body, answer=_Answer)
        return self._addressed(order, answer, filled).ticket

    async def collect(self, ticket: Ticket, order: Order, memory: Memory) -> Drawn:
        """Fetch the picture. Raises UpstreamFault."""
        deadline = Deadline.after(order.deadline_seconds)
        return await read_addressed(ticket).drawn(NAME, order, self._downloads, memory, deadline)

    async def close(self) -> None:
        """Close the connections."""
        await self._api.close()
        await self._downloads.close()

    def _addressed(self, order: Order, answer: _Answer, filled: Filled) -> Addressed:
        data = answer.data or []
        addresses = [datum.url for datum in data if datum.url]
        if not addresses:
            raise self._failure(order, answer, data)
        withheld = [datum for datum in data if datum.error and complaint_of(datum.error).reason == REFUSED]
        return Addressed(
            addresses,
            answer.model or order.upstream_model,
            filled.warnings,
            refused_count=len(withheld),
            refused_bought=Bought.NO,  # the vendor bills the pictures that it hands out
            usage_json=bytes(answer.usage),
            seed=asked_seed(order, filled.fields),
        )

    def _failure(self, order: Order, answer: _Answer, data: Sequence[_Datum]) -> UpstreamFault:
        error = answer.error or next((datum.error for datum in data if datum.error), None)
        if error is None:
            return self._api.nonsense("an answer without pictures")
        return self._api.failed(complaint_of(error), order, bought=Bought.UNKNOWN)


PROVIDER = ProviderFactory(NAME, (KEY, BASE_URL, EGRESS_ALLOW), ArkProvider)


def _filled(order: Order, model: Model, pictures: Sequence[str]) -> Filled:
    tier = _tier(order.draw, model, is_edit=bool(pictures))
    if tier:
        filled = _FILLING.fill(order, model.inputs, pictures=pictures)
        return Filled({**filled.fields, "size": tier}, filled.warnings)
    return _FILLING.fill(order, f"{model.inputs} size={model.size}", pictures=pictures)


def _worded(fields: Mapping[str, object]) -> Mapping[str, object]:
    """The fields as the vendor writes them: how the prompt is to be optimized is an object."""
    mode = fields.get("optimize_prompt_options")
    return fields if mode is None else {**fields, "optimize_prompt_options": {"mode": mode}}


def _tier(draw: Draw, model: Model, *, is_edit: bool) -> str:
    """The word for the size where the shape is left to the model; empty where a size in pixels is to be asked for.

    An edit that asks for no shape keeps its input's, by a word: without one the vendor draws squares.
    """
    if not model.size:
        return model.tiers[0]
    if draw.width or draw.aspect_ratio:
        return ""
    if draw.resolution:
        return draw.resolution if draw.resolution in model.tiers else ""
    return _EDITED_AS if is_edit and _EDITED_AS in model.tiers else ""
