"""How the allocator behaves once it is configured: seen from outside, in processes of their own."""

import subprocess
import sys

_ROUND = """
import os, resource, sys
from servicekit import allocation
allocation.configure(os.environ)
size, rounds = int(sys.argv[1]), 20
bytearray(size)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(rounds):
    bytearray(b"\\1") * size
faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
print(faults * os.sysconf("SC_PAGE_SIZE") // (rounds * size // 100))
"""


def _percent_faulted_in(size_bytes: int, environ: dict[str, str]) -> int:
    """Of the memory of one buffer after the other: how much had to come from the kernel."""
    command = (sys.executable, "-c", _ROUND, str(size_bytes))
    return int(subprocess.run(command, env=environ, capture_output=True, check=True, text=True).stdout)


def test_pictures_of_usual_size_are_made_of_memory_that_is_there() -> None:
    assert _percent_faulted_in(1_500_000, {}) < 20


def test_large_pictures_go_back_to_the_kernel_at_once() -> None:
    assert _percent_faulted_in(20_000_000, {}) > 80


def test_an_operators_own_settings_stand() -> None:
    assert _percent_faulted_in(1_500_000, {"MALLOC_MMAP_THRESHOLD_": "131072"}) > 80
