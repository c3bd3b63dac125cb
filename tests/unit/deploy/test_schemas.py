"""A deployment's schemas: roles made by deploy/postgres, tables made by the migration that runs before a rollout."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from embedded import roles
from embedded.postgres import ADMINISTRATOR, Server, binary
from servicekit.migrate import bring_up_to_date, run
from testkit.database import Database, throwaway_postgres

ROOT = Path(__file__).resolve().parents[3]
NOWHERE = "postgresql://billing@127.0.0.1:1/gesso"


@pytest.fixture(scope="module")
async def server() -> AsyncIterator[Server]:
    """A server of this module's own, because roles are of the whole server; it has none of ours."""
    async with throwaway_postgres() as databases:
        connection = await asyncpg.connect(databases.server.dsn(ADMINISTRATOR, "postgres"))
        try:
            await connection.execute("DROP DATABASE gesso_template")
            await connection.execute(f"DROP ROLE {', '.join(roles.SERVICES)}")
        finally:
            await connection.close()
        yield databases.server


async def make_roles(server: Server, folder: Path, password: str) -> None:
    """Run deploy/postgres/roles.sql as its head says, every role with one password."""
    passwords = folder / "passwords.psql"
    passwords.write_text("".join(f"\\set {service}_password {password}\n" for service in roles.SERVICES))
    script = str(ROOT / "deploy" / "postgres" / "roles.sql")
    options = ("--no-psqlrc", "--quiet", "-v", "ON_ERROR_STOP=1", "-f", str(passwords), "-f", script)
    done = await asyncio.to_thread(
        subprocess.run,
        [str(binary("psql")), *options, server.dsn(ADMINISTRATOR, "postgres")],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def url(server: Server, role: str, password: str) -> str:
    return server.dsn(role, "gesso").replace(f":{server.password(role)}@", f":{password}@")


async def test_roles_are_made_once_and_take_new_passwords(server: Server, tmp_path: Path) -> None:
    for password in ("first", "second"):
        await make_roles(server, tmp_path, password)
        connection = await asyncpg.connect(url(server, "billing", password))
        await connection.execute("CREATE TABLE IF NOT EXISTS things (id int)")
        await connection.close()
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(url(server, "billing", "first"))


async def test_a_role_made_for_one_service_cannot_use_the_schema_of_another(server: Server, tmp_path: Path) -> None:
    await make_roles(server, tmp_path, "second")
    connection = await asyncpg.connect(url(server, "gallery", "second"))
    try:
        for statement in ("CREATE TABLE billing.mine (id int)", "CREATE TABLE public.mine (id int)"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
    finally:
        await connection.close()


@pytest.mark.parametrize("service", roles.SERVICES)
async def test_a_schema_is_brought_up_to_date_once(database: Database, service: str) -> None:
    applied = await bring_up_to_date(service, database.url(service))
    assert applied
    assert await bring_up_to_date(service, database.url(service)) == ()


async def test_one_of_two_migrations_at_the_same_time_does_the_work(database: Database) -> None:
    both = await asyncio.gather(*(bring_up_to_date("webhooks", database.url("webhooks")) for _ in range(2)))
    assert sorted(map(bool, both)) == [False, True]


async def test_the_command_says_what_it_applied(database: Database) -> None:
    environment = {**os.environ, "GESSO_WEBHOOKS_DATABASE_URL": database.url("webhooks")}
    command = [sys.executable, "-m", "servicekit.migrate", "webhooks"]
    said = []
    for _ in range(2):
        done = await asyncio.to_thread(
            subprocess.run, command, env=environment, check=True, capture_output=True, text=True
        )
        said.append(done.stdout)
    assert said[0].startswith("webhooks: applied 0001_")
    assert said[1] == "webhooks: up to date\n"


async def test_a_missing_url_is_named_before_anything_is_touched(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        await run(["billing", "gallery"], {"GESSO_BILLING_DATABASE_URL": NOWHERE})
    assert ended.value.code == 2
    assert "GESSO_GALLERY_DATABASE_URL must be set" in capsys.readouterr().err


async def test_a_database_that_does_not_answer_ends_the_migration_after_its_patience() -> None:
    with pytest.raises(SystemExit, match="GESSO_BILLING_DATABASE_URL leads to no database that answers"):
        await run(["billing"], {"GESSO_BILLING_DATABASE_URL": NOWHERE}, patience_seconds=0.0)
