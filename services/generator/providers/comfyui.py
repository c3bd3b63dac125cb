"""ComfyUI: a server of the operator's own, which runs a workflow; the ticket is the id of the run in its queue.

Workflows and their bindings are explained in workflows/README.md. Options of a route: what a workflow binds as an option, `lora`
and `lora_scale`.
"""

import hashlib
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
    UpstreamFault,
)
from generator.providers.comfyui_errors import read_complaint
from generator.providers.comfyui_request import Asked, asked
from generator.providers.comfyui_workflows import Workflow, Workflows
from generator.providers.complaints import FAILED, Complaint, fault_of, invalid, nonsense
from generator.providers.deadline import Deadline
from generator.providers.downloads import EGRESS_ALLOW, Downloads
from generator.providers.masks import Masks
from generator.providers.multipart import File, Form
from generator.providers.polling import NotNow, Pending, Poller
from generator.providers.selfhosted import CHECKPOINTS_DOC, parse_checkpoints
from generator.providers.variables import Variable, parsed_value, value_of
from pictures.facts import MEDIA_TYPES
from pictures.sniffing import sniff

NAME = "comfyui"
BASE_URL = Variable("COMFYUI_BASE_URL", "Address of the operator's server of ComfyUI.", needed=True)
KEY = Variable(
    "COMFYUI_API_KEY", "What is sent as `Authorization: Bearer`, for a proxy that guards the server.", secret=True
)
WORKFLOW = Variable(
    "COMFYUI_WORKFLOW",
    "A workflow of the operator's own, in the API's format and with bindings beside it, for every model; or a folder of them.",
)
CHECKPOINTS = Variable("COMFYUI_CHECKPOINTS", CHECKPOINTS_DOC)
_NOWHERE = "http://127.0.0.1:8188"
_FOLDER = "gesso"
_FAILED_STATUS = "error"


class _Queued(msgspec.Struct, frozen=True):
    prompt_id: str


class _Uploaded(msgspec.Struct, frozen=True):
    name: str
    subfolder: str = ""


class _File(msgspec.Struct, frozen=True):
    filename: str
    subfolder: str = ""
    type: str = "output"


class _Output(msgspec.Struct, frozen=True):
    images: list[_File] = []


class _Status(msgspec.Struct, frozen=True):
    status_str: str = ""


class _Run(msgspec.Struct, frozen=True):
    """What the history says of a run that has ended."""

    outputs: dict[str, _Output] = {}
    status: _Status | None = None


class _Queue(msgspec.Struct, frozen=True):
    queue_running: list[list[msgspec.Raw]] = []
    queue_pending: list[list[msgspec.Raw]] = []


class _Placed(msgspec.Struct, frozen=True):
    """What a ticket holds; `outputs` are the nodes whose pictures are the result, all where there is none."""

    prompt_id: str
    outputs: Sequence[str]
    workflow: str
    seed: int | None
    warnings: Sequence[str]


