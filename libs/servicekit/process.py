"""A service process: settings in, run until SIGTERM, hand over, exit. The same for all five."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import TypeVar

import uvloop

from servicekit.settings import SettingError, load

Config = TypeVar("Config")


def main(config_type: type[Config], running: Callable[[Config], AbstractAsyncContextManager[object]]) -> None:
    """Load the settings and run the service until SIGTERM or SIGINT. Exits with 2 where a setting is wrong."""
    try:
        config = load(config_type, os.environ)
    except SettingError as error:
        sys.exit(f"{config_type.__module__}: {error}")
    with contextlib.suppress(KeyboardInterrupt):
        uvloop.run(_run(config, running))


async def _run(config: Config, running: Callable[[Config], AbstractAsyncContextManager[object]]) -> None:
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    async with running(config):
        await stopping.wait()
