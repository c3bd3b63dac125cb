"""The edge's small pure rules: paths, manners, addresses, links, money, memory and headers."""

from contextlib import ExitStack
from typing import Any

import pytest
from multidict import CIMultiDict

from gateway.addresses import expiry
from gateway.asked import Manner, manner
from gateway.clients.memory import Memory
from gateway.dialects import DIALECTS, Settings
from gateway.jobs import failure, headers, retirement
from gateway.middleware.address import client_address
from gateway.middleware.request_id import request_id, traceparent
from gateway.money import usd, usd_text
from gateway.routing import Routes
from gateway.sending import BlockSizes
from gateway.wire import PICTURE_HERE, Ask, Base64Of, bearer, json_reply, target_parts
from gesso.errors.v1 import reason_pb2 as pb
from gesso.generator.v1.generator_pb2 import Job, Task
from servicekit.addresses import parse_networks
from servicekit.faults import Fault, InvalidField
from servicekit.settings import load

ROUTES = Routes([make(load(Settings, {})) for make in DIALECTS])


def test_whole_segments_are_matched_and_named_ones_decoded() -> None:
    assert ROUTES.find("POST", "/v1/images/generations").route.name == "generations"
    found = ROUTES.find("GET", "/v1/models/vendor%2Fmodel")
    assert (found.route.name, found.params) == ("model", {"id": "vendor/model"})
    assert ROUTES.find("HEAD", "/v1/models").route.name == "models"


@pytest.mark.parametrize("sent", ["a%00", "a%FF"])
def test_what_no_name_can_hold_is_replaced(sent: str) -> None:
    (name,) = ROUTES.find("GET", f"/v1/models/{sent}").params.values()
    assert name == "a\ufffd"


@pytest.mark.parametrize("path", ["/v1/image", "/v1/models/", "/v1/models/a/b", "//v1/models", "/v1//models", ""])
def test_nothing_else_is_matched(path: str) -> None:
    with pytest.raises(Fault):
        ROUTES.find("GET", path)
    assert ROUTES.methods(path) == ()


def test_the_dialect_of_a_path_is_that_of_its_longest_prefix() -> None:
    def dialect(name: str, *prefixes: str) -> Any:
        return type("_", (), {"name": name, "prefixes": prefixes, "routes": ()})()

    routes = Routes([dialect("first", "/v1/images"), dialect("keys", "/v1/api-keys"), dialect("product", "/v1/api")])
    asked = ("/v1/api-keys/1", "/v1/api/generate", "/v1/api", "/v1/api-key", "/v1/images", "/")
    assert [routes.dialect(path).name for path in asked] == ["keys", "product", "product", "first", "first", "first"]


def _ask(query: dict[str, str] | None = None, **headers: str) -> Ask:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Ask("POST", "/", {}, query or {}, CIMultiDict(named))


@pytest.mark.parametrize(
    ("ask", "expected"),
    [
        (_ask(), Manner()),
        (_ask(Idempotency_Key="a b~"), Manner(idempotency_key="a b~")),
        (_ask(Prefer="respond-async"), Manner(respond_async=True)),
        (_ask(Prefer="wait=10, Respond-Async;x=1"), Manner(respond_async=True)),
        (_ask(Prefer="return=minimal"), Manner()),
        (_ask({"dry_run": "true"}), Manner(dry_run=True)),
        (_ask({"dry_run": "false"}), Manner()),
        (_ask(x_stainless_retry_count="0"), Manner()),
        (_ask(x_stainless_retry_count="2"), Manner(join_recent=True)),
        (_ask(x_stainless_retry_count="many"), Manner()),
    ],
)
def test_the_manner_of_a_purchase(ask: Ask, expected: Manner) -> None:
    assert manner(ask) == expected


@pytest.mark.parametrize("ask", [_ask({"dry_run": "maybe"}), _ask(Idempotency_Key="")])
def test_a_malformed_manner_is_refused(ask: Ask) -> None:
    with pytest.raises(InvalidField):
        manner(ask)


