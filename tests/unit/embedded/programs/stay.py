"""Run the platform on the home argv[1] in the foreground, and say when it is ready."""

import asyncio
import os
import sys
from pathlib import Path

from embedded.foreground import stay
from embedded.platform import Platform


async def announce(platform: Platform) -> None:
    """Say where the platform is."""
    print("ready", platform.url, flush=True)


asyncio.run(stay(Path(sys.argv[1]), os.environ, announce))
print("stopped", flush=True)
