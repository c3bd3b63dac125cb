"""What Ops-Center answers: pictures with `_metadata` in credits, the balance, models with their prices, stored keys.

Source: the Ops-Center document, "Response Format"; contract.md, "opscenter". Its figures are floats.
"""

import datetime
from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from gateway.desk import Addresses, Desk
from gateway.dialects.opscenter.requests import DEFAULT_MODEL, DEFAULT_QUALITY, SIZES
from gateway.money import in_credits, usd
from gateway.openai_images.answers import Image, base64_of, drawn_of, image, links, size_of
from gateway.openai_images.drawing import Facts, facts_of
from gateway.visitor import Visitor
from gateway.wire import Reply, json_reply
from gesso.generator.v1.generator_pb2 import Job, Model, ProviderKey
from servicekit.faults import NotFound

NAME = "opscenter"
CREDIT_MICROS = 1_000
"""Source: contract.md, "One wallet, five currencies"."""
OWN_KEY_TIER = "byok"
_PROVIDER_TITLES = {
    "openai": "OpenAI",
    "openrouter": "OpenRouter",
    "google": "Google Gemini",
    "fal": "fal",
    "replicate": "Replicate",
    "bfl": "Black Forest Labs",
    "stability": "Stability AI",
    "together": "Together AI",
    "a1111": "AUTOMATIC1111",
    "comfyui": "ComfyUI",
}
"""As the document writes them; a provider that is not here is shown by its name."""


def _said(text: str) -> Meta:
    return Meta(description=text)


class Metadata(msgspec.Struct, frozen=True):
    """What a request cost, and what was drawn."""

    provider_used: Annotated[str, _said("Who drew.")]
    cost_incurred: Annotated[float, _said("In credits, for the pictures that were made.")]
    credits_remaining: Annotated[float, _said("What is left to spend.")]
    images_generated: Annotated[int, _said("How many pictures were made, at most `n`.")]
    size: Annotated[str, _said("Width and height in pixels, as `1024x1024`.")]
    quality: Annotated[str, _said("As it was asked for.")]


class ImagesResponse(msgspec.Struct, frozen=True, rename={"metadata": "_metadata"}):
    """The pictures of a finished job."""

    created: Annotated[int, _said("When the job began, in Unix seconds.")]
    data: Annotated[list[Image], _said("As many as could be drawn, at most `n`.")]
    metadata: Metadata


class MonthlyUsage(msgspec.Struct, frozen=True):
    """What the account used since the month began, by UTC, in every API."""

    credits: float
    images: int


class Credits(msgspec.Struct, frozen=True):
    """The account's balance."""

    balance: Annotated[float, _said("What is left to spend, in credits.")]
    tier: Annotated[str, _said("The plan; `byok` where an own key serves the default model.")]
    monthly_usage: MonthlyUsage
    currency_value_usd: Annotated[float, _said("What one credit is in US dollars.")]


class ModelObject(msgspec.Struct, frozen=True):
    """One model."""

    id: Annotated[str, _said("What `model` names it by.")]
    object: Literal["model"]
    created: Annotated[int, _said("When it was released, in Unix seconds.")]
    owned_by: Annotated[str, _said("Its vendor.")]
    status: Annotated[
        Literal["active", "unavailable"], _said("Whether anybody draws for it now, the embedded engine included.")
    ]
    cost_credits: Annotated[
        float, _said("The price of a picture when nothing is said of quality and size, without the plan's markup.")
    ]
    sizes: Annotated[list[str], _said("Those that it takes; empty where any goes.")]


class ModelList(msgspec.Struct, frozen=True):
    """Every model that is sold here, whether a provider serves it now or not."""

    object: Literal["list"]
    data: list[ModelObject]


class StoredKey(msgspec.Struct, frozen=True):
    """A provider key of one's own, without the key."""

    provider: str
    api_key: Annotated[str, _said("Its first and last characters.")]
    created_at: Annotated[str, _said("When it was stored, by ISO 8601.")]


class StoredKeys(msgspec.Struct, frozen=True):
    """All of the account's, by provider."""

    keys: list[StoredKey]


class DeletedKey(msgspec.Struct, frozen=True):
    """A key that is forgotten."""

    provider: str
    deleted: Literal[True]


def facts(job: Job) -> Facts:
    """What was frozen on a job of this dialect; of another's, how it is answered here."""
    return facts_of(job.facts) if job.dialect == NAME else Facts("url")


def images(job: Job, addresses: Addresses) -> Reply:
    """The answer of a job that delivered something."""
    drawn = drawn_of(job)
    in_base64 = facts(job).response_format == "b64_json"
    urls = [None] * len(drawn) if in_base64 else links(job, drawn, addresses)
    body = ImagesResponse(
        created=job.created_at.seconds,
        data=[image(task, url) for (task, _), url in zip(drawn, urls, strict=True)],
        metadata=metadata(job),
    )
    return json_reply(body, pictures=base64_of(drawn) if in_base64 else ())


def metadata(job: Job) -> Metadata:
    """The `_metadata` of a job that delivered something."""
    drawn = drawn_of(job)
    task, picture = drawn[0]
    return Metadata(
        provider_used=_PROVIDER_TITLES.get(task.provider, task.provider),
        cost_incurred=_credits(job.charge_micros),
        credits_remaining=_credits(job.available_micros),
        images_generated=len(drawn),
        size=size_of(picture),
        quality=facts(job).quality or DEFAULT_QUALITY,
    )


def _credits(amount_micros: int) -> float:
    return in_credits(amount_micros, CREDIT_MICROS)


async def balance(desk: Desk, visitor: Visitor) -> Reply:
    """The account's balance, tier and use."""
    available_micros = (await desk.balance()).available_micros
    now = datetime.datetime.now(datetime.UTC)
    month = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    used = (await desk.usage(since=month)).total
    return json_reply(
        Credits(
            balance=_credits(available_micros),
            tier=OWN_KEY_TIER if await _has_own_key(desk) else visitor.caller.plan,
            monthly_usage=MonthlyUsage(_credits(used.charge_micros), used.images),
            currency_value_usd=usd(CREDIT_MICROS),
        )
    )


async def _has_own_key(desk: Desk) -> bool:
    """Whether a stored key serves the default model."""
    stored = {key.provider for key in await desk.provider_keys()}
    return bool(stored) and any(
        model.id == DEFAULT_MODEL and not stored.isdisjoint(model.providers) for model in await desk.models()
    )


def models(offered: Sequence[Model]) -> Reply:
    """The models that have a price here."""
    return json_reply(ModelList("list", [_model(model) for model in offered if NAME in model.price_micros]))


def model(offered: Sequence[Model], name: str) -> Reply:
    """One of them. Raises NotFound."""
    for one in offered:
        if one.id == name and NAME in one.price_micros:
            return json_reply(_model(one))
    raise NotFound("model", name)


def _model(model: Model) -> ModelObject:
    status: Literal["active", "unavailable"] = "unavailable" if model.state == Model.STATE_UNAVAILABLE else "active"
    return ModelObject(
        id=model.id,
        object="model",
        created=model.created_at,
        owned_by=model.owner,
        status=status,
        cost_credits=_credits(model.price_micros[NAME]),
        sizes=list(SIZES.get(model.id, model.sizes)),
    )


def stored(key: ProviderKey) -> StoredKey:
    """A stored key, masked."""
    created_at = key.created_at.ToDatetime(datetime.UTC).replace(microsecond=0)
    return StoredKey(key.provider, key.masked, created_at.isoformat().replace("+00:00", "Z"))
