"""An account's own provider key goes to the vendor in place of the platform's, and the operator can change what it rests under."""

import time

from gesso.billing.v1 import billing_pb2
from gesso.generator.v1 import generator_pb2 as pb
from gesso.generator.v1.generator_pb2_grpc import SecretsStub
from servicekit import sealing
from servicekit.identity import Identity
from servicekit.link import Link
from servicekit.tokens import TTL_SECONDS, seal
from testkit.platform import MODEL, Account, PlatformUnderTest
from testkit.upstreams.openai import OpenAIUpstream


async def put_key(platform: PlatformUnderTest, account: Account, provider: str, key: str) -> pb.ProviderKey:
    """Store a key as the edge does it."""
    secrets = platform.state.secrets
    claims = billing_pb2.CallerClaims(account_id=account.id, expires_at=int(time.time()) + TTL_SECONDS)
    identity = Identity("gateway", secrets["gateway_token"])
    async with Link.open(platform.state.addresses["generator"], component="generator", identity=identity) as link:
        stub = SecretsStub(link.channel)
        sealing_key = await link.call(stub.GetSealingKey, pb.GetSealingKeyRequest())
        request = pb.PutProviderKeyRequest(
            caller_token=seal(claims, bytes.fromhex(secrets["caller_token_key"])),
            provider=provider,
            sealed_secret=sealing.seal(sealing_key.public_key, key),
        )
        return await link.call(stub.PutProviderKey, request)


async def test_the_vendor_is_paid_by_the_accounts_own_key_and_nobody_elses(
    platform: PlatformUnderTest, account: Account, upstream: OpenAIUpstream
) -> None:
    stored = await put_key(platform, account, "openai", "sk-own-0123456789abcdef")
    other = await platform.account()
    for who in (account, other):
        assert (await platform.generate(who, {"model": MODEL, "prompt": "A fox"})).status == 200
    sent = [request.headers["Authorization"] for request in upstream.requests]
    assert sent == ["Bearer sk-own-0123456789abcdef", "Bearer sk-scripted"]
    rewrapped = await platform.gesso("keys", "rewrap", "--json")
    assert rewrapped.json["rewrapped"] == 0
    assert rewrapped.json["current"] >= 1
    assert stored.key_id == "home"
