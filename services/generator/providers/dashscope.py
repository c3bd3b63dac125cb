"""DashScope (Alibaba Model Studio): Qwen-Image, at once or by tasks, its pictures at addresses that are good for 24 hours.

What each model takes, and which are queued, stands in dashscope_models.py. Options of a route: `prompt_extend`, whether the
vendor words prompts anew.
"""

from collections.abc import Mapping, Sequence

import msgspec

from generator.providers.addressed import Addressed, read_addressed
from generator.providers.api import VendorApi
from generator.providers.base import Bought, Drawn, Memory, Order, ProviderFactory, Ticket, UpstreamFault
from generator.providers.complaints import REFUSED
from generator.providers.dashscope_errors import Failure, complaint_of, read_complaint
from generator.providers.dashscope_models import ALIASES, CONCEPTS, MOST_CHARACTERS, model_of
from generator.providers.deadline import Deadline
from generator.providers.downloads import EGRESS_ALLOW, Downloads, data_uris
from generator.providers.filling import Filled, Filling
from generator.providers.polling import Pending, Poller
from generator.providers.seeds import asked_seed
from generator.providers.variables import Variable, value_of

NAME = "dashscope"
KEY = Variable(
    "DASHSCOPE_API_KEY",
    "Key of the platform's account at Alibaba Model Studio; it is of one region.",
    needed=True,
    secret=True,
)
BASE_URL = Variable(
    "DASHSCOPE_BASE_URL",
    "Address of the API of the key's region, with its version.",
    default="https://dashscope-intl.aliyuncs.com/api/v1",
)
_AT_ONCE = "services/aigc/multimodal-generation/generation"
_QUEUED = "services/aigc/text2image/image-synthesis"
_QUEUING = {"X-DashScope-Async": "enable"}
_DONE, _UNKNOWN = "SUCCEEDED", "UNKNOWN"
_ENDED_BADLY = frozenset({"FAILED", "CANCELED"})
_FILLING = Filling(NAME, CONCEPTS, aliases=ALIASES)


class _Part(msgspec.Struct, frozen=True):
    image: str | None = None


class _Message(msgspec.Struct, frozen=True):
    content: Sequence[_Part] = ()


class _Choice(msgspec.Struct, frozen=True):
    message: _Message = _Message()


class _Result(Failure, frozen=True):
    url: str | None = None
    actual_prompt: str | None = None
    """What was drawn, where the vendor worded the prompt anew."""


class _Output(Failure, frozen=True):
    task_id: str = ""
    task_status: str = ""
    choices: Sequence[_Choice] = ()
    results: Sequence[_Result] = ()


class _Answer(Failure, frozen=True):
    output: _Output | None = None
    usage: msgspec.Raw = msgspec.Raw(b"")


class _Placed(msgspec.Struct, frozen=True):
    """What the ticket of a task holds."""

    task_id: str
    warnings: Sequence[str]
    seed: int | None = None


