"""What 1,000 tasks cost while they do nothing but wait for a vendor's slow queue: memory and processor time of the generator.

`python -m benchmarks --only waiting` prints one JSON object. The vendor is the scripted fal, which accepts every order and never
draws; each task is polled in its turn. The generator is its process with all of its children.
"""

import asyncio
import json
import re

import aiohttp

from benchmarks import load
from benchmarks.subjects import Subject, gesso, upstream

_TASKS = 1000
_SETTLE_SECONDS = 15.0
_WATCH_SECONDS = 60.0
_MOST_MB = 150.0
_MOST_CORES = 0.1
_WAITING = re.compile(r'queue_depth\{[^}]*"waiting"[^}]*\} ([0-9.]+)')


async def measure() -> dict[str, object]:
    """Return what the generator costs at rest and while 1,000 tasks wait, and whether that is within the goals."""
    async with upstream(1000, "fal", "hang") as url:
        vendors = {"FAL_KEY": "id:scripted-secret", "FAL_BASE_URL": url, "GESSO_EGRESS_ALLOW": "127.0.0.0/8"}
        async with gesso(vendors, plan="enterprise") as (platform, _):
            await asyncio.sleep(_SETTLE_SECONDS)
            rest = await _watched(platform, _SETTLE_SECONDS)
            submitted = await _submitted(platform)
            await asyncio.sleep(_SETTLE_SECONDS)
            waiting = await _watched(platform, _WATCH_SECONDS)
            assert await _waiting_count(platform) == _TASKS
    within = waiting["rss_mb"] < _MOST_MB and waiting["cores"] < _MOST_CORES
    return {
        "tasks": _TASKS,
        "submit_seconds": round(submitted, 1),
        "rest": rest,
        "waiting": waiting,
        "within_goals": within,
    }


async def _submitted(platform: Subject) -> float:
    body = {"model": "flux-dev", "prompt": "a lighthouse", "size": "1024x1024", "n": 1}
    request = load.Request(
        platform.host,
        platform.port,
        "/v1/images/generations",
        f"Bearer {platform.key}",
        json.dumps(body).encode(),
        prefer="respond-async",
    )
    measured = await load.run(request, clients=16, count=_TASKS)
    assert set(measured.statuses) <= {200, 202}, measured.statuses
    return measured.seconds


async def _waiting_count(platform: Subject) -> int:
    """How many tasks the generator itself says that wait."""
    async with aiohttp.ClientSession() as session, session.get(platform.metrics["generator"]) as answer:
        found = _WAITING.search(await answer.text())
    return int(float(found[1])) if found else 0


async def _watched(platform: Subject, seconds: float) -> dict[str, float]:
    before = platform.processes.cpu_seconds()["generator"]
    await asyncio.sleep(seconds)
    used = platform.processes.cpu_seconds()["generator"] - before
    return {
        "rss_mb": round(platform.processes.rss_bytes()["generator"] / 1e6, 1),
        "pss_mb": round(platform.processes.pss_bytes()["generator"] / 1e6, 1),
        "cores": round(used / seconds, 3),
    }
