"""A store that is away says so, and the spool carries paid bytes over the outage."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from servicekit.direct import Buffer
from servicekit.objects import DirectoryObjects, Objects, StoreUnavailable
from servicekit.spool import Spool, SpoolFull
from testkit.eventually import eventually
from testkit.ports import free_port
from testkit.s3 import S3Server

KEYS = {"AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s"}


def away() -> Objects:
    return Objects.from_url(f"s3://nobody/?endpoint=http://127.0.0.1:{free_port()}&region=us-east-1", KEYS)


def broken_directory(tmp_path: Path) -> Objects:
    objects = Objects.from_url((tmp_path / "store").as_uri())
    (tmp_path / "store" / "ac").write_text("a file where a directory should be")
    return objects


async def test_a_directory_that_cannot_be_written_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable):
        await broken_directory(tmp_path).put_new("ac/k", [b"x"])


async def test_an_s3_server_that_does_not_answer_is_unavailable() -> None:
    objects = away()
    with pytest.raises(StoreUnavailable):
        await objects.put_new("k", [b"x"])
    with pytest.raises(StoreUnavailable):
        await objects.get("k")
    with pytest.raises(StoreUnavailable):
        await objects.check()


async def test_wrong_credentials_are_unavailable(s3: S3Server) -> None:
    with pytest.raises(StoreUnavailable):
        await Objects.from_url(s3.url("objects-contract"), KEYS).put_new("k", [b"x"])


@pytest.mark.parametrize(
    "url",
    ["gs://bucket/x", "/var/lib/x", "s3://", "file://host/x", "s3://bucket/x?colour=red", "s3://bucket"],
)
def test_an_unknown_kind_of_store_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"object store|unknown parameters|s3://bucket"):
        Objects.from_url(url, {"AWS_ACCESS_KEY_ID": "half a pair"})


async def test_spooled_bytes_survive_a_restart_and_are_delivered_once(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", away())
    await spool.keep("ac/k", [b"paid ", b"for"])
    await spool.keep("ac/k", [b"paid ", b"for"])
    with pytest.raises(StoreUnavailable):
        await spool.deliver()

    store = Objects.from_url((tmp_path / "store").as_uri())
    restarted = Spool(tmp_path / "spool", store)
    assert list(restarted.keys) == ["ac/k"]
    assert restarted.size_bytes == 8
    assert await restarted.deliver() == 1
    assert not restarted.keys
    assert await restarted.deliver() == 0
    assert bytes(await store.get("ac/k")) == b"paid for"


async def test_what_the_store_has_already_is_only_forgotten_by_the_spool(tmp_path: Path) -> None:
    store = Objects.from_url((tmp_path / "store").as_uri())
    await store.put_new("k", [b"x"])
    spool = Spool(tmp_path / "spool", store)
    await spool.keep("k", [b"x"])
    assert await spool.deliver() == 1
    assert spool.size_bytes == 0


async def test_a_running_spool_delivers_on_its_own(tmp_path: Path) -> None:
    store = Objects.from_url((tmp_path / "store").as_uri())
    spool = Spool(tmp_path / "spool", store)
    running = asyncio.create_task(spool.run(pause_seconds=0.01))
    await spool.keep("k", [b"x"])
    await eventually(lambda: store.get("k") if not spool.keys else False)
    running.cancel()


async def test_a_full_spool_refuses(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", away(), max_bytes=10)
    await spool.keep("a", [b"12345678"])
    with pytest.raises(SpoolFull):
        await spool.keep("b", [b"123"])
    assert spool.keys == ("a",)


class Hesitant(DirectoryObjects):
    """A directory that has taken an object, and says so only once `go_on` is set."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.taken, self.go_on = asyncio.Event(), asyncio.Event()

    async def put_new(self, key: str, buffers: Sequence[Buffer]) -> bool:
        is_new = await super().put_new(key, buffers)
        self.taken.set()
        await self.go_on.wait()
        return is_new


async def test_bytes_that_come_again_while_they_are_delivered_are_forgotten_with_them(tmp_path: Path) -> None:
    one_thread = ThreadPoolExecutor(1)
    asyncio.get_running_loop().set_default_executor(one_thread)
    objects = Hesitant(tmp_path / "store")
    spool = Spool(tmp_path / "spool", objects)
    await spool.keep("ac/k", [b"paid for"])
    delivering = asyncio.create_task(spool.deliver())
    await objects.taken.wait()
    keeping = asyncio.create_task(spool.keep("ac/k", [b"paid for"]))
    await asyncio.sleep(0)
    one_thread.submit(bool).result()  # the file was found to be there already, which `keep` has not heard of
    objects.go_on.set()
    await asyncio.gather(delivering, keeping)
    await spool.deliver()
    assert (spool.keys, bytes(await objects.get("ac/k"))) == ((), b"paid for")
