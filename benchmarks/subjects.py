"""The platforms under measurement: Gesso in front of an instant scripted upstream, and the yardstick in front of the same."""

import asyncio
import contextlib
import json
import os
import secrets
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.placement import spread_folders
from benchmarks.processes import Watched
from embedded.platform import answers, up
from testkit.eventually import eventually
from testkit.ports import free_ports

_LIMITS = ("minute", "hour", "day")


@dataclass(frozen=True, slots=True)
class Subject:
    """Something that answers requests, and the processes that it costs."""

    host: str
    port: int
    key: str
    processes: Watched
    metrics: Mapping[str, str] = field(default_factory=dict)
    """Where each service tells its metrics."""


@contextlib.asynccontextmanager
async def upstream(payload_bytes: int, vendor: str = "openai", fault: str = "success") -> AsyncIterator[str]:
    """A scripted upstream, an instant one unless `fault` says otherwise, in a process of its own; yields its base address."""
    command = ("-m", "testkit.upstreams", vendor, "--payload-bytes", str(payload_bytes), "--fault", fault)
    async with _child(*command, stdout=asyncio.subprocess.PIPE) as process:
        assert process.stdout is not None
        yield (await process.stdout.readline()).decode().strip()


@contextlib.asynccontextmanager
async def yardstick(upstream_url: str) -> AsyncIterator[Subject]:
    """The bare pass-through."""
    (port,) = free_ports(1)
    async with _child("-m", "benchmarks.passthrough", str(port), upstream_url) as process:
        await eventually(lambda: _listens(port))
        yield Subject("127.0.0.1", port, "none", Watched({"pass-through": process.pid}))


def openai_at(upstream_url: str) -> Mapping[str, str]:
    """The variables of a platform whose one vendor is OpenAI."""
    return {"OPENAI_API_KEY": "sk-upstream", "OPENAI_BASE_URL": upstream_url}


@contextlib.asynccontextmanager
async def gesso(vendors: Mapping[str, str], plan: str = "pro") -> AsyncIterator[tuple[Subject, float]]:
    """Our whole platform with one account whose limits are counted but high; yields it and its warm start in seconds.

    `vendors` are their variables.
    """
    with tempfile.TemporaryDirectory(prefix="gesso-bench-") as folder:
        spread_folders(Path(folder))
        home = Path(folder) / secrets.token_hex(4)
        environ = {
            **os.environ,
            "GESSO_HOME": str(home),
            "GESSO_PORT": "0",
            "GESSO_DEMO_KEY": "gesso_bench_key_0123456789",
            **vendors,
        }
        async with up(home, environ):
            await _account(environ, plan)
        started = time.monotonic()
        async with up(home, environ) as platform:
            ready_seconds = time.monotonic() - started
            host, _, edge_port = platform.url.removeprefix("http://").rpartition(":")
            roots = dict(platform.state.pids)
            watched = Watched({name: roots[name] for name in roots})
            key, metrics = environ["GESSO_DEMO_KEY"], platform.state.metrics
            yield Subject(host, int(edge_port), key, watched, metrics), ready_seconds


async def _account(environ: Mapping[str, str], plan: str) -> None:
    """The demo account, with money and limits for any number of requests."""
    account = json.loads(await _cli(environ, "cli.demo"))["account_id"]
    await _cli(environ, "cli.main", "credits", "grant", account, "--usd", "1000000")
    limits = [argument for window in _LIMITS for argument in ("--limit", f"imagegen.{window}=100000000")]
    limits += [argument for window in _LIMITS for argument in ("--limit", f"openai.{window}=100000000")]
    await _cli(environ, "cli.main", "accounts", "set", account, "--plan", plan, *limits)


async def _cli(environ: Mapping[str, str], module: str, *arguments: str) -> str:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, *arguments, env=dict(environ), stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, f"{module} {arguments} ended with {process.returncode}"
    return output.decode()


@contextlib.asynccontextmanager
async def _child(*arguments: str, stdout: int | None = None) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdout=stdout)
    try:
        yield process
    finally:
        process.terminate()
        await process.wait()


async def _listens(port: int) -> bool:
    await answers(f"http://127.0.0.1:{port}/")
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True
