"""Large files go past the page cache, whole, and through it where there is no other way."""

import fcntl
import mmap
import os
from pathlib import Path

import pytest

from servicekit import direct

_SIZES = (
    1,
    direct.FROM_BYTES - 1,
    direct.FROM_BYTES,
    direct.FROM_BYTES + 1,
    (1 << 20) - 1,
    1 << 20,
    (1 << 20) + 1,
    2_500_000,
)


def _noise(size: int) -> bytes:
    return os.urandom(4099) * (size // 4099 + 1)


def _written(path: Path, *buffers: direct.Buffer) -> Path:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    try:
        direct.write_all(descriptor, buffers)
        os.fdatasync(descriptor)
    finally:
        os.close(descriptor)
    return path


def _passes_cache(folder: Path) -> bool:
    """Whether a block that is written past the cache of this folder's file system, by nothing of ours, is not in it after that.

    Some know no such way, some know it and go through the cache all the same, and some cannot tell what is in it.
    """
    path, block = folder / "probe", mmap.mmap(-1, direct.ALIGNMENT_BYTES)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | getattr(os, "O_DIRECT", 0))
        try:
            os.write(descriptor, block)
        finally:
            os.close(descriptor)
        return not _in_cache(path, len(block))
    except OSError:
        return False


def _in_cache(path: Path, size: int) -> bool:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return os.preadv(descriptor, [bytearray(size)], 0, os.RWF_NOWAIT) == size
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)


@pytest.mark.parametrize("size", _SIZES)
def test_a_file_holds_its_buffers_however_they_are_cut(tmp_path: Path, size: int) -> None:
    data = _noise(size)[:size]
    cut = memoryview(data)
    buffers = (cut[:33], b"", bytearray(cut[33:4129]), cut[4129 : size // 2], cut[max(size // 2, 4129) :])
    assert _written(tmp_path / "file", *buffers).read_bytes() == data


def test_thousands_of_small_buffers_become_one_large_file(tmp_path: Path) -> None:
    buffers = [bytes([i % 256]) * (i % 500) for i in range(5000)]
    assert _written(tmp_path / "file", *buffers).read_bytes() == b"".join(buffers)


@pytest.mark.parametrize("size", _SIZES)
def test_a_file_is_read_in_aligned_blocks_up_to_its_end(tmp_path: Path, size: int) -> None:
    data = _noise(size)[:size]
    path = _written(tmp_path / "file", data)
    memory = direct.aligned(1 << 19)
    blocks = bytearray()
    descriptor = direct.open_to_read(str(path))
    try:
        while count := direct.read_into(descriptor, memory, len(blocks)):
            blocks += memory[:count]
    finally:
        os.close(descriptor)
    assert blocks == data


def test_only_large_files_spare_the_page_cache(tmp_path: Path) -> None:
    if not _passes_cache(tmp_path):
        pytest.skip("the folder's file system has no way past the page cache")
    large, small = _written(tmp_path / "large", _noise(2_000_000)), _written(tmp_path / "small", _noise(10_000))
    assert not _in_cache(large, 1 << 20)
    assert _in_cache(small, 10_000)


def test_what_knows_no_way_past_the_cache_is_written_through_it() -> None:
    descriptor = os.open("/dev/null", os.O_WRONLY)
    try:
        direct.write_all(descriptor, [_noise(2_000_000)])
    finally:
        os.close(descriptor)


def test_what_knows_no_way_past_the_cache_is_read_through_it() -> None:
    memory = direct.aligned(4096)
    memory[:] = b"x" * 4096
    descriptor = direct.open_to_read("/dev/zero")
    try:
        assert direct.read_into(descriptor, memory, 0) == 4096
    finally:
        os.close(descriptor)
    assert bytes(memory) == bytes(4096)


def test_a_read_that_the_file_system_refuses_goes_through_the_cache_and_leaves_other_flags(tmp_path: Path) -> None:
    """The number of a file that was closed under a cancelled read may be a socket's by then, which must not begin to block."""
    data = _noise(10_000)[:10_000]
    descriptor = direct.open_to_read(str(_written(tmp_path / "file", data)))
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETFL, fcntl.fcntl(descriptor, fcntl.F_GETFL) | os.O_NONBLOCK)
        memory = direct.aligned(8192)[1:4097]
        assert direct.read_into(descriptor, memory, 1) == 4096
        assert memory == data[1:4097]
        assert fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_NONBLOCK
    finally:
        os.close(descriptor)
