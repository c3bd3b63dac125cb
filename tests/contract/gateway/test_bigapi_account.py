"""The BIG API's dashboard and api keys on the wire, key by key."""

import datetime
from typing import Any

import pytest

from gesso.billing.v1 import billing_pb2
from gesso.errors.v1 import reason_pb2 as pb
from gesso.generator.v1 import generator_pb2
from gesso.generator.v1.generator_pb2 import Job, Task
from servicekit.faults import Conflict, Fault, InvalidField
from servicekit.timestamps import to_timestamp

KEYS = "/v1/api-keys"
STARTED = datetime.datetime(2025, 1, 15, 23, 59, tzinfo=datetime.UTC)


def _sums(**figures: int) -> generator_pb2.Sums:
    return generator_pb2.Sums(**figures)


def _model(name: str, tasks: int, charge_micros: int) -> generator_pb2.GetUsageResponse.ModelSums:
    sums = _sums(tasks=tasks, charge_micros=charge_micros)
    return generator_pb2.GetUsageResponse.ModelSums(model=name, sums=sums)


def _job(name: str, count: int, state: Job.State.ValueType = Job.STATE_SUCCEEDED) -> Job:
    job = Job(id=f"job_{name}", state=state)
    for index in range(count):
        task = job.tasks.add(index=index, state=Task.STATE_KEPT, charge_micros=50_000)
        task.draw.prompt, task.draw.model = f"picture {index}", "dalle"
    job.created_at.CopyFrom(to_timestamp(STARTED))
    return job


class Account:
    """What billing and the generator tell of the caller's account; `asked` are the requests for its usage and calls."""

    def __init__(self, edge: Any) -> None:
        self.edge = edge
        self.hours: list[billing_pb2.GetCallsResponse.Hour] = []
        self.usage = generator_pb2.GetUsageResponse()
        self.jobs: list[Job] = []
        self.asked: list[Any] = []
        edge.billing.scripts["GetBalance"] = lambda _: billing_pb2.Balance(available_micros=49_952_500)
        edge.billing.scripts["GetCalls"] = self._calls
        edge.generator.scripts["GetUsage"] = self._usage
        edge.generator.scripts["ListJobs"] = lambda _: generator_pb2.ListJobsResponse(jobs=self.jobs)

    def _calls(self, request: Any) -> Any:
        self.asked.append(request)
        return billing_pb2.GetCallsResponse(hours=self.hours)

    def _usage(self, request: Any) -> Any:
        self.asked.append(request)
        return self.usage

    async def get(self, path: str) -> Any:
        async with self.edge.get(path) as answer:
            return answer.status, await answer.json()


@pytest.fixture
def account(edge: Any) -> Account:
    return Account(edge)


async def test_statistics_are_answered_key_by_key(account: Account) -> None:
    account.hours = [
        billing_pb2.GetCallsResponse.Hour(start=to_timestamp(STARTED), calls=40),
        billing_pb2.GetCallsResponse.Hour(start=to_timestamp(STARTED), calls=5),
    ]
    account.usage.total.CopyFrom(
        _sums(tasks=200, succeeded_tasks=197, failed_tasks=3, images=197, charge_micros=2_250_000)
    )
    account.usage.models.extend([_model("dalle", 20, 1_000_000), _model("imagen-4", 15, 675_000)])
    account.jobs = [_job("b", 15), _job("a", 10), _job("0", 9, Job.STATE_REFUSED)]
    status, body = await account.get("/v1/dashboard/stats")
    recent = body.pop("recent_activity")
    assert status == 200
    assert body == {
        "credits_remaining": 9990.5,
        "total_api_calls": 45,
        "total_images_generated": 197,
        "total_credits_used": 450,
        "success_rate": 98.5,
        "provider_usage": {"dalle": 20, "imagen-4": 15},
    }
    assert list(body["provider_usage"]) == ["dalle", "imagen-4"]
    assert len(recent) == 20
    last = [f"job_b/{index}" for index in range(15)] + [f"job_a/{index}" for index in range(5, 10)]
    assert [activity["task_id"] for activity in recent] == last
    assert recent[0] == {
        "task_id": "job_b/0",
        "provider": "dalle",
        "prompt": "picture 0",
        "status": "Success",
        "credits": 10,
        "created_at": "2025-01-15T23:59:00Z",
    }
    assert list(recent[0]) == ["task_id", "provider", "prompt", "status", "credits", "created_at"]
    assert {request.dialect for request in account.asked} == {"bigapi"}


async def test_a_new_account_has_statistics_too(account: Account) -> None:
    status, body = await account.get("/v1/dashboard/stats")
    assert (status, body["success_rate"], body["provider_usage"], body["recent_activity"]) == (200, 0.0, {}, [])


