"""The Kubernetes manifests are valid, whole, and safe where Kubernetes' own defaults are not."""

import shutil
import subprocess
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

from testkit.cluster import Cluster, every_container, ports
from testkit.kustomize import Manifest, UnsupportedKustomization, render

SERVICES = ("billing", "gallery", "gateway", "generator", "webhooks")
BASE = Path(__file__).resolve().parents[3] / "deploy" / "k8s" / "base"
KUBERNETES = "1.37.0"


def by_name(manifests: list[Manifest]) -> dict[tuple[str, str], Manifest]:
    return {(manifest["kind"], manifest["metadata"]["name"]): manifest for manifest in manifests}


def kustomize() -> list[str] | None:
    """The command that renders with kustomize itself, if this machine has one that is new enough."""
    for program, version in (
        (["kustomize", "build"], ["version"]),
        (["kubectl", "kustomize"], ["version", "--client"]),
    ):
        if shutil.which(program[0]):
            said = subprocess.run([program[0], *version], check=False, capture_output=True, text=True).stdout
            if said.startswith("v5.") or "Kustomize Version: v5." in said:
                return program
    return None


def test_every_manifest_passes_kubernetes_own_schema_strictly(cluster: Cluster) -> None:
    for manifest in cluster.manifests:
        kubernetes_validate.validate(manifest, KUBERNETES, strict=True)


def test_the_base_alone_passes_kubernetes_own_schema_strictly() -> None:
    for manifest in render(BASE):
        kubernetes_validate.validate(manifest, KUBERNETES, strict=True)


@pytest.mark.skipif(kustomize() is None, reason="needs kustomize 5, or a kubectl with one inside")
def test_kustomize_itself_renders_the_same(overlay: Path) -> None:
    program = kustomize()
    assert program is not None
    for folder in (overlay, overlay.parents[1] / "base"):
        done = subprocess.run([*program, str(folder)], check=True, capture_output=True, text=True)
        assert by_name(render(folder)) == by_name(list(yaml.safe_load_all(done.stdout)))


def test_the_renderer_refuses_what_it_does_not_know(tmp_path: Path) -> None:
    (tmp_path / "kustomization.yaml").write_text("resources: []\nnamePrefix: a-\n")
    with pytest.raises(UnsupportedKustomization, match="namePrefix"):
        render(tmp_path)


@pytest.mark.parametrize("service", SERVICES)
def test_each_service_has_everything_that_runs_it(cluster: Cluster, service: str) -> None:
    kinds = ("Service", "ServiceAccount", "HorizontalPodAutoscaler", "PodDisruptionBudget", "NetworkPolicy")
    assert all(cluster.get(kind, service) for kind in kinds)
    assert cluster.workload(service)["spec"]["template"]["spec"]["serviceAccountName"] == service


def test_all_is_in_one_namespace_that_admits_restricted_pods_only(cluster: Cluster) -> None:
    (namespace,) = cluster.all("Namespace")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    others = [manifest for manifest in cluster.manifests if manifest is not namespace]
    assert {manifest["metadata"]["namespace"] for manifest in others} == {namespace["metadata"]["name"]}


@pytest.mark.parametrize("service", SERVICES)
def test_the_autoscaler_alone_sets_the_number_of_replicas(cluster: Cluster, service: str) -> None:
    target = cluster.get("HorizontalPodAutoscaler", service)["spec"]["scaleTargetRef"]
    workload = cluster.workload(service)
    assert (target["kind"], target["name"]) == (workload["kind"], workload["metadata"]["name"])
    assert "replicas" not in workload["spec"]


@pytest.mark.parametrize("service", SERVICES)
def test_a_drain_takes_one_replica_at_a_time_and_two_are_there(cluster: Cluster, service: str) -> None:
    budget = cluster.get("PodDisruptionBudget", service)["spec"]
    assert cluster.selected(budget["selector"]) == {service}
    assert budget["maxUnavailable"] == 1
    assert cluster.get("HorizontalPodAutoscaler", service)["spec"]["minReplicas"] >= 2


