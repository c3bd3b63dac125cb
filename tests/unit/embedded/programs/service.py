"""Stand in for the service argv[2]: note what happens in argv[1]/journal, and live as argv[3] says."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path


def note(text: str) -> None:
    """Add a line to the journal that the tests read."""
    with (Path(sys.argv[1]) / "journal").open("a") as journal:
        journal.write(f"{sys.argv[2]} {text}\n")


def stop(*_: object) -> None:
    """End in order."""
    note("stopped")
    sys.exit(0)


manner = sys.argv[3]
signal.signal(signal.SIGTERM, signal.SIG_IGN if manner == "stubborn" else stop)
note(f"started {os.getpid()}")
if manner == "broken":
    sys.exit("the configuration makes no sense")
if manner == "parent":
    child = subprocess.Popen(["sleep", "600"])
    note(f"child {child.pid}")
if manner != "slow":
    note(f"ready {os.getpid()}")
while True:
    time.sleep(600)
