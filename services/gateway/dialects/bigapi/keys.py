"""The account's api keys: listed behind their masks, created, rotated with an overlap, and revoked.

Source: the BIG API document, "List API Keys", and contract.md, "bigapi".
"""

import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from gateway.asked import REPLAYED
from gateway.desk import Desk
from gateway.dialects.bigapi.moments import ago, date, moment
from gateway.prompts import check_prompt
from gateway.visitor import Visitor
from gateway.wire import Reply, json_reply
from gesso.billing.v1 import billing_pb2 as pb
from servicekit.faults import NotFound

PREFIX = "big_live_"
OVERLAP_SECONDS = 86_400
MAX_NAME_CHARACTERS = 100
_MAX_OVERLAP_SECONDS = 604_800


class ApiKey(msgspec.Struct, frozen=True):
    """One key, masked."""

    id: Annotated[str, Meta(description="Counted per account, as `key_001`.")]
    name: str
    key: Annotated[str, Meta(description="Its first and last characters.")]
    created_at: Annotated[str, Meta(description="A date in UTC.", extra_json_schema={"format": "date"})]
    last_used: Annotated[str, Meta(description="In words, as `2 hours ago` or `never`.")]
    requests_count: int


class ApiKeyList(msgspec.Struct, frozen=True):
    """The account's keys, oldest first; revoked ones are gone."""

    api_keys: list[ApiKey]


class NewApiKey(msgspec.Struct, frozen=True):
    """A key with its secret."""

    id: Annotated[str, Meta(description="Counted per account, as `key_001`.")]
    name: str
    key: Annotated[str, Meta(description="The whole key: it is not shown again.")]
    created_at: Annotated[str, Meta(description="A date in UTC.", extra_json_schema={"format": "date"})]


class Done(msgspec.Struct, frozen=True):
    """What was done."""

    message: str


class CreateApiKey(msgspec.Struct, frozen=True, omit_defaults=True):
    """A key to make."""

    name: Annotated[str, Meta(min_length=1, max_length=MAX_NAME_CHARACTERS, description="For people.")]


class RotateApiKey(msgspec.Struct, frozen=True, omit_defaults=True):
    """How a key gets a new secret."""

    overlap_seconds: Annotated[
        Annotated[int, Meta(ge=0, le=_MAX_OVERLAP_SECONDS)] | None,
        Meta(description="How long the old secret works yet; a day where it is absent."),
    ] = None


async def listed(desk: Desk, _: Visitor) -> Reply:
    """Every key that works."""
    now = datetime.datetime.now(datetime.UTC)
    keys = [_masked(key, now) for key in await desk.api_keys() if not key.HasField("revoked_at")]
    return json_reply(ApiKeyList(keys))


async def create(desk: Desk, _: Visitor, request: CreateApiKey) -> Reply:
    """A new key. Raises InvalidField."""
    check_prompt(request.name, longest=MAX_NAME_CHARACTERS, field="name")
    return _new(await desk.create_api_key(request.name, prefix=PREFIX), 201)


async def rotate(desk: Desk, visitor: Visitor, request: RotateApiKey) -> Reply:
    """A new secret for a key. Raises Fault NOT_FOUND, CONFLICT where the key was revoked."""
    key = await _named(desk, visitor.params["id"])
    overlap_seconds = OVERLAP_SECONDS if request.overlap_seconds is None else request.overlap_seconds
    return _new(await desk.rotate_api_key(key.id, overlap_seconds=overlap_seconds), 200)


async def revoke(desk: Desk, visitor: Visitor, _: None) -> Reply:
    """End a key; a repeat changes nothing. Raises Fault NOT_FOUND."""
    key = await _named(desk, visitor.params["id"])
    await desk.revoke_api_key(key.id)
    return json_reply(Done(f"API key {_name(key)} was revoked."))


async def _named(desk: Desk, name: str) -> pb.ApiKey:
    """A key by its name here, or by the platform's own id."""
    for key in await desk.api_keys():
        if name in (key.id, _name(key)):
            return key
    raise NotFound("API key", name)


def _name(key: pb.ApiKey) -> str:
    return f"key_{key.number:03d}"


def _masked(key: pb.ApiKey, now: datetime.datetime) -> ApiKey:
    used_at = moment(key.last_used_at) if key.HasField("last_used_at") else None
    return ApiKey(
        id=_name(key),
        name=key.name,
        key=key.masked,
        created_at=date(moment(key.created_at)),
        last_used=ago(used_at, now),
        requests_count=key.request_count,
    )


def _new(key: pb.ApiKey, status: int) -> Reply:
    body = NewApiKey(_name(key), key.name, key.secret, date(moment(key.created_at)))
    return json_reply(body, status, headers={REPLAYED: "true"} if key.replayed else {})
