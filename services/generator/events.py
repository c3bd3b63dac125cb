"""The event of an ended job, as the receiver of its webhook reads it.

Source: apis/imagegen-v2.md "Webhook Event Payloads" and contract.md, imagegen "Webhooks". One credit is 20,000 micros there.
"""

import json
from collections.abc import Mapping
from typing import Any

from generator.records import JobRecord
from gesso.errors.v1 import reason_pb2 as reasons
from gesso.generator.v1 import generator_pb2 as pb
from gesso.webhooks.v1.webhooks_pb2 import Event
from servicekit import links
from servicekit.ids import derived_id, with_prefix
from servicekit.timestamps import to_timestamp

_CREDIT_MICROS = 20_000
_LINK_SECONDS = 24 * 3600
_GENERATIONS = frozenset({pb.OPERATION_TEXT_TO_IMAGE, pb.OPERATION_IMAGE_TO_IMAGE, pb.OPERATION_INPAINT})
_PREFIXES: Mapping[int, str] = {
    pb.OPERATION_INPAINT: "inp",
    pb.OPERATION_UPSCALE: "upscale",
    pb.OPERATION_REMOVE_BACKGROUND: "bg_remove",
    pb.OPERATION_FILTER: "proc",
}
_OPERATION_WORDS: Mapping[int, str] = {
    pb.OPERATION_UPSCALE: "upscale",
    pb.OPERATION_REMOVE_BACKGROUND: "remove-background",
    pb.OPERATION_FILTER: "filter",
}
_CODES: Mapping[int, str] = {
    reasons.REASON_UPSTREAM_REFUSED: "INVALID_PROMPT",
    reasons.REASON_CONTENT_REFUSED: "INVALID_PROMPT",
    reasons.REASON_TIMEOUT: "TIMEOUT",
    reasons.REASON_MODEL_UNAVAILABLE: "MODEL_NOT_AVAILABLE",
}


class Events:
    """Words events, with links to the pictures on the gallery's own port."""

    def __init__(self, files_url: str, link_key: bytes) -> None:
        self._files_url = files_url
        self._link_key = link_key

    def event(self, job: JobRecord) -> bytes:
        """The serialized event of an ended job; empty where the purchase named no address, or the job was cancelled."""
        address = job.purchase.webhook_url
        if not address or job.state == pb.Job.STATE_CANCELLED:
            return b""
        kind, data = self._worded(job)
        return Event(
            id=derived_id("evt", job.id),
            account_id=job.account_id,
            type=kind,
            occurred_at=to_timestamp(job.finished_at),
            data_json=json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode(),
            direct_url=address,
        ).SerializeToString()

    def _worded(self, job: JobRecord) -> tuple[str, Mapping[str, Any]]:
        draw = job.purchase.draws[0]
        shown_id = with_prefix(_PREFIXES.get(draw.operation, "gen"), job.id)
        delivered = job.state != pb.Job.STATE_FAILED
        if delivered and draw.operation not in _GENERATIONS:
            return "process.completed", {
                "process_id": shown_id,
                "user_id": with_prefix("user", job.account_id),
                "operation": _OPERATION_WORDS[draw.operation],
                "result": {"images": self._images(job)},
            }
        who = {"generation_id": shown_id, "user_id": with_prefix("user", job.account_id)}
        what = {"model": draw.model, "prompt": draw.asked_prompt or draw.prompt}
        if delivered:
            return "generation.completed", {**who, **what, "images": self._images(job), "cost": _cost(job)}
        return "generation.failed", {**who, **what, "error": _error(job)}

    def _images(self, job: JobRecord) -> list[Mapping[str, str]]:
        pictures = [picture for task in job.tasks if task.result for picture in task.result.pictures]
        if not self._link_key:
            return [{"id": picture.image_id} for picture in pictures]
        return [{"id": picture.image_id, "url": self._url(job, picture)} for picture in pictures]

    def _url(self, job: JobRecord, picture: pb.Picture) -> str:
        assert job.finished_at is not None, "events are of ended jobs"
        expires_at = int(job.finished_at.timestamp()) + _LINK_SECONDS
        return links.sign(
            links.Link(picture.image_id, picture.format, expires_at), base_url=self._files_url, key=self._link_key
        )


def _cost(job: JobRecord) -> Mapping[str, float]:
    """Whole credits are written whole, as the document writes them."""
    whole, rest = divmod(job.charge_micros, _CREDIT_MICROS)
    return {"credits": job.charge_micros / _CREDIT_MICROS if rest else whole, "usd": job.charge_micros / 1_000_000}


def _error(job: JobRecord) -> Mapping[str, str]:
    fault = job.fault or reasons.Fault()
    return {"code": _CODES.get(fault.reason, "GENERATION_FAILED"), "message": fault.message}