@pytest.mark.parametrize(
    ("query", "period", "rows"),
    [
        ("", "7d", 7),
        ("?period=24h", "24h", 24),
        ("?period=7d", "7d", 7),
        ("?period=30d", "30d", 30),
        ("?period=90d", "90d", 90),
    ],
)
async def test_usage_is_answered_key_by_key(account: Account, query: str, period: str, rows: int) -> None:
    now = datetime.datetime.now(datetime.UTC).replace(minute=0, second=0, microsecond=0)
    account.hours = [billing_pb2.GetCallsResponse.Hour(start=to_timestamp(now), calls=10)]
    account.usage.total.charge_micros = 2_250_000
    account.usage.models.append(_model("dalle", 20, 1_000_000))
    status, body = await account.get(f"/v1/dashboard/usage{query}")
    assert (status, list(body)) == (200, ["period", "total_calls", "total_credits", "daily_usage", "provider_usage"])
    assert (body["period"], body["total_calls"], body["total_credits"]) == (period, 10, 450)
    assert body["provider_usage"] == [{"provider": "dalle", "calls": 20, "credits": 200}]
    assert len(body["daily_usage"]) == rows
    written = now.strftime("%Y-%m-%dT%H:00:00Z" if period == "24h" else "%Y-%m-%d")
    assert body["daily_usage"][-1] == {"date": written, "calls": 10, "credits": 0}
    for request in account.asked:
        started = request.since.ToDatetime(tzinfo=datetime.UTC)
        assert body["daily_usage"][0]["date"] == started.strftime(
            "%Y-%m-%dT%H:00:00Z" if period == "24h" else "%Y-%m-%d"
        )


async def test_an_unknown_period_is_named(account: Account) -> None:
    status, body = await account.get("/v1/dashboard/usage?period=1y")
    assert (status, body["code"]) == (400, "INVALID_REQUEST")
    assert "`period` must be one of `24h`, `7d`, `30d`, `90d`" in body["message"]


def _key(number: int, **fields: Any) -> billing_pb2.ApiKey:
    return billing_pb2.ApiKey(
        id=f"key_01JZX4T7Q2M5V8N3B6C9D0E1F{number}",
        number=number,
        name="Production Key",
        masked="big_live_abc...xyz",
        created_at=to_timestamp(STARTED),
        **fields,
    )


