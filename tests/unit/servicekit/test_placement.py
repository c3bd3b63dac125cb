"""A store's folders are put where there is room, on file systems that can be asked for that."""

import os
import subprocess
import tempfile
from pathlib import Path

import pytest

from servicekit.objects import Objects
from servicekit.placement import spread_folders


def _flags(path: Path) -> str:
    """The attributes of a folder, as letters; skips where its file system or this machine has none to show."""
    try:
        shown = subprocess.run(["lsattr", "-d", str(path)], capture_output=True, text=True, check=True)
    except (FileNotFoundError, subprocess.CalledProcessError):
        pytest.skip("no lsattr, or a file system without attributes")
    return shown.stdout.split()[0]


def test_a_store_s_folders_are_spread(tmp_path: Path) -> None:
    before = _flags(tmp_path)
    if "e" not in before:
        pytest.skip("not a file system of the ext family")
    Objects.from_url((tmp_path / "objects").as_uri())
    assert "T" in _flags(tmp_path / "objects")


def test_other_attributes_stay(tmp_path: Path) -> None:
    before = _flags(tmp_path)
    spread_folders(tmp_path)
    assert set(_flags(tmp_path)) - {"T"} == set(before) - {"T"}


@pytest.mark.skipif(not os.access("/dev/shm", os.W_OK), reason="no file system in memory here")
def test_a_file_system_that_cannot_be_asked_is_left_as_it_is() -> None:
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        spread_folders(Path(folder))
        assert list(Path(folder).iterdir()) == []
