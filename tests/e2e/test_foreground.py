"""`gesso up` prints how to use it, keeps everything between starts, and leaves nothing behind when it is stopped."""

import asyncio
import contextlib
import os
import re
import shutil
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from embedded.layout import State, find
from embedded.platform import answers
from testkit.eventually import eventually
from testkit.platform import Ended, kept_environment, run
from testkit.ports import free_port

DEMO_KEY = "gesso_demo_of_the_tests"
START_SECONDS = 90.0
STOP_SECONDS = 15.0
MOST_MEMORY_BYTES = 400 * 1024 * 1024
"""Source: the platform's promise: at rest at most 400 MB, PostgreSQL included."""
GESSO = str(Path(sys.executable).with_name("gesso"))


@dataclass(frozen=True)
class Started:
    """A platform in the foreground of a process: what it printed, and what it noted down."""

    process: asyncio.subprocess.Process
    block: str
    environment: dict[str, str]

    @property
    def state(self) -> State:
        return find(Path(self.environment["GESSO_HOME"]))

    @property
    def curl(self) -> str:
        return self.block[self.block.index("curl ") :].strip()

    def said(self, name: str) -> str:
        """A line of the block by its first word."""
        found = re.search(rf"^{name}\s+(.+)$", self.block, re.MULTILINE)
        assert found is not None, self.block
        return found[1]

    async def gesso(self, *words: str) -> Ended:
        return await run((GESSO, *words), self.environment, Path(self.environment["GESSO_HOME"]))


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Where the platform keeps its state (a path with a space), and on which port it listens."""
    home = tmp_path / "my pictures" / "gesso state"
    port = free_port()
    return {"GESSO_HOME": str(home), "GESSO_PORT": str(port), "GESSO_DEMO_KEY": DEMO_KEY}


@contextlib.asynccontextmanager
async def up(environment: dict[str, str], folder: Path) -> AsyncIterator[Started]:
    """Run `gesso up` as a terminal would, until it says that it is ready."""
    async with starting(environment, folder) as process:
        yield Started(process, await _block(process), environment)


@contextlib.asynccontextmanager
async def starting(environment: dict[str, str], folder: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run `gesso up`, and end it by Ctrl-C where the test has not."""
    process = await asyncio.create_subprocess_exec(
        *(GESSO, "up"), env={**kept_environment(), **environment}, cwd=folder, stdout=asyncio.subprocess.PIPE
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGINT)
        await asyncio.wait_for(process.wait(), STOP_SECONDS)


async def _block(process: asyncio.subprocess.Process) -> str:
    """Read what is printed until the curl's last line."""
    assert process.stdout is not None
    lines: list[str] = []
    async with asyncio.timeout(START_SECONDS):
        while not any(line.startswith("  -d ") for line in lines):
            line = await process.stdout.readline()
            assert line, "it ended before it was ready"
            lines.append(line.decode())
    return "".join(lines)


