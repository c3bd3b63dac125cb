"""`python -m servicekit.migrate SERVICE...` brings the schemas of the named services up to date, before they are rolled out.

A service does the same when it starts; done beforehand, a migration that fails is noticed while the old version still
serves. GESSO_<SERVICE>_DATABASE_URL says where each service's schema is.
"""

import argparse
import asyncio
import os
import sys
from collections.abc import Mapping, Sequence

from servicekit.database import Database, migrate
from servicekit.faults import Unavailable

# The first start of a platform makes its database and its services at the same time.
_PATIENCE_SECONDS = 60.0
_PAUSE_SECONDS = 1.0


async def bring_up_to_date(service: str, dsn: str, *, patience_seconds: float = _PATIENCE_SECONDS) -> tuple[str, ...]:
    """Apply what the service's schema lacks and return the names; raises Unavailable when patience ends."""
    deadline = asyncio.get_running_loop().time() + patience_seconds
    while True:
        try:
            async with Database.connect(
                dsn, schema=service, max_connections=1, command_timeout_seconds=3600
            ) as database:
                return await migrate(database, f"{service}.migrations")
        except Unavailable:
            if asyncio.get_running_loop().time() + _PAUSE_SECONDS > deadline:
                raise
            await asyncio.sleep(_PAUSE_SECONDS)


async def run(
    services: Sequence[str], environ: Mapping[str, str], *, patience_seconds: float = _PATIENCE_SECONDS
) -> None:
    """Migrate one service after another, saying what was applied. Exits with 2 where a URL is missing, 1 where it leads nowhere."""
    variables = {service: f"GESSO_{service.upper()}_DATABASE_URL" for service in services}
    missing = [variable for variable in variables.values() if not environ.get(variable)]
    if missing:
        print(f"servicekit.migrate: {', '.join(missing)} must be set", file=sys.stderr)
        sys.exit(2)
    for service, variable in variables.items():
        try:
            applied = await bring_up_to_date(service, environ[variable], patience_seconds=patience_seconds)
        except Unavailable:
            sys.exit(f"servicekit.migrate: {variable} leads to no database that answers")
        print(f"{service}: applied {', '.join(applied)}" if applied else f"{service}: up to date", flush=True)


def main() -> None:
    """Read the command line and migrate."""
    parser = argparse.ArgumentParser(prog="python -m servicekit.migrate", description=__doc__)
    parser.add_argument("services", nargs="+", metavar="SERVICE")
    asyncio.run(run(parser.parse_args().services, os.environ))


if __name__ == "__main__":
    main()
