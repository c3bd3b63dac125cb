"""Every fault that the platform can give has its status, code and words in every dialect, by the table beside this file."""

import asyncio
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from gesso.billing.v1.billing_pb2 import Subscription
from gesso.errors.v1 import reason_pb2 as pb
from gesso.errors.v1.reason_pb2 import Reason
from gesso.generator.v1.generator_pb2 import SubmitJobsResponse
from servicekit.faults import Fault, InsufficientFunds, to_proto
from servicekit.ids import new_id
from testkit.speakers import PRODUCTAI, SPEAKERS, Speaker

Row = tuple[int, str, str]
"""Status, code, and type, which is empty where a dialect's errors have none."""

TABLE: Mapping[str, Mapping[str, Row]] = {
    dialect: {reason: (row[0], row[1], row[2] if len(row) > 2 else "") for reason, row in rows.items()}
    for dialect, rows in tomllib.loads(Path(__file__).with_name("reasons_by_dialect.toml").read_text()).items()
}
REASONS = [name.removeprefix("REASON_") for name in Reason.keys() if name != "REASON_UNSPECIFIED"]  # noqa: SIM118
WITH_A_TYPE = {"imagegen", "opscenter", "openai"}
OF_CALLERS = (
    "CREDENTIAL_INVALID",
    "KEY_REVOKED",
    "ACCOUNT_SUSPENDED",
    "ACCOUNT_CLOSED",
)
OF_JOBS = (
    "CONTENT_REFUSED",
    "MODEL_UNAVAILABLE",
    "UNAVAILABLE",
    "TIMEOUT",
    "INTERNAL",
    "UPSTREAM_REFUSED",
    "UPSTREAM_FAILED",
    "UPSTREAM_BAD_IMAGE",
    "UPSTREAM_RATE_LIMITED",
    "UPSTREAM_DENIED",
    "UPSTREAM_INVALID",
    "OUTCOME_UNKNOWN",
    "SECRET_LOST",
)
"""With which a job can end."""
TELL_OF_TASKS = {"bigapi", "productai"}
"""Where a job that failed is no error of the call."""

every_dialect = pytest.mark.parametrize("speaker", SPEAKERS, ids=lambda speaker: str(speaker.name))


class Client:
    """A caller with an active subscription, who speaks one dialect."""

    def __init__(self, edge: Any, speaker: Speaker) -> None:
        self.edge = edge
        self.speaker = speaker
        edge.billing.caller.subscription.CopyFrom(Subscription(plan="pro", active=True))

    async def ask(
        self, method: str, path: str, json: Any = None, api_key: str = "", headers: Mapping[str, str] | None = None
    ) -> tuple[int, Any, Mapping[str, str]]:
        """Status, JSON and headers of an answer."""
        sent = {**self.speaker.credential(api_key or self.edge.key), **(headers or {})}
        async with self.edge.session.request(method, self.edge.url + path, json=json, headers=sent) as answer:
            return answer.status, await answer.json(), answer.headers

    async def buy(self, api_key: str = "") -> tuple[int, Any, Mapping[str, str]]:
        """The answer to a purchase."""
        return await self.ask("POST", self.speaker.purchase_path, self.speaker.body("A red fox"), api_key)

    def refuse(self, fault: Fault) -> None:
        """Have the generator refuse purchases."""
        self.edge.generator.answer = lambda _: SubmitJobsResponse.SubmitJobResult(fault=to_proto(fault))

    def row(self, status: int, body: Any) -> Row:
        """An error as the table has it."""
        said = self.speaker.said(body)
        assert said.message, body
        return status, said.code, said.type


def fault(reason: str, **details: str) -> Fault:
    """A fault for this reason, which says so."""
    return Fault(Reason.Value(f"REASON_{reason}"), f"Because of {reason}.", details=details)


def rows(dialect: str, reasons: Iterable[str] = REASONS) -> dict[str, Row]:
    """What the table has of these."""
    return {reason: TABLE[dialect][reason] for reason in reasons}


def test_the_table_is_complete() -> None:
    assert list(TABLE) == [speaker.name for speaker in SPEAKERS]
    for dialect, written in TABLE.items():
        assert sorted(written) == sorted(REASONS), dialect
        assert all(bool(row[2]) == (dialect in WITH_A_TYPE) for row in written.values()), dialect


@every_dialect
async def test_a_purchase_that_is_refused_is_told_why(edge: Any, speaker: Speaker) -> None:
    client, told = Client(edge, speaker), {}
    for reason in REASONS:
        client.refuse(fault(reason))
        status, body, headers = await client.buy()
        told[reason] = client.row(status, body)
        assert ("WWW-Authenticate" in headers, "Allow" in headers) == (status == 401, status == 405), reason
        assert "X-Should-Retry" not in headers, f"{reason}: nothing was bought"
        assert "Retry-After" not in headers, reason
        assert "X-Request-ID" in headers
    assert told == rows(speaker.name)


