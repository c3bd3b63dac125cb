"""A service's role can use its own schema and no other."""

import asyncpg
import pytest

from embedded import roles
from testkit.database import Database, Databases


@pytest.mark.parametrize("service", roles.SERVICES)
async def test_a_role_makes_tables_in_its_own_schema_without_naming_it(database: Database, service: str) -> None:
    connection = await asyncpg.connect(database.url(service))
    try:
        await connection.execute("CREATE TABLE things (id int)")
        assert await connection.fetchval("SELECT schemaname FROM pg_tables WHERE tablename = 'things'") == service
    finally:
        await connection.close()


async def test_a_role_can_neither_read_nor_write_the_schema_of_another(database: Database) -> None:
    owner = await asyncpg.connect(database.url("billing"))
    stranger = await asyncpg.connect(database.url("gallery"))
    try:
        await owner.execute("CREATE TABLE things (id int)")
        for statement in (
            "SELECT * FROM billing.things",
            "CREATE TABLE billing.mine (id int)",
            "CREATE TABLE public.mine (id int)",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await stranger.execute(statement)
    finally:
        await owner.close()
        await stranger.close()


async def test_a_role_does_not_log_in_with_the_password_of_another(database: Database) -> None:
    url = database.url("gallery").replace("gallery:", "billing:")
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(url)


async def test_providing_roles_a_second_time_keeps_what_is_there(postgres: Databases, database: Database) -> None:
    connection = await asyncpg.connect(database.url("billing"))
    try:
        await connection.execute("CREATE TABLE things (id int)")
        await roles.provide(postgres.server, database=database.name)
        assert await connection.fetchval("SELECT count(*) FROM things") == 0
    finally:
        await connection.close()


async def test_every_service_has_a_url_of_its_own(postgres: Databases) -> None:
    urls = roles.urls(postgres.server)
    assert set(urls) == set(roles.SERVICES)
    assert len(set(urls.values())) == len(roles.SERVICES)
