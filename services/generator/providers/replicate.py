"""Replicate: predictions of many vendors' and people's models, whose tickets are predictions and whose pictures stand at addresses.

What each model takes stands in replicate_models.py. An upstream model is `owner/name`, `owner/name:version` or
`deployments/owner/name`. Options of a route: any input of the model by its name, and `inputs`, a line in the notation of
filling.py.
"""

import time
from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from generator.providers.api import VendorApi
from generator.providers.base import (
    Bought,
    Call,
    Drawn,
    Found,
    Memory,
    Order,
    Pixels,
    ProviderFactory,
    Ticket,
    UpstreamFault,
)
from generator.providers.complaints import FAILED, nonsense
from generator.providers.deadline import Deadline
from generator.providers.downloads import EGRESS_ALLOW, Downloads, data_uris
from generator.providers.filling import Filled, Filling
from generator.providers.masks import Masks
from generator.providers.multipart import File, Form
from generator.providers.polling import Pending, Poller
from generator.providers.replicate_errors import prediction_fault, read_complaint
from generator.providers.replicate_models import ALIASES, ANY_MODEL, COMMUNITY, CONCEPTS, MODELS
from generator.providers.standard_webhooks import message_id
from generator.providers.variables import Variable, value_of
from generator.providers.vendor_keys import VendorKeys
from pictures.sniffing import sniff

NAME = "replicate"
KEY = Variable("REPLICATE_API_TOKEN", "Token of the platform's account at Replicate.", needed=True, secret=True)
BASE_URL = Variable(
    "REPLICATE_BASE_URL", "Address of the API, with its version.", default="https://api.replicate.com/v1"
)
_DEPLOYMENTS = "deployments/"
_LARGEST_DATA_BYTES = 190_000
"""As base64 it is 256 kB, the vendor's limit; larger pictures are uploaded."""
_SECONDS = "predict_time"
"""What the vendor calls the seconds that a model ran, by which it bills community models."""
_ENDED_WELL = "succeeded"
_ENDED_BADLY = frozenset({"failed", "canceled", "aborted"})
_MOST_PAGES = 10
"""Of the vendor's list, of 100 predictions each, in search of one."""
_LIST_SECONDS = 20.0
_FILLING = Filling(NAME, CONCEPTS, aliases=ALIASES)


class _Urls(msgspec.Struct, frozen=True):
    get: str = ""


class _Metrics(msgspec.Struct, frozen=True):
    predict_time: float | None = None


class _Prediction(msgspec.Struct, frozen=True):
    id: str
    status: str
    urls: _Urls = _Urls()
    output: object = None
    error: object = None
    metrics: _Metrics | None = None


class _Listed(msgspec.Struct, frozen=True):
    id: str
    model: str = ""
    input: Mapping[str, object] | None = None
    urls: _Urls = _Urls()

    def is_like(self, model: str, fields: Mapping[str, object]) -> bool:
        """Whether it may be of this model, empty for any, and was given these fields: the vendor may list its own defaults too."""
        given = self.input or {}
        return (model in ("", self.model) or not self.model) and all(
            name in given and given[name] == fields[name] for name in fields
        )


class _Page(msgspec.Struct, frozen=True):
    results: list[_Listed]
    next: str | None = None


class _Placed(msgspec.Struct, frozen=True):
    """What a ticket holds."""

    id: str
    url: str
    warnings: Sequence[str]


class _Uploaded(msgspec.Struct, frozen=True):
    urls: _Urls


class _Version(msgspec.Struct, frozen=True):
    id: str


class _Secret(msgspec.Struct, frozen=True):
    key: str


class _Model(msgspec.Struct, frozen=True):
    latest_version: _Version


