"""`generate` and `models`: people's commands, which use the API as any client does."""

import argparse
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

from cli.errors import CommandFailed
from cli.operator import Operator, http_call, http_json, message_of, operator
from cli.output import Progress, Result
from cli.places import Place
from gesso.generator.v1 import generator_pb2 as pb

_FIRST_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 10.0
_STATES = {
    pb.Model.STATE_ACTIVE: "active",
    pb.Model.STATE_STAND_IN: "stand-in",
    pb.Model.STATE_UNAVAILABLE: "unavailable",
}
_FORMATS = {".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg", ".webp": "webp"}


def generate(arguments: argparse.Namespace) -> Result:
    """Draw pictures and save them."""
    place, target = Place.here(), Path(arguments.output)
    if target.suffix.lower() not in _FORMATS:
        raise CommandFailed(f"The file's name must end in {', '.join(_FORMATS)}; not {target.name!r}.")
    if not os.access(target.parent, os.W_OK):
        raise CommandFailed(
            f"Nothing can be written in {target.parent.absolute()}: make the folder, or choose another."
        )
    body = {
        "prompt": arguments.prompt,
        "model": arguments.model,
        "n": arguments.n,
        "size": arguments.size,
        "quality": arguments.quality,
        "output_format": _FORMATS[target.suffix.lower()],
        "response_format": "url",
    }
    sent = {name: value for name, value in body.items() if value is not None}
    headers = {**_headers(place), "Content-Type": "application/json", "Prefer": "respond-async"}
    url = f"{place.edge_url()}/v1/images/generations"
    status, job = http_json("POST", url, json.dumps(sent).encode(), headers)
    if status != 202:
        raise CommandFailed(message_of(job) or f"The platform answered {status}.")
    try:
        answer, told = _finished(place, urljoin(url, job["status_url"]))
    except CommandFailed as failure:
        raise CommandFailed(f"{failure} (job {job['id']})") from failure
    files = [_save(picture["url"], path) for picture, path in _targets(answer["data"], target)]
    return {
        "job_id": job["id"],
        "files": files,
        "provider": told.get("X-Gesso-Provider", ""),
        "model": told.get("X-Gesso-Model", ""),
        "cost_usd": float(told.get("X-Gesso-Cost-Usd", "0")),
    }


def models(arguments: argparse.Namespace) -> Result:
    """List the models that can be asked for; an operator is also told who draws each, or what is missing for that."""
    place = Place.here()
    status, answer = http_json("GET", f"{place.edge_url()}/v1/models", None, _headers(place))
    if status != 200:
        raise CommandFailed(message_of(answer) or f"The platform answered {status}.")
    listed = [{name: value for name, value in model.items() if name != "object"} for model in answer["data"]]
    return _with_providers(listed, operator(place)) if place.is_operators else listed


def _with_providers(listed: list[dict[str, Any]], door: Operator) -> list[dict[str, Any]]:
    """The same models with `providers`, those that are configured, and where there is none the `missing` variables.

    Their `status` tells those apart for which the fallback engine stands in.
    """
    told = door.call("gesso.generator.v1.Models/ListModels", pb.ListModelsRequest(), pb.ListModelsResponse)
    found = door.call(
        "gesso.generator.v1.Operations/ListProviders", pb.ListProvidersRequest(), pb.ListProvidersResponse
    )
    models = {model.id: model for model in told.models}
    known = {provider.name: provider for provider in found.providers}
    return [{**one, **_served(models[one["id"]], known)} for one in listed if one["id"] in models]


def _served(model: pb.Model, known: Mapping[str, pb.ListProvidersResponse.InstalledProvider]) -> dict[str, Any]:
    installed = [known[name] for name in model.providers if name in known]
    providers = [provider.name for provider in installed if provider.configured]
    lacks = [] if providers else [name for provider in installed for name in provider.missing_variables]
    return {"status": _STATES[model.state], "providers": providers, "missing": lacks}


def _finished(place: Place, status_url: str) -> tuple[Any, Any]:
    """Ask until the job has ended, ever less often: questions count against the account's limits, as any request does."""
    state, pause_seconds = "", _FIRST_PAUSE_SECONDS
    with Progress("drawing") as progress:
        while True:
            progress.wait(state, pause_seconds)
            status, told, content = http_call("GET", status_url, None, _headers(place))
            answer = json.loads(content)
            if status == 200:
                return answer, told
            if status not in (202, 429):
                raise CommandFailed(message_of(answer) or f"The platform answered {status}.")
            state = answer.get("status", state)
            least_seconds = float(told.get("Retry-After", "0")) if status == 429 else 0.0
            pause_seconds = max(least_seconds, min(1.5 * pause_seconds, _LONGEST_PAUSE_SECONDS))


def _targets(pictures: list[Any], target: Path) -> list[tuple[Any, Path]]:
    """One file for one picture; several are numbered from 1."""
    if len(pictures) == 1:
        return [(pictures[0], target)]
    return [(picture, target.with_stem(f"{target.stem}-{n}")) for n, picture in enumerate(pictures, 1)]


def _save(url: str, path: Path) -> str:
    status, _, content = http_call("GET", url, None, {})
    if status != 200:
        raise CommandFailed(f"The picture could not be fetched: {url} answered {status}.")
    try:
        path.write_bytes(content)
    except OSError as error:
        raise CommandFailed(f"{path} could not be written ({error.strerror}); the picture is at {url}") from error
    return str(path)


def _headers(place: Place) -> dict[str, str]:
    return {"Authorization": f"Bearer {place.api_key()}"}
