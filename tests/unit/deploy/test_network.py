"""The network lets through what the services' access tables allow, and nothing else."""

import dataclasses
import importlib
from collections.abc import Iterator
from ipaddress import ip_network
from typing import Any

import pytest

from servicekit.addresses import DENIED_V4, DENIED_V6, GLOBAL_V6
from testkit.cluster import Cluster, ports
from testkit.kustomize import Manifest

CALLED = ("billing", "gallery", "generator", "webhooks")
SERVICES = (*CALLED, "gateway")
PUBLIC = {"0.0.0.0/0": DENIED_V4, str(GLOBAL_V6): DENIED_V6}


def access_of(service: str) -> dict[str, frozenset[str]]:
    """The service's table of who may call what."""
    module: Any = importlib.import_module(f"{service}.access")
    table: dict[str, frozenset[str]] = module.GRANTS if hasattr(module, "GRANTS") else module.ACCESS
    return table


def wired() -> set[tuple[str, str]]:
    """(caller, called), as the callers' settings say: who is told the address of whom."""
    return {
        (caller, called)
        for caller in SERVICES
        for called in CALLED
        for field in dataclasses.fields(importlib.import_module(f"{caller}.config").Config)
        if field.metadata["env"] == f"GESSO_{called.upper()}_ADDRESS" and caller != called
    }


def calls(cluster: Cluster, direction: str, peer: str) -> Iterator[tuple[str, str, int]]:
    """(policy's pod, the other pod, port) of each rule between pods of the namespace."""
    for policy in cluster.all("NetworkPolicy"):
        for rule in policy["spec"].get(direction, ()):
            for other in rule.get(peer, ()):
                if set(other) == {"podSelector"}:
                    for pod in cluster.selected(policy["spec"]["podSelector"]):
                        for name in cluster.selected(other["podSelector"]):
                            yield from ((pod, name, port["port"]) for port in rule["ports"])


def open_blocks(cluster: Cluster, service: str) -> Iterator[tuple[Manifest, list[Manifest]]]:
    """Every block of addresses that the service may connect to, with the ports."""
    for policy in cluster.all("NetworkPolicy"):
        if service in cluster.selected(policy["spec"]["podSelector"]):
            for rule in policy["spec"].get("egress", ()):
                yield from ((peer["ipBlock"], rule["ports"]) for peer in rule["to"] if "ipBlock" in peer)


def test_whoever_is_told_an_address_may_call_there() -> None:
    for caller, called in wired():
        assert any(caller in allowed for allowed in access_of(called).values()), f"{caller} -> {called}"


def test_the_network_lets_through_the_calls_that_are_made(cluster: Cluster) -> None:
    grpc = ports(cluster.container("billing"))["grpc"]
    leaving = {(pod, other) for pod, other, port in calls(cluster, "egress", "to") if port == grpc}
    arriving = {(other, pod) for pod, other, port in calls(cluster, "ingress", "from") if port == grpc}
    assert leaving == arriving == wired()


def test_uploads_alone_go_to_another_port(cluster: Cluster) -> None:
    uploaders = importlib.import_module("gallery.access").UPLOADERS
    grpc, files = (ports(cluster.container("gallery"))[name] for name in ("grpc", "files"))
    others = {(pod, other, port) for pod, other, port in calls(cluster, "egress", "to") if port != grpc}
    assert others == {(uploader, "gallery", files) for uploader in uploaders}


def test_what_no_policy_allows_is_denied_to_every_pod(cluster: Cluster) -> None:
    everyone = {name for name, _ in cluster.pods()}
    denying = cluster.get("NetworkPolicy", "default-deny")["spec"]
    assert cluster.selected(denying["podSelector"]) == everyone
    assert set(denying["policyTypes"]) == {"Ingress", "Egress"}
    assert not {"ingress", "egress"} & set(denying)


def test_only_the_edge_and_the_files_are_open_to_everybody(cluster: Cluster) -> None:
    opened = {
        (pod, port["port"])
        for policy in cluster.all("NetworkPolicy")
        for rule in policy["spec"].get("ingress", ())
        if "from" not in rule
        for pod in cluster.selected(policy["spec"]["podSelector"])
        for port in rule["ports"]
    }
    assert opened == {
        ("gateway", ports(cluster.container("gateway"))["http"]),
        ("gallery", ports(cluster.container("gallery"))["files"]),
    }


@pytest.mark.parametrize("policy", ["internet", "object-store"])
def test_the_internet_begins_where_the_services_own_guard_says(cluster: Cluster, policy: str) -> None:
    (rule,) = cluster.get("NetworkPolicy", policy)["spec"]["egress"]
    blocks = {
        peer["ipBlock"]["cidr"]: {ip_network(block) for block in peer["ipBlock"]["except"]} for peer in rule["to"]
    }
    assert blocks == {cidr: set(denied) for cidr, denied in PUBLIC.items()}


def test_billing_reaches_nothing_public_and_the_edge_only_the_object_store(cluster: Cluster) -> None:
    reached = {
        service: [allowed for block, allowed in open_blocks(cluster, service) if block["cidr"] in PUBLIC]
        for service in ("billing", "gateway", "migrate")
    }
    assert reached["billing"] == reached["migrate"] == []
    assert {port["port"] for allowed in reached["gateway"] for port in allowed} == {443}


@pytest.mark.parametrize("service", SERVICES)
def test_private_addresses_are_reached_for_names_and_the_database_only(cluster: Cluster, service: str) -> None:
    private = [allowed for block, allowed in open_blocks(cluster, service) if block["cidr"] not in PUBLIC]
    opened = {port["port"] for allowed in private for port in allowed}
    assert opened == ({53} if service == "gateway" else {53, 5432})
