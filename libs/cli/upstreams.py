"""`upstreams`: scripted vendors in place of the real ones, so that an operator can rehearse what becomes of their faults."""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Sequence

from cli.errors import CommandFailed
from cli.output import Result

_PROGRAM = ("-P", "-m", "testkit.upstreams.rehearsal")
"""The vendors belong to the test kit, which stands above the command line: they are their own program."""


def serve(words: Sequence[str]) -> None:
    """Become the program that serves them, with the command's own arguments, until it is interrupted."""
    os.execv(sys.executable, [sys.executable, *_PROGRAM, "serve", *words])  # noqa: S606


def faults(_arguments: argparse.Namespace) -> Result:
    """List what a vendor can be told to do."""
    child = subprocess.run([sys.executable, *_PROGRAM, "faults"], check=False, stdout=subprocess.PIPE)
    if child.returncode != 0:
        raise CommandFailed("The faults could not be listed: see the message above.")
    found: Result = json.loads(child.stdout)
    return found
