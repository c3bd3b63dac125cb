"""Black Forest Labs: every order is a task with an address to ask at, and its picture stands at another for ten minutes.

What each model takes stands in bfl_models.py. Options of a route: any input of the model by its name (`finetune_id`), and
`inputs`: a line in the notation of filling.py, for a model that the table does not know.
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence

import msgspec
from yarl import URL

from generator.providers.api import VendorApi
from generator.providers.base import (
    Bought,
    Call,
    Drawn,
    Memory,
    Order,
    Pixels,
    ProviderFactory,
    Ticket,
)
from generator.providers.bfl_models import ANY_MODEL, CONCEPTS, MODELS
from generator.providers.complaints import FAILED, REFUSED, Complaint, Stage
from generator.providers.deadline import Deadline
from generator.providers.downloads import EGRESS_ALLOW, Downloads, base64_texts
from generator.providers.filling import Filled, Filling
from generator.providers.masks import Masks
from generator.providers.polling import Pace, Pending, Poller
from generator.providers.seeds import told_seed
from generator.providers.variables import Variable, value_of

NAME = "bfl"
KEY = Variable("BFL_API_KEY", "Key of the platform's account at Black Forest Labs.", needed=True, secret=True)
BASE_URL = Variable("BFL_BASE_URL", "Address of the API.", default="https://api.bfl.ai")
_DOMAIN = "bfl.ai"
"""The address to ask at may be that of a region, as api.eu.bfl.ai, and needs the key there."""
_REGIONLESS = "api.bfl.ai"
"""Its tasks are of regions: who asks to be called is not told which, and could not ask about one."""
_SECRET_HEADER = "x-webhook-secret"  # noqa: S105 - the name of a header
_MICROS_PER_CREDIT = 10_000
_READY, _UNKNOWN = "Ready", "Task not found"
_ENDS: Mapping[str, Complaint] = {
    "Request Moderated": Complaint(REFUSED, stage=Stage.INPUT, bought=Bought.NO, code="request_moderated"),
    "Content Moderated": Complaint(REFUSED, stage=Stage.OUTPUT, bought=Bought.YES, code="content_moderated"),
    "Error": Complaint(FAILED, bought=Bought.NO, code="error"),
    "Failed": Complaint(FAILED, bought=Bought.NO, code="failed"),
}
"""How a task ends without a picture; any other status is one on the way."""
_FILLING = Filling(NAME, CONCEPTS)


class _Accepted(msgspec.Struct, frozen=True):
    id: str
    polling_url: str = ""
    cost: float | None = None


class _Placed(msgspec.Struct, frozen=True):
    """What a ticket holds."""

    task: _Accepted
    warnings: Sequence[str]


class _Sample(msgspec.Struct, frozen=True):
    sample: str = ""
    prompt: str | None = None
    seed: int | None = None


class _Task(msgspec.Struct, frozen=True):
    status: str
    result: _Sample | None = None


class _Detail(msgspec.Struct, frozen=True):
    loc: Sequence[str | int] = ()
    type: str = ""


class _Problem(msgspec.Struct, frozen=True):
    detail: list[_Detail] | str


class BflProvider:
    """One vendor, with the platform's key or the order's own."""

    name = NAME
    free_to_repeat = False
    trained = True

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._api = VendorApi(
            NAME,
            base_url=value_of(environ, BASE_URL),
            key=value_of(environ, KEY),
            authorize=lambda key: {"x-key": key},
            complaint=read_complaint,
            domain=_DOMAIN,
        )
        self._downloads = Downloads(NAME, environ)
        self._masks = Masks(NAME)
        self._poller = Poller(NAME, Pace(first_seconds=0.5, most_seconds=5.0))

    @property
    def configured(self) -> bool:
        """Whether the platform has a key."""
        return self._api.has_key

    async def submit(self, order: Order, memory: Memory) -> Ticket:
        """Place the order. Raises UpstreamFault."""
        mask = await self._masks.white(order.mask, order.inputs[0]) if order.mask and order.inputs else None
        pictures = await base64_texts([*order.inputs, *filter(None, [mask])], memory)
        filled = _filled(order, pictures[: len(order.inputs)], pictures[-1] if mask else None)
        path, fields = f"v1/{order.upstream_model}", {**filled.fields, **_called(order)}
        accepted = await self._api.ask("POST", path, order, body=fields, answer=_Accepted)
        return Ticket(msgspec.json.encode(_Placed(accepted, filled.warnings)))

    async def collect(self, ticket: Ticket, order: Order, memory: Memory) -> Drawn:
        """Wait for the task and fetch its picture. Raises UpstreamFault."""
        deadline = Deadline.after(order.deadline_seconds)
        placed = msgspec.json.decode(ticket.data, type=_Placed)
        called_by = order.callback.key if order.callback else ""
        result = await self._poller.until_done(lambda: self._look(placed.task, order), deadline, called_by=called_by)
        picture = await self._downloads.picture(result.sample, order, memory, deadline)
        cost = placed.task.cost
        return Drawn(
            pictures=[Pixels(picture, told_seed(result.seed))],
            upstream_model=order.upstream_model,
            revised_prompt=result.prompt if result.prompt and result.prompt != order.draw.prompt else "",
            cost_micros=None if cost is None else round(cost * _MICROS_PER_CREDIT),
            warnings=placed.warnings,
        )

    @property
    def hears(self) -> bool:
        """Whether a task that it is called about can be asked about too: at an address that is a region's."""
        return self._api.base.host != _REGIONLESS

    async def message_id(self, call: Call) -> str | None:
        """The digest of a call that says the secret of its address back; the vendor names its messages in no other way."""
        told = call.headers.get(_SECRET_HEADER, "").encode()
        genuine = hmac.compare_digest(told, call.callback.secret.encode())
        return hashlib.sha256(call.body).hexdigest() if genuine else None

    def wake(self, key: str) -> bool:
        """Have the order with this key looked at now."""
        return self._poller.wake(key)

    async def close(self) -> None:
        """Close the connections and end the children."""
        await self._api.close()
        await self._downloads.close()
        await self._masks.close()

    async def _look(self, accepted: _Accepted, order: Order) -> _Sample | Pending:
        by_id = URL.build(path="v1/get_result", query={"id": accepted.id})
        place = self._api.own(accepted.polling_url) or self._api.url(str(by_id))
        task = await self._api.poll(place, order, answer=_Task)
        if task.status == _UNKNOWN:
            raise self._api.lost()
        if task.status in _ENDS:
            raise self._api.failed(_ENDS[task.status], order, bought=Bought.YES)
        if task.status != _READY:
            return Pending()
        if task.result is None or not task.result.sample:
            raise self._api.nonsense("a result without a picture")
        return task.result


PROVIDER = ProviderFactory(NAME, (KEY, BASE_URL, EGRESS_ALLOW), BflProvider)


def read_complaint(status: int, body: bytes) -> Complaint:
    """Read an error's body; an empty complaint for anything else. The statuses are those of complaints.py."""
    try:
        detail = msgspec.json.decode(body, type=_Problem).detail
    except msgspec.MsgspecError:
        return Complaint()
    if isinstance(detail, str) or not detail:
        return Complaint()
    names = [name for name in detail[0].loc if isinstance(name, str) and name != "body"]
    return Complaint(field=".".join(names), code=detail[0].type)


def _called(order: Order) -> Mapping[str, object]:
    """What has the vendor call in the end."""
    if order.callback is None:
        return {}
    return {"webhook_url": order.callback.url, "webhook_secret": order.callback.secret}


def _filled(order: Order, pictures: Sequence[str], mask: str | None) -> Filled:
    inputs = order.options.get("inputs") or MODELS.get(order.upstream_model, ANY_MODEL)
    return _FILLING.fill(order, inputs, pictures=pictures, mask=mask)
