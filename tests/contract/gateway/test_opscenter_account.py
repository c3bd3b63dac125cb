"""What the OpsCenter dialect tells of models, the balance and own provider keys."""

from datetime import UTC, datetime
from typing import Any

import pytest

from gesso.billing.v1 import billing_pb2
from gesso.errors.v1 import reason_pb2 as pb
from gesso.generator.v1 import generator_pb2
from servicekit.faults import Fault, NotFound
from servicekit.timestamps import to_timestamp

from .test_opscenter import error_of

BASE = "/api/v1/llm"
PUBLIC_KEY = bytes.fromhex("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a")


def _model(name: str, price_micros: int, **fields: Any) -> generator_pb2.Model:
    return generator_pb2.Model(
        id=name, owner="openai", created_at=1, providers=["openai"], price_micros={"opscenter": price_micros}, **fields
    )


async def test_models_are_those_that_are_sold_here(edge: Any) -> None:
    edge.generator.models = [
        _model("dall-e-3", 80_000, state=generator_pb2.Model.STATE_STAND_IN),
        _model("stable-diffusion-xl", 5_000, state=generator_pb2.Model.STATE_UNAVAILABLE),
        generator_pb2.Model(id="gpt-image-1", price_micros={"openai": 1}),
    ]
    async with edge.get(f"{BASE}/models") as answer:
        body = await answer.json()
    assert (answer.status, body["object"]) == (200, "list")
    assert [(one["id"], one["status"], one["cost_credits"]) for one in body["data"]] == [
        ("dall-e-3", "active", 80.0),
        ("stable-diffusion-xl", "unavailable", 5.0),
    ]
    first = body["data"][0]
    assert list(first) == ["id", "object", "created", "owned_by", "status", "cost_credits", "sizes"]
    assert first["sizes"] == ["1024x1024", "1792x1024", "1024x1792"]
    async with edge.get(f"{BASE}/models/dall-e-3") as answer:
        assert (answer.status, await answer.json()) == (200, first)
    for name in ("gpt-image-1", "dall-e-9"):
        async with edge.get(f"{BASE}/models/{name}") as answer:
            assert (answer.status, (await error_of(answer))["code"]) == (404, "not_found")


def _key(provider: str = "openrouter") -> generator_pb2.ProviderKey:
    return generator_pb2.ProviderKey(provider=provider, masked="sk-or-...wxyz", created_at=to_timestamp(MOMENT))


MOMENT = datetime(2026, 11, 20, 8, tzinfo=UTC)
STORED = {"provider": "openrouter", "api_key": "sk-or-...wxyz", "created_at": "2026-11-20T08:00:00Z"}


@pytest.mark.parametrize(("own", "tier"), [([], "pro"), (["openai"], "byok"), (["replicate"], "pro")])
async def test_the_balance_is_in_credits(edge: Any, own: list[str], tier: str) -> None:
    asked: list[Any] = []

    def usage(request: Any) -> Any:
        asked.append(request)
        return generator_pb2.GetUsageResponse(total=generator_pb2.Sums(charge_micros=40_500, images=3))

    edge.billing.scripts["GetBalance"] = lambda _: billing_pb2.Balance(available_micros=9_960_000)
    edge.generator.scripts["GetUsage"] = usage
    edge.generator.scripts["ListProviderKeys"] = lambda _: generator_pb2.ListProviderKeysResponse(
        keys=[_key(provider) for provider in own]
    )
    edge.generator.models = [_model("dall-e-3", 80_000)]
    async with edge.get(f"{BASE}/credits") as answer:
        text = await answer.text()
    assert text == (
        f'{{"balance":9960.0,"tier":"{tier}","monthly_usage":{{"credits":40.5,"images":3}},"currency_value_usd":0.001}}'
    )
    (request,) = asked
    since = request.since.ToDatetime()
    assert (request.dialect, since.day, since.hour, since.minute) == ("", 1, 0, 0)


async def test_own_keys_are_stored_listed_and_forgotten(edge: Any) -> None:
    sealed: list[Any] = []

    def put(request: Any) -> Any:
        sealed.append(request)
        return _key(request.provider)

    edge.generator.scripts |= {
        "GetSealingKey": lambda _: generator_pb2.SealingKey(key_id="k", public_key=PUBLIC_KEY),
        "PutProviderKey": put,
        "ListProviderKeys": lambda _: generator_pb2.ListProviderKeysResponse(keys=[_key()]),
        "DeleteProviderKey": lambda request: _key(request.provider),
    }
    secret = "sk-or-v1-0123456789abcdefwxyz"
    async with edge.post({"provider": "openrouter", "api_key": secret}, path=f"{BASE}/byok/keys") as answer:
        assert (answer.status, await answer.json()) == (201, STORED)
    assert secret.encode() not in sealed[0].SerializeToString()
    async with edge.get(f"{BASE}/byok/keys") as answer:
        assert (answer.status, await answer.json()) == (200, {"keys": [STORED]})
    headers = {"Authorization": f"Bearer {edge.key}"}
    async with edge.session.delete(f"{edge.url}{BASE}/byok/keys/OpenRouter", headers=headers) as answer:
        assert (answer.status, await answer.json()) == (200, {"provider": "openrouter", "deleted": True})


async def test_a_key_that_is_stored_by_the_same_request_again_says_so(edge: Any) -> None:
    asked: list[Any] = []

    def put(request: Any) -> Any:
        asked.append(request)
        return generator_pb2.ProviderKey(provider=request.provider, masked="sk-...", replayed=len(asked) > 1)

    edge.generator.scripts |= {
        "GetSealingKey": lambda _: generator_pb2.SealingKey(key_id="k", public_key=PUBLIC_KEY),
        "PutProviderKey": put,
    }
    marks = []
    for key in ("order-1", "order-1", "order-2"):
        body = {"provider": "openai", "api_key": "sk-0123456789"}
        async with edge.post(body, path=f"{BASE}/byok/keys", headers={"Idempotency-Key": key}) as answer:
            assert answer.status == 201
            marks.append(answer.headers.get("Idempotent-Replayed"))
    first, second, third = (request.request_id for request in asked)
    assert first == second != third
    assert marks[:2] == [None, "true"]


async def test_a_key_for_nobody_or_that_is_not_there_is_told_so(edge: Any) -> None:
    def unknown(_: Any) -> Any:
        raise Fault(pb.REASON_INVALID_FIELD, "There is no provider of this name.", details={"field": "provider"})

    def missing(_: Any) -> Any:
        raise NotFound("provider key", "openai")

    edge.generator.scripts |= {
        "GetSealingKey": lambda _: generator_pb2.SealingKey(key_id="k", public_key=PUBLIC_KEY),
        "PutProviderKey": unknown,
        "DeleteProviderKey": missing,
    }
    for body in (
        {"provider": "nobody", "api_key": "sk-0123456789"},
        {"provider": "openai"},
        {"api_key": "sk-01234567"},
    ):
        async with edge.post(body, path=f"{BASE}/byok/keys") as answer:
            assert (answer.status, (await error_of(answer))["code"]) == (400, "invalid_value")
    headers = {"Authorization": f"Bearer {edge.key}"}
    async with edge.session.delete(f"{edge.url}{BASE}/byok/keys/openai", headers=headers) as answer:
        assert (answer.status, (await error_of(answer))["code"]) == (404, "not_found")
