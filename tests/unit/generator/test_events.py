"""The event of an ended job reads as the document of its receiver says."""

import json
from dataclasses import replace
from typing import Any

from generator.events import Events
from generator.records import JobRecord
from gesso.errors.v1 import reason_pb2 as reasons
from gesso.generator.v1 import generator_pb2 as pb
from gesso.webhooks.v1.webhooks_pb2 import Event
from servicekit import links

from .jobs import NOW, job, task

KEY = bytes(32)


def ended(record: JobRecord, state: pb.Job.State.ValueType, charge_micros: int = 0) -> JobRecord:
    record.purchase.webhook_url = "https://example.test/hook"
    return replace(record, state=state, charge_micros=charge_micros, finished_at=NOW)


def event_of(record: JobRecord) -> tuple[Event, Any]:
    event = Event.FromString(Events("https://files.test", KEY).event(record))
    return event, json.loads(event.data_json)


def test_a_delivered_generation_lists_its_pictures_by_links_that_the_files_port_accepts() -> None:
    kept = task(pb.Task.STATE_KEPT, delivered=1)
    assert kept.result is not None
    kept.result.pictures[0].format = "png"
    event, data = event_of(ended(job([kept]), pb.Job.STATE_SUCCEEDED, charge_micros=20_000))
    assert (event.type, event.direct_url) == ("generation.completed", "https://example.test/hook")
    assert data["generation_id"] == "gen_01j00000000000000000000000"
    assert data["user_id"] == "user_01j00000000000000000000000"
    assert data["cost"] == {"credits": 1, "usd": 0.02}
    assert isinstance(data["cost"]["credits"], int)
    url = data["images"][0]["url"].removeprefix("https://files.test")
    link = links.verify(url, key=KEY, now_seconds=NOW.timestamp())
    assert link is not None
    assert link.image_id == "img_0"


def test_a_failed_generation_says_why() -> None:
    failed = replace(
        job([task(pb.Task.STATE_FAILED)]), fault=reasons.Fault(reason=reasons.REASON_TIMEOUT, message="late")
    )
    event, data = event_of(ended(failed, pb.Job.STATE_FAILED))
    assert event.type == "generation.failed"
    assert data["error"] == {"code": "TIMEOUT", "message": "late"}
    assert "images" not in data


def test_the_prompt_is_told_as_it_was_sent_though_the_dialect_added_to_it() -> None:
    record = job([task(pb.Task.STATE_FAILED)])
    draw = record.purchase.draws[0]
    draw.asked_prompt, draw.prompt = "a fox", "a fox, at dusk"
    _, data = event_of(ended(record, pb.Job.STATE_FAILED))
    assert data["prompt"] == "a fox"


def test_processing_has_events_and_ids_of_its_own() -> None:
    record = job([task(pb.Task.STATE_KEPT)], operation=pb.OPERATION_UPSCALE)
    event, data = event_of(ended(record, pb.Job.STATE_SUCCEEDED))
    assert event.type == "process.completed"
    assert (data["process_id"], data["operation"]) == ("upscale_01j00000000000000000000000", "upscale")


def test_the_same_job_has_one_event_id_however_often_it_is_worded() -> None:
    record = ended(job([task(pb.Task.STATE_FAILED)]), pb.Job.STATE_FAILED)
    assert event_of(record)[0].id == event_of(record)[0].id


def test_nobody_is_told_of_a_cancelled_job_or_without_an_address() -> None:
    events = Events("https://files.test", KEY)
    assert events.event(ended(job([task(pb.Task.STATE_CANCELLED)]), pb.Job.STATE_CANCELLED)) == b""
    assert events.event(replace(job([task(pb.Task.STATE_FAILED)]), finished_at=NOW)) == b""