class Keys:
    """A client of the keys, before a billing that has three of them."""

    def __init__(self, edge: Any) -> None:
        self.edge = edge
        used = datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=2, minutes=5)
        self.keys = [
            _key(1, request_count=1234, last_used_at=to_timestamp(used)),
            _key(2, revoked_at=to_timestamp(STARTED)),
            _key(3),
        ]
        self.asked: list[Any] = []
        scripts = edge.billing.scripts
        scripts["ListApiKeys"] = lambda _: billing_pb2.ListApiKeysResponse(api_keys=self.keys)
        for name in ("CreateApiKey", "RotateApiKey"):
            scripts[name] = self._make
        scripts["RevokeApiKey"] = self._revoke

    def _make(self, request: Any) -> billing_pb2.ApiKey:
        replayed = any(one.request_id == request.request_id for one in self.asked)
        self.asked.append(request)
        return _key(4, secret="big_live_secret", replayed=replayed)

    def _revoke(self, request: Any) -> billing_pb2.ApiKey:
        self.asked.append(request)
        return _key(4)

    async def send(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        headers = {"Authorization": f"Bearer {self.edge.key}", **headers}
        async with self.edge.session.request(method, self.edge.url + path, json=body, headers=headers) as answer:
            return answer.status, await answer.json(), answer.headers


@pytest.fixture
def keys(edge: Any) -> Keys:
    return Keys(edge)


async def test_keys_are_listed_masked(keys: Keys) -> None:
    status, body, _ = await keys.send("GET", KEYS)
    assert status == 200
    assert body == {
        "api_keys": [
            {
                "id": "key_001",
                "name": "Production Key",
                "key": "big_live_abc...xyz",
                "created_at": "2025-01-15",
                "last_used": "2 hours ago",
                "requests_count": 1234,
            },
            {
                "id": "key_003",
                "name": "Production Key",
                "key": "big_live_abc...xyz",
                "created_at": "2025-01-15",
                "last_used": "never",
                "requests_count": 0,
            },
        ]
    }
    assert list(body["api_keys"][0]) == ["id", "name", "key", "created_at", "last_used", "requests_count"]


async def test_a_key_is_created_with_its_secret(keys: Keys) -> None:
    status, body, headers = await keys.send("POST", KEYS, {"name": "Production Key"})
    assert (status, list(body)) == (201, ["id", "name", "key", "created_at"])
    assert body == {
        "id": "key_004",
        "name": "Production Key",
        "key": "big_live_secret",
        "created_at": "2025-01-15",
    }
    (request,) = keys.asked
    assert (request.name, request.prefix, request.account_id) == ("Production Key", "big_live_", "acct_1")
    assert "Idempotent-Replayed" not in headers


async def test_a_repeated_creation_is_the_same(keys: Keys) -> None:
    answers = [await keys.send("POST", KEYS, {"name": "a"}, **{"Idempotency-Key": "order-1"}) for _ in range(2)]
    first, second = keys.asked
    assert first.request_id == second.request_id
    assert [answer[2].get("Idempotent-Replayed") for answer in answers] == [None, "true"]


@pytest.mark.parametrize("body", [{}, {"name": None}, {"name": ""}, {"name": "  "}, {"name": "x" * 101}, {"name": 7}])
async def test_a_key_needs_a_name(keys: Keys, body: Any) -> None:
    status, answered, _ = await keys.send("POST", KEYS, body)
    assert (status, answered["code"], "`name`" in answered["message"]) == (400, "INVALID_REQUEST", True)
    assert keys.asked == []


@pytest.mark.parametrize(
    ("name", "body", "overlap"),
    [
        ("key_003", {"overlap_seconds": 60}, 60),
        ("key_003", {"overlap_seconds": 0}, 0),
        ("key_003", {}, 86_400),
        ("key_003", None, 86_400),
        ("key_003", {"overlap_seconds": None}, 86_400),
        ("key_01JZX4T7Q2M5V8N3B6C9D0E1F3", {}, 86_400),
    ],
)
async def test_a_key_is_rotated_with_an_overlap(keys: Keys, name: str, body: Any, overlap: int) -> None:
    status, answered, _ = await keys.send("POST", f"{KEYS}/{name}/rotate", body)
    assert (status, list(answered), answered["key"]) == (200, ["id", "name", "key", "created_at"], "big_live_secret")
    (request,) = keys.asked
    assert (request.api_key_id, request.overlap_seconds) == (keys.keys[2].id, overlap)


@pytest.mark.parametrize("overlap", [-1, 604_801, "day", 1.5])
async def test_a_wrong_overlap_is_named(keys: Keys, overlap: Any) -> None:
    status, body, _ = await keys.send("POST", f"{KEYS}/key_003/rotate", {"overlap_seconds": overlap})
    assert (status, "`overlap_seconds`" in body["message"]) == (400, True)


async def test_a_revoked_key_is_not_rotated(keys: Keys) -> None:
    def refuse(_: Any) -> Any:
        raise Conflict("api_key", "key_2", "revoked", "The key was revoked.")

    keys.edge.billing.scripts["RotateApiKey"] = refuse
    status, body, _ = await keys.send("POST", f"{KEYS}/key_002/rotate")
    assert (status, body["code"]) == (409, "CONFLICT")


@pytest.mark.parametrize("name", ["key_001", "key_01JZX4T7Q2M5V8N3B6C9D0E1F1"])
async def test_a_key_is_revoked(keys: Keys, name: str) -> None:
    status, body, _ = await keys.send("DELETE", f"{KEYS}/{name}")
    assert (status, body) == (200, {"message": "API key key_001 was revoked."})
    assert keys.asked[0].api_key_id == keys.keys[0].id


async def test_a_key_that_is_in_use_ends_with_the_request_that_revokes_it(keys: Keys) -> None:
    known = keys.edge.billing.keys
    known.add("big_live_in_use")
    in_use = {"Authorization": "Bearer big_live_in_use"}
    assert (await keys.send("GET", KEYS, **in_use))[0] == 200
    keys.edge.billing.scripts["RevokeApiKey"] = lambda _: known.remove("big_live_in_use") or _key(1)
    assert (await keys.send("DELETE", f"{KEYS}/key_001"))[0] == 200
    assert (await keys.send("GET", KEYS, **in_use))[0] == 401


@pytest.mark.parametrize("name", ["key_009", "key_1", "1", "nonsense", "key_01JZX4T7Q2M5V8N3B6C9D0E1F9"])
@pytest.mark.parametrize(("method", "suffix"), [("DELETE", ""), ("POST", "/rotate")])
async def test_a_key_that_is_not_there_is_404(keys: Keys, name: str, method: str, suffix: str) -> None:
    status, body, _ = await keys.send(method, f"{KEYS}/{name}{suffix}")
    assert (status, body["code"]) == (404, "NOT_FOUND")
    assert keys.asked == []


@pytest.mark.parametrize("path", ["/v1/jobs", "/v1/dashboard/stats", "/v1/dashboard/usage", KEYS])
async def test_readings_need_a_key_too(edge: Any, path: str) -> None:
    async with edge.session.get(edge.url + path) as answer:
        assert (answer.status, (await answer.json())["code"]) == (401, "MISSING_API_KEY")


async def test_what_billing_finds_wrong_is_told(keys: Keys) -> None:
    def refuse(_: Any) -> Any:
        raise InvalidField("name", "`name` is taken.")

    keys.edge.billing.scripts["CreateApiKey"] = refuse
    status, body, _ = await keys.send("POST", KEYS, {"name": "a"})
    assert (status, body["message"]) == (400, "`name` is taken.")


async def test_the_dashboard_is_down_with_what_it_reads(account: Account) -> None:
    def away(_: Any) -> Any:
        raise Fault(pb.REASON_UNAVAILABLE, "The billing cannot be reached at the moment.", retry_after_seconds=1)

    account.edge.billing.scripts["GetBalance"] = away
    status, body = await account.get("/v1/dashboard/stats")
    assert (status, body["code"]) == (503, "SERVICE_UNAVAILABLE")
