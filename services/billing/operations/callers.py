"""Callers are resolved from the digests of their keys, all that wait at once by one query, and given a token for the others.

An api key has every scope, written `*`; narrower scopes come with access tokens.
"""

import datetime
import time
from collections.abc import Sequence
from dataclasses import dataclass

from asyncpg import Record

from billing.accounts import AccountState, refusal
from billing.operations.policies import Policies
from billing.operations.usage import Usage
from billing.plans import Plan, Plans
from billing.preferences import Preferences
from billing.store import api_keys
from billing.store.accounts import limits_of, preferences_of, safety_of
from gesso.billing.v1.billing_pb2 import CallerClaims
from gesso.errors.v1 import reason_pb2 as pb
from servicekit import tokens
from servicekit.coalescer import Coalescer
from servicekit.database import Database
from servicekit.faults import Fault

_REQUESTS_PER_FLUSH = 8


@dataclass(frozen=True, slots=True)
class Credential:
    """The SHA-256 of a key as sent, and how many requests it has made since the edge last asked."""

    digest: bytes
    requests: int


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls; `token` proves it to the other services for 60 s."""

    account_id: str
    api_key_id: str
    plan: str
    token: bytes
    limited_dialects: tuple[str, ...]
    subscription_active: bool
    renews_at: datetime.datetime | None
    preferences: Preferences


class Callers:
    """Authenticates credentials."""

    def __init__(
        self, database: Database, plans: Plans, policies: Policies, usage: Usage, caller_token_key: bytes
    ) -> None:
        self._database = database
        self._plans = plans
        self._policies = policies
        self._usage = usage
        self._key = caller_token_key
        self._batches = Coalescer[Sequence[Credential], "list[Caller | Fault]"](
            self._flush, max_items=_REQUESTS_PER_FLUSH
        )

    async def authenticate(self, credentials: Sequence[Credential]) -> "list[Caller | Fault]":
        """Return a caller or the fault per credential, in order. Raises Unavailable."""
        return await self._batches.submit(credentials) if credentials else []

    async def _flush(self, batches: "list[Sequence[Credential]]") -> "list[list[Caller | Fault]]":
        digests = {credential.digest for batch in batches for credential in batch}
        async with self._database.connection() as connection:
            rows = await api_keys.credentials(connection, list(digests))
        known = {digest: self._resolve(rows.get(digest)) for digest in digests}
        for batch in batches:
            for credential in batch:
                caller = known[credential.digest]
                if isinstance(caller, Caller):
                    self._usage.count(caller.api_key_id, max(1, credential.requests))
        return [[known[credential.digest] for credential in batch] for batch in batches]

    def _resolve(self, row: Record | None) -> "Caller | Fault":
        if row is None:
            return Fault(pb.REASON_CREDENTIAL_INVALID, "The api key is not known.")
        if row["revoked_at"] is not None or row["expired"]:
            return Fault(pb.REASON_KEY_REVOKED, "The api key was revoked or has expired.")
        state = AccountState(row["state"])
        if state is not AccountState.ACTIVE:
            return refusal(state)
        return self._caller(row)

    def _caller(self, row: Record) -> Caller:
        account_id, plan, overrides = row["account_id"], row["plan"], limits_of(row["limits"])
        preferences = preferences_of(row["preferences"])
        self._policies.learn(account_id, plan, overrides)
        return Caller(
            account_id=account_id,
            api_key_id=row["api_key_id"],
            plan=plan,
            token=self._token(row, self._plans.plan_of(plan, overrides), preferences),
            limited_dialects=self._plans.limited_dialects(plan, overrides),
            subscription_active=row["subscription_active"],
            renews_at=row["renews_at"],
            preferences=preferences,
        )

    def _token(self, row: Record, plan: Plan, preferences: Preferences) -> bytes:
        claims = CallerClaims(
            account_id=row["account_id"],
            api_key_id=row["api_key_id"],
            plan=plan.name,
            scopes=("*",),
            expires_at=int(time.time()) + tokens.TTL_SECONDS,
            max_concurrency=plan.max_concurrency,
            retention_days=plan.retention_days,
            storage_mb=plan.storage_mb,
            markup_percent=plan.markup_percent,
            safety=safety_of(row["safety"]),
            relaxes_safety=preferences.relaxes_safety,
        )
        return tokens.seal(claims, self._key)
