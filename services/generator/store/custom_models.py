"""The statements of accounts' own models."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from asyncpg import Connection

from gesso.generator.v1.generator_pb2 import CustomModel
from servicekit.database import Database
from servicekit.timestamps import to_timestamp

_FIELDS = "name, provider, base_model, weights_url, trigger_word, price_micros, created_at"
_INSERT = f"""
INSERT INTO custom_models (account_id, name, provider, base_model, weights_url, trigger_word, price_micros)
SELECT $1, $2, $3, $4, $5, $6, $7 WHERE (SELECT count(*) FROM custom_models WHERE account_id = $1) < $8
ON CONFLICT DO NOTHING RETURNING {_FIELDS}
"""


async def insert(
    database: Database | Connection, account_id: str, model: CustomModel, *, most: int
) -> CustomModel | None:
    """Write a model. None where the name is taken, or the account has `most` of them."""
    row = await database.fetchrow(
        _INSERT,
        account_id,
        model.name,
        model.provider,
        model.base_model,
        model.weights_url,
        model.trigger_word,
        model.price_micros,
        most,
    )
    return None if row is None else _model(row)


async def named(database: Database | Connection, account_id: str, names: Collection[str]) -> Mapping[str, CustomModel]:
    """Read those of an account's models that have these names."""
    rows = await database.fetch(
        f"SELECT {_FIELDS} FROM custom_models WHERE account_id = $1 AND name = ANY($2::text[])", account_id, list(names)
    )
    return {row["name"]: _model(row) for row in rows}


async def of_account(database: Database, account_id: str) -> Sequence[CustomModel]:
    """Read all of an account's models, oldest first."""
    rows = await database.fetch(
        f"SELECT {_FIELDS} FROM custom_models WHERE account_id = $1 ORDER BY created_at, name", account_id
    )
    return [_model(row) for row in rows]


async def delete(database: Database, account_id: str, name: str) -> CustomModel | None:
    """Forget a model; returns what was forgotten."""
    row = await database.fetchrow(
        f"DELETE FROM custom_models WHERE account_id = $1 AND name = $2 RETURNING {_FIELDS}", account_id, name
    )
    return None if row is None else _model(row)


def _model(row: Any) -> CustomModel:
    return CustomModel(
        name=row["name"],
        provider=row["provider"],
        base_model=row["base_model"],
        weights_url=row["weights_url"],
        trigger_word=row["trigger_word"],
        price_micros=row["price_micros"],
        created_at=to_timestamp(row["created_at"]),
    )
