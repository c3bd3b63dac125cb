"""Renders a kustomization as kustomize 5 does, as far as deploy/ goes: anything else in one is refused, not ignored.

The tests need manifests where no kustomize is installed; where one is, they compare the two.
"""

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

Manifest = dict[str, Any]

_ENTRIES = {
    "apiVersion",
    "kind",
    "namespace",
    "resources",
    "labels",
    "images",
    "configMapGenerator",
    "secretGenerator",
    "patches",
}
_CLUSTER_WIDE = {"Namespace"}
# Digits and letters of a hash that could form words or numbers are replaced. Source: kustomize, api/hasher.
_SAFE = str.maketrans("013ae", "ghkmt")
_HASH_CHARACTERS = 10
_LINE_CHARACTERS = 70


class UnsupportedKustomization(Exception):
    """The kustomization says something that this renderer does not know; the message says what."""


def render(folder: Path) -> list[Manifest]:
    """Return the manifests of a kustomization, generated names with the hash of their contents. Raises UnsupportedKustomization."""
    manifests, generated = _accumulate(folder)
    names = {(kind, name): f"{name}-{_content_hash(_find(manifests, kind, name))}" for kind, name in generated}
    for kind, name in generated:
        _find(manifests, kind, name)["metadata"]["name"] = names[kind, name]
    for manifest in manifests:
        for kind, field, holder in _references(manifest):
            holder[field] = names.get((kind, holder[field]), holder[field])
    return manifests


def _accumulate(folder: Path) -> tuple[list[Manifest], set[tuple[str, str]]]:
    """One level: resources below it, what it generates, then its patches and transformers."""
    kustomization = yaml.safe_load((folder / "kustomization.yaml").read_text())
    _only(kustomization, _ENTRIES)
    manifests: list[Manifest] = []
    generated: set[tuple[str, str]] = set()
    for resource in kustomization.get("resources", ()):
        if (folder / resource).is_dir():
            below, names = _accumulate(folder / resource)
            manifests += below
            generated |= names
        else:
            manifests += [document for document in yaml.safe_load_all((folder / resource).read_text()) if document]
    for kind, entry in (("ConfigMap", "configMapGenerator"), ("Secret", "secretGenerator")):
        for generator in kustomization.get(entry, ()):
            _generate(manifests, generated, kind, generator, folder)
    for patch in kustomization.get("patches", ()):
        _patch(manifests, patch)
    for manifest in manifests:
        _transform(manifest, kustomization)
    return manifests, generated


def _generate(
    manifests: list[Manifest], generated: set[tuple[str, str]], kind: str, generator: Mapping[str, Any], folder: Path
) -> None:
    _only(generator, {"name", "behavior", "literals", "envs", "files"})
    encode = _secret_value if kind == "Secret" else str
    data = {key: encode(value) for key, value in _entries(generator, folder)}
    name = generator["name"]
    if generator.get("behavior", "create") == "merge":
        _find(manifests, kind, name)["data"].update(data)
        return
    manifest = {"apiVersion": "v1", "kind": kind, "metadata": {"name": name}, "data": data}
    if kind == "Secret":
        manifest["type"] = "Opaque"
    manifests.append(manifest)
    generated.add((kind, name))


def _secret_value(text: str) -> str:
    """Base64 in lines of 70 characters, each ended if there are several: so kustomize writes it."""
    encoded = base64.b64encode(text.encode()).decode()
    lines = [encoded[start : start + _LINE_CHARACTERS] for start in range(0, len(encoded), _LINE_CHARACTERS)]
    return encoded if len(encoded) < _LINE_CHARACTERS else "".join(f"{line}\n" for line in lines)


def _entries(generator: Mapping[str, Any], folder: Path) -> Iterator[tuple[str, str]]:
    lines = list(generator.get("literals", ()))
    for path in generator.get("envs", ()):
        lines += [line for line in (folder / path).read_text().splitlines() if line and not line.startswith("#")]
    for line in lines:
        key, _, value = line.partition("=")
        yield key, value
    for path in generator.get("files", ()):
        yield Path(path).name, (folder / path).read_text()


