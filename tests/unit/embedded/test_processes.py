"""Programs start together, come back after a crash, end in order, and end with whoever runs them."""

import asyncio
import dataclasses
import os
import signal
import sys
from pathlib import Path

import pytest

from embedded import logs, processes
from embedded.processes import Program, all_running, crashes_in_a_row, delay_seconds, ended, running
from testkit.eventually import eventually

SERVICE = Path(__file__).parent / "programs" / "service.py"
HOLD_A_LEASH = """
import subprocess, sys
from embedded import leash
subprocess.Popen(leash.command(tuple(sys.argv[1:]), 9, leash.SELF)).wait()
"""


def program(folder: Path, name: str, manner: str = "plain") -> Program:
    async def ready(process_id: int) -> bool:
        return f"{name} ready {process_id}" in journal(folder)

    return Program(
        name=name,
        argv=(sys.executable, "-I", "-S", str(SERVICE), str(folder), name, manner),
        environment={"PATH": os.defpath},
        folder=folder,
        log=folder / f"{name}.log",
        ready=ready,
        start_deadline_seconds=10.0,
        stop_deadline_seconds=10.0,
    )


def journal(folder: Path) -> list[str]:
    path = folder / "journal"
    return path.read_text().splitlines() if path.exists() else []


def is_alive(process_id: int) -> bool:
    try:
        return Path(f"/proc/{process_id}/cmdline").read_bytes() != b""
    except (FileNotFoundError, ProcessLookupError):
        return False


async def test_a_killed_program_comes_back_by_itself(tmp_path: Path) -> None:
    async with running(program(tmp_path, "one")) as process:
        killed = process.pid
        os.kill(killed, signal.SIGKILL)
        await eventually(lambda: process.pid != killed)
        await process.until_ready()
        assert is_alive(process.pid)
        assert process.starts == 2


async def test_a_program_that_is_stopped_ends_in_order_and_stays_so(tmp_path: Path) -> None:
    async with running(program(tmp_path, "one")) as process:
        process_id = process.pid
    assert journal(tmp_path) == [f"one started {process_id}", f"one ready {process_id}", "one stopped"]
    assert not is_alive(process_id)


async def test_programs_stop_one_after_the_other_the_last_one_first(tmp_path: Path) -> None:
    names = ("billing", "generator", "gateway")
    async with all_running([program(tmp_path, name) for name in names]):
        assert len(journal(tmp_path)) == 6
    assert journal(tmp_path)[6:] == ["gateway stopped", "generator stopped", "billing stopped"]


async def test_a_program_that_ignores_the_signal_is_killed_at_its_deadline(tmp_path: Path) -> None:
    stubborn = dataclasses.replace(program(tmp_path, "one", "stubborn"), stop_deadline_seconds=0.1)
    async with running(stubborn) as process:
        process_id = process.pid
    assert not is_alive(process_id)


async def test_a_first_start_that_fails_raises_with_what_the_program_said(tmp_path: Path) -> None:
    with pytest.raises(processes.ProgramError, match=r"one ended with status 1 .*\n.*makes no sense"):
        async with running(program(tmp_path, "one", "broken")):
            pytest.fail("it cannot have become ready")


async def test_programs_that_did_start_are_stopped_when_another_one_fails(tmp_path: Path) -> None:
    with pytest.raises(processes.ProgramError, match="two ended"):
        async with all_running([program(tmp_path, "one"), program(tmp_path, "two", "broken")]):
            pytest.fail("two cannot have become ready")
    started = [int(line.split()[2]) for line in journal(tmp_path) if " started " in line]
    assert not any(is_alive(process_id) for process_id in started)


async def test_a_program_that_never_gets_ready_is_given_up(tmp_path: Path) -> None:
    slow = dataclasses.replace(program(tmp_path, "one", "slow"), start_deadline_seconds=0.3)
    with pytest.raises(processes.ProgramError, match="one was not ready within"):
        async with running(slow):
            pytest.fail("it never says that it is ready")


async def test_what_a_killed_program_started_dies_too(tmp_path: Path) -> None:
    async with running(program(tmp_path, "one", "parent")) as process:
        child_id = int(next(line for line in journal(tmp_path) if " child " in line).split()[2])
        os.kill(process.pid, signal.SIGKILL)
        await eventually(lambda: not is_alive(child_id))


async def test_a_program_dies_with_the_process_that_runs_it(tmp_path: Path) -> None:
    supervisor = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HOLD_A_LEASH, *program(tmp_path, "one").argv, stdin=asyncio.subprocess.DEVNULL
    )
    try:
        await eventually(lambda: len(journal(tmp_path)) == 2)
        process_id = int(journal(tmp_path)[0].split()[2])
        supervisor.kill()
        await eventually(lambda: not is_alive(process_id))
    finally:
        await supervisor.wait()


def test_the_wait_before_a_new_start_doubles_up_to_five_seconds() -> None:
    assert [delay_seconds(crashes) for crashes in (1, 2, 3, 7, 1000)] == [0.1, 0.2, 0.4, 5.0, 5.0]


def test_a_crash_after_a_steady_time_is_the_first_of_its_row() -> None:
    assert crashes_in_a_row(6, ready_seconds=9.9) == 7
    assert crashes_in_a_row(6, ready_seconds=10.0) == 1


def test_the_end_of_a_process_is_worded() -> None:
    assert ended(-9) == "was killed by SIGKILL"
    assert ended(3) == "ended with status 3"


def test_a_log_over_its_limit_is_cut_while_its_writer_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "one.log"
    descriptor = logs.open_for_append(path)
    os.write(descriptor, b"old\n" * 100)
    assert logs.cut(path, limit_bytes=100)
    os.write(descriptor, b"new\n")
    os.close(descriptor)
    assert path.read_bytes() == b"new\n"
    assert (tmp_path / "one.log.1").read_bytes() == b"old\n" * 100


def test_a_log_within_its_limit_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "one.log"
    path.write_text("few\n")
    assert not logs.cut(path, limit_bytes=100)
    assert path.read_text() == "few\n"


def test_the_tail_of_a_log_leaves_out_what_an_earlier_start_wrote(tmp_path: Path) -> None:
    path = tmp_path / "one.log"
    path.write_text("earlier\nlater\n")
    assert logs.tail(path, since_bytes=len("earlier\n")) == "later"
