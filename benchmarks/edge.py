"""What a request costs the edge alone: its processor time between peers that answer at once. `python -m benchmarks.edge`."""

import argparse
import asyncio
import contextlib
import hashlib
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp

from benchmarks.processes import Watched
from gesso.billing.v1 import billing_pb2 as billing_pb
from gesso.generator.v1 import generator_pb2 as generator_pb
from servicekit.calls import Call
from servicekit.identity import Access
from servicekit.ids import new_id
from servicekit.server import serving
from testkit.eventually import eventually
from testkit.scripted_service import scripted

_CLIENTS = 32
_TOKEN = "edge"  # noqa: S105 - between this program's own processes
Job = generator_pb.Job


async def authenticate(request: Any, _: Any) -> Any:
    """Know every key."""
    caller = billing_pb.Caller(account_id="acct_1", plan="pro", token=b"t" * 150, limited_dialects=["openai"])
    result = billing_pb.AuthenticateResponse.AuthenticateResult(caller=caller)
    return billing_pb.AuthenticateResponse(results=[result] * len(request.credentials))


async def take_limits(request: Any, _: Any) -> Any:
    """Count without refusing."""
    window = billing_pb.WindowState(window=billing_pb.WINDOW_MINUTE, limit=1000, remaining=999, reset_at=2_000_000_000)
    result = billing_pb.TakeLimitsResponse.TakeLimitsResult(windows=[window] * 3)
    return billing_pb.TakeLimitsResponse(results=[result] * len(request.takings))


class Generator:
    """Draws the same picture for everybody, in no time."""

    def __init__(self, picture: Path) -> None:
        self._ended: asyncio.Queue[Job] = asyncio.Queue()
        self._picture = generator_pb.Picture(
            image_id=new_id("img"),
            format="png",
            width=1024,
            height=1024,
            byte_count=picture.stat().st_size,
            read_url=picture.as_uri(),
        )

    async def submit_jobs(self, request: Any, _: Any) -> Any:
        """Acknowledge every purchase, and end its job at once."""
        results = [self._submitted(submission.purchase) for submission in request.submissions]
        return generator_pb.SubmitJobsResponse(results=results)

    def _submitted(self, purchase: generator_pb.Purchase) -> Any:
        task = generator_pb.Task(draw=purchase.draws[0])
        job = Job(id=new_id("job"), dialect="openai", state=Job.STATE_QUEUED, tasks=[task], facts=purchase.facts)
        ended = Job()
        ended.CopyFrom(job)
        ended.state, ended.charge_micros = Job.STATE_SUCCEEDED, 40_000
        ended.finished_at.GetCurrentTime()
        ended.tasks[0].pictures.append(self._picture)
        ended.tasks[0].provider, ended.tasks[0].upstream_model = "sketch", "sketch-1"
        self._ended.put_nowait(ended)
        return generator_pb.SubmitJobsResponse.SubmitJobResult(job=job)

    async def watch_jobs(self, _: Any, __: Any) -> AsyncIterator[Any]:
        """Tell of ended jobs, together where several have ended."""
        while True:
            jobs = [await self._ended.get()]
            while not self._ended.empty():
                jobs.append(self._ended.get_nowait())
            yield generator_pb.WatchJobsResponse(jobs=jobs)


class Unobserved:
    """Nobody watches the peers."""

    def call_started(self, call: Call) -> None:
        """A call began."""

    def call_finished(self, call: Call, error: BaseException | None) -> None:
        """A call ended."""


def peers(folder: Path, picture: Path) -> contextlib.AbstractAsyncContextManager[str]:
    """Both peers, on one socket."""
    generator = Generator(picture)
    services = (
        scripted("gesso.billing.v1.Callers", {"Authenticate": authenticate}),
        scripted("gesso.billing.v1.Limits", {"TakeLimits": take_limits}),
        scripted("gesso.generator.v1.Jobs", {"SubmitJobs": generator.submit_jobs, "WatchJobs": generator.watch_jobs}),
    )
    edge = frozenset({"gateway"})
    access = Access({"gateway": hashlib.sha256(_TOKEN.encode()).digest()}, {service.name: edge for service in services})
    return serving(f"unix:{folder}/peers.sock", services, access=access, observer=Unobserved(), grace_seconds=0)


@contextlib.asynccontextmanager
async def edge_process(folder: Path, port: int) -> AsyncIterator[int]:
    """The edge as its own process; yields its process id once it answers."""
    variables = {
        "GESSO_PORT": str(port),
        "GESSO_GATEWAY_TOKEN": _TOKEN,
        "GESSO_LINK_KEY": "00" * 32,
        "GESSO_FILES_URL": "http://127.0.0.1:1",
        **{
            f"GESSO_{name}_ADDRESS": f"unix:{folder}/peers.sock"
            for name in ("BILLING", "GENERATOR", "GALLERY", "WEBHOOKS")
        },
    }
    with (folder / "edge.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "gateway", env={**os.environ, **variables}, stdout=log, stderr=log
        )
    try:
        await eventually(lambda: _answers(port))
        yield process.pid
    finally:
        process.terminate()
        await process.wait()


async def _answers(port: int) -> bool:
    try:
        async with aiohttp.request("GET", f"http://127.0.0.1:{port}/healthz") as response:
            return response.status == 200
    except aiohttp.ClientConnectorError:
        return False


async def load(port: int, count: int, response_format: str) -> None:
    """Send `count` requests by 32 clients, each answer read whole and checked."""
    body = {"prompt": "a red fox in the snow", "model": "dall-e-3", "response_format": response_format}
    left = iter(range(count))
    headers = {"Authorization": "Bearer gesso_bench"}
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=_CLIENTS), headers=headers) as session:

        async def client() -> None:
            for _ in left:
                async with session.post(f"http://127.0.0.1:{port}/v1/images/generations", json=body) as response:
                    await response.read()
                    assert response.status == 200, await response.text()

        await asyncio.gather(*(client() for _ in range(_CLIENTS)))


async def measure(port: int, count: int, picture_bytes: int, response_format: str) -> None:
    """Print what one kind of reply costs."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        picture = folder / "picture.png"
        picture.write_bytes(os.urandom(picture_bytes))
        async with peers(folder, picture), edge_process(folder, port) as process_id:
            edge = Watched({"edge": process_id})
            await load(port, count // 10, response_format)
            began, cpu = time.perf_counter(), edge.cpu_seconds()["edge"]
            await load(port, count, response_format)
            cpu, took = edge.cpu_seconds()["edge"] - cpu, time.perf_counter() - began
    per_request_ms = cpu / count * 1000
    print(
        f"{response_format:8} {picture_bytes:>9} bytes: {per_request_ms:.3f} ms of CPU a request, {count / took:.0f}/s"
    )


def main() -> None:
    """Measure replies by URL, and by base64 of 2 MB."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=18_080)
    parser.add_argument("--count", type=int, default=5_000)
    chosen = parser.parse_args()
    asyncio.run(measure(chosen.port, chosen.count, 10_000, "url"))
    asyncio.run(measure(chosen.port, max(chosen.count // 10, 100), 1_500_000, "b64_json"))


if __name__ == "__main__":
    main()