@pytest.mark.parametrize(
    ("peer", "forwarded", "trusted", "expected"),
    [
        ("203.0.113.9", None, "", "203.0.113.9"),
        ("203.0.113.9", "198.51.100.7", "", "203.0.113.9"),
        ("10.0.0.1", "198.51.100.7", "10.0.0.0/8", "198.51.100.7"),
        ("10.0.0.1", "1.1.1.1, 198.51.100.7, 10.0.0.2", "10.0.0.0/8", "198.51.100.7"),
        ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.0/8", "10.0.0.3"),
        ("10.0.0.1", "nonsense", "10.0.0.0/8", "10.0.0.1"),
        ("10.0.0.1", "", "10.0.0.0/8", "10.0.0.1"),
        ("::1", "2001:db8::7", "::1/128,10.0.0.0/8", "2001:db8::7"),
        ("", "198.51.100.7", "10.0.0.0/8", ""),
    ],
)
def test_only_trusted_proxies_are_believed(peer: str, forwarded: str | None, trusted: str, expected: str) -> None:
    assert client_address(peer, forwarded, parse_networks(trusted)) == expected


def test_links_stay_the_same_for_half_their_lifetime() -> None:
    assert expiry(1_000, 100, 1_000) == expiry(1_000, 100, 1_049.9) == 1_100
    assert expiry(1_000, 100, 1_050) == expiry(1_000, 100, 1_099) == 1_150
    assert expiry(1_000, 100, 990) == 1_100
    for now in range(1_000, 2_000, 7):
        assert now + 50 <= expiry(1_000, 100, now) <= now + 100


@pytest.mark.parametrize(
    ("micros", "text"), [(0, "0"), (1, "0.000001"), (40_000, "0.04"), (10_000_000, "10"), (123_456_789, "123.456789")]
)
def test_micros_are_shown_exactly(micros: int, text: str) -> None:
    assert usd_text(micros) == text
    assert usd(micros) == float(text)


def test_a_memory_forgets_by_time_by_number_and_by_value() -> None:
    now = 0.0
    memory: Memory[str, int] = Memory(lambda: now, max_entries=2)
    memory.put("a", 1, until=5)
    memory.put("b", 2, until=9)
    assert (memory.get("a"), memory.get("c")) == (1, None)
    now = 5.0
    assert (memory.get("a"), memory.get("b")) == (None, 2)
    memory.put("c", 3, until=9)
    memory.put("d", 4, until=9)
    assert (memory.get("b"), memory.get("c"), memory.get("d"), len(memory)) == (None, 3, 4, 2)
    memory.drop_where(lambda value: value > 3)
    assert (memory.get("c"), memory.get("d")) == (3, None)


def test_what_was_not_honoured_is_said_once_in_a_header_that_any_client_can_read() -> None:
    job = Job(state=Job.STATE_SUCCEEDED)
    for warnings in (["openai ignores seed.", "openai ignores\nsteps"], ["openai ignores seed.", "größer"]):
        job.tasks.add(warnings=warnings)
    assert headers(job)["X-Gesso-Warnings"] == "openai ignores seed; openai ignores steps; gr??er"
    job.tasks.add(warnings=["x" * 2_000])
    assert len(headers(job)["X-Gesso-Warnings"]) == 1_000
    assert "X-Gesso-Warnings" not in headers(Job(state=Job.STATE_SUCCEEDED))


def test_retirement_is_said_by_the_standard_headers() -> None:
    assert retirement("", "") == {}
    assert retirement("2025-11-14", "2026-05-12") == {
        "Deprecation": "@1763078400",
        "Sunset": "Tue, 12 May 2026 00:00:00 GMT",
    }