@pytest.mark.parametrize("service", SERVICES)
def test_replicas_spread_over_nodes_and_zones(cluster: Cluster, service: str) -> None:
    spread = cluster.workload(service)["spec"]["template"]["spec"]["topologySpreadConstraints"]
    assert {rule["topologyKey"] for rule in spread} == {"kubernetes.io/hostname", "topology.kubernetes.io/zone"}
    assert all(cluster.selected(rule["labelSelector"]) == {service} for rule in spread)


def test_every_container_is_confined_and_bounded(cluster: Cluster) -> None:
    for name, container in every_container(cluster.manifests):
        confinement = container["securityContext"]
        assert confinement["readOnlyRootFilesystem"] is True, name
        assert confinement["allowPrivilegeEscalation"] is False, name
        assert confinement["capabilities"] == {"drop": ["ALL"]}, name
        assert set(container["resources"]["requests"]) == set(container["resources"]["limits"]) == {"cpu", "memory"}, (
            name
        )


def test_every_pod_runs_as_nobody_and_knows_nothing_of_the_cluster(cluster: Cluster) -> None:
    for name, pod in cluster.pods():
        assert pod["securityContext"]["runAsNonRoot"] is True, name
        assert pod["securityContext"]["runAsUser"] == 65532, name
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert pod["automountServiceAccountToken"] is False, name
        assert pod["enableServiceLinks"] is False, name
        assert cluster.get("ServiceAccount", pod["serviceAccountName"])["automountServiceAccountToken"] is False


def test_every_place_that_is_mounted_is_a_volume(cluster: Cluster) -> None:
    for manifest in cluster.all("Deployment", "StatefulSet", "Job"):
        pod = manifest["spec"]["template"]["spec"]
        claims = [claim["metadata"]["name"] for claim in manifest["spec"].get("volumeClaimTemplates", ())]
        volumes = {volume["name"] for volume in pod["volumes"]} | set(claims)
        mounted = {
            mount["name"]
            for container in (*pod.get("initContainers", ()), *pod["containers"])
            for mount in container["volumeMounts"]
        }
        assert mounted == volumes


def test_the_spool_of_paid_pictures_outlives_its_pod(cluster: Cluster) -> None:
    workload = cluster.workload("generator")
    claims = {claim["metadata"]["name"] for claim in workload["spec"]["volumeClaimTemplates"]}
    container = cluster.container("generator")
    mounts = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
    assert mounts[cluster.environment(container)["GESSO_SPOOL_DIR"]] in claims
    assert workload["spec"]["persistentVolumeClaimRetentionPolicy"] == {"whenDeleted": "Retain", "whenScaled": "Retain"}


@pytest.mark.parametrize("service", [name for name in SERVICES if name != "gateway"])
def test_a_service_is_asked_for_its_health_where_it_serves_grpc(cluster: Cluster, service: str) -> None:
    container = cluster.container(service)
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert container[probe]["grpc"] == {"port": ports(container)["grpc"]}


def test_the_edge_lives_by_its_process_and_is_ready_by_its_services(cluster: Cluster) -> None:
    container = cluster.container("gateway")
    paths = {probe: container[probe]["httpGet"] for probe in ("startupProbe", "livenessProbe", "readinessProbe")}
    assert paths == {
        "startupProbe": {"path": "/healthz", "port": "http"},
        "livenessProbe": {"path": "/healthz", "port": "http"},
        "readinessProbe": {"path": "/readyz", "port": "http"},
    }


def test_the_two_ways_in_lead_to_ports_that_exist(cluster: Cluster) -> None:
    (ingress,) = cluster.all("Ingress")
    for rule in ingress["spec"]["rules"]:
        for path in rule["http"]["paths"]:
            backend = path["backend"]["service"]
            offered = {port["name"] for port in cluster.get("Service", backend["name"])["spec"]["ports"]}
            assert backend["port"]["name"] in offered


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_leads_to_its_own_pods_by_ports_that_they_open(cluster: Cluster, service: str) -> None:
    manifest = cluster.get("Service", service)["spec"]
    opened = ports(cluster.container(service))
    assert cluster.selected({"matchLabels": manifest["selector"]}) == {service}
    for port in manifest["ports"]:
        assert port["port"] == opened[port["targetPort"]]
