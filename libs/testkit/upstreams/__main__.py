"""``python -m testkit.upstreams openai --port 9001`` serves one scripted upstream until it is interrupted."""

import argparse
import asyncio
import signal
from collections.abc import Mapping
from pathlib import Path

import uvloop

from testkit.upstreams.a1111 import A1111Upstream
from testkit.upstreams.ark import ArkUpstream
from testkit.upstreams.base import BEHAVIOURS, ScriptedUpstream, parse_behaviour
from testkit.upstreams.bfl import BflUpstream
from testkit.upstreams.dashscope import DashScopeUpstream
from testkit.upstreams.fal import FalUpstream
from testkit.upstreams.google import GoogleUpstream
from testkit.upstreams.ideogram import IdeogramUpstream
from testkit.upstreams.magnific import MagnificUpstream
from testkit.upstreams.minimax import MiniMaxUpstream
from testkit.upstreams.openai import OpenAIUpstream
from testkit.upstreams.openrouter import OpenRouterUpstream
from testkit.upstreams.replicate import ReplicateUpstream
from testkit.upstreams.reve import ReveUpstream
from testkit.upstreams.stability import StabilityUpstream
from testkit.upstreams.together import TogetherUpstream

UPSTREAMS: Mapping[str, type[ScriptedUpstream]] = {
    "a1111": A1111Upstream,
    "ark": ArkUpstream,
    "bfl": BflUpstream,
    "dashscope": DashScopeUpstream,
    "fal": FalUpstream,
    "google": GoogleUpstream,
    "ideogram": IdeogramUpstream,
    "magnific": MagnificUpstream,
    "minimax": MiniMaxUpstream,
    "openai": OpenAIUpstream,
    "openrouter": OpenRouterUpstream,
    "replicate": ReplicateUpstream,
    "reve": ReveUpstream,
    "stability": StabilityUpstream,
    "together": TogetherUpstream,
}


def main() -> None:
    """Read the command line and serve; the first line printed is the base URL."""
    parser = argparse.ArgumentParser(prog="python -m testkit.upstreams", description=__doc__)
    parser.add_argument("vendor", choices=sorted(UPSTREAMS))
    parser.add_argument("--port", type=int, default=0, help="any free port where 0 (the default)")
    parser.add_argument("--fault", default="success", help=f"name[:number], one of {', '.join(BEHAVIOURS)}")
    parser.add_argument("--payload-bytes", type=int, default=0, help="size of each picture's file, padded with noise")
    parser.add_argument(
        "--specification", type=Path, help="the vendor's OpenAPI document, to validate requests against"
    )
    options = parser.parse_args()
    upstream = UPSTREAMS[options.vendor](
        default=parse_behaviour(options.fault),
        payload_bytes=options.payload_bytes,
        specification=options.specification,
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
