"""GPT Image 1 is drawn with a key of the caller's own: of the task, or one that is stored; neither is seen again."""

from typing import Any

import pytest

from gesso.generator.v1 import generator_pb2
from gesso.generator.v1.generator_pb2 import Job, Task
from servicekit.sealing import public_key_of, unseal

from .bigapi_client import Client

PRIVATE_KEY = b"\x07" * 32


@pytest.fixture
def client(edge: Any, keep: Any) -> Client:
    return Client(edge, keep)


async def test_a_key_of_the_task_is_sealed_and_not_echoed(client: Client) -> None:
    client.generator.scripts["GetSealingKey"] = lambda _: generator_pb2.SealingKey(
        public_key=public_key_of(PRIVATE_KEY)
    )
    client.end()
    task = {"prompt": "a lake", "provider": "gpt-image-1", "openai_api_key": "sk-secret-of-the-caller"}
    async with client.create({"tasks": [{"prompt": "a fox", "provider": "dalle"}, task]}) as answer:
        text = await answer.text()
        assert answer.status == 200
    (submission,) = client.generator.submissions
    plain, sealed = submission.purchase.draws
    assert (plain.sealed_for, sealed.sealed_for) == ("", "openai")
    assert unseal(PRIVATE_KEY, sealed.sealed_secret) == "sk-secret-of-the-caller"
    assert b"sk-secret" not in submission.SerializeToString()
    assert "sk-secret" not in text + str(answer.headers)


async def test_without_a_key_the_accounts_stored_one_is_asked_for(client: Client) -> None:
    task = {"prompt": "a lake", "provider": "gpt-image-1"}
    body = {"tasks": [{"prompt": "a fox", "provider": "dalle"}, task]}
    stored: list[generator_pb2.ProviderKey] = [generator_pb2.ProviderKey(provider="fal")]
    client.generator.scripts["ListProviderKeys"] = lambda _: generator_pb2.ListProviderKeysResponse(keys=stored)
    client.end()
    for query in ("", "?dry_run=true"):
        async with client.create(body, query) as answer:
            error = await answer.json()
        assert (answer.status, error["code"], error["error"]) == (400, "PROVIDER_KEY_REQUIRED", "Bad Request")
        assert "`tasks[1].openai_api_key`" in error["message"]
    assert client.generator.submissions == []
    stored.append(generator_pb2.ProviderKey(provider="openai"))
    async with client.create(body) as answer:
        assert answer.status == 200


async def test_a_replay_needs_no_stored_key_any_more(client: Client) -> None:
    job = client.ended(Job(id="job_01jzx4t7q2m5v8n3b6c9d0e1f2", dialect="bigapi", tasks=[Task()]))
    client.generator.scripts["FindJob"] = lambda _: generator_pb2.FindJobResponse(job=job)
    body = {"tasks": [{"prompt": "a lake", "provider": "gpt-image-1"}]}
    async with client.create(body, **{"Idempotency-Key": "order-1"}) as answer:
        assert (answer.status, answer.headers["Idempotent-Replayed"]) == (200, "true")
    assert client.generator.submissions == []