def _patch(manifests: list[Manifest], patch: Mapping[str, Any]) -> None:
    """Apply the operations of one JSON patch (RFC 6902) to its target."""
    _only(patch, {"target", "patch"})
    _only(patch["target"], {"kind", "name"})
    target = _find(manifests, patch["target"]["kind"], patch["target"]["name"])
    for operation in yaml.safe_load(patch["patch"]):
        *path, last = (part.replace("~1", "/").replace("~0", "~") for part in operation["path"].split("/")[1:])
        holder: Any = target
        for part in path:
            holder = holder[int(part) if isinstance(holder, list) else part]
        at = int(last) if isinstance(holder, list) and last != "-" else last
        if operation["op"] == "add" and isinstance(holder, list):
            holder.insert(len(holder) if at == "-" else at, operation["value"])
        elif operation["op"] in {"add", "replace"}:
            holder[at] = operation["value"]
        elif operation["op"] == "remove":
            del holder[at]
        else:
            raise UnsupportedKustomization(f"the patch operation {operation['op']}")


def _transform(manifest: Manifest, kustomization: Mapping[str, Any]) -> None:
    namespace = kustomization.get("namespace")
    if namespace and manifest["kind"] == "Namespace":
        manifest["metadata"]["name"] = namespace
    elif namespace and manifest["kind"] not in _CLUSTER_WIDE:
        manifest["metadata"]["namespace"] = namespace
    for labels in kustomization.get("labels", ()):
        _only(labels, {"pairs", "includeTemplates"})
        metadata = [manifest["metadata"]]
        if labels.get("includeTemplates"):
            spec = manifest.get("spec", {})
            templates = [spec["template"]] if "template" in spec else []
            metadata += [template["metadata"] for template in (*templates, *spec.get("volumeClaimTemplates", ()))]
        for holder in metadata:
            holder.setdefault("labels", {}).update(labels["pairs"])
    for image in kustomization.get("images", ()):
        _only(image, {"name", "newName", "newTag"})
        for container in containers(manifest):
            if container["image"] == image["name"]:
                container["image"] = f"{image.get('newName', image['name'])}:{image.get('newTag', 'latest')}"


def containers(manifest: Manifest) -> Iterator[Manifest]:
    """Every container of a workload, those that run before the others first."""
    pod = manifest.get("spec", {}).get("template", {}).get("spec", {})
    yield from pod.get("initContainers", ())
    yield from pod.get("containers", ())


def _references(manifest: Manifest) -> Iterator[tuple[str, str, Manifest]]:
    """Where a workload names a ConfigMap or a Secret: its kind, and the field of the mapping that holds the name."""
    for container in containers(manifest):
        for source in container.get("envFrom", ()):
            for field, kind in (("configMapRef", "ConfigMap"), ("secretRef", "Secret")):
                if field in source:
                    yield kind, "name", source[field]
        for variable in container.get("env", ()):
            for field, kind in (("configMapKeyRef", "ConfigMap"), ("secretKeyRef", "Secret")):
                if field in variable.get("valueFrom", {}):
                    yield kind, "name", variable["valueFrom"][field]
    for volume in manifest.get("spec", {}).get("template", {}).get("spec", {}).get("volumes", ()):
        if "configMap" in volume:
            yield "ConfigMap", "name", volume["configMap"]
        if "secret" in volume:
            yield "Secret", "secretName", volume["secret"]


def _content_hash(manifest: Manifest) -> str:
    """The hash that kustomize puts behind a generated name: of the JSON that Go writes, with no name in it."""
    content = {"kind": manifest["kind"], "name": "", "data": manifest["data"]}
    if manifest["kind"] == "Secret":
        content["type"] = manifest["type"]
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return hashlib.sha256(text.encode()).hexdigest()[:_HASH_CHARACTERS].translate(_SAFE)


def _find(manifests: list[Manifest], kind: str, name: str) -> Manifest:
    for manifest in manifests:
        if (manifest["kind"], manifest["metadata"]["name"]) == (kind, name):
            return manifest
    raise UnsupportedKustomization(f"a reference to {kind}/{name}, which is not there")


def _only(mapping: Mapping[str, Any], known: set[str]) -> None:
    unknown = sorted(set(mapping) - known)
    if unknown:
        raise UnsupportedKustomization(f"the entries {', '.join(unknown)}")