@pytest.mark.parametrize("sent", ["", "a b", "x" * 129, "ünknown", "a\nb"])
def test_an_ill_formed_request_id_is_replaced(sent: str) -> None:
    assert request_id({"X-Request-ID": sent}).startswith("req_")
    assert request_id({"X-Request-ID": "01J-ok.id:1"}) == "01J-ok.id:1"


def test_only_a_well_formed_trace_of_a_trusted_caller_is_joined() -> None:
    sent = f"00-{'a' * 32}-{'b' * 16}-01"
    assert traceparent({"traceparent": sent}, trusted=True) == sent
    assert traceparent({"traceparent": sent.upper()}, trusted=True) == traceparent({}, trusted=True) == ""
    assert traceparent({"traceparent": sent}, trusted=False) == ""


@pytest.mark.parametrize(
    ("header", "token"), [("Bearer k", "k"), ("bearer  k ", "k"), ("Bearer ", None), ("Basic k", None), ("", None)]
)
def test_the_bearer_token(header: str, token: str | None) -> None:
    assert bearer({"Authorization": header}) == token


def test_a_reply_knows_its_length_before_a_picture_is_read() -> None:
    pictures = [Base64Of("file:///a", 4), Base64Of("file:///b", 0)]
    reply = json_reply({"text": "\x00", "a": PICTURE_HERE, "b": PICTURE_HERE}, pictures=pictures)
    assert reply.body == (b'{"text":"\\u0000","a":"', pictures[0], b'","b":"', pictures[1], b'"}')
    assert reply.length == len(b'{"text":"\\u0000","a":"","b":""}') + 8


def test_many_replies_at_once_share_the_memory() -> None:
    memory_bytes = 16 * 1024 * 1024
    blocks = BlockSizes(memory_bytes)
    with ExitStack() as replies:
        replies.enter_context(blocks.sending())
        alone = blocks.block_bytes()
        for _ in range(199):
            replies.enter_context(blocks.sending())
        assert blocks.block_bytes() < alone
        assert blocks.block_bytes() % 3 == 0
        assert 200 * 3 * blocks.block_bytes() <= memory_bytes
    assert blocks.block_bytes() == alone


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        ("/v1/models", "/v1/models", ""),
        ("/v1/models?a=b?c", "/v1/models", "a=b?c"),
        ("http://edge:80/v1/models?a", "/v1/models", "a"),
        ("http://edge", "/", ""),
        ("//[", "//[", ""),
        ("*", "/", ""),
        ("/caf\udcc3\udca9", "/caf%C3%A9", ""),
    ],
)
def test_the_parts_of_a_target(target: str, path: str, query: str) -> None:
    assert target_parts(target) == (path, query)


def test_a_job_names_its_provider_and_cost_when_it_has_ended() -> None:
    task = Task(provider="sketch", upstream_model="sketch-1.0")
    running = Job(id="job_1", state=Job.STATE_RUNNING, tasks=[Task(), task], charge_micros=40_000)
    assert headers(running) == {"X-Gesso-Job-Id": "job_1"}
    ended = Job(id="job_1", state=Job.STATE_PARTIAL, tasks=[Task(), task], charge_micros=40_000)
    assert headers(ended) == {
        "X-Gesso-Job-Id": "job_1",
        "X-Gesso-Cost-Usd": "0.04",
        "X-Gesso-Provider": "sketch",
        "X-Gesso-Model": "sketch-1.0",
    }


def test_a_failed_job_says_why_by_its_own_fault_or_its_first_tasks() -> None:
    said = pb.Fault(reason=pb.REASON_UPSTREAM_REFUSED, message="Refused.")
    by_task = Job(tasks=[Task(), Task(fault=said)])
    assert failure(by_task).reason == pb.REASON_UPSTREAM_REFUSED
    own = Job(fault=pb.Fault(reason=pb.REASON_CANCELLED), tasks=[Task(fault=said)])
    assert failure(own).reason == pb.REASON_CANCELLED
    assert failure(Job()).reason == pb.REASON_INTERNAL