class ReplicateProvider:
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
        self._masks = Masks(NAME)
        self._poller = Poller(NAME)
        self._secrets = VendorKeys(self._secret)
        self._latest: dict[str, str] = {}
        """Versions of community models, as they were when first asked for."""

    @property
    def configured(self) -> bool:
        """Whether the platform has a key."""
        return self._api.has_key

    async def submit(self, order: Order, memory: Memory) -> Ticket:
        """Create a prediction; inputs that are too large for it are uploaded before. Raises UpstreamFault."""
        mask = await self._masks.white(order.mask, order.inputs[0]) if order.mask and order.inputs else None
        pictures = await self._sent(order, [*order.inputs, *filter(None, [mask])], memory)
        filled = _filled(order, pictures[: len(order.inputs)], pictures[-1] if mask else None)
        path, body = await self._place(order)
        body = {**body, **_called(order), "input": filled.fields}
        try:
            made = await self._api.ask("POST", path, order, body=body, answer=_Prediction)
        except UpstreamFault:
            self._latest.pop(order.upstream_model, None)  # it may be the version that is no more
            raise
        return Ticket(msgspec.json.encode(_Placed(made.id, made.urls.get, filled.warnings)))

    async def collect(self, ticket: Ticket, order: Order, memory: Memory) -> Drawn:
        """Wait for the prediction and fetch its pictures, which the vendor keeps for an hour. Raises UpstreamFault."""
        deadline = Deadline.after(order.deadline_seconds)
        placed = msgspec.json.decode(ticket.data, type=_Placed)
        url = self._api.own(placed.url) or self._api.url(f"predictions/{placed.id}")

        async def look() -> _Prediction | Pending:
            news = await self._api.poll(url, order, answer=_Prediction)
            return news if news.status == _ENDED_WELL or news.status in _ENDED_BADLY else Pending()

        called_by = order.callback.key if order.callback else ""
        ended = await self._poller.until_done(look, deadline, called_by=called_by)
        if ended.status != _ENDED_WELL:
            raise prediction_fault(NAME, str(ended.error or ""), _bought(order, ended))
        addresses = _addresses(ended.output)[: order.count]
        if not addresses:
            raise self._api.nonsense("a prediction without pictures")
        fetched = await self._downloads.pictures(addresses, order, memory, deadline)
        return _drawn(order, fetched, placed.warnings, ended.metrics or _Metrics())

    async def find(self, order: Order, since: datetime) -> Sequence[Found]:
        """Predictions since then of the same model with the same input, from the vendor's list.

        Source: replicate.openapi.json, GET /predictions. Pictures that were sent stand there under other addresses, so an order
        with some cannot be told from another. Raises UpstreamFault.
        """
        if order.draw.input_image_ids or order.draw.mask_image_id:
            raise _unlisted("it was sent with pictures")
        filled = _filled(order, (), None)
        url, found = self._api.url("predictions").with_query(created_after=since.isoformat()), list[_Listed]()
        for _ in range(_MOST_PAGES):
            page = await self._api.ask("GET", url, order, answer=_Page, buys=False, deadline_seconds=_LIST_SECONDS)
            found += [one for one in page.results if one.is_like(_named(order), filled.fields)]
            if not page.next:
                return [_found(one, filled.warnings) for one in reversed(found)]
            url = self._api.own(page.next) or url
        raise _unlisted("too many others were placed since")

    @property
    def hears(self) -> bool:
        """Whether the platform has a key: the secret that signs calls is its account's."""
        return self._api.has_key

    async def message_id(self, call: Call) -> str | None:
        """The id of a genuine message. Raises UpstreamFault where the vendor does not tell the secret."""
        now = time.time()

        def fits(secret: str) -> bool:
            return message_id(call.headers, call.body, secret, now_seconds=now) is not None

        return call.headers.get("webhook-id") if await self._secrets.fit(fits) else None

    def wake(self, key: str) -> bool:
        """Have the order with this key looked at now."""
        return self._poller.wake(key)

    async def _secret(self) -> str:
        return (await self._api.beside("webhooks/default/secret", answer=_Secret, with_key=True)).key

    async def close(self) -> None:
        """Close the connections and end the children."""
        await self._api.close()
        await self._downloads.close()
        await self._masks.close()

    async def _place(self, order: Order) -> tuple[str, Mapping[str, object]]:
        """Where the prediction is created, and what says which model it is of."""
        model = order.upstream_model
        if model.startswith(_DEPLOYMENTS):
            return f"{model}/predictions", {}
        if model in COMMUNITY:
            return "predictions", {"version": await self._latest_version(model, order)}
        if ":" in model:
            return "predictions", {"version": model}
        return f"models/{model}/predictions", {}

    async def _latest_version(self, model: str, order: Order) -> str:
        if model not in self._latest:
            found = await self._api.ask("GET", f"models/{model}", order, answer=_Model, buys=False)
            self._latest[model] = found.latest_version.id
        return self._latest[model]

    async def _sent(self, order: Order, pictures: Sequence[bytes], memory: Memory) -> Sequence[str]:
        return [
            (await data_uris([picture], memory))[0]
            if len(picture) <= _LARGEST_DATA_BYTES
            else await self._upload(order, picture)
            for picture in pictures
        ]

    async def _upload(self, order: Order, picture: bytes) -> str:
        kind = sniff(picture) or "png"
        form = Form({}, [File("content", f"picture.{kind}", f"image/{kind}", picture)])
        uploaded = await self._api.ask("POST", "files", order, body=form, answer=_Uploaded, buys=False)
        return uploaded.urls.get


