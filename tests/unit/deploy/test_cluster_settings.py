"""In the cluster each service is told what its settings need, by ports and keys that fit, and nothing else."""

import dataclasses
import datetime
import hashlib
import importlib
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from embedded.environment import DEFAULTS, Service
from embedded.environment import SERVICES as EMBEDDED
from gallery.provenance.authority import local_credential
from generator.providers.registry import installed
from servicekit.settings import load
from testkit.cluster import Cluster, ports
from testkit.kustomize import render

SERVICES = ("billing", "gallery", "gateway", "generator", "webhooks")
GRPC_SERVICES = ("billing", "gallery", "generator", "webhooks")
MARGIN_SECONDS = 5
# Settings of the service kit's server where a service has none of its own.
DEFAULT_GRACE_SECONDS = 10.0


def config_of(service: str) -> Any:
    return importlib.import_module(f"{service}.config").Config


@pytest.mark.parametrize("service", SERVICES)
def test_a_services_settings_load_from_what_its_container_is_told(cluster: Cluster, service: str) -> None:
    environment = cluster.environment(cluster.container(service))
    assert load(config_of(service), environment) is not None


@pytest.mark.parametrize("service", SERVICES)
def test_a_container_is_told_nothing_of_ours_that_its_service_does_not_read(cluster: Cluster, service: str) -> None:
    read = {field.metadata["env"] for field in dataclasses.fields(config_of(service))}
    told = {name for name in cluster.environment(cluster.container(service)) if name.startswith("GESSO_")}
    assert told <= read


@pytest.mark.parametrize("service", EMBEDDED, ids=lambda service: service.name)
def test_a_container_is_told_all_that_a_process_of_make_run_is_told(cluster: Cluster, service: Service) -> None:
    told = cluster.environment(cluster.container(service.name))
    assert set(service.variables) - DEFAULTS <= set(told)


@pytest.mark.parametrize("service", SERVICES)
def test_what_is_secret_comes_from_a_secret(cluster: Cluster, service: str) -> None:
    secret = {field.metadata["env"] for field in dataclasses.fields(config_of(service)) if field.metadata["secret"]}
    for variable in cluster.container(service)["env"]:
        from_secret = "secretKeyRef" in variable.get("valueFrom", {})
        assert from_secret == (variable["name"] in secret), variable["name"]


def test_vendors_variables_reach_the_generator_and_no_other_container(overlay: Path, tmp_path: Path) -> None:
    """As docs/kubernetes.md says: they are written into providers.env."""
    copied = shutil.copytree(overlay.parents[1], tmp_path / "k8s") / "overlays" / "example"
    variables = {variable.name for factory in installed().values() for variable in factory.variables}
    lines = "".join(f"{name}=theirs\n" for name in sorted(variables))
    (copied / "secrets" / "providers.env").write_text(lines)
    filled = Cluster(render(copied))
    for service in SERVICES:
        told = {name for name, value in filled.environment(filled.container(service)).items() if value == "theirs"}
        assert told == (variables if service == "generator" else set())


def test_the_migration_is_told_where_each_schema_is_and_nothing_else(cluster: Cluster) -> None:
    (container,) = cluster.get("Job", "migrate")["spec"]["template"]["spec"]["containers"]
    assert container["args"] == ["billing", "generator", "gallery", "webhooks"]
    expected = {f"GESSO_{name.upper()}_DATABASE_URL" for name in container["args"]}
    assert set(cluster.environment(container)) == expected


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_finds_the_others_at_the_ports_that_they_serve(cluster: Cluster, service: str) -> None:
    environment = cluster.environment(cluster.container(service))
    addresses = {name: value for name, value in environment.items() if name.endswith("_ADDRESS")}
    for name, address in addresses.items():
        called = name.removeprefix("GESSO_").removesuffix("_ADDRESS").lower()
        host, _, port = address.rpartition(":")
        offered = {entry["name"]: entry["port"] for entry in cluster.get("Service", called)["spec"]["ports"]}
        assert (host, int(port)) == (called, offered["grpc"])


@pytest.mark.parametrize("service", GRPC_SERVICES)
def test_a_service_listens_where_its_container_says(cluster: Cluster, service: str) -> None:
    container = cluster.container(service)
    environment = cluster.environment(container)
    assert environment[f"GESSO_{service.upper()}_LISTEN"] == f"0.0.0.0:{ports(container)['grpc']}"


