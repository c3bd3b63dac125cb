"""docs/configuration.md says what the services read."""

import dataclasses
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from generator.providers.registry import installed

ROOT = Path(__file__).resolve().parents[3]
SERVICES = ("billing", "gallery", "gateway", "generator", "webhooks")


def test_the_page_is_what_the_settings_classes_give() -> None:
    command = [sys.executable, str(ROOT / "scripts" / "docs"), "--check"]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("service", SERVICES)
def test_every_variable_of_a_service_is_on_the_page(service: str) -> None:
    page = (ROOT / "docs" / "configuration.md").read_text()
    section = page.split(f"## {service}\n", 1)[1].split("\n## ", 1)[0]
    for field in dataclasses.fields(importlib.import_module(f"{service}.config").Config):
        assert f"| `{field.metadata['env']}` |" in section


def test_every_variable_of_a_provider_is_on_the_page_beside_its_name() -> None:
    page = (ROOT / "docs" / "configuration.md").read_text()
    rows = [line.split(" | ") for line in page.split("### Providers\n", 1)[1].split("\n## ", 1)[0].splitlines()]
    listed = {(name, row[1]) for row in rows if len(row) > 2 for name in row[0].removeprefix("| ").split(", ")}
    for name, factory in installed().items():
        assert {(name, f"`{variable.name}`") for variable in factory.variables} <= listed
