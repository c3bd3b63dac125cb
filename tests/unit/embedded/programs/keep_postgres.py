"""Keep a PostgreSQL running on the state folder argv[1]; say its process id and URL once it is ready."""

import asyncio
import sys
from pathlib import Path

from embedded.postgres import ADMINISTRATOR, Postgres


async def main() -> None:
    """Run until killed."""
    state = Path(sys.argv[1])
    async with Postgres(state=state, log=state.with_suffix(".log"), durable=False).running() as server:
        print(server.process.pid, server.dsn(ADMINISTRATOR, "postgres"), flush=True)
        await server.process.until_given_up()


asyncio.run(main())
