"""The embedded PostgreSQL starts anywhere, as anyone, and after any end; and it never outlives its supervisor."""

import asyncio
import contextlib
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest

from embedded import leash, locks, processes
from embedded.postgres import ADMINISTRATOR, Postgres, PostgresError, Server, binary, identity_for, is_ready
from testkit.eventually import eventually

KEEPER = Path(__file__).parent / "programs" / "keep_postgres.py"
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has to run PostgreSQL as somebody else")


def postgres(state: Path, identity: str | None = None) -> Postgres:
    return Postgres(state=state, log=state.with_suffix(".log"), durable=False, identity=identity)


@pytest.fixture(scope="module")
async def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state folder that was started once and has a table with one row."""
    state = tmp_path_factory.mktemp("made") / "pg"
    async with postgres(state).running() as server:
        await query(server, "CREATE TABLE kept AS SELECT 42 AS answer")
    return state


@pytest.fixture
def state(made: Path, tmp_path: Path) -> Path:
    """A copy of such a state for one test."""
    return shutil.copytree(made, tmp_path / "pg")


@pytest.fixture
def folder_for_all() -> Iterator[Path]:
    """A folder below which another user may have a folder of its own."""
    folder = Path(tempfile.mkdtemp(prefix="gesso-open-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


async def query(server: Server | str, statement: str) -> object:
    url = server if isinstance(server, str) else server.dsn(ADMINISTRATOR, "postgres")
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


async def answer(server: Server | str) -> object:
    return await query(server, "SELECT answer FROM kept")


@contextlib.asynccontextmanager
async def supervisor(
    state: Path, identity: str = leash.SELF
) -> AsyncIterator[tuple[asyncio.subprocess.Process, int, str]]:
    """Run a supervisor as a process of its own: its process, its server's id and the server's URL."""
    command = leash.command((sys.executable, str(KEEPER), str(state)), signal.SIGKILL, identity)
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    server_id = 0
    try:
        async with asyncio.timeout(30):
            first, url = (await process.stdout.readline()).decode().split()
        server_id = int(first)
        yield process, server_id, url
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        await eventually(lambda: not is_alive(server_id))


def is_alive(process_id: int) -> bool:
    """Say whether the process runs; a zombie, which waits for an adoptive parent's notice, has no command line."""
    try:
        return Path(f"/proc/{process_id}/cmdline").read_bytes() != b""
    except (FileNotFoundError, ProcessLookupError):
        return False


def exists(path: Path) -> bool:
    return path.exists()


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def owner_id(process_id: int) -> int:
    return Path(f"/proc/{process_id}").stat().st_uid


@pytest.mark.parametrize("name", ["plain", "with a space, a comma and 'quotes\" %41", "long" * 40])
async def test_it_starts_in_any_folder_and_a_second_start_keeps_the_data(tmp_path: Path, name: str) -> None:
    state = tmp_path / name / "pg"
    async with postgres(state).running() as server:
        await query(server, "CREATE TABLE kept AS SELECT 42 AS answer")
    async with postgres(state).running() as server:
        assert await answer(server) == 42
    assert server.socket_folder == state or not exists(server.socket_folder)


async def test_a_killed_server_comes_back_by_itself_with_what_was_committed(state: Path) -> None:
    async with postgres(state).running() as server:
        await query(server, "UPDATE kept SET answer = 43")
        killed = server.process.pid
        os.kill(killed, signal.SIGKILL)
        await eventually(lambda: server.process.pid != killed)
        await server.process.until_ready()
        assert await answer(server) == 43


async def test_the_server_ends_when_its_supervisor_is_killed_and_the_next_start_has_the_data(state: Path) -> None:
    async with supervisor(state) as (process, server_id, url):
        await query(url, "UPDATE kept SET answer = 44")
        process.kill()
        await process.wait()
        async with postgres(state).running() as server:
            assert not is_alive(server_id)
            assert await answer(server) == 44


async def test_a_start_after_everything_was_killed_is_not_misled_by_a_reused_process_id(state: Path) -> None:
    async with supervisor(state) as (process, server_id, _):
        process.kill()
        os.kill(server_id, signal.SIGKILL)
        await process.wait()
        await eventually(lambda: not is_alive(server_id))
    stranger = await asyncio.create_subprocess_exec("sleep", "600")
    try:
        claim = f"{stranger.pid}\n{state / 'data'}\n1\n5432\n{state}\n\n  1 1\nready   \n"
        (state / "data" / "postmaster.pid").write_text(claim)
        (state / ".s.PGSQL.5432.lock").write_text(claim)
        async with postgres(state).running() as server:
            assert await answer(server) == 42
    finally:
        stranger.kill()
        await stranger.wait()


