"""An order fills a workflow: what goes where, by the workflow's bindings, and what they leave out."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from generator.providers.base import Order
from generator.providers.comfyui_workflows import Graph, Workflow, put, put_option
from generator.providers.complaints import invalid
from generator.providers.honours import unsupported
from generator.providers.samplers import chosen
from generator.providers.selfhosted import canvas, local_weights
from generator.providers.shapes import shape_warnings
from generator.sizes import Size, requested_size
from gesso.generator.v1 import generator_pb2 as pb

NAME = "comfyui"
_PREFIX = "filename_prefix"
_DEFAULT_SIZE = Size(1024, 1024)


@dataclass(frozen=True, slots=True)
class Asked:
    """A workflow that is filled but for its pictures."""

    graph: Graph
    seed: int | None
    """What all pictures are drawn from, where the workflow binds one."""
    warnings: Sequence[str]

    def put(self, places: Sequence[str], value: object) -> None:
        """Fill the places."""
        put(self.graph, places, value)


def asked(order: Order, workflow: Workflow, *, checkpoint: str) -> Asked:
    """Fill a workflow. Raises UpstreamFault, not bought, for a parameter that is no value of its place."""
    graph, places = workflow.graph(), workflow.places
    size = _size(order, workflow)
    seed = _seed(order)
    values = {**_values(order), "seed": seed, "checkpoint": checkpoint or None}
    if size is not None:
        values |= {"width": size.width, "height": size.height}
    filled = {name for name, value in values.items() if value is not None and places[name]}
    for name in filled:
        put(graph, places[name], values[name])
    choice = chosen(order, lambda sampler: sampler.comfyui)
    for name, word in (("sampler", choice.sampler), ("scheduler", choice.schedule)):
        if word:
            put(graph, places[name], word)
    filled |= set(choice.honoured) if places["sampler"] else set()
    filled |= _put_options(order, workflow, graph)
    _make_new(graph, places["output"])
    return Asked(graph, seed if places["seed"] else None, _warnings(order, workflow, filled, size))


def _values(order: Order) -> Mapping[str, object | None]:
    """What an order asks for, by the names of bindings; None where it leaves that to the workflow."""
    draw, weights = order.draw, local_weights(order)
    return {
        "prompt": draw.prompt,
        "negative_prompt": draw.negative_prompt or None,
        "steps": draw.steps if draw.HasField("steps") else None,
        "guidance": draw.guidance if draw.HasField("guidance") else None,
        "strength": draw.strength if draw.HasField("strength") and order.inputs else None,
        "count": order.count,
        "lora_weights": f"{weights[0]}.safetensors" if weights else None,
        "lora_scale": weights[1] if weights else None,
    }


def _seed(order: Order) -> int:
    """The seed that is asked for, else any: with one of its own the tool would answer the last run's pictures again."""
    return order.draw.seed if order.draw.HasField("seed") else secrets.randbits(32)


def _size(order: Order, workflow: Workflow) -> Size | None:
    """The size to draw in; None where the workflow has its own."""
    if not workflow.places["width"] or (requested_size(order.draw) is None and not order.inputs):
        return None
    return canvas(order, workflow.bounds, _DEFAULT_SIZE)


def _put_options(order: Order, workflow: Workflow, graph: Graph) -> set[str]:
    """Fill in the parameters that the workflow binds, the request's before the route's; their names."""
    said = {**order.options, **order.draw.options}
    bound = said.keys() & workflow.options.keys()
    for name in bound:
        try:
            put_option(graph, workflow.options[name], said[name])
        except ValueError:
            raise invalid(NAME, name, f"The workflow takes no such {name}.") from None
    return bound


def _make_new(graph: Graph, outputs: Sequence[str]) -> None:
    """Let the nodes that save write to files of this order: else the tool answers a repeated order with no picture at all."""
    prefix = f"gesso/{secrets.token_hex(8)}"
    for node in outputs or graph:
        if _PREFIX in graph[node].get("inputs", {}):
            graph[node]["inputs"][_PREFIX] = prefix


def _warnings(order: Order, workflow: Workflow, filled: set[str], size: Size | None) -> Sequence[str]:
    honoured = filled | ({"mask"} if workflow.places["mask"] else set())
    found = list(unsupported(NAME, order, honoured, most_inputs=len(workflow.places["pictures"])))
    if order.count > 1 and not workflow.places["count"]:
        found.append(f"{NAME} draws one picture at a time with the workflow {workflow.name}.")
    if size is None and order.draw.operation != pb.OPERATION_TEXT_TO_IMAGE:  # the result has its input's shape
        return found
    return [*found, *shape_warnings(NAME, order.draw, size)]
