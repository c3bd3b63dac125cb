"""Acme, a vendor that does not exist: pictures of base64 at once, as many vendors answer."""

from collections.abc import Mapping

import msgspec

from generator.providers.api import VendorApi
from generator.providers.base import Drawn, Memory, Order, Pixels, ProviderFactory, Ticket
from generator.providers.base64_reply import BadReply, ReplyLimits
from generator.providers.complaints import REFUSED, Complaint, nonsense
from generator.providers.filling import Filling
from generator.providers.http import read_pictures
from generator.providers.variables import Variable, value_of

NAME = "acme"
KEY = Variable("ACME_API_KEY", "Key of the platform's account at Acme.", needed=True, secret=True)
BASE_URL = Variable("ACME_BASE_URL", "Address of the API, with its version.", default="https://api.acme.example/v1")
_FILLING = Filling(NAME, {"prompt": "prompt", "n": "count", "size": "size_text"})
_MODELS: Mapping[str, str] = {"acme-1": "prompt* n size=1024x1024,1536x1024,1024x1536"}


class _Error(msgspec.Struct, frozen=True):
    code: str = ""
    param: str = ""


class _Failure(msgspec.Struct, frozen=True):
    error: _Error


class AcmeProvider:
    """One vendor, with the platform's key or the order's own."""

    name = NAME
    free_to_repeat = False
    trained = True

    def __init__(self, environ: Mapping[str, str]) -> None:
        base_url, key = value_of(environ, BASE_URL), value_of(environ, KEY)
        self._api = VendorApi(NAME, base_url=base_url, key=key, complaint=read_complaint)

    @property
    def configured(self) -> bool:
        """Whether the platform has a key."""
        return self._api.has_key

    async def submit(self, order: Order, memory: Memory) -> Drawn:
        """Place the order and read its pictures. Raises UpstreamFault."""
        filled = _FILLING.fill(order, _MODELS.get(order.upstream_model, "prompt* n"))
        body = {"model": order.upstream_model, **filled.fields}
        async with self._api.post("images", order, body=body) as answer:
            try:
                _, pictures = await read_pictures(answer, memory, ReplyLimits(), count=order.count, keys={"b64_json"})
            except BadReply as error:
                raise self._api.nonsense(str(error)) from error
        if not pictures:
            raise nonsense(NAME)
        return Drawn(
            pictures=[Pixels(picture) for picture in pictures[: order.count]],
            upstream_model=order.upstream_model,
            faults=[nonsense(NAME)] * (order.count - len(pictures)),
            warnings=filled.warnings,
        )

    async def collect(self, ticket: Ticket, order: Order, memory: Memory) -> Drawn:
        """Never called: `submit` always answers with pictures."""
        raise AssertionError("Acme gives out no tickets")

    async def close(self) -> None:
        """Close the connections."""
        await self._api.close()


PROVIDER = ProviderFactory(NAME, (KEY, BASE_URL), AcmeProvider)


def read_complaint(status: int, body: bytes) -> Complaint:
    """Read `{"error": {"code": …, "param": …}}`; empty for anything else, which leaves it to the status."""
    try:
        error = msgspec.json.decode(body, type=_Failure).error
    except msgspec.MsgspecError:
        return Complaint()
    return Complaint(REFUSED if error.code == "content_policy" else None, field=error.param, code=error.code)