async def test_a_second_supervisor_of_the_same_state_is_refused_and_the_first_goes_on(state: Path) -> None:
    async with postgres(state).running() as server:
        with pytest.raises(locks.InUseError, match="another process runs the database"):
            async with postgres(state).running():
                pytest.fail("two servers on one state")
        assert await answer(server) == 42


async def test_an_interrupted_first_start_is_begun_anew(tmp_path: Path) -> None:
    draft = tmp_path / "pg" / "data.draft"
    draft.mkdir(parents=True)
    (draft / "PG_VERSION").write_text("16\n")
    async with postgres(tmp_path / "pg").running() as server:
        assert await query(server, "SELECT 1") == 1


async def test_it_listens_to_no_network_and_its_folder_is_closed_to_others(state: Path) -> None:
    async with postgres(state).running() as server:
        assert await query(server, "SHOW listen_addresses") == ""
        assert [mode(path) for path in (server.socket_folder, state, state / "secret")] == [0o700, 0o700, 0o600]


async def test_a_terminals_interrupt_does_not_reach_it(state: Path) -> None:
    async with postgres(state).running() as server:
        assert os.getsid(server.process.pid) == server.process.pid


async def test_it_rests_on_durable_commits_unless_told_otherwise(state: Path) -> None:
    async with Postgres(state=state, log=state.with_suffix(".log")).running() as server:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            assert await query(server, f"SHOW {setting}") == "on"


async def test_a_lost_secret_is_named(state: Path) -> None:
    (state / "secret").unlink()
    with pytest.raises(PostgresError, match=r"secret is missing"):
        async with postgres(state).running():
            pytest.fail("nobody could log in")


async def test_a_server_that_does_not_start_says_why(state: Path) -> None:
    (state / "data" / "PG_VERSION").write_text("9\n")
    with pytest.raises(processes.ProgramError, match="not compatible"):
        async with postgres(state).running():
            pytest.fail("the data is of another version")


@as_root
async def test_an_ordinary_user_starts_it_too(folder_for_all: Path) -> None:
    async with supervisor(folder_for_all / "pg", leash.MAPPED) as (_, _, url):
        assert await query(url, "SELECT 1") == 1


@as_root
async def test_without_a_user_namespace_root_runs_it_as_nobody_and_goes_on_doing_so(folder_for_all: Path) -> None:
    state = folder_for_all / "pg"
    async with postgres(state, str(leash.NOBODY_ID)).running() as server:
        await query(server, "CREATE TABLE kept AS SELECT 42 AS answer")
    async with postgres(state).running() as server:
        assert owner_id(server.process.pid) == leash.NOBODY_ID
        assert await answer(server) == 42


@as_root
async def test_a_folder_that_the_other_user_cannot_reach_is_named(folder_for_all: Path) -> None:
    closed = folder_for_all / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(PostgresError, match=rf"cannot reach {closed}/pg"):
        async with postgres(closed / "pg", str(leash.NOBODY_ID)).running():
            pytest.fail("nobody may not go there")


@pytest.mark.parametrize(
    ("user_id", "owner_id", "identity"),
    [
        (1000, None, leash.SELF),
        (1000, 1000, leash.SELF),
        (0, None, leash.MAPPED),
        (0, 0, leash.MAPPED),
        (0, 65534, "65534"),
        (0, 1000, "1000"),
    ],
)
def test_who_runs_the_server_follows_from_who_starts_it_and_who_owns_its_files(
    user_id: int, owner_id: int | None, identity: str
) -> None:
    assert identity_for(user_id, owner_id) == identity


@pytest.mark.parametrize(
    ("first", "last", "ready"),
    [("7", "ready   ", True), ("8", "ready   ", False), ("7", "starting", False), ("7", "stopping", False)],
)
def test_it_is_ready_when_its_own_status_says_so(tmp_path: Path, first: str, last: str, ready: bool) -> None:
    (tmp_path / "postmaster.pid").write_text(f"{first}\ndata\n1\n5432\nfolder\n\n1 1\n{last}\n")
    assert is_ready(tmp_path, 7) is ready


def test_a_server_without_a_status_yet_is_not_ready(tmp_path: Path) -> None:
    assert not is_ready(tmp_path, 7)


def test_the_wheel_brings_the_programs_that_are_used() -> None:
    assert all(os.access(binary(name), os.X_OK) for name in ("postgres", "initdb", "psql"))
