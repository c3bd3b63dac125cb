"""What the BIG API answers is what the edge's own description says of it."""

import datetime
from typing import Any

import pytest

from gesso.billing.v1 import billing_pb2
from gesso.errors.v1 import reason_pb2 as pb
from gesso.generator.v1 import generator_pb2
from servicekit.faults import Fault, InsufficientFunds, to_proto
from servicekit.sealing import public_key_of
from servicekit.timestamps import to_timestamp

from .bigapi_client import CREATE, TWO, Client, Submitted
from .test_self_description import KEY, Document

NOW = datetime.datetime(2025, 1, 15, 12, tzinfo=datetime.UTC)
JOB, KEYS = "/v1/jobs/{id}", "/v1/api-keys"


@pytest.fixture
def client(edge: Any, keep: Any) -> Client:
    made = Client(edge, keep)
    made.generator.scripts |= {
        "GetSealingKey": lambda _: generator_pb2.SealingKey(public_key=public_key_of(b"\x07" * 32)),
        "ListJobs": lambda _: generator_pb2.ListJobsResponse(jobs=made.generator.jobs.values()),
        "GetUsage": lambda _: generator_pb2.GetUsageResponse(),
        "CancelJob": lambda request: made.generator.jobs[request.job_id],
    }
    key = billing_pb2.ApiKey(
        id="key_1", number=1, name="a", created_at=to_timestamp(NOW), secret="big_live_x", replayed=True
    )
    edge.billing.scripts |= {
        "GetBalance": lambda _: billing_pb2.Balance(available_micros=52_500),
        "GetCalls": lambda _: billing_pb2.GetCallsResponse(),
        "ListApiKeys": lambda _: billing_pb2.ListApiKeysResponse(api_keys=[key]),
        "CreateApiKey": lambda _: key,
        "RotateApiKey": lambda _: key,
        "RevokeApiKey": lambda _: key,
    }
    return made


@pytest.fixture
async def document(edge: Any) -> Document:
    async with edge.session.get(edge.url + "/openapi.json") as response:
        return Document(edge, await response.json())


async def test_documented_purchases_get_documented_answers(client: Client, document: Document) -> None:
    client.end(None, Fault(pb.REASON_UPSTREAM_REFUSED, "The upstream refused it."))
    content = document.content["paths"][CREATE]["post"]["requestBody"]["content"]["application/json"]
    for example in content["examples"].values():
        assert (await document.check("POST", CREATE, CREATE, json=example["value"])).status == 200
    client.acknowledge()
    accepted = await document.check("POST", CREATE, CREATE, json={**TWO, "async": True})
    path = accepted.headers["Location"]
    statuses = [(await document.check(method, path, JOB)).status for method in ("GET", "DELETE")]
    assert (accepted.status, statuses) == (202, [200, 200])
    client.generator.answer = lambda _: Submitted(quote=generator_pb2.Quote(amount_micros=52_500))
    priced = await document.check("POST", CREATE, CREATE, json=TWO, params={"dry_run": "true"})
    assert (priced.status, (await priced.json())["cost"]) == (200, 10.5)


async def test_documented_readings_get_documented_answers(client: Client, document: Document) -> None:
    client.end()
    await document.check("POST", CREATE, CREATE, json=TWO)
    for path in ("/v1/jobs", "/v1/dashboard/stats", "/v1/dashboard/usage", KEYS):
        assert (await document.check("GET", path, path)).status == 200


async def test_documented_changes_get_documented_answers(client: Client, document: Document) -> None:
    made = await document.check("POST", KEYS, KEYS, json={"name": "a"}, headers={**KEY, "Idempotency-Key": "one"})
    rotated = await document.check("POST", f"{KEYS}/key_001/rotate", f"{KEYS}/{{id}}/rotate", json={})
    revoked = await document.check("DELETE", f"{KEYS}/key_001", f"{KEYS}/{{id}}")
    missing = await document.check("DELETE", f"{KEYS}/key_002", f"{KEYS}/{{id}}")
    assert [one.status for one in (made, rotated, revoked, missing)] == [201, 200, 200, 404]


async def test_documented_errors_are_answered(client: Client, document: Document) -> None:
    client.generator.answer = lambda _: Submitted(
        fault=to_proto(InsufficientFunds(required_micros=50_000, available_micros=2_500))
    )
    poor = await document.check("POST", CREATE, CREATE, json=TWO)
    wrong = await document.check("POST", CREATE, CREATE, json={})
    unknown = await document.check("POST", CREATE, CREATE, json=TWO, headers={"Authorization": "Bearer nobody"})
    period = await document.check("GET", "/v1/dashboard/usage", "/v1/dashboard/usage", params={"period": "1y"})
    assert [one.status for one in (poor, wrong, unknown, period)] == [402, 400, 401, 400]
