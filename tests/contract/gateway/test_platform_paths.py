"""Paths that belong to no dialect: life signs, the operator's door, and what happens while other services are away."""

import signal
import sys
from asyncio.subprocess import PIPE, create_subprocess_exec
from typing import Any

import aiohttp
import pytest

from testkit.eventually import eventually

ADMIN = {"Authorization": "Bearer operator-token"}
CREATE = "/admin/rpc/gesso.billing.v1.Accounts/CreateAccount"


async def test_the_edge_lives_and_is_ready_with_its_services(edge: Any) -> None:
    for path, status in (("/healthz", "ok"), ("/readyz", "ready"), ("/status", "up")):
        async with edge.session.get(edge.url + path) as response:
            assert (response.status, (await response.json())["status"]) == (200, status)


async def test_a_service_that_is_away_makes_the_edge_unready_but_alive(start_edge: Any) -> None:
    async with start_edge(GESSO_WEBHOOKS_ADDRESS="unix:/nowhere/webhooks.sock") as edge:
        async with edge.session.get(edge.url + "/healthz") as response:
            assert response.status == 200
        async with edge.session.get(edge.url + "/readyz") as response:
            assert response.status == 503
        async with edge.session.get(edge.url + "/status") as response:
            status = await response.json()
    assert (response.status, status["status"]) == (200, "degraded")
    assert status["components"] == {
        "gateway": "up",
        "billing": "up",
        "generator": "up",
        "gallery": "up",
        "webhooks": "down",
    }


async def test_without_billing_nobody_is_let_in(start_edge: Any) -> None:
    async with (
        start_edge(GESSO_BILLING_ADDRESS="unix:/nowhere/billing.sock") as edge,
        edge.post({"prompt": "a fox"}) as response,
    ):
        assert (response.status, (await response.json())["error"]["code"]) == (503, "service_unavailable")
        assert "Retry-After" in response.headers
        assert "X-Should-Retry" not in response.headers


async def test_a_purchase_that_never_left_may_be_repeated(start_edge: Any) -> None:
    async with (
        start_edge(GESSO_GENERATOR_ADDRESS="unix:/nowhere/generator.sock") as edge,
        edge.post({"prompt": "a fox"}) as response,
    ):
        assert response.status == 503
        assert "X-Should-Retry" not in response.headers


async def test_a_purchase_whose_answer_was_lost_is_not_repeated_blindly(edge: Any) -> None:
    edge.generator.hangs_up = True
    async with edge.post({"prompt": "a fox"}) as response:
        assert response.status == 503
        assert response.headers["X-Should-Retry"] == "false"


async def test_the_operator_calls_a_method_of_a_service(edge: Any) -> None:
    body = {"request_id": "1", "name": "N", "plan": "pro", "grant_micros": "50000000"}
    async with edge.session.post(edge.url + CREATE, json=body, headers=ADMIN) as response:
        assert response.status == 200
        assert await response.json() == {"id": "acct_new", "name": "N", "plan": "pro"}


@pytest.mark.parametrize(
    ("path", "body", "status", "reason"),
    [
        (CREATE, {"plan": "nonsense"}, 400, "INVALID_FIELD"),
        (CREATE, {"nonsense": 1}, 400, "INVALID_FIELD"),
        (CREATE, [], 400, "INVALID_FIELD"),
        ("/admin/rpc/gesso.billing.v1.Accounts/Nothing", {}, 404, "UNKNOWN_PATH"),
        ("/admin/rpc/gesso.billing.v1.Nothing/Nothing", {}, 404, "UNKNOWN_PATH"),
        ("/admin/rpc/gesso.generator.v1.Jobs/WatchJobs", {}, 501, "NOT_IMPLEMENTED"),
        ("/admin/rpc/grpc.health.v1.Health/Check", {}, 501, "NOT_IMPLEMENTED"),
    ],
)
async def test_the_operator_is_told_what_is_wrong(edge: Any, path: str, body: Any, status: int, reason: str) -> None:
    async with edge.session.post(edge.url + path, json=body, headers=ADMIN) as response:
        assert (response.status, (await response.json())["error"]["reason"]) == (status, reason)


@pytest.mark.parametrize("authorization", ["", "Bearer ", "Bearer wrong", "Bearer gesso_test_key_0123456789"])
async def test_nobody_else_passes_the_operators_door(edge: Any, authorization: str) -> None:
    async with edge.session.post(edge.url + CREATE, json={}, headers={"Authorization": authorization}) as response:
        assert response.status == 401


async def test_the_door_is_shut_where_no_token_is_set(start_edge: Any) -> None:
    async with (
        start_edge(GESSO_ADMIN_TOKEN="") as edge,
        edge.session.post(edge.url + CREATE, json={}, headers={"Authorization": "Bearer "}) as response,
    ):
        assert response.status == 404


async def test_metrics_count_calls_by_route_and_reason(start_edge: Any, free_port: int) -> None:
    async with start_edge(GESSO_GATEWAY_METRICS_LISTEN=f"127.0.0.1:{free_port}") as edge:
        await edge.post({"prompt": 1})
        async with edge.session.get(f"http://127.0.0.1:{free_port}/metrics") as response:
            lines = (await response.text()).splitlines()
    counted = 'gesso_calls_total{method="POST /v1/images/generations",reason="INVALID_FIELD"} 1.0'
    assert counted in lines


async def test_the_process_ends_by_sigterm(settings_of: Any, free_port: int) -> None:
    environment = {**settings_of(GESSO_PORT=str(free_port)), "PYTHONPATH": ":".join(sys.path)}
    process = await create_subprocess_exec(sys.executable, "-m", "gateway", env=environment, stderr=PIPE)

    async def lives() -> bool:
        try:
            async with aiohttp.request("GET", f"http://127.0.0.1:{free_port}/healthz") as response:
                return response.status == 200
        except aiohttp.ClientConnectorError:
            return False

    try:
        await eventually(lives)
        process.send_signal(signal.SIGTERM)
        await process.communicate()
        assert process.returncode == 0
    finally:
        if process.returncode is None:
            process.kill()
