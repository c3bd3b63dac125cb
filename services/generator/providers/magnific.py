"""Magnific: upscalers whose tickets are tasks and whose results stand at addresses.

The upstream model is the vendor's operation; magnific_models.py has them. Option of a draw: `scale_factor`, 2 where it is absent;
and any input of the operation by its name, of a route too.
"""

import time
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
from generator.providers.complaints import FAILED, Complaint, Stage, fault_of, invalid, refused
from generator.providers.deadline import Deadline
from generator.providers.downloads import EGRESS_ALLOW, Downloads, base64_texts
from generator.providers.enlarging import SCALE_FACTOR, asked_factor, enlargeable
from generator.providers.filling import Filling
from generator.providers.honours import with_options
from generator.providers.magnific_errors import read_complaint
from generator.providers.magnific_models import CONCEPTS, LONGEST_RATIO, SHORTEST_SIDE, UPSCALERS, Upscaler
from generator.providers.polling import Pending, Poller
from generator.providers.standard_webhooks import message_id
from generator.providers.variables import Variable, value_of

NAME = "magnific"
KEY = Variable(
    "MAGNIFIC_API_KEY",
    "Key of the platform's account at Magnific, or at Freepik with its address.",
    needed=True,
    secret=True,
)
BASE_URL = Variable(
    "MAGNIFIC_BASE_URL",
    "Address of the API; `https://api.freepik.com` is Freepik's.",
    default="https://api.magnific.com",
)
KEY_HEADER = Variable(
    "MAGNIFIC_KEY_HEADER", "Header that carries the key; empty for that of the front door which the address names."
)
WEBHOOK_SECRET = Variable(
    "MAGNIFIC_WEBHOOK_SECRET",
    "Secret that signs Magnific's calls, from its dashboard; without it they are not asked for.",
    secret=True,
)
_KEY_HEADERS = {"api.freepik.com": "x-freepik-api-key"}
_DEFAULT_KEY_HEADER = "x-magnific-api-key"
_DONE, _FAILED = "COMPLETED", "FAILED"
_FILLING = Filling(NAME, CONCEPTS)


class _Task(msgspec.Struct, frozen=True):
    task_id: str = ""
    status: str = ""
    task_status: str = ""
    """What some operations call the status."""
    generated: list[str] = []
    has_nsfw: list[bool] | None = None


class _Answer(_Task, frozen=True):
    """A task, wrapped or, from some operations, bare."""

    data: _Task | None = None

    @property
    def task(self) -> _Task:
        return self.data or self


class _Placed(msgspec.Struct, frozen=True):
    """What a ticket holds."""

    task_id: str
    warnings: Sequence[str]


class MagnificProvider:
    """One vendor, with the platform's key or the order's own."""

    name = NAME
    free_to_repeat = False
    trained = True

    def __init__(self, environ: Mapping[str, str]) -> None:
        base_url = value_of(environ, BASE_URL)
        host = URL(base_url).host or ""
        header = value_of(environ, KEY_HEADER) or _KEY_HEADERS.get(host, _DEFAULT_KEY_HEADER)
        self._api = VendorApi(
            NAME,
            base_url=base_url,
            key=value_of(environ, KEY),
            authorize=lambda key: {header: key},
            complaint=read_complaint,
        )
        self._downloads = Downloads(NAME, environ)
        self._poller = Poller(NAME)
        self._webhook_secret = value_of(environ, WEBHOOK_SECRET)

    @property
    def configured(self) -> bool:
        """Whether the platform has a key."""
        return self._api.has_key

    async def submit(self, order: Order, memory: Memory) -> Ticket:
        """Place the task; what would become too large is refused before it is bought. Raises UpstreamFault."""
        upscaler = UPSCALERS.get(order.upstream_model)
        if upscaler is None:
            raise fault_of(NAME, Complaint(FAILED, code="unknown operation"), bought=Bought.NO)
        asked, warnings = _scaled(order, upscaler)
        pictures = await base64_texts(order.inputs[:1], memory)
        filled = _FILLING.fill(asked, upscaler.inputs, pictures=pictures)
        called = {"webhook_url": order.callback.url} if order.callback else {}
        answer = await self._api.ask("POST", _path(order), order, body={**filled.fields, **called}, answer=_Answer)
        if not answer.task.task_id:
            raise self._api.nonsense("a task without an id")
        return Ticket(msgspec.json.encode(_Placed(answer.task.task_id, [*warnings, *filled.warnings])))

    async def collect(self, ticket: Ticket, order: Order, memory: Memory) -> Drawn:
        """Wait for the task and fetch its picture. Raises UpstreamFault."""
        deadline = Deadline.after(order.deadline_seconds)
        placed = msgspec.json.decode(ticket.data, type=_Placed)
        called_by = order.callback.key if order.callback else ""
        task = await self._poller.until_done(lambda: self._look(placed.task_id, order), deadline, called_by=called_by)
        if not task.generated:
            raise self._api.nonsense("a task without pictures")
        if any(task.has_nsfw or ()):
            raise refused(NAME, Stage.OUTPUT, bought=Bought.YES)
        picture = await self._downloads.picture(task.generated[0], order, memory, deadline)
        return Drawn([Pixels(picture)], order.upstream_model, warnings=placed.warnings)

    @property
    def hears(self) -> bool:
        """Whether the operator has told the secret that signs calls."""
        return bool(self._webhook_secret)

    async def message_id(self, call: Call) -> str | None:
        """The id of a genuine message."""
        return message_id(call.headers, call.body, self._webhook_secret, now_seconds=time.time())

    def wake(self, key: str) -> bool:
        """Have the order with this key looked at now."""
        return self._poller.wake(key)

    async def close(self) -> None:
        """Close the connections."""
        await self._api.close()
        await self._downloads.close()

    async def _look(self, task_id: str, order: Order) -> _Task | Pending:
        task = (await self._api.poll(f"{_path(order)}/{task_id}", order, answer=_Answer)).task
        status = task.status or task.task_status
        if status == _FAILED:
            # Whether the vendor charges for these is not documented: it is not bought twice.
            raise fault_of(NAME, Complaint(), bought=Bought.YES)
        return task if status == _DONE else Pending()


PROVIDER = ProviderFactory(NAME, (KEY, BASE_URL, KEY_HEADER, WEBHOOK_SECRET, EGRESS_ALLOW), MagnificProvider)


def _path(order: Order) -> str:
    return f"v1/ai/{order.upstream_model}"


def _scaled(order: Order, upscaler: Upscaler) -> tuple[Order, Sequence[str]]:
    """The order with its factor as the operation writes it, and what to say where it has no such factor.

    Raises UpstreamFault, not bought, for a picture that the vendor does not take, or whose result would be too large.
    """
    asked = asked_factor(order)
    factor = min((one for one in upscaler.factors if one >= asked), default=max(upscaler.factors))
    if order.inputs:
        _check(order.inputs[0], factor, upscaler)
    warnings = [] if asked == factor else [f"{NAME} enlarges {factor} times; {SCALE_FACTOR} {asked:g} was asked for."]
    return with_options(order, {SCALE_FACTOR: upscaler.factors[factor] or None}), warnings


def _check(picture: bytes, factor: int, upscaler: Upscaler) -> None:
    facts = enlargeable(NAME, picture, factor, most_pixels=upscaler.most_pixels, most_side=upscaler.most_side)
    shorter, longer = sorted((facts.width, facts.height))
    if shorter < SHORTEST_SIDE or longer > LONGEST_RATIO * shorter:
        raise invalid(NAME, "image", "The sides must be at least 160 pixels, and one at most three times the other.")
