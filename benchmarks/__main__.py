"""`make bench`: what a durable, billed, stored picture costs, beside a bare pass-through in the same interleaved run."""

import argparse
import asyncio
import json
import statistics
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass

import uvloop

from benchmarks import holds, load, waiting
from benchmarks.subjects import Subject, gesso, openai_at, upstream, yardstick

_PYTHON = ("gateway", "billing", "generator", "gallery", "webhooks")


@dataclass(frozen=True, slots=True)
class Case:
    """One kind of reply: the picture's size, the form of the answer, and how many requests a round has."""

    name: str
    payload_bytes: int
    response_format: str
    count: int


CASES = (
    Case("url 10 KB", 10_000, "url", 600),
    Case("url 1.5 MB", 1_500_000, "url", 100),
    Case("b64 2 MB", 1_500_000, "b64_json", 100),
)


@dataclass(frozen=True, slots=True)
class Row:
    """What one subject did in one case with so many clients; processor seconds are per 1,000 requests."""

    case: str
    subject: str
    clients: int
    rate: float
    p50_ms: float
    p99_ms: float
    cpu: dict[str, float]
    python_cpu: float


async def _round(case: Case, name: str, subject: Subject, clients: int, count: int) -> Row:
    body = {"model": "gpt-image-2", "prompt": "a lighthouse", "size": "1024x1024", "quality": "low"}
    if name == "gesso":
        body["response_format"] = case.response_format
    request = load.Request(
        subject.host, subject.port, "/v1/images/generations", f"Bearer {subject.key}", json.dumps(body).encode()
    )
    before = subject.processes.cpu_seconds()
    measured = await load.run(request, clients=clients, count=count)
    after = subject.processes.cpu_seconds()
    assert set(measured.statuses) == {200}, f"{name} answered {measured.statuses}"
    cpu = {process: (after[process] - before[process]) * 1000 / count for process in before}
    python = sum(seconds for process, seconds in cpu.items() if process != "postgres")
    return Row(
        case.name,
        name,
        clients,
        measured.rate,
        measured.percentile(0.5) * 1000,
        measured.percentile(0.99) * 1000,
        cpu,
        python,
    )


async def _case(case: Case, rounds: int) -> list[Row]:
    rows: list[Row] = []
    async with upstream(case.payload_bytes) as url, yardstick(url) as plain, gesso(openai_at(url)) as (ours, _):
        subjects = (("gesso", ours), ("pass-through", plain))
        for name, subject in subjects:
            await _round(case, name, subject, 32, max(case.count // 4, 32))
        for _ in range(rounds):
            for clients in (32, 1):
                for name, subject in subjects:
                    rows.append(await _round(case, name, subject, clients, case.count))
                    print(".", end="", file=sys.stderr, flush=True)
    return rows


def _medians(rows: list[Row]) -> Iterator[Row]:
    keys = dict.fromkeys((row.case, row.subject, row.clients) for row in rows)
    for case, subject, clients in keys:
        same = [row for row in rows if (row.case, row.subject, row.clients) == (case, subject, clients)]
        cpu = {name: statistics.median(row.cpu[name] for row in same) for name in same[0].cpu}
        yield Row(
            case,
            subject,
            clients,
            statistics.median(row.rate for row in same),
            statistics.median(row.p50_ms for row in same),
            statistics.median(row.p99_ms for row in same),
            cpu,
            statistics.median(row.python_cpu for row in same),
        )


async def _at_rest() -> dict[str, object]:
    async with upstream(1000) as url, gesso(openai_at(url)) as (ours, ready_seconds):
        pss, rss = ours.processes.pss_bytes(), ours.processes.rss_bytes()
        return {
            "ready_seconds": round(ready_seconds, 2),
            "pss_mb": {name: round(size / 1e6, 1) for name, size in pss.items()},
            "pss_total_mb": round(sum(pss.values()) / 1e6, 1),
            "rss_total_mb": round(sum(rss.values()) / 1e6, 1),
        }


async def _large(count: int = 200, picture_bytes: int = 20_000_000) -> dict[str, object]:
    """Bounded memory: so many concurrent replies of large pictures, and each process's highest resident memory."""
    highest: dict[str, int] = {}
    async with upstream(picture_bytes) as url, gesso(openai_at(url)) as (ours, _):
        body = json.dumps({"model": "gpt-image-2", "prompt": "large", "response_format": "b64_json"}).encode()
        request = load.Request(ours.host, ours.port, "/v1/images/generations", f"Bearer {ours.key}", body)

        async def watch() -> None:
            while True:
                for name, size in ours.processes.rss_bytes().items():
                    highest[name] = max(highest.get(name, 0), size)
                await asyncio.sleep(0.2)

        watching = asyncio.create_task(watch())
        measured = await load.run(request, clients=count, count=count)
        watching.cancel()
    return {
        "replies": count,
        "picture_bytes": picture_bytes,
        "seconds": round(measured.seconds, 1),
        "statuses": measured.statuses,
        "highest_rss_mb": {name: round(size / 1e6) for name, size in highest.items()},
    }


def _print(rows: list[Row]) -> None:
    print("\ncase        subject       clients   req/s   p50 ms   p99 ms  python  CPU-s per 1000 requests")
    for row in rows:
        parts = "  ".join(f"{name} {seconds:.2f}" for name, seconds in row.cpu.items())
        print(
            f"{row.case:<11} {row.subject:<13} {row.clients:>7} {row.rate:>7.0f} {row.p50_ms:>8.1f} {row.p99_ms:>8.1f}"
            f" {row.python_cpu:>7.2f}  {parts}"
        )


def main() -> None:
    """Measure and print; `--json` prints everything as one object."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=("requests", "rest", "memory", "holds", "waiting"), help="one part alone")
    parser.add_argument("--case", choices=[case.name for case in CASES])
    arguments = parser.parse_args()
    result = uvloop.run(_measure(arguments))
    if arguments.json:
        print(json.dumps(result))


async def _measure(arguments: argparse.Namespace) -> dict[str, object]:
    result: dict[str, object] = {}
    if arguments.only in (None, "requests"):
        rows = []
        for case in CASES:
            if arguments.case in (None, case.name):
                rows += list(_medians(await _case(case, arguments.rounds)))
        if not arguments.json:
            _print(rows)
        result["requests"] = [asdict(row) for row in rows]
    parts = (("rest", _at_rest), ("memory", _large), ("holds", holds.measure), ("waiting", waiting.measure))
    for name, part in parts:
        if arguments.only in (None, name):
            result[name] = await part()
            if not arguments.json:
                print(f"\n{name}: {json.dumps(result[name], indent=2)}")
    return result


if __name__ == "__main__":
    main()
