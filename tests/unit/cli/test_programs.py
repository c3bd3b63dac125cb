"""The commands that are programs of their own import nothing from the folder in which they are called."""

import subprocess
import sys
from pathlib import Path

import pytest

GESSO = str(Path(sys.executable).with_name("gesso"))


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("up", "--nothing"), 2, "usage: gesso up"),
        (("--json", "up", "--nothing"), 2, "usage: gesso up"),
        (("upstreams", "serve", "--fault", "nothing"), 2, "nothing"),
        (("upstreams", "--json", "faults"), 0, "success"),
        (("engines", "install"), 0, "already_there"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_folders_own_modules_are_not_taken_for_ours(
    tmp_path: Path, words: tuple[str, ...], status: int, said: str
) -> None:
    for name in ("cli", "testkit", "generator", "json"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('imported from the working folder')")
    ended = subprocess.run([GESSO, *words], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, said in ended.stdout + ended.stderr) == (status, True), ended.stdout + ended.stderr