class ComfyUIProvider:
    """The operator's own server."""

    name = NAME
    free_to_repeat = True
    trained = True

    def __init__(self, environ: Mapping[str, str]) -> None:
        """Raises SettingError for workflows or checkpoints that cannot be read."""
        base_url = value_of(environ, BASE_URL)
        self._api = VendorApi(
            NAME,
            base_url=base_url or _NOWHERE,
            key=value_of(environ, KEY),
            authorize=lambda key: {"Authorization": f"Bearer {key}"} if key else {},
            complaint=read_complaint,
        )
        self._is_configured = bool(base_url)
        self._workflows = parsed_value(environ, WORKFLOW, Workflows)
        self._checkpoints = parsed_value(environ, CHECKPOINTS, parse_checkpoints)
        self._downloads = Downloads(NAME, environ, behind_key=self._api)
        self._masks = Masks(NAME)
        self._poller = Poller(NAME)

    @property
    def configured(self) -> bool:
        """Whether there is a server."""
        return self._is_configured

    async def submit(self, order: Order, memory: Memory) -> Ticket:
        """Upload the inputs and queue the workflow. Raises UpstreamFault."""
        checkpoint = self._checkpoints.get(order.upstream_model, "")
        workflow = self._workflows.find(order, has_checkpoint=bool(checkpoint))
        if workflow is None:
            raise fault_of(NAME, Complaint(FAILED, code="no workflow"), bought=Bought.NO)
        filled = asked(order, workflow, checkpoint=checkpoint)
        await self._fill_inputs(order, workflow, filled)
        body = {"prompt": filled.graph, "client_id": _FOLDER}
        queued = await self._api.ask("POST", "prompt", order, body=body, answer=_Queued)
        placed = _Placed(queued.prompt_id, workflow.places["output"], workflow.name, filled.seed, filled.warnings)
        return Ticket(msgspec.json.encode(placed))

    async def collect(self, ticket: Ticket, order: Order, memory: Memory) -> Drawn:
        """Wait for the run and fetch its pictures. Raises UpstreamFault."""
        deadline = Deadline.after(order.deadline_seconds)
        placed = msgspec.json.decode(ticket.data, type=_Placed)
        run = await self._poller.until_done(lambda: self._look(placed.prompt_id, order), deadline)
        if run.status is not None and run.status.status_str == _FAILED_STATUS:
            raise self._api.failed(Complaint(FAILED, code="execution_error"), order, bought=Bought.NO)
        files = _files(run, placed.outputs)[: order.count]
        if not files:
            raise self._api.nonsense("a run without pictures")
        addresses = [str(self._api.url("view").with_query(msgspec.to_builtins(file))) for file in files]
        fetched = await self._downloads.pictures(addresses, order, memory, deadline)
        return _drawn(order, placed, fetched)

    async def close(self) -> None:
        """Close the connections and end the children."""
        await self._api.close()
        await self._downloads.close()
        await self._masks.close()

    async def _fill_inputs(self, order: Order, workflow: Workflow, filled: Asked) -> None:
        for place, picture in zip(workflow.places["pictures"], order.inputs, strict=False):
            filled.put([place], await self._uploaded(order, picture))
        if order.mask is not None and workflow.places["mask"]:
            mask = await self._masks.white(order.mask, order.inputs[0])
            filled.put(workflow.places["mask"], await self._uploaded(order, mask))

    async def _uploaded(self, order: Order, picture: bytes) -> str:
        """The name by which a node of the workflow loads the picture; the same picture has the same name."""
        picture_format = sniff(picture)
        if picture_format is None:
            raise invalid(NAME, "image", "The picture cannot be opened.")
        name = f"{hashlib.sha256(picture).hexdigest()[:32]}.{picture_format}"
        form = Form(
            {"type": "input", "subfolder": _FOLDER, "overwrite": "true"},
            [File("image", name, MEDIA_TYPES[picture_format], picture)],
        )
        told = await self._api.ask("POST", "upload/image", order, body=form, answer=_Uploaded, buys=False)
        return f"{told.subfolder}/{told.name}" if told.subfolder else told.name

    async def _look(self, prompt_id: str, order: Order) -> _Run | Pending:
        """The run once it has ended. One that is neither in the history nor in the queue was lost, as by a restart."""
        if run := await self._ended(prompt_id, order):
            return run
        try:
            queue = await self._api.poll("queue", order, answer=_Queue)
        except NotNow:
            return Pending()
        waiting = [one[1] for one in (*queue.queue_running, *queue.queue_pending) if len(one) > 1]
        if f'"{prompt_id}"'.encode() in map(bytes, waiting):
            return Pending()
        if run := await self._ended(prompt_id, order):  # it ended between the two looks
            return run
        raise self._api.lost()

    async def _ended(self, prompt_id: str, order: Order) -> _Run | None:
        return (await self._api.poll(f"history/{prompt_id}", order, answer=dict[str, _Run])).get(prompt_id)


PROVIDER = ProviderFactory(NAME, (BASE_URL, KEY, WORKFLOW, CHECKPOINTS, EGRESS_ALLOW), ComfyUIProvider)


def _files(run: _Run, outputs: Sequence[str]) -> Sequence[_File]:
    nodes = outputs or sorted(run.outputs)
    return [file for node in nodes if node in run.outputs for file in run.outputs[node].images]


def _drawn(order: Order, placed: _Placed, fetched: Sequence[bytearray | UpstreamFault]) -> Drawn:
    faults = [one for one in fetched if isinstance(one, UpstreamFault)]
    pictures = [one for one in fetched if not isinstance(one, UpstreamFault)]
    if not pictures:
        raise faults[0]
    # Of several pictures the tool draws all from one seed: it tells of a picture only where that is alone.
    seed = placed.seed if order.count == 1 else None
    return Drawn(
        [Pixels(picture, seed) for picture in pictures],
        order.upstream_model,
        faults=[*faults, *(nonsense(NAME) for _ in range(order.count - len(fetched)))],
        echoed={"workflow": placed.workflow},
        warnings=placed.warnings,
    )
