"""Programs are kept running as children: started, asked until ready, started again after a crash, stopped in order."""

import asyncio
import contextlib
import logging
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from embedded import leash, logs

_LOG = logging.getLogger(__name__)
_POLL_SECONDS = 0.02
_STEADY_SECONDS = 10.0
_FIRST_DELAY_SECONDS = 0.1
_LONGEST_DELAY_SECONDS = 5.0


class ProgramError(Exception):
    """A program did not become ready; the message ends with the last lines that it logged."""

    def __init__(self, name: str, reason: str, log: str) -> None:
        super().__init__(f"{name} {reason}" + (f":\n{log}" if log else ""))


async def nothing_to_prepare() -> Sequence[int]:
    """Prepare nothing and hand down no descriptor."""
    return ()


def unnoted(_process_id: int) -> None:
    """Let a start pass without a note."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What to run and how to treat it.

    `ready` is asked with the child's process id until it says yes. `prepare` runs before every start and returns
    descriptors that the child inherits; our copies are closed once it runs. `started` is told each child's process id.
    `orphan_signal` is what the child gets
    from the kernel if we die without stopping it. `identity` is explained in `embedded.leash`.
    """

    name: str
    argv: tuple[str, ...]
    environment: Mapping[str, str]
    folder: Path
    log: Path
    ready: Callable[[int], Awaitable[bool]]
    prepare: Callable[[], Awaitable[Sequence[int]]] = nothing_to_prepare
    started: Callable[[int], None] = unnoted
    identity: str = leash.SELF
    stop_signal: signal.Signals = signal.SIGTERM
    orphan_signal: signal.Signals = signal.SIGKILL
    start_deadline_seconds: float = 30.0
    stop_deadline_seconds: float = 20.0


def delay_seconds(crashes: int) -> float:
    """Return the wait before the next start after so many crashes in a row: 0.1 s, doubling up to 5 s."""
    return min(_FIRST_DELAY_SECONDS * 2.0 ** min(crashes - 1, 16), _LONGEST_DELAY_SECONDS)


def crashes_in_a_row(before: int, ready_seconds: float) -> int:
    """Count a crash: one after ten steady seconds is the first of its row."""
    return 1 if ready_seconds >= _STEADY_SECONDS else before + 1


def ended(status: int) -> str:
    """Word the end of a process: `was killed by SIGKILL`, `ended with status 1`."""
    return f"was killed by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"