class DashScopeProvider:
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
        self._poller = Poller(NAME)

    @property
    def configured(self) -> bool:
        """Whether the platform has a key."""
        return self._api.has_key

    async def submit(self, order: Order, memory: Memory) -> Ticket:
        """Have the pictures drawn, or queued; the ticket is their addresses, or the task. Raises UpstreamFault."""
        filled = _filled(order, await data_uris(order.inputs, memory))
        is_queued = model_of(order.upstream_model).is_queued
        answer = await self._api.ask(
            "POST",
            _QUEUED if is_queued else _AT_ONCE,
            order,
            body=_body(order, filled.fields, is_queued=is_queued),
            headers=_QUEUING if is_queued else None,
            answer=_Answer,
        )
        seed = asked_seed(order, filled.fields)
        if not is_queued:
            return self._addressed(order, answer, filled.warnings, seed).ticket
        if answer.output is None or not answer.output.task_id:
            raise self._failed(order, answer)
        return Ticket(msgspec.msgpack.encode(_Placed(answer.output.task_id, filled.warnings, seed)))

    async def collect(self, ticket: Ticket, order: Order, memory: Memory) -> Drawn:
        """Wait for the task, if there is one, and fetch the pictures. Raises UpstreamFault."""
        deadline = Deadline.after(order.deadline_seconds)
        if not model_of(order.upstream_model).is_queued:
            return await read_addressed(ticket).drawn(NAME, order, self._downloads, memory, deadline)
        placed = msgspec.msgpack.decode(ticket.data, type=_Placed)
        answer = await self._poller.until_done(lambda: self._look(placed.task_id, order), deadline)
        addressed = self._addressed(order, answer, placed.warnings, placed.seed)
        return await addressed.drawn(NAME, order, self._downloads, memory, deadline)

    async def close(self) -> None:
        """Close the connections."""
        await self._api.close()
        await self._downloads.close()

    async def _look(self, task_id: str, order: Order) -> _Answer | Pending:
        answer = await self._api.poll(f"tasks/{task_id}", order, answer=_Answer)
        output = answer.output or _Output()
        if output.task_status == _UNKNOWN:
            raise self._api.lost()
        if output.task_status in _ENDED_BADLY:
            raise self._api.failed(complaint_of(output), order, bought=Bought.NO)
        return answer if output.task_status == _DONE else Pending()

    def _addressed(self, order: Order, answer: _Answer, warnings: Sequence[str], seed: int | None) -> Addressed:
        output = answer.output or _Output()
        parts = [part for choice in output.choices for part in choice.message.content]
        addresses = [one for one in (*(part.image for part in parts), *(each.url for each in output.results)) if one]
        if not addresses:
            raise self._failed(order, answer)
        withheld = [one for one in output.results if complaint_of(one).reason == REFUSED]
        prompts = [one.actual_prompt for one in output.results if one.actual_prompt]
        return Addressed(
            addresses,
            order.upstream_model,
            warnings,
            refused_count=len(withheld),
            refused_bought=Bought.NO,
            revised_prompt=prompts[0] if prompts and prompts[0] != order.draw.prompt else "",
            usage_json=bytes(answer.usage),
            seed=seed,
        )

    def _failed(self, order: Order, answer: _Answer) -> UpstreamFault:
        """Why there is no picture and no task: the vendor says so in a success, or it is nonsense."""
        results = answer.output.results if answer.output else ()
        failure = next((one for one in (answer, answer.output, *results) if one is not None and one.code), None)
        if failure is None:
            return self._api.nonsense("an answer without pictures")
        return self._api.failed(complaint_of(failure), order, bought=Bought.UNKNOWN)


PROVIDER = ProviderFactory(NAME, (KEY, BASE_URL, EGRESS_ALLOW), DashScopeProvider)


def _filled(order: Order, pictures: Sequence[str]) -> Filled:
    filled = _FILLING.fill(order, model_of(order.upstream_model).inputs, pictures=pictures)
    texts = {name: str(filled.fields.get(name, "")) for name in MOST_CHARACTERS}
    cut = {name: text[: MOST_CHARACTERS[name]] for name, text in texts.items() if len(text) > MOST_CHARACTERS[name]}
    told = [f"{NAME} reads the first {MOST_CHARACTERS[name]} characters of the {name}." for name in cut]
    return Filled({**filled.fields, **cut}, [*filled.warnings, *told])


def _body(order: Order, fields: Mapping[str, object], *, is_queued: bool) -> Mapping[str, object]:
    parameters = {name: value for name, value in fields.items() if name not in ("prompt", "images")}
    if "size" in parameters:
        parameters["size"] = str(parameters["size"]).replace("x", "*")
    said: Mapping[str, object] = {"prompt": fields["prompt"]}
    if not is_queued:
        pictures = fields.get("images") or []
        assert isinstance(pictures, Sequence)
        content = [*({"image": picture} for picture in pictures), {"text": fields["prompt"]}]
        said = {"messages": [{"role": "user", "content": content}]}
    return {"model": order.upstream_model, "input": said, "parameters": {**parameters, "watermark": False}}
