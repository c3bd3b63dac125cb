"""The wheel that the images install holds everything that the services read at run time, and nothing beside the import roots."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
ROOTS = (ROOT / "services", ROOT / "libs")
DATA = {".sql", ".toml", ".json", ".txt"}


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The paths inside a wheel that is built as the Dockerfile builds it."""
    folder = tmp_path_factory.mktemp("wheel")
    options = ("--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", str(folder))
    command = [sys.executable, "-m", "pip", "wheel", *options, str(ROOT)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def committed(suffixes: set[str]) -> set[str]:
    """What lies below the import roots with one of these endings, as it would be imported."""
    paths = {path.relative_to(root) for root in ROOTS for path in root.rglob("*") if path.suffix in suffixes}
    return {str(path) for path in paths if "__pycache__" not in path.parts}


def test_every_module_and_data_file_is_in_the_wheel(packed: set[str]) -> None:
    missing = committed({".py", *DATA}) - packed
    assert not missing


def test_nothing_else_is_in_the_wheel(packed: set[str]) -> None:
    known = {path.name for root in ROOTS for path in root.iterdir()}
    tops = {name.partition("/")[0] for name in packed}
    assert {top for top in tops if not top.endswith(".dist-info")} <= known