PROVIDER = ProviderFactory(NAME, (KEY, BASE_URL, EGRESS_ALLOW), ReplicateProvider)


def _called(order: Order) -> Mapping[str, object]:
    """What has the vendor call once, in the end."""
    if order.callback is None:
        return {}
    return {"webhook": order.callback.url, "webhook_events_filter": ["completed"]}


def _named(order: Order) -> str:
    """The model as a list names it. Source: of a deployment it names the model below, which is not known here."""
    return "" if order.upstream_model.startswith(_DEPLOYMENTS) else order.upstream_model.partition(":")[0]


def _found(listed: _Listed, warnings: Sequence[str]) -> Found:
    return Found(listed.id, Ticket(msgspec.json.encode(_Placed(listed.id, listed.urls.get, warnings))))


def _unlisted(cause: str) -> UpstreamFault:
    return UpstreamFault(
        FAILED,
        f"Whether {NAME} has the order cannot be told from its list: {cause}.",
        bought=Bought.UNKNOWN,
        retryable=False,
        details={"provider": NAME},
    )


def _filled(order: Order, pictures: Sequence[str], mask: str | None) -> Filled:
    name = order.upstream_model.partition(":")[0]
    inputs = order.options.get("inputs") or MODELS.get(name, ANY_MODEL)
    return _FILLING.fill(order, inputs, pictures=pictures, mask=mask)


def _bought(order: Order, ended: _Prediction) -> Bought:
    """Official models are paid by the picture, and so not where there is none; the others by the second that they ran."""
    by_the_second = order.upstream_model in COMMUNITY or ":" in order.upstream_model
    ran = ended.metrics is not None and bool(ended.metrics.predict_time)
    return Bought.YES if by_the_second and ran else Bought.NO


def _addresses(output: object) -> Sequence[str]:
    """A model's output is any JSON: pictures are an address or a list of them."""
    found = output if isinstance(output, list) else [output]
    return [one for one in found if isinstance(one, str)]


def _drawn(
    order: Order, fetched: Sequence[bytearray | UpstreamFault], warnings: Sequence[str], metrics: _Metrics
) -> Drawn:
    faults = [one for one in fetched if isinstance(one, UpstreamFault)]
    pictures = [one for one in fetched if not isinstance(one, UpstreamFault)]
    if not pictures:
        raise faults[0]
    seed = order.draw.seed if order.draw.HasField("seed") and order.count == 1 else None
    return Drawn(
        pictures=[Pixels(picture, seed) for picture in pictures],
        upstream_model=order.upstream_model,
        faults=[*faults, *(nonsense(NAME) for _ in range(order.count - len(fetched)))],
        metered={} if metrics.predict_time is None else {_SECONDS: metrics.predict_time},
        warnings=warnings,
    )
