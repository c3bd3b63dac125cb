"""The example overlay with secrets of its own, rendered once."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from testkit.cluster import Cluster
from testkit.kustomize import render

DEPLOY = Path(__file__).resolve().parents[3] / "deploy"


@pytest.fixture(scope="session")
def overlay(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of deploy/k8s whose example overlay has had its secrets made, as docs/kubernetes.md says."""
    copied = tmp_path_factory.mktemp("deploy") / "k8s"
    shutil.copytree(DEPLOY / "k8s", copied, ignore=shutil.ignore_patterns("secrets", "__pycache__"))
    example = copied / "overlays" / "example"
    database = "db.example.com:5432/gesso?sslmode=require"
    command = [sys.executable, str(copied / "make_secrets.py"), str(example / "secrets"), "--database", database]
    subprocess.run(command, check=True, capture_output=True, text=True)
    return example


@pytest.fixture(scope="session")
def cluster(overlay: Path) -> Cluster:
    """What that overlay renders to."""
    return Cluster(render(overlay))
