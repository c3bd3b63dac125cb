"""What the generator's tests buy, from a catalogue of their own, and who buys it."""

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass

from gesso.billing.v1 import billing_pb2
from gesso.generator.v1 import generator_pb2 as pb
from servicekit.ids import new_id
from servicekit.tokens import seal
from testkit.identities import CALLER_TOKEN_KEY

PRICE_MICROS = 10_000
COST_MICROS = 4_000
"""What a picture costs us where the vendor does not say."""
LOST = "SELECT lost_micros FROM costs WHERE lost_micros > 0"
"""What was bought that no customer pays for."""
CATALOGUE = """
[[provider]]
name = "alpha"
title = "Alpha"
concurrency = 64
weight = 2.0

[[provider]]
name = "beta"
title = "Beta"

[[provider]]
name = "narrow"
title = "Narrow"
concurrency = 1

[[model]]
id = "painter"
name = "Painter"
owner = "tests"
operations = ["text-to-image", "image-to-image"]
released = 2026-01-01
verified = 2026-01-01
deprecated = 2026-06-01
prices = [{ dialect = "openai", usd = 0.01 }]
routes = [
  { provider = "alpha", upstream_model = "alpha-1", native_count = 4 },
  { provider = "beta", upstream_model = "beta-1", native_count = 1 },
]
weights_routes = [
  { provider = "alpha", upstream_model = "alpha-lora", operations = ["text-to-image"] },
  { provider = "alpha", upstream_model = "alpha-lora-edit", operations = ["image-to-image"] },
]

[[model]]
id = "single"
like = "painter"
routes = [{ provider = "alpha", upstream_model = "alpha-1", native_count = 1 }]

[[model]]
id = "solo"
like = "painter"
routes = [{ provider = "narrow", upstream_model = "narrow-1", native_count = 4 }]

[[cost]]
upstreams = ["alpha/alpha-1", "beta/beta-1"]
verified = 2026-01-01
prices = [{ usd = 0.004 }]
usage_per = 1_000_000
usage = { tokens = 30 }
"""


def draw(model: str = "painter", *, n: int = 1, prompt: str = "a fox", **fields: object) -> pb.Draw:
    """A draw of the tests' own model."""
    return pb.Draw(
        operation=pb.OPERATION_TEXT_TO_IMAGE,
        model=model,
        prompt=prompt,
        n=n,
        **fields,  # type: ignore[arg-type]
    )


def purchase(*draws: pb.Draw, key: str = "", **fields: object) -> pb.Purchase:
    """A purchase as an edge would make it; its fingerprint is of its draws."""
    chosen = draws or (draw(),)
    content = b"".join(one.SerializeToString(deterministic=True) for one in chosen)
    return pb.Purchase(
        request_id=new_id("req"),
        dialect="openai",
        route="generations",
        idempotency_key=key,
        fingerprint=hashlib.sha256(content).digest(),
        draws=chosen,
        **fields,  # type: ignore[arg-type]
    )


@dataclass(frozen=True)
class Customer:
    """An account and one of its keys."""

    id: str
    api_key_id: str

    def token(
        self,
        *,
        max_concurrency: int = 0,
        retention_days: int = 0,
        safety: Mapping[str, str] | None = None,
        relaxes_safety: bool = False,
    ) -> bytes:
        """A caller token as billing would make it."""
        claims = billing_pb2.CallerClaims(
            account_id=self.id,
            api_key_id=self.api_key_id,
            plan="pro",
            expires_at=int(time.time()) + 60,
            max_concurrency=max_concurrency,
            retention_days=retention_days,
            safety=safety,
            relaxes_safety=relaxes_safety,
        )
        return seal(claims, CALLER_TOKEN_KEY)
