"""Armed crash points end or freeze the process at the passage asked for; unarmed ones do nothing."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from servicekit.crashpoints import CRASHPOINTS, Arming, crashpoint, parse_armings
from testkit.eventually import eventually

PASSES = """
import sys
from servicekit.crashpoints import crashpoint
for line in sys.stdin:
    crashpoint(line.strip())
    print("passed", flush=True)
"""


def start(**variables: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", PASSES],
        env=os.environ | variables,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def survives(process: "subprocess.Popen[str]", name: str) -> bool:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(f"{name}\n")
    process.stdin.flush()
    return process.stdout.readline() == "passed\n"


@pytest.mark.parametrize("name", CRASHPOINTS)
def test_every_registered_point_passes_while_nothing_is_armed(name: str) -> None:
    crashpoint(name)


def test_an_unknown_point_is_a_bug() -> None:
    with pytest.raises(AssertionError, match="no such crash point"):
        crashpoint("generator.nowhere")


def test_names_are_unique_and_begin_with_their_service() -> None:
    assert len(set(CRASHPOINTS)) == len(CRASHPOINTS)
    assert {name.split(".")[0] for name in CRASHPOINTS} == {
        "gateway", "billing", "generator", "gallery", "webhooks", "outbox",
    }  # fmt: skip


def test_an_arming_names_its_point_its_passage_and_its_action() -> None:
    assert parse_armings("generator.after_put, gateway.before_reply:3,generator.after_kept:2:hang") == (
        Arming("generator.after_put"),
        Arming("gateway.before_reply", 3),
        Arming("generator.after_kept", 2, "hang"),
    )


@pytest.mark.parametrize(
    "text", ["nowhere", "generator.after_put:0", "generator.after_put:1:burn", "generator.after_put:1:kill:x"]
)
def test_a_malformed_arming_is_a_bug(text: str) -> None:
    with pytest.raises(AssertionError):
        parse_armings(text)


def test_the_nth_passage_kills_and_other_points_pass() -> None:
    with start(GESSO_CRASHPOINTS="generator.after_put:2") as process:
        assert survives(process, "generator.after_put")
        assert survives(process, "generator.after_kept")
        assert not survives(process, "generator.after_put")
        assert process.wait(10) == -signal.SIGKILL


def test_a_file_arms_a_running_process_once(tmp_path: Path) -> None:
    file = tmp_path / "crash"
    with start(GESSO_CRASHPOINT_FILE=str(file)) as process:
        assert survives(process, "generator.after_put")
        file.write_text("generator.after_put")
        assert not survives(process, "generator.after_put")
        assert process.wait(10) == -signal.SIGKILL
    assert not file.exists()
    with start(GESSO_CRASHPOINT_FILE=str(file)) as again:
        assert survives(again, "generator.after_put")
        again.communicate(timeout=10)


async def test_a_hanging_process_stops_and_goes_on_when_it_is_woken(tmp_path: Path) -> None:
    with start(GESSO_CRASHPOINTS="billing.after_admit_commit:1:hang") as process:
        assert process.stdin is not None
        process.stdin.write("billing.after_admit_commit\n")
        process.stdin.flush()
        await eventually(lambda: _state(process.pid) == "T")
        process.send_signal(signal.SIGCONT)
        assert process.communicate(timeout=10)[0] == "passed\n"


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
