"""Durable files appear whole or not at all."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from servicekit import durable


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    place = tmp_path / ".incoming"
    place.mkdir()
    return place


def test_many_buffers_become_one_file(tmp_path: Path, scratch: Path) -> None:
    buffers = [bytes([i % 256]) * (i % 7) for i in range(5000)]
    assert durable.create(tmp_path / "a" / "b" / "file", buffers, scratch=scratch)
    assert (tmp_path / "a" / "b" / "file").read_bytes() == b"".join(buffers)
    assert list(scratch.iterdir()) == []


def test_a_taken_name_keeps_its_file(tmp_path: Path, scratch: Path) -> None:
    assert durable.create(tmp_path / "file", [b"first"], scratch=scratch)
    assert not durable.create(tmp_path / "file", [b"second"], scratch=scratch)
    assert (tmp_path / "file").read_bytes() == b"first"
    assert list(scratch.iterdir()) == []


def test_a_failed_write_leaves_neither_name_nor_scratch(tmp_path: Path, scratch: Path) -> None:
    (tmp_path / "a").write_text("a file where a directory should be")
    with pytest.raises(OSError, match="Not a directory"):
        durable.create(tmp_path / "a" / "file", [b"x"], scratch=scratch)
    assert list(scratch.iterdir()) == []


def test_a_killed_writer_leaves_no_half_file_under_the_name(tmp_path: Path, scratch: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from servicekit import durable\n"
        "root = Path(sys.argv[1])\n"
        "for i in range(10**9):\n"
        "    durable.create(root / str(i), [b'x' * 3_000_000], scratch=root / '.incoming')\n"
        "    print(i, flush=True)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        while writer.stdout.readline() != b"3\n":
            pass
        writer.send_signal(signal.SIGKILL)
    files = [file for file in tmp_path.iterdir() if file.is_file()]
    assert len(files) >= 4
    assert {file.stat().st_size for file in files} == {3_000_000}


def test_a_sweep_removes_only_what_is_old(scratch: Path) -> None:
    (scratch / "old").write_text("x")
    (scratch / "new").write_text("x")
    os.utime(scratch / "old", (1, 1))
    assert durable.sweep(scratch, older_than=time.time() - 3600) == 1
    assert [file.name for file in scratch.iterdir()] == ["new"]
