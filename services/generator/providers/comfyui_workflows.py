"""Workflows of ComfyUI with the bindings that an order fills: read at the start, found by model and operation.

The files' forms are explained in workflows/README.md.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from generator.providers.base import Order
from generator.providers.filling import bounds
from generator.providers.shapes import Bounds
from generator.public_models import OPERATION_NAMES

SHIPPED = Path(__file__).with_name("workflows")
ANY_CHECKPOINT = "checkpoint"
"""The name of the workflows that serve every model whose checkpoint is known."""
_SUFFIX, _BINDINGS_SUFFIX = ".json", ".bindings.toml"
_SLASH = "--"
_OUTPUT = "output"

Places = str | list[str]
Graph = dict[str, dict[str, Any]]
"""Nodes by id, as the tool's API takes them: `class_type` and `inputs`."""


class Bindings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What of an order goes where: `node.input`, or a list of them."""

    prompt: Places = []
    negative_prompt: Places = []
    seed: Places = []
    steps: Places = []
    guidance: Places = []
    strength: Places = []
    sampler: Places = []
    scheduler: Places = []
    width: Places = []
    height: Places = []
    count: Places = []
    pictures: Places = []
    mask: Places = []
    checkpoint: Places = []
    lora_weights: Places = []
    lora_scale: Places = []
    output: Places = []
    """Nodes, without an input."""
    bounds: str = "64..4096/8"
    options: Mapping[str, Places] = {}


@dataclass(frozen=True, slots=True)
class Workflow:
    """One workflow; `places` are by the names of `Bindings`, `options` by those of parameters."""

    name: str
    data: bytes
    places: Mapping[str, Sequence[str]]
    options: Mapping[str, Sequence[str]]
    bounds: Bounds

    def graph(self) -> Graph:
        """A copy to fill."""
        return msgspec.json.decode(self.data, type=Graph)

    def suits(self, order: Order) -> bool:
        """Whether it binds the pictures and the mask that the order brings, and no picture that it does not."""
        return bool(self.places["pictures"]) == bool(order.inputs) and (order.mask is None or bool(self.places["mask"]))


class Workflows:
    """The operator's workflows and those that come with the platform."""

    def __init__(self, place: str) -> None:
        """`place` is a file, which serves every model, a folder, or empty. Raises ValueError for what cannot be read."""
        path = Path(place) if place else None
        self._of_all = [read_workflow(path)] if path is not None and not path.is_dir() else []
        folders = [*([path] if path is not None and path.is_dir() else []), SHIPPED]
        self._folders = [{one.name: one for one in _read_folder(folder)} for folder in folders]

    def find(self, order: Order, *, has_checkpoint: bool) -> Workflow | None:
        """The first that suits: the operator's own, then the platform's; None where there is none."""
        operation = OPERATION_NAMES.get(order.draw.operation, "")
        models = [order.upstream_model.replace("/", _SLASH), *([ANY_CHECKPOINT] if has_checkpoint else [])]
        names = [name for model in models for name in (f"{model}.{operation}", model)]
        known = [folder[name] for folder in self._folders for name in names if name in folder]
        return next((one for one in (*self._of_all, *known) if one.suits(order)), None)


def read_workflow(path: Path) -> Workflow:
    """Read a workflow and its bindings. Raises ValueError, which names the file, for what is none, or does not fit."""
    bindings_path = path.with_name(path.name.removesuffix(_SUFFIX) + _BINDINGS_SUFFIX)
    try:
        data = path.read_bytes()
        graph = msgspec.json.decode(data, type=Graph)
        bindings = msgspec.convert(tomllib.loads(bindings_path.read_text()), Bindings)
    except (OSError, UnicodeDecodeError, msgspec.MsgspecError, tomllib.TOMLDecodeError) as error:
        raise ValueError(f"the workflow {path} or its {bindings_path.name} cannot be read: {error}") from error
    try:
        size_bounds = bounds(bindings.bounds)
    except ValueError as error:
        raise ValueError(f"{bindings_path}: bounds {bindings.bounds!r} are written as 512..2048/16") from error
    kinds = [name for name in Bindings.__struct_fields__ if name not in ("bounds", "options")]
    places = {name: _listed(getattr(bindings, name)) for name in kinds}
    options = {name: _listed(value) for name, value in bindings.options.items()}
    for name, listed in (*places.items(), *options.items()):
        for place in listed:
            if not _exists(graph, place, is_node=name == _OUTPUT):
                raise ValueError(f"{bindings_path}: the workflow has no {place}, to which {name} is bound")
    return Workflow(path.name.removesuffix(_SUFFIX), data, places, options, size_bounds)


def put(graph: Graph, places: Sequence[str], value: object) -> None:
    """Fill the places with a value."""
    for place in places:
        node, _, name = place.partition(".")
        graph[node]["inputs"][name] = value


def put_option(graph: Graph, places: Sequence[str], text: str) -> None:
    """Fill the places with a parameter's text, as what stands there already. Raises ValueError for what is no such value."""
    for place in places:
        node, _, name = place.partition(".")
        kind = type(graph[node]["inputs"][name])
        graph[node]["inputs"][name] = text == "true" if kind is bool else kind(text) if kind in (int, float) else text


def _read_folder(folder: Path) -> Sequence[Workflow]:
    return [read_workflow(path) for path in sorted(folder.glob(f"*{_SUFFIX}"))]


def _listed(places: Places) -> Sequence[str]:
    return [places] if isinstance(places, str) else places


def _exists(graph: Graph, place: str, *, is_node: bool) -> bool:
    """Whether the workflow has the input that the place names, or the node."""
    node, _, name = place.partition(".")
    return node in graph and (not name if is_node else name in graph[node].get("inputs", {}))
