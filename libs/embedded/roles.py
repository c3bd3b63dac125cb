"""Each service has a role and a schema of the same name in one database, and its role can use no other schema."""

import asyncio
import os
from collections.abc import Sequence

from embedded.postgres import ADMINISTRATOR, PostgresError, Server, binary

DATABASE = "gesso"
SERVICES: tuple[str, ...] = ("billing", "generator", "gallery", "webhooks")

_ROLE = """
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') THEN
        CREATE ROLE {role} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD '{password}';
        ALTER ROLE {role} SET search_path = {role};
    END IF;
END $$;
"""
_DATABASE = """
SELECT 'CREATE DATABASE {database}' WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = '{database}') \\gexec
\\connect {database}
REVOKE ALL ON DATABASE {database}, postgres, template1 FROM PUBLIC;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
"""
_SCHEMA = """
GRANT CONNECT ON DATABASE {database} TO {role};
CREATE SCHEMA IF NOT EXISTS {role} AUTHORIZATION {role};
"""


def script(server: Server, database: str, roles: Sequence[str]) -> str:
    """Return the psql script that makes what is missing; running it again changes nothing."""
    makers = [_ROLE.format(role=role, password=server.password(role)) for role in roles]
    schemas = [_SCHEMA.format(role=role, database=database) for role in roles]
    return "".join((*makers, _DATABASE.format(database=database), *schemas))


async def provide(server: Server, database: str = DATABASE, roles: Sequence[str] = SERVICES) -> None:
    """Make the database, the roles and their schemas where missing; raises PostgresError with psql's words.

    By psql, which is gone after 20 ms, rather than by a client that would stay in the supervisor's memory.
    """
    arguments = ("--no-psqlrc", "--quiet", "--tuples-only", "--set=ON_ERROR_STOP=1", "--file=-")
    connection = {
        "PGHOST": str(server.socket_folder),
        "PGUSER": ADMINISTRATOR,
        "PGPASSWORD": server.password(ADMINISTRATOR),
        "PGDATABASE": "postgres",
        "PGOPTIONS": "-c client_min_messages=warning",
    }
    process = await asyncio.create_subprocess_exec(
        str(binary("psql")),
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={"PATH": os.defpath, "LC_ALL": "C", **connection},
    )
    output, _ = await process.communicate(script(server, database, roles).encode())
    if process.returncode != 0:
        raise PostgresError(f"the roles could not be made:\n{output.decode(errors='replace').strip()}")


def urls(server: Server, database: str = DATABASE) -> dict[str, str]:
    """Return each service's own URL of the database."""
    return {service: server.dsn(service, database) for service in SERVICES}