@every_dialect
async def test_what_time_mends_says_when(edge: Any, speaker: Speaker) -> None:
    client = Client(edge, speaker)
    for seconds, header in ((0.0, "1"), (0.2, "1"), (1.2, "2"), (30.0, "30")):
        refusal = Fault(pb.REASON_MAINTENANCE, "Paused.", retry_after_seconds=seconds)
        client.refuse(refusal)
        status, _, headers = await client.buy()
        assert (status, headers["Retry-After"]) == (503, header)


@every_dialect
async def test_what_a_read_meets_is_told_why(edge: Any, speaker: Speaker) -> None:
    client, told = Client(edge, speaker), {}
    path = speaker.polling(new_id("job"))
    for reason in REASONS:
        edge.generator.reading_fault = fault(reason)
        status, body, headers = await client.ask("GET", path)
        told[reason] = client.row(status, body)
        assert "X-Should-Retry" not in headers, f"{reason}: nothing was bought"
    assert told == rows(speaker.name)


@every_dialect
async def test_who_may_not_call_is_told_why(edge: Any, speaker: Speaker) -> None:
    client, told = Client(edge, speaker), {}
    for reason in OF_CALLERS:
        edge.billing.refusal = fault(reason)
        status, body, headers = await client.buy(api_key=f"a-key-of-{reason}")
        told[reason] = client.row(status, body)
        assert headers.get("WWW-Authenticate", "").startswith("Bearer") == (status == 401)
    assert told == rows(speaker.name, OF_CALLERS)


@every_dialect
async def test_a_job_that_delivered_nothing_says_why_to_its_caller_and_whoever_asks_again(
    edge: Any, speaker: Speaker
) -> None:
    client, called, polled = Client(edge, speaker), {}, {}
    for reason in OF_JOBS:
        edge.generator.answer = edge.generator.failing(fault(reason))
        status, body, headers = await client.buy()
        called[reason] = _failure(client, status, body)
        polls = await client.ask("GET", speaker.polling(headers["X-Gesso-Job-Id"]))
        polled[reason] = _failure(client, *polls[:2])
        for answer in ((status, headers), (polls[0], polls[2])):
            assert answer[1].get("X-Should-Retry") == ("false" if answer[0] >= 500 else None), reason
        assert polls[2]["X-Gesso-Cost-Usd"] == "0", reason
    if speaker.name in TELL_OF_TASKS:
        expected: dict[str, Any] = {reason: f"Because of {reason}." for reason in OF_JOBS}
        assert (called, polled) == (called if speaker is PRODUCTAI else expected, expected)
        return
    assert called == rows(speaker.name, OF_JOBS)
    shown_as_read = {reason: (200, *row[1:]) for reason, row in called.items()}
    assert polled == (shown_as_read if speaker.name == "imagegen" else called)


def _failure(client: Client, status: int, body: Any) -> Any:
    """What is said of a failed job: an error's row, or the words beside a job or task."""
    if client.speaker.name not in TELL_OF_TASKS:
        return client.row(status, body)
    assert status == 200
    if client.speaker is PRODUCTAI:
        return body["data"].get("error", body["data"]["status"])
    (result,) = body["results"]
    assert (body["message"], body["credits_used"], result["status"]) == ("Job failed", 0, "Failed")
    return result["error"]


@every_dialect
async def test_what_never_gets_to_a_service_is_told_why(start_edge: Any, speaker: Speaker) -> None:
    async with start_edge(GESSO_BODY_LIMIT_BYTES="100000") as edge:
        client, told = Client(edge, speaker), {}
        path, body = speaker.purchase_path, speaker.body("A red fox")
        bare = {speaker.key_header: ""}
        asked = {
            "CREDENTIAL_MISSING": client.ask("POST", path, body, headers=bare),
            "UNKNOWN_PATH": client.ask("GET", f"{path}/there/is/nothing"),
            "METHOD_NOT_ALLOWED": client.ask("PUT", path, body),
            "UNSUPPORTED_MEDIA_TYPE": client.ask("POST", path, body, headers={"Content-Type": "text/plain"}),
            "PAYLOAD_TOO_LARGE": client.ask("POST", path, {"prompt": "x" * 100_000}),
            "INVALID_FIELD": client.ask("POST", path, []),
        }
        for reason, answer in asked.items():
            status, answered, headers = await answer
            told[reason] = client.row(status, answered)
            assert headers.get("Allow") == ("POST" if status == 405 else None)
            assert ("WWW-Authenticate" in headers) == (status == 401)
        assert told == rows(speaker.name, asked)
        assert edge.generator.submissions == []


