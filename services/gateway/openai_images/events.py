"""A job as a stream of the Images API: unfinished pictures as they come, each finished one, or why there is none.

Source: the specification's ImageGenStreamEvent and ImageEditStreamEvent; contract.md, "openai": a stream that fails before anything
was sent is an error like any other, afterwards it ends with an `error` event.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.desk import Addresses
from gateway.jobs import failure, has_ended
from gateway.openai_images.answers import base64_of, drawn_of, manner, size_of, usage
from gateway.openai_images.drawing import Facts
from gateway.wire import PICTURE_HERE, Base64Of, Event, json_event
from gesso.errors.v1 import reason_pb2 as pb
from gesso.generator.v1.generator_pb2 import OPERATION_TEXT_TO_IMAGE, Job, Picture, Task
from servicekit.faults import Fault

ERROR = "error"
_NO_TOKENS: Mapping[str, Any] = {
    "total_tokens": 0,
    "input_tokens": 0,
    "output_tokens": 0,
    "input_tokens_details": {"text_tokens": 0, "image_tokens": 0},
}
"""The specification requires `usage` of every finished picture; a model that counts no tokens used none."""


@dataclass(frozen=True, slots=True)
class Streaming:
    """A dialect's streams: `facts` of any job, `error` the body of a fault's event, `overdue` the fault of a wait that ran out.

    `also` is what the last event says beside the specification's fields.
    """

    facts: Callable[[Job], Facts]
    error: Callable[[Fault, Addresses], Mapping[str, Any]]
    overdue: Callable[[Job, Addresses], Fault]
    wait_seconds: float
    also: Callable[[Job], Mapping[str, Any]] = lambda _: {}

    async def events(self, updates: AsyncIterator[Job], addresses: Addresses) -> AsyncIterator[Event]:
        """The events of a job. Raises Fault where it fails before the first."""
        begun = False
        try:
            async with contextlib.aclosing(self._pictures(updates, addresses)) as pictures:
                async for event in pictures:
                    yield event
                    begun = True
        except Fault as fault:
            if not begun:
                raise
            yield json_event({"type": ERROR, **self.error(fault, addresses)}, name=ERROR)

    async def _pictures(self, updates: AsyncIterator[Job], addresses: Addresses) -> AsyncGenerator[Event, None]:
        shown = 0
        async with contextlib.aclosing(self._until_late(updates, addresses)) as jobs:
            async for job in jobs:
                partials = job.tasks[0].partials
                for index in range(shown, len(partials)):
                    yield self._partial(job, index, partials[index])
                shown = max(shown, len(partials))
                if has_ended(job):
                    if not drawn_of(job):
                        raise failure(job)
                    for event in self._completed(job):
                        yield event
                    return
        raise Fault(pb.REASON_UNAVAILABLE, "The stream was broken off. The job goes on.")

    async def _until_late(self, updates: AsyncIterator[Job], addresses: Addresses) -> AsyncGenerator[Job, None]:
        """The job at each change, until it is late. Raises Fault then."""
        deadline = asyncio.get_running_loop().time() + self.wait_seconds
        async with contextlib.AsyncExitStack() as stack:
            if isinstance(updates, AsyncGenerator):
                await stack.enter_async_context(contextlib.aclosing(updates))
            job = await anext(updates)
            while True:
                yield job
                try:
                    following = await asyncio.wait_for(
                        anext(updates, None), deadline - asyncio.get_running_loop().time()
                    )
                except TimeoutError:
                    raise self.overdue(job, addresses) from None
                if following is None:
                    return
                job = following

    def _partial(self, job: Job, index: int, picture: Picture) -> Event:
        task, facts = job.tasks[0], self.facts(job)
        draw = task.draw
        name = f"{_family(task)}.partial_image"
        data = {
            "type": name,
            "b64_json": PICTURE_HERE,
            "created_at": int(time.time()),
            "size": f"{draw.width}x{draw.height}" if draw.width and draw.height else "auto",
            "quality": facts.quality or "auto",
            "background": facts.background or "auto",
            "output_format": picture.format,
            "partial_image_index": index,
        }
        bytes_of = [Base64Of(picture.read_url, picture.byte_count)]
        return json_event(data, name=name, pictures=bytes_of, optional=True)

    def _completed(self, job: Job) -> Iterator[Event]:
        drawn, facts = drawn_of(job), self.facts(job)
        for place, ((task, picture), content) in enumerate(zip(drawn, base64_of(drawn), strict=True), start=1):
            name, last = f"{_family(task)}.completed", place == len(drawn)
            words = manner(facts, task, picture)
            data = {
                "type": name,
                "b64_json": PICTURE_HERE,
                "created_at": int(time.time()),
                "size": size_of(picture),
                "quality": words["quality"] or "auto",
                "background": words["background"] or "auto",
                "output_format": picture.format,
                "usage": (usage(job.tasks) or _NO_TOKENS) if last else _NO_TOKENS,
                **(self.also(job) if last else {}),
            }
            yield json_event(data, name=name, pictures=[content])


def _family(task: Task) -> str:
    return "image_generation" if task.draw.operation == OPERATION_TEXT_TO_IMAGE else "image_edit"