def alive(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    return True


def family(process_id: int) -> list[int]:
    """A process and all that descend from it."""
    children = Path(f"/proc/{process_id}/task/{process_id}/children").read_text().split()
    return [process_id, *(member for child in children for member in family(int(child)))]


def proportional_bytes(process_id: int) -> int:
    """The memory of a process, where a page that several share counts for each of them in part."""
    rollup = Path(f"/proc/{process_id}/smaps_rollup").read_text()
    found = re.search(r"^Pss:\s+(\d+) kB$", rollup, re.MULTILINE)
    assert found is not None, rollup
    return int(found[1]) * 1024


async def curled(command: str) -> bytes:
    shell = await asyncio.create_subprocess_shell(
        f"{command} --silent --show-error --fail-with-body", stdout=asyncio.subprocess.PIPE
    )
    output, _ = await shell.communicate()
    assert shell.returncode == 0, output
    return output


@pytest.mark.skipif(shutil.which("curl") is None, reason="this machine has no curl")
async def test_the_printed_curl_works_and_a_second_start_loses_nothing(
    environment: dict[str, str], tmp_path: Path
) -> None:
    async with up(environment, tmp_path) as started:
        assert re.match(r"in \d+\.\d s", started.said("ready"))
        assert started.said("url") == f"http://127.0.0.1:{environment['GESSO_PORT']}"
        assert started.said("key") == DEMO_KEY
        drawn = msgspec.json.decode(await curled(started.curl))
        link = drawn["data"][0]["url"]
        assert (await curled(f"curl '{link}'")).startswith(b"\x89PNG")
        elsewhere = {name: value for name, value in environment.items() if name != "GESSO_DEMO_KEY"}
        models = await run((GESSO, "models", "--json"), elsewhere, tmp_path)  # another terminal has the folder alone
        assert "sketch" in {model["id"] for model in models.json}
        before = await started.gesso("accounts", "list", "--json")
        assert (before.json[0]["plan"], before.json[0]["balance_usd"]) == ("pro", 49.998)
    async with up(environment, tmp_path) as again:
        after = await again.gesso("accounts", "list", "--json")
        assert after.json == before.json
        assert (await curled(f"curl '{link}'")).startswith(b"\x89PNG")
        assert (await again.gesso("ledger", "verify", "--json")).json["ok"] is True


async def test_at_the_very_first_start_the_demo_key_works_as_soon_as_the_edge_is_ready(
    environment: dict[str, str], tmp_path: Path
) -> None:
    url = f"http://127.0.0.1:{environment['GESSO_PORT']}"
    for name in ("cli", "billing", "json"):  # what lies in the folder is never imported
        (tmp_path / f"{name}.py").write_text("raise SystemExit('imported from the working folder')")
    async with starting(environment, tmp_path) as process:
        await eventually(lambda: answers(f"{url}/readyz"), timeout_seconds=START_SECONDS)
        assert process.returncode is None
        shown = await run((GESSO, "models", "--json"), environment, tmp_path)
        assert shown.status == 0, shown.errors
        assert "sketch" in {model["id"] for model in shown.json}


async def test_at_rest_it_is_small_and_its_engine_stands_in_for_vendors_that_are_not_configured(
    environment: dict[str, str], tmp_path: Path
) -> None:
    async with up(environment, tmp_path) as started:
        resident_bytes = sum(proportional_bytes(process_id) for process_id in family(started.process.pid))
        assert resident_bytes < MOST_MEMORY_BYTES
        drawn = await started.gesso("generate", "A red fox", "-m", "gpt-image-1", "-o", "fox.png", "--json")
        assert drawn.status == 0, drawn.errors
        assert drawn.json["provider"] == "sketch"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
async def test_a_signal_stops_everything_within_seconds(
    environment: dict[str, str], tmp_path: Path, number: signal.Signals
) -> None:
    async with up(environment, tmp_path) as started:
        process_ids = list(started.state.pids.values())
        assert len(process_ids) == 6
        assert all(alive(process_id) for process_id in process_ids)
        started.process.send_signal(number)
        assert await asyncio.wait_for(started.process.wait(), STOP_SECONDS) == 0
        assert not any(alive(process_id) for process_id in process_ids)


async def test_a_kill_of_the_supervisor_leaves_no_process_and_a_state_that_starts_again(
    environment: dict[str, str], tmp_path: Path
) -> None:
    async with up(environment, tmp_path) as started:
        process_ids = list(started.state.pids.values())
        started.process.kill()
        await started.process.wait()
        await eventually(lambda: not any(alive(process_id) for process_id in process_ids), timeout_seconds=STOP_SECONDS)
    async with up(environment, tmp_path) as again:
        assert (await again.gesso("ledger", "verify", "--json")).json["ok"] is True


async def test_a_second_start_beside_a_running_one_is_refused(environment: dict[str, str], tmp_path: Path) -> None:
    async with up(environment, tmp_path):
        second = await run((GESSO, "up"), environment, tmp_path)
        assert second.status == 1
        assert "another" in second.errors
        elsewhere = {**environment, "GESSO_HOME": str(tmp_path / "other")}
        third = await run((GESSO, "up"), elsewhere, tmp_path)
        assert third.status == 1
        assert "GESSO_PORT" in third.errors