class Process:
    """One program that is kept running; made by `running`."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.starts = 0
        self._child: asyncio.subprocess.Process | None = None
        self._log_start_bytes = 0
        self._ready = asyncio.Event()
        self._ready_at_seconds: float | None = None
        self._is_late = False
        self._stopping = asyncio.Event()
        self._keeper = asyncio.create_task(self._keep(), name=f"keep {program.name}")

    @property
    def pid(self) -> int:
        """The child's process id, of the latest start."""
        assert self._child is not None
        return self._child.pid

    async def until_ready(self) -> None:
        """Wait until the present child, or the next one, is ready; raises what ends the keeping, if anything does."""
        waiting = asyncio.create_task(self._ready.wait())
        await asyncio.wait((waiting, self._keeper), return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if self._keeper.done():
            self._keeper.result()

    async def until_given_up(self) -> None:
        """Wait for the end of the keeping: it returns after `stop`, and raises what made a new start impossible."""
        await asyncio.shield(self._keeper)

    async def stop(self) -> None:
        """Ask the child to end, kill it at its deadline, and start it no more."""
        self._stopping.set()
        self._signal(self.program.stop_signal)
        _, late = await asyncio.wait((self._keeper,), timeout=self.program.stop_deadline_seconds)
        if late:
            _LOG.warning("%s did not stop within %s s", self.program.name, self.program.stop_deadline_seconds)
        self._signal(signal.SIGKILL)  # also after a keeper that failed
        await asyncio.wait((self._keeper,))
        self._keeper.exception()  # known to whom it concerns, who waited until ready or until given up

    def _signal(self, number: signal.Signals) -> None:
        """Send a signal to the child, if one lives."""
        if self._child is not None and self._child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._child.send_signal(number)

    async def _keep(self) -> None:
        """Run the program again whenever it ends, until told to stop; raises ProgramError if it never was ready."""
        crashes = 0
        while not self._stopping.is_set():
            status = await self._live()
            ready_at = self._ready_at_seconds
            if self._stopping.is_set():
                return
            if ready_at is None and self.starts == 1:
                raise self._failure(status)
            crashes = crashes_in_a_row(crashes, 0.0 if ready_at is None else time.monotonic() - ready_at)
            delay = delay_seconds(crashes)
            _LOG.warning("%s %s; it starts again in %.1f s", self.program.name, ended(status), delay)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), delay)

    async def _live(self) -> int:
        """Run the program once, to its end, and return its exit status."""
        child = await self._spawn()
        if self._stopping.is_set():
            self._signal(self.program.stop_signal)
        async with asyncio.TaskGroup() as group:
            asking = group.create_task(self._ask(child))
            status = await child.wait()
            asking.cancel()
        self._ready.clear()
        _end_group(child.pid)
        return status

    async def _spawn(self) -> asyncio.subprocess.Process:
        """Start the program on a leash, in a session of its own so that a terminal's Ctrl-C reaches only us."""
        program = self.program
        self._ready_at_seconds = None
        self._log_start_bytes = logs.size_bytes(program.log)
        inherited = await program.prepare()
        output = logs.open_for_append(program.log)
        try:
            self._child = await asyncio.create_subprocess_exec(
                *leash.command(program.argv, program.orphan_signal, program.identity),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=program.folder,
                env=dict(program.environment),
                pass_fds=inherited,
                start_new_session=True,
            )
        finally:
            for descriptor in (output, *inherited):
                os.close(descriptor)
        self.starts += 1
        program.started(self._child.pid)
        return self._child

    async def _ask(self, child: asyncio.subprocess.Process) -> None:
        """Ask the child until it is ready; kill one that takes too long."""
        try:
            async with asyncio.timeout(self.program.start_deadline_seconds):
                while not await self.program.ready(child.pid):  # noqa: ASYNC110  another process sets no event
                    await asyncio.sleep(_POLL_SECONDS)
        except TimeoutError:
            self._is_late = True
            self._signal(signal.SIGKILL)
            return
        self._ready_at_seconds = time.monotonic()
        self._ready.set()

    def _failure(self, status: int) -> ProgramError:
        """Word the end of a first start that never became ready."""
        program = self.program
        late = f"was not ready within {program.start_deadline_seconds:g} s"
        reason = late if self._is_late else f"{ended(status)} before it was ready"
        return ProgramError(program.name, reason, logs.tail(program.log, self._log_start_bytes))


def _end_group(leader_id: int) -> None:
    """Kill what a dead child left behind in its session's process group."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader_id, signal.SIGKILL)


@contextlib.asynccontextmanager
async def running(program: Program) -> AsyncIterator[Process]:
    """Keep one program running for the block; raises ProgramError if its first start fails."""
    process = Process(program)
    try:
        await process.until_ready()
        yield process
    finally:
        await process.stop()


@contextlib.asynccontextmanager
async def all_running(programs: Sequence[Program]) -> AsyncIterator[tuple[Process, ...]]:
    """Keep programs running for the block, as `kept` does; raises ProgramError if the first start of one fails."""
    async with kept(programs) as processes:
        await asyncio.gather(*(process.until_ready() for process in processes))
        yield processes


@contextlib.asynccontextmanager
async def kept(programs: Sequence[Program]) -> AsyncIterator[tuple[Process, ...]]:
    """Start programs together and stop them one after the other, the last one first; the block waits for those it needs."""
    processes = tuple(Process(program) for program in programs)
    try:
        yield processes
    finally:
        for process in reversed(processes):
            await process.stop()
