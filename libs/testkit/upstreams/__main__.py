"""``python -m testkit.upstreams openai --port 9001`` serves one scripted upstream until it is interrupted."""

import argparse
import asyncio
import signal

import uvloop

from testkit.upstreams.base import BEHAVIOURS, ScriptedUpstream, parse_behaviour
from testkit.upstreams.vendors import VENDORS


def main() -> None:
    """Read the command line and serve; the first line printed is the base URL."""
    parser = argparse.ArgumentParser(prog="python -m testkit.upstreams", description=__doc__)
    parser.add_argument("vendor", choices=sorted(VENDORS))
    parser.add_argument("--port", type=int, default=0, help="any free port where 0 (the default)")
    parser.add_argument("--fault", default="success", help=f"name[:number], one of {', '.join(BEHAVIOURS)}")
    parser.add_argument("--payload-bytes", type=int, default=0, help="size of each picture's file, padded with noise")
    options = parser.parse_args()
    upstream = VENDORS[options.vendor].upstream(
        default=parse_behaviour(options.fault), payload_bytes=options.payload_bytes
    )
    uvloop.run(_serve(upstream, options.port))


async def _serve(upstream: ScriptedUpstream, port: int) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with upstream.running(port) as url:
        print(url, flush=True)
        await stopped.wait()


if __name__ == "__main__":
    main()
