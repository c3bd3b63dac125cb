"""What the examples are run with is locked as everything else is: pinned, with hashes, and from no index in particular."""

import json
from pathlib import Path

HERE = Path(__file__).parent


def test_the_old_sdk_is_locked_with_hashes() -> None:
    lines = (HERE / "openai-0.28.lock").read_text(encoding="utf-8").splitlines()
    pinned = [line for line in lines if line and not line.startswith((" ", "#"))]
    assert any(line.startswith("openai==0.28.") for line in pinned)
    assert all("==" in line and line.endswith("\\") for line in pinned)
    assert not [line for line in lines if "://" in line]


def test_axios_is_locked_with_hashes_and_without_an_address() -> None:
    lock = json.loads((HERE / "package-lock.json").read_text(encoding="utf-8"))
    packages = {name: entry for name, entry in lock["packages"].items() if name}
    assert "node_modules/axios" in packages
    assert all(entry["integrity"].startswith("sha512-") and "resolved" not in entry for entry in packages.values())
    assert (
        json.loads((HERE / "package.json").read_text(encoding="utf-8"))["dependencies"]
        == lock["packages"][""]["dependencies"]
    )
