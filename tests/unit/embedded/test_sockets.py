"""Sockets lie where every client can name them and nobody else can come."""

import os
from pathlib import Path

import pytest

from embedded import sockets


@pytest.mark.parametrize(
    ("folder", "fits"),
    [
        ("/home/me/.gesso/run", True),
        ("/home/me/" + "x" * 73, True),
        ("/home/me/" + "x" * 74, False),
        ("/home/me/my gesso/run", False),
        ("/home/me/50%/run", False),
        ("/home/me/größer/run", False),
    ],
)
def test_a_folder_fits_when_it_is_short_and_plain(folder: str, fits: bool) -> None:
    assert sockets.fits(Path(folder)) is fits


def test_a_folder_that_does_not_fit_has_the_same_stand_in_each_time_and_another_one_its_own() -> None:
    first = sockets.choose(Path("/home/me/my gesso/run"))
    assert sockets.fits(first)
    assert first == sockets.choose(Path("/home/me/my gesso/run"))
    assert first != sockets.choose(Path("/home/you/my gesso/run"))


def test_a_folder_is_closed_to_others_even_if_it_stood_open(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir(mode=0o755)
    assert sockets.make(tmp_path / "run", os.geteuid()).stat().st_mode & 0o777 == 0o700


def test_a_link_put_in_the_folders_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "run").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(sockets.UnsafeFolderError):
        sockets.make(tmp_path / "run", os.geteuid())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_folder_of_somebody_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    os.chown(tmp_path / "run", 1234, -1)
    with pytest.raises(sockets.UnsafeFolderError, match="belongs to user 1234"):
        sockets.make(tmp_path / "run", os.geteuid())
