"""A client of the BIG API, before a generator that ends each job as the test says."""

import asyncio
from collections.abc import Sequence
from typing import Any

from gesso.generator.v1.generator_pb2 import Job, SubmitJobsResponse, Task
from servicekit.faults import Fault, to_proto

Submitted = SubmitJobsResponse.SubmitJobResult
CREATE = "/v1/jobs/create"
ASKED: Any = {"tasks": [{"prompt": "A beautiful sunset over the ocean", "provider": "dalle", "size": "1024x1024"}]}
TWO: Any = {
    "tasks": [
        {"prompt": "A serene mountain landscape", "provider": "dalle", "size": "1024x1024"},
        {"prompt": "Futuristic cityscape at night", "provider": "imagen-4", "aspect_ratio": "16:9"},
    ]
}


class Client:
    """One client with its key."""

    def __init__(self, edge: Any, keep: Any) -> None:
        self.edge = edge
        self.generator = edge.generator
        self._keep = keep

    def create(self, body: Any = None, query: str = "", **headers: str) -> Any:
        return self.edge.post(ASKED if body is None else body, path=CREATE + query, headers=headers)

    def get(self, path: str) -> Any:
        return self.edge.get(path)

    def delete(self, path: str) -> Any:
        headers = {"Authorization": f"Bearer {self.edge.key}"}
        return self.edge.session.delete(self.edge.url + path, headers=headers)

    def acknowledge(self, state: Job.State.ValueType = Job.STATE_QUEUED) -> None:
        """Let jobs be accepted, and go on."""

        def answer(submission: Any) -> Submitted:
            job = self.generator.queued(submission)
            job.state, job.available_micros = state, 49_950_000
            return Submitted(job=job)

        self.generator.answer = answer

    def end(self, *faults: Fault | None, charge_micros: int = 50_000) -> None:
        """Let jobs end at once: a task with a fault fails, every other one brings its picture."""

        def answer(submission: Any) -> Submitted:
            job = self.generator.queued(submission)
            ended = self.ended(job, faults, charge_micros)
            asyncio.get_running_loop().call_soon(self.generator.finish, ended)
            return Submitted(job=job)

        self.generator.answer = answer

    def ended(self, job: Job, faults: Sequence[Fault | None] = (), charge_micros: int = 50_000) -> Job:
        ended = Job()
        ended.CopyFrom(job)
        for task, fault in zip(ended.tasks, [*faults, *[None] * len(ended.tasks)], strict=False):
            if fault is None:
                picture = self._keep(b"png")
                task.MergeFrom(Task(state=Task.STATE_KEPT, pictures=[picture], provider="sketch", upstream_model="s-1"))
                task.charge_micros = charge_micros
            else:
                task.MergeFrom(Task(state=Task.STATE_FAILED, fault=to_proto(fault)))
        ended.charge_micros = sum(task.charge_micros for task in ended.tasks)
        ended.available_micros = 50_000_000 - ended.charge_micros
        ended.state = Job.STATE_SUCCEEDED if ended.charge_micros else Job.STATE_FAILED
        ended.finished_at.GetCurrentTime()
        return ended
