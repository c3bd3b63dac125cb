"""``python -m testkit.upstreams.rehearsal``: all vendors at once, with faults at a rate, for who wants to see a platform take them.

It prints the variables by which a platform finds them, and serves until it is interrupted; `gesso upstreams` is its front.
"""

import argparse
import asyncio
import contextlib
import json
import random
import re
import shlex
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import uvloop

from testkit.upstreams.base import BEHAVIOURS, SUCCESS, Behaviour, parse_behaviour
from testkit.upstreams.vendors import VENDORS

_FAULT = re.compile(
    r"(?P<name>[a-z_0-9]+)(?::(?P<number>[0-9]+(?:\.[0-9]+)?))?(?:@(?:(?P<percent>[0-9]+(?:\.[0-9]+)?)%|every(?P<nth>[1-9][0-9]*)))?"
)
_NEEDS_NUMBER = frozenset({"slow"})
_EGRESS = {"GESSO_EGRESS_ALLOW": "127.0.0.0/8"}
"""The vendors' pictures stand on this machine."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A behaviour that some orders meet: each ``nth``, or each by this chance (0..1)."""

    behaviour: Behaviour
    chance: float = 1.0
    nth: int = 0


def parse_fault(text: str) -> Fault:
    """Read ``NAME[:NUMBER][@SHARE]``: ``hang``, ``server_error:503@20%``, ``slow:5@every3``. Raises ArgumentTypeError."""
    match = _FAULT.fullmatch(text)
    if match is None or match["name"] not in BEHAVIOURS:
        raise argparse.ArgumentTypeError(f"{text!r} is no fault: see `gesso upstreams faults`")
    if match["name"] in _NEEDS_NUMBER and not match["number"]:
        raise argparse.ArgumentTypeError(f"{match['name']} needs its seconds, as {match['name']}:5")
    if match["percent"] and float(match["percent"]) > 100:
        raise argparse.ArgumentTypeError(f"{match['percent']} % is more than all")
    number = match["number"] or ""
    whole = number.partition(".")[0] if match["name"] == "server_error" else number
    behaviour = parse_behaviour(f"{match['name']}:{whole}" if whole else match["name"])
    return Fault(behaviour, float(match["percent"] or 100) / 100, int(match["nth"] or 0))


class Mixture:
    """What one vendor's orders meet: of the faults whose turn it is the first, success where it is none's."""

    def __init__(self, faults: Sequence[Fault], *, chance: Callable[[], float] = random.random) -> None:
        """``chance`` is uniform in 0..1."""
        self._faults = faults
        self._chance = chance
        self._count = 0

    def next(self) -> Behaviour:
        """Return the behaviour of the next order."""
        self._count += 1
        met = (fault.behaviour for fault in self._faults if self._is_met(fault))
        return next(met, SUCCESS)

    def _is_met(self, fault: Fault) -> bool:
        return self._count % fault.nth == 0 if fault.nth else self._chance() < fault.chance


def main() -> None:
    """Read the command line; list the faults, or serve."""
    options = _parser().parse_args()
    if options.command == "faults":
        print(json.dumps([{"fault": name, "meaning": meaning} for name, meaning in BEHAVIOURS.items()]))
        return
    with contextlib.suppress(KeyboardInterrupt):
        uvloop.run(_serve(options))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="gesso upstreams", description=__doc__)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    commands.add_parser("faults", help="list the faults")
    serve = commands.add_parser("serve", help="serve the vendors on 127.0.0.1 until it is interrupted")
    serve.add_argument(
        "--fault",
        type=parse_fault,
        action="append",
        default=[],
        help="NAME[:NUMBER][@SHARE], as hang, server_error:503@20%% or slow:5@every3; of several the first due is met",
    )
    serve.add_argument("--only", type=_vendors, default=sorted(VENDORS), help="vendors, as openai,fal; all by default")
    serve.add_argument(
        "--port", type=int, default=0, help="of the first vendor, the next ones follow; any free ones where 0"
    )
    serve.add_argument("--json", action="store_true", help="print the variables as one JSON object")
    return parser


def _vendors(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in VENDORS:
            raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(sorted(VENDORS))}")
    return names


async def _serve(options: argparse.Namespace) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    variables = dict(_EGRESS)
    async with contextlib.AsyncExitStack() as stack:
        for index, name in enumerate(options.only):
            vendor = VENDORS[name]
            upstream = vendor.upstream()
            upstream.unscripted = Mixture(options.fault).next
            try:
                url = await stack.enter_async_context(upstream.running(options.port + index if options.port else 0))
            except OSError as error:
                sys.exit(f"gesso: {name} cannot be served: {error.strerror or error}")
            variables |= {vendor.address: url, vendor.key: vendor.value, **vendor.others}
        _tell(variables, as_json=options.json)
        await stopped.wait()


def _tell(variables: dict[str, str], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(variables), flush=True)
        return
    print("\n".join(f"export {name}={shlex.quote(value)}" for name, value in sorted(variables.items())), flush=True)


if __name__ == "__main__":
    main()
