"""`python -m generator.engines.art install` installs the sketch engine's art."""

import argparse
import json
import sys
from pathlib import Path

from generator.engines.art.install import ArtInstallFailed, install
from generator.engines.art.library import art_dir


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m generator.engines.art", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("install", help="fetch and pack the drawings, unless they are there already")
    command.add_argument(
        "--dir", type=Path, default=art_dir(), help="default: $GESSO_ART_DIR, else inside the Python environment"
    )
    command.add_argument("--json", action="store_true", help="print the outcome as JSON")
    chosen = parser.parse_args()
    try:
        done = install(chosen.dir, lambda line: print(f"art: {line}", file=sys.stderr))
    except ArtInstallFailed as failure:
        print(json.dumps({"ok": False, "error": str(failure)}) if chosen.json else f"art: {failure}", file=sys.stderr)
        return 1
    if chosen.json:
        print(
            json.dumps(
                {"ok": True, "path": str(done.path), "drawings": done.drawings, "already_there": done.already_there}
            )
        )
    else:
        print(f"art: {done.drawings} drawings at {done.path}" + (" (already there)" if done.already_there else ""))
    return 0


if __name__ == "__main__":
    sys.exit(main())
