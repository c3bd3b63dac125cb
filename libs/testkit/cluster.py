"""Reads rendered manifests as a cluster would: what a container's environment is, who selects whom, what a policy lets through."""

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from testkit.kustomize import Manifest, containers

WORKLOADS = ("Deployment", "StatefulSet")


@dataclass(frozen=True)
class Cluster:
    """The manifests of one namespace."""

    manifests: Sequence[Manifest]

    def all(self, *kinds: str) -> list[Manifest]:
        """Every manifest of these kinds."""
        return [manifest for manifest in self.manifests if manifest["kind"] in kinds]

    def get(self, kind: str, name: str) -> Manifest:
        """The manifest of this kind and name; raises KeyError."""
        for manifest in self.all(kind):
            if manifest["metadata"]["name"] == name:
                return manifest
        raise KeyError(f"{kind}/{name}")

    def workload(self, service: str) -> Manifest:
        """The service's Deployment or StatefulSet."""
        (found,) = (manifest for manifest in self.all(*WORKLOADS) if manifest["metadata"]["name"] == service)
        return found

    def container(self, service: str) -> Manifest:
        """The service's own container."""
        (found,) = self.workload(service)["spec"]["template"]["spec"]["containers"]
        return dict(found)

    def pods(self) -> Iterator[tuple[str, Manifest]]:
        """The pod of each workload and Job, by the workload's name."""
        for manifest in self.all(*WORKLOADS, "Job"):
            yield manifest["metadata"]["name"], manifest["spec"]["template"]["spec"]

    def environment(self, container: Manifest) -> dict[str, str]:
        """What the container's process would read. Raises KeyError where it could not start for want of a source."""
        values: dict[str, str] = {}
        for source in container.get("envFrom", ()):
            ((field, reference),) = source.items()
            try:
                values.update(self._data(field.removesuffix("Ref"), reference["name"]))
            except KeyError:
                if not reference.get("optional"):
                    raise
        for variable in container.get("env", ()):
            values[variable["name"]] = variable["value"] if "value" in variable else self._value(variable["valueFrom"])
        return values

    def _value(self, source: Manifest) -> str:
        ((field, reference),) = source.items()
        return self._data(field.removesuffix("KeyRef"), reference["name"])[reference["key"]]

    def _data(self, kind: str, name: str) -> dict[str, str]:
        """The entries of a `configMap` or a `secret`, as text."""
        if kind == "configMap":
            return dict(self.get("ConfigMap", name)["data"])
        data = self.get("Secret", name)["data"]
        return {key: base64.b64decode(value).decode() for key, value in data.items()}

    def selected(self, selector: Manifest) -> set[str]:
        """The names of the workloads and Jobs whose pods a label selector of this namespace matches."""
        return {
            manifest["metadata"]["name"]
            for manifest in self.all(*WORKLOADS, "Job")
            if _matches(selector, manifest["spec"]["template"]["metadata"]["labels"])
        }


def ports(container: Manifest) -> dict[str, int]:
    """The container's ports by name."""
    return {port["name"]: port["containerPort"] for port in container["ports"]}


def every_container(manifests: Sequence[Manifest]) -> Iterator[tuple[str, Manifest]]:
    """Every container of all workloads, by `workload/container`."""
    for manifest in manifests:
        for container in containers(manifest):
            yield f"{manifest['metadata']['name']}/{container['name']}", container


def _matches(selector: Manifest, labels: dict[str, Any]) -> bool:
    for expression in selector.get("matchExpressions", ()):
        assert expression["operator"] == "In", "the only operator that these manifests use"
        if labels.get(expression["key"]) not in expression["values"]:
            return False
    return all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items())
