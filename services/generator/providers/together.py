"""Together: open models, FLUX above all, which answers at once with the addresses of the pictures.

What models take stands in together_models.py. Options of a route: `inputs`, a line in the notation of filling.py for a model that
the table does not know, and any input of the model by its name.
"""

from collections.abc import Mapping, Sequence

import msgspec

from generator.providers.addressed import Addressed, read_addressed
from generator.providers.api import VendorApi
from generator.providers.base import Drawn, Memory, Order, ProviderFactory, Ticket
from generator.providers.deadline import Deadline
from generator.providers.downloads import EGRESS_ALLOW, Downloads, data_uris
from generator.providers.filling import Filled, Filling
from generator.providers.seeds import asked_seed
from generator.providers.together_errors import read_complaint
from generator.providers.together_models import ANY_MODEL, CONCEPTS, MODELS
from generator.providers.variables import Variable, value_of

NAME = "together"
KEY = Variable("TOGETHER_API_KEY", "Key of the platform's account at Together.", needed=True, secret=True)
BASE_URL = Variable(
    "TOGETHER_BASE_URL",
    "Address of the API, with its version at the end or without: the vendor's SDKs know both.",
    default="https://api.together.ai",
)
_VERSION = "v1"
_ALWAYS = {"response_format": "url"}
_FILLING = Filling(NAME, CONCEPTS)


class _Datum(msgspec.Struct, frozen=True):
    url: str | None = None
    index: int = 0


class _Answer(msgspec.Struct, frozen=True):
    data: list[_Datum] = []
    model: str = ""


class TogetherProvider:
    """One vendor, with the platform's key or the order's own."""

    name = NAME
    free_to_repeat = False
    trained = True

    def __init__(self, environ: Mapping[str, str]) -> None:
        base_url = value_of(environ, BASE_URL)
        self._api = VendorApi(
            NAME,
            base_url=base_url.rstrip("/").removesuffix(f"/{_VERSION}"),
            key=value_of(environ, KEY),
            complaint=read_complaint,
        )
        self._downloads = Downloads(NAME, environ)

    @property
    def configured(self) -> bool:
        """Whether the platform has a key."""
        return self._api.has_key

    async def submit(self, order: Order, memory: Memory) -> Ticket:
        """Have the pictures drawn; their addresses are the ticket. Raises UpstreamFault."""
        filled = _filled(order, await data_uris(order.inputs, memory))
        body = {"model": order.upstream_model, **_ALWAYS, **filled.fields}
        answer = await self._api.ask("POST", f"{_VERSION}/images/generations", order, body=body, answer=_Answer)
        addresses = [datum.url for datum in sorted(answer.data, key=lambda datum: datum.index) if datum.url]
        if not addresses:
            raise self._api.nonsense("an answer without pictures")
        seed = asked_seed(order, filled.fields)
        return Addressed(addresses, answer.model or order.upstream_model, filled.warnings, seed=seed).ticket

    async def collect(self, ticket: Ticket, order: Order, memory: Memory) -> Drawn:
        """Fetch the pictures. Raises UpstreamFault."""
        deadline = Deadline.after(order.deadline_seconds)
        return await read_addressed(ticket).drawn(NAME, order, self._downloads, memory, deadline)

    async def close(self) -> None:
        """Close the connections."""
        await self._api.close()
        await self._downloads.close()


PROVIDER = ProviderFactory(NAME, (KEY, BASE_URL, EGRESS_ALLOW), TogetherProvider)


def _filled(order: Order, pictures: Sequence[str]) -> Filled:
    inputs = order.options.get("inputs") or MODELS.get(order.upstream_model, ANY_MODEL)
    return _FILLING.fill(order, inputs, pictures=pictures)
