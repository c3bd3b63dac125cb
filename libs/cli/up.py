"""`gesso up`: the platform in the foreground, and one block that says how to use it."""

import asyncio
import json
import os
import sys
import time
from pathlib import Path

from embedded import locks
from embedded.foreground import stay
from embedded.layout import StateUnreadableError
from embedded.platform import Platform, SettingError
from embedded.postgres import PostgresError
from embedded.processes import ProgramError

_USAGE = "usage: gesso up [--json]\n"
_HELP = (
    f"{_USAGE}\nStart the whole platform and stay in the foreground until Ctrl-C. See docs/configuration.md.\n\n"
    "  --json  say how to use it as JSON, on one line\n"
)


class DemoFailed(Exception):
    """The demo account could not be made."""


def main() -> None:
    """Run until SIGINT or SIGTERM."""
    asked = set(sys.argv[1:])
    if asked & {"-h", "--help"}:
        sys.stdout.write(_HELP)
        return
    if asked - {"--json"}:
        sys.stderr.write(f"{_USAGE}gesso up: error: it takes nothing but --json; settings are in the environment\n")
        sys.exit(2)
    print_ready = _print_json if "--json" in asked else _print_block
    home = Path(os.environ.get("GESSO_HOME") or ".gesso").absolute()
    started = time.monotonic()
    demo: dict[str, str] = {}

    async def provide() -> None:
        demo.update(await _demo(home))

    async def announce(platform: Platform) -> None:
        print_ready(platform, demo["api_key"], time.monotonic() - started)

    print(f"starting in {home} …", file=sys.stderr, flush=True)
    try:
        asyncio.run(stay(home, os.environ, announce, provide))
    except (locks.InUseError, SettingError, StateUnreadableError, PostgresError, ProgramError, DemoFailed) as failure:
        sys.exit(f"gesso: {failure}")


async def _demo(home: Path) -> dict[str, str]:
    environment = {name: value for name, value in os.environ.items() if name not in ("GESSO_URL", "GESSO_ADMIN_TOKEN")}
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-P", "-m", "cli.demo"),
        env={**environment, "GESSO_HOME": str(home)},
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await child.communicate()
    if child.returncode != 0:
        raise DemoFailed("the demo account could not be made: see the message above")
    found: dict[str, str] = json.loads(output)
    return found


def _print_json(platform: Platform, key: str, seconds: float) -> None:
    said = {
        "ready_seconds": round(seconds, 1),
        "url": platform.url,
        "api_key": key,
        "files_url": platform.files_url,
        "metrics": dict(platform.state.metrics),
    }
    print(json.dumps(said), flush=True)


def _print_block(platform: Platform, key: str, seconds: float) -> None:
    url = platform.url
    metrics = "  ".join(f"{name} {address}" for name, address in platform.state.metrics.items())
    print(
        f"""
ready    in {seconds:.1f} s
url      {url}
key      {key}
files    {platform.files_url}
metrics  {metrics}

curl {url}/v1/images/generations \\
  -H "Authorization: Bearer {key}" -H "Content-Type: application/json" \\
  -d '{{"model": "sketch", "prompt": "A red fox under a full moon in a snowy forest, watercolor", "response_format": "url"}}'
""",
        flush=True,
    )


if __name__ == "__main__":
    main()
