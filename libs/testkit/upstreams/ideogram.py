"""A scripted Ideogram: JSON and forms in, addresses that do not last out, pictures withheld by its safety check."""

import json
import re
from collections.abc import Mapping

from testkit.upstreams.base import SUCCESS, Behaviour, Exchange, Recorded, Reply, Rules, ScriptedUpstream
from testkit.upstreams.forms import BadForm, parse_form
from testkit.upstreams.ideogram_rules import OPERATIONS, drawn_size, read_fields, violation

_KEY = re.compile(r"ide_[\w-]+")
_ERRORS: Mapping[str, tuple[int, str]] = {
    "unauthorized": (401, "Not authorized to generate an image."),
    "out_of_quota": (402, "Insufficient credits."),
    "refusal": (422, "Prompt provided failed safety check due to the inclusion of prohibited content."),
    "bad_field": (400, "Invalid input provided."),
    "model_not_found": (404, "Not found."),
    "rate_limited": (429, "Too many requests."),
    "server_error": (500, "Internal server error."),
}


class IdeogramUpstream(ScriptedUpstream):
    """The vendor's ``/v1``. Keys begin with ``ide_``; requests that break the table are refused as the vendor would.

    With ``specification`` every order is validated against it too.
    """

    def __init__(
        self, *, default: Behaviour = SUCCESS, payload_bytes: int = 0, specification: Rules | None = None
    ) -> None:
        super().__init__(default=default, payload_bytes=payload_bytes, specification=specification)
        self._rules = specification

    @property
    def base_path(self) -> str:
        """None: the paths begin with the version."""
        return ""

    async def answer(self, exchange: Exchange) -> Reply:
        """Answer in the vendor's order: key, path, request, limits, safety; then the order."""
        recorded, behaviour = exchange.recorded, exchange.behaviour
        if not _KEY.fullmatch(recorded.headers.get("Api-Key", "")):
            return _error("unauthorized")
        if recorded.method != "POST" or recorded.path not in OPERATIONS:
            return _error("model_not_found")
        if behaviour.name in _ERRORS:
            return _scripted(behaviour)
        try:
            fields = self._read(recorded)
        except ValueError:
            return _error("bad_field")
        await exchange.accept()
        if behaviour.name == "garbage":
            return Reply(content_type="text/html", body=[b"<!DOCTYPE html><html>Just a moment...</html>"])
        return _json(200, {"created": "2026-11-20T03:01:02Z", "data": self._images(recorded.path, fields, behaviour)})

    def _read(self, recorded: Recorded) -> Mapping[str, object]:
        """The fields of a request. Raises ValueError for what the vendor would refuse."""
        content_type = recorded.headers.get("Content-Type", "").partition(";")[0]
        fields: dict[str, object]
        if content_type == "application/json":
            fields = json.loads(recorded.body)
        else:
            fields = read_fields(parse_form(recorded.headers.get("Content-Type", ""), recorded.body))
        if broken := violation(recorded.path, fields):
            self.violations.append(f"{recorded.path}: {broken}")
            raise BadForm(broken)
        if self._rules:
            self.violations += self._rules.violations(recorded.path, content_type, fields)
        return fields

    def _images(self, operation: str, fields: Mapping[str, object], behaviour: Behaviour) -> list[Mapping[str, object]]:
        count = fields.get("num_images") or 1
        assert isinstance(count, int)
        count += {"partial": -1, "empty": -count}.get(behaviour.name, 0)
        withheld = 0 if behaviour.name != "output_refusal" else int(behaviour.seconds or count)
        width, height = drawn_size(fields)
        images: list[Mapping[str, object]] = []
        for index in range(count):
            told = {
                "prompt": f"{fields.get('prompt', '')}, a detailed picture",
                "resolution": f"{width}x{height}",
                "is_image_safe": index >= withheld,
                "seed": (int(str(fields.get("seed") or 12_345)) + index) % 2**31,
            }
            styled = {} if "v4" in operation else {"style_type": fields.get("style_type") or "GENERAL"}
            images.append({**told, **styled, "url": self._address(behaviour, (width, height), index >= withheld)})
        return images * 2 if behaviour.name == "duplicate" else images

    def _address(self, behaviour: Behaviour, size: tuple[int, int], is_safe: bool) -> str | None:
        if not is_safe:
            return None
        return self.results.offer(self.picture(behaviour, "png", *size), behaviour=behaviour.name)


def _scripted(behaviour: Behaviour) -> Reply:
    headers = {"Retry-After": f"{behaviour.seconds or 1:g}"} if behaviour.name == "rate_limited" else {}
    return _error(behaviour.name, headers, status=behaviour.status if behaviour.name == "server_error" else None)


def _error(name: str, headers: Mapping[str, str] | None = None, *, status: int | None = None) -> Reply:
    usual, text = _ERRORS[name]
    return Reply(status or usual, body=[json.dumps({"error": text}).encode()], headers=headers or {})


def _json(status: int, body: Mapping[str, object]) -> Reply:
    return Reply(status, body=[json.dumps(body).encode()])