def test_the_edge_and_the_files_listen_where_their_containers_say(cluster: Cluster) -> None:
    gateway, gallery = cluster.container("gateway"), cluster.container("gallery")
    edge = cluster.environment(gateway)
    assert f"{edge['GESSO_HOST']}:{edge['GESSO_PORT']}" == f"0.0.0.0:{ports(gateway)['http']}"
    assert cluster.environment(gallery)["GESSO_GALLERY_FILES_LISTEN"] == f"0.0.0.0:{ports(gallery)['files']}"


@pytest.mark.parametrize("service", SERVICES)
def test_metrics_are_served_where_they_are_looked_for(cluster: Cluster, service: str) -> None:
    container = cluster.container(service)
    listen = cluster.environment(container)[f"GESSO_{service.upper()}_METRICS_LISTEN"]
    annotations = cluster.workload(service)["spec"]["template"]["metadata"]["annotations"]
    assert listen == f"0.0.0.0:{ports(container)['metrics']}"
    assert annotations["prometheus.io/port"] == str(ports(container)["metrics"])


@pytest.mark.parametrize("service", SERVICES)
def test_a_pod_is_killed_only_after_its_calls_had_time_to_end(cluster: Cluster, service: str) -> None:
    container = cluster.container(service)
    config = load(config_of(service), cluster.environment(container))
    wait_seconds = container["lifecycle"]["preStop"]["sleep"]["seconds"]
    grace_seconds = getattr(config, "grace_seconds", DEFAULT_GRACE_SECONDS)
    allowed = cluster.workload(service)["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
    assert allowed >= wait_seconds + grace_seconds + MARGIN_SECONDS


@pytest.mark.parametrize("service", ["billing", "generator", "gateway"])
def test_every_service_knows_the_digest_of_a_callers_token(cluster: Cluster, service: str) -> None:
    token = cluster.environment(cluster.container(service))[f"GESSO_{service.upper()}_TOKEN"]
    for other in GRPC_SERVICES:
        config = load(config_of(other), cluster.environment(cluster.container(other)))
        assert config.peers[service] == hashlib.sha256(token.encode()).digest()


def test_the_operators_token_opens_the_services_through_the_edge(cluster: Cluster) -> None:
    token = cluster.environment(cluster.container("gateway"))["GESSO_ADMIN_TOKEN"]
    config = load(config_of("billing"), cluster.environment(cluster.container("billing")))
    assert config.peers["operator"] == hashlib.sha256(token.encode()).digest()


def test_two_replicas_of_the_gallery_sign_for_the_same_authority(overlay: Path, tmp_path: Path) -> None:
    now = datetime.datetime.now(datetime.UTC)
    anchors = []
    for replica in ("a", "b"):
        folder = tmp_path / replica
        folder.mkdir(mode=0o700)
        shutil.copyfile(overlay / "secrets" / "root.pem", folder / "root.pem")
        anchors.append(local_credential(folder, now).anchors_pem)
    assert anchors[0] == anchors[1] == (overlay / "secrets" / "anchors.pem").read_text()


def test_secrets_are_the_owners_alone_and_are_never_made_twice(overlay: Path) -> None:
    secrets = overlay / "secrets"
    modes = {path.name: path.stat().st_mode & 0o077 for path in secrets.iterdir() if path.name != "anchors.pem"}
    assert set(modes.values()) == {0}
    script = overlay.parents[1] / "make_secrets.py"
    again = [sys.executable, str(script), str(secrets), "--database", "db"]
    before = (secrets / "link-key.env").read_text()
    done = subprocess.run(again, check=False, capture_output=True, text=True)
    assert done.returncode == 1
    assert "not empty" in done.stderr
    assert (secrets / "link-key.env").read_text() == before


def test_no_secret_is_committed() -> None:
    folder = Path(__file__).resolve().parents[3] / "deploy"
    listed = subprocess.run(["git", "ls-files", "."], cwd=folder, check=False, capture_output=True, text=True).stdout
    assert not [path for path in listed.splitlines() if "/secrets/" in path or path.endswith((".env", ".pem", ".psql"))]