@every_dialect
async def test_a_used_up_limit_says_when_to_come_back(edge: Any, speaker: Speaker) -> None:
    client = Client(edge, speaker)
    edge.billing.caller.limited_dialects.append(speaker.name)
    edge.billing.limit = Fault(pb.REASON_RATE_LIMITED, "That was enough.", retry_after_seconds=29.5)
    status, body, headers = await client.buy()
    assert client.row(status, body) == TABLE[speaker.name]["RATE_LIMITED"]
    assert headers["Retry-After"] in ("29", "30")


@every_dialect
async def test_a_job_that_is_not_there_is_not_found(edge: Any, speaker: Speaker) -> None:
    client = Client(edge, speaker)
    expected = (404, "JOB_NOT_FOUND", "") if speaker is PRODUCTAI else TABLE[speaker.name]["NOT_FOUND"]
    for name in (new_id("job"), new_id("img"), "nonsense", "%00", "job_", "-1", "9" * 30):
        status, body, _ = await client.ask("GET", speaker.polling(name))
        assert client.row(status, body) == expected, name


@every_dialect
async def test_a_generator_that_is_away_is_told_and_nothing_may_be_repeated_blindly(
    edge: Any, speaker: Speaker
) -> None:
    client = Client(edge, speaker)
    edge.generator.hangs_up = True
    status, body, headers = await client.buy()
    assert client.row(status, body) == TABLE[speaker.name]["UNAVAILABLE"]
    assert headers["X-Should-Retry"] == "false", "the order may have arrived"


FIGURES: Mapping[str, tuple[str, ...]] = {
    "bigapi": ('"credits_needed":50,', '"credits_available":10,'),
    "imagegen": ('"required_credits":12.5', '"available_credits":2.5', '"required_usd":0.25', '"available_usd":0.05'),
    "opscenter": ("Insufficient credits. Balance: 50.0, Estimated cost: 250.0 credits",),
    "pixeldojo": ('"credits_needed":6.25', '"credits_available":1.25'),
    "productai": ("takes 9", "1 are left"),
    "openai": ("0.25 USD", "0.05 USD"),
}
"""What each says of 0.25 USD that are needed and 0.05 that are there."""


@every_dialect
async def test_what_is_missing_is_told_in_the_dialects_own_credits(edge: Any, speaker: Speaker) -> None:
    client = Client(edge, speaker)
    client.refuse(InsufficientFunds(required_micros=250_000, available_micros=50_000))
    sent = speaker.credential(edge.key)
    async with edge.session.post(
        edge.url + speaker.purchase_path, json=speaker.body("A red fox"), headers=sent
    ) as answer:
        text = await answer.text()
        assert answer.status == TABLE[speaker.name]["INSUFFICIENT_FUNDS"][0]
    for figure in FIGURES[speaker.name]:
        assert figure in text
    assert "micros" not in text


FIELDS: Mapping[str, Mapping[str, str]] = {
    "bigapi": {"prompt": "tasks[0].prompt", "model": "tasks[0].provider", "quality": "tasks[0].quality"},
    "imagegen": {
        "prompt": "prompt",
        "model": "model",
        "size": "parameters.width",
        "n": "parameters.num_outputs",
        "seed": "parameters.seed",
    },
    "opscenter": {"prompt": "prompt", "model": "model", "size": "size", "n": "n", "quality": "quality"},
    "pixeldojo": {"prompt": "prompt", "model": "model", "aspect_ratio": "aspect_ratio", "n": "num_outputs"},
    "productai": {
        "prompt": "prompt",
        "model": "model",
        "aspect_ratio": "aspect_ratio",
        "resolution": "resolution",
        "input_image_ids": "image_url",
    },
    "openai": {
        "prompt": "prompt",
        "model": "model",
        "size": "size",
        "width": "size",
        "n": "n",
        "output_quality": "output_compression",
        "input_image_ids": "image",
    },
}
"""What the platform may find wrong with a draw, by its own name and by that of each dialect."""


@every_dialect
async def test_a_wrong_field_is_named_as_the_dialect_calls_it(edge: Any, speaker: Speaker) -> None:
    client = Client(edge, speaker)
    for field, name in FIELDS[speaker.name].items():
        client.refuse(
            Fault(pb.REASON_INVALID_FIELD, "That will not do.", details={"field": field} | _draw(speaker.nested_in))
        )
        status, body, _ = await client.buy()
        said = speaker.said(body)
        assert status == 400
        assert said.field == name or f"`{name}`" in said.message, (field, body)


def _draw(nested_in: str) -> dict[str, str]:
    return {"draw": "0"} if nested_in else {}


@every_dialect
async def test_the_page_of_each_code_is_there(edge: Any, speaker: Speaker) -> None:
    codes = {row[1] for row in TABLE[speaker.name].values()}
    pages = await asyncio.gather(*(edge.session.get(f"{edge.url}/docs/errors/{code}") for code in sorted(codes)))
    assert {page.status for page in pages} == {200}
    for page in pages:
        page.close()
