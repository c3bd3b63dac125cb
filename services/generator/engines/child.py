"""Work that is heavy or handles foreign bytes runs in limited child processes, reused and short of life.

A child is `python -m MODULE` whose `main` calls `serve`. Parent and child exchange messages over the child's standard input and
output: a message is a count of parts and each part behind its length, the first part being JSON, the others raw bytes, so that
pixels are never pickled. The parent half imports nothing heavy.

    EngineFault
    ├── EngineRefused      the child understood the request and says why it cannot serve it
    ├── EngineDied         the child ended in the middle of a request, twice
    └── EngineTimedOut     the request outran its deadline; the child was killed
"""

import asyncio
import contextlib
import json
import math
import os
import resource
import signal
import struct
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, BinaryIO, Self

_LENGTH = struct.Struct(">I")
_MAX_PARTS = 16
_MAX_PART_BYTES = 256 * 1024 * 1024
# What a child may see of the environment: never a key or a database URL of the service that owns it.
_INHERITED_VARIABLES = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "PYTHONPATH", "LD_LIBRARY_PATH", "SYSTEMROOT")


class EngineFault(Exception):
    """What an engine reports instead of a result."""


class EngineRefused(EngineFault):
    """The child refused the request for `reason`; the message is fit to show."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class EngineDied(EngineFault):
    """The child ended while it worked on the request, also when tried again."""


class EngineTimedOut(EngineFault):
    """The request took longer than its deadline."""


@dataclass(frozen=True)
class Message:
    """A JSON object and any number of byte strings beside it."""

    head: Mapping[str, Any]
    blobs: tuple[bytes, ...] = ()

    def frames(self) -> list[bytes]:
        parts = [json.dumps(self.head).encode(), *self.blobs]
        frames = [_LENGTH.pack(len(parts))]
        for part in parts:
            frames += [_LENGTH.pack(len(part)), part]
        return frames

    @classmethod
    def of_parts(cls, parts: list[bytes]) -> Self:
        return cls(head=json.loads(parts[0]), blobs=tuple(parts[1:]))


@dataclass(frozen=True)
class ChildLimits:
    """What one child may use.

    `memory_bytes` bounds its address space, `cpu_seconds` the processor time of one request (SIGXCPU ends the child),
    `deadline_seconds` the wall time of one request, `idle_seconds` how long it waits for the next one.
    """

    memory_bytes: int = 1536 * 1024 * 1024
    cpu_seconds: int = 20
    deadline_seconds: float = 60.0
    idle_seconds: float = 60.0


class _Child:
    """One running child process, serving one request at a time."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.retirement: asyncio.TimerHandle | None = None

    async def call(self, request: Message) -> Message:
        """Raises ConnectionError or IncompleteReadError when the child has died."""
        stdin, stdout = self.process.stdin, self.process.stdout
        assert stdin is not None
        assert stdout is not None
        if stdin.is_closing():  # uvloop's own error of a write to it is a bare RuntimeError
            raise ConnectionResetError("the child ended while it was idle")
        stdin.writelines(request.frames())
        await stdin.drain()
        (count,) = _LENGTH.unpack(await stdout.readexactly(_LENGTH.size))
        if not 1 <= count <= _MAX_PARTS:
            raise ConnectionError("the child does not speak in messages")
        parts = []
        for _ in range(count):
            (length,) = _LENGTH.unpack(await stdout.readexactly(_LENGTH.size))
            if length > _MAX_PART_BYTES:
                raise ConnectionError("the child's message is too long")
            parts.append(await stdout.readexactly(length))
        return Message.of_parts(parts)

    async def end(self) -> None:
        """Kills and reaps the process; one that is gone already is fine."""
        if self.retirement is not None:
            self.retirement.cancel()
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        await self.process.wait()


@dataclass
class ChildPool:
    """Up to `workers` children of one module, started when needed; requests are served in the order they came.

    A request whose child dies is sent once more, to a fresh child: engines are pure, so nothing happens twice. Leaving the
    context kills every child.
    """

    module: str
    workers: int
    limits: ChildLimits = field(default_factory=ChildLimits)
    variables: Mapping[str, str] = field(default_factory=dict)
    _idle: list[_Child] = field(default_factory=list, init=False)
    _all: set[_Child] = field(default_factory=set, init=False)
    _ending: set[asyncio.Task[None]] = field(default_factory=set, init=False)

    def __post_init__(self) -> None:
        assert self.workers >= 1
        self._slots = asyncio.Semaphore(self.workers)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._idle.clear()
        for child in tuple(self._all):
            self._end(child)
        while self._ending:
            await asyncio.gather(*self._ending)

    @property
    def process_ids(self) -> tuple[int, ...]:
        """The children alive now; empty when the pool is at rest."""
        return tuple(child.process.pid for child in self._all)

    async def call(self, request: Message) -> Message:
        """Serves one request. Raises EngineRefused, EngineDied or EngineTimedOut."""
        async with self._slots:
            for _ in range(2):
                reply = await self._attempt(request)
                if reply is not None:
                    return _accepted(reply)
            raise EngineDied(f"a child of {self.module} ended twice while it worked on one request")

    async def _attempt(self, request: Message) -> Message | None:
        child = self._idle.pop() if self._idle else await self._start()
        if child.retirement is not None:
            child.retirement.cancel()
        try:
            async with asyncio.timeout(self.limits.deadline_seconds):
                reply = await child.call(request)
        except TimeoutError:
            self._end(child)
            raise EngineTimedOut(f"not finished within {self.limits.deadline_seconds:g} seconds") from None
        except (ConnectionError, asyncio.IncompleteReadError):
            self._end(child)
            return None
        except BaseException:
            # A cancelled caller leaves half a reply in the pipe, so this child can serve no one else.
            self._end(child)
            raise
        self._rest(child)
        return reply

    async def _start(self) -> _Child:
        inherited = {name: os.environ[name] for name in _INHERITED_VARIABLES if name in os.environ}
        limits = (str(self.limits.memory_bytes), str(self.limits.cpu_seconds))
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", self.module, *limits),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=8 * 1024 * 1024,
            env={**inherited, **self.variables},
        )
        child = _Child(process)
        self._all.add(child)
        return child

    def _rest(self, child: _Child) -> None:
        self._idle.append(child)
        loop = asyncio.get_running_loop()
        child.retirement = loop.call_later(self.limits.idle_seconds, self._retire, child)

    def _retire(self, child: _Child) -> None:
        if child in self._idle:
            self._idle.remove(child)
            self._end(child)

    def _end(self, child: _Child) -> None:
        task = asyncio.ensure_future(child.end())
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)
        task.add_done_callback(lambda _: self._all.discard(child))


def _accepted(reply: Message) -> Message:
    if "refused" in reply.head:
        raise EngineRefused(reply.head["refused"], reply.head["message"])
    return reply


def serve(answer: Callable[[Message], Message]) -> None:
    """The child's main loop: limits itself, then answers requests until its standard input ends.

    The command line carries the limits (address space in bytes, CPU seconds of one request). EngineRefused travels to the
    caller; anything else ends the process, which the parent sees.
    """
    memory_bytes, cpu_seconds = int(sys.argv[1]), int(sys.argv[2])
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle; it ends its children
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # a stray print must not corrupt the stream
    while (request := _read(sys.stdin.buffer)) is not None:
        _allow_cpu(cpu_seconds)
        try:
            reply = answer(request)
        except EngineRefused as refusal:
            reply = Message({"refused": refusal.reason, "message": str(refusal)})
        try:
            replies.writelines(reply.frames())
            replies.flush()
        except BrokenPipeError:
            return


def _read(stream: BinaryIO) -> Message | None:
    size = stream.read(_LENGTH.size)
    if len(size) < _LENGTH.size:
        return None
    (count,) = _LENGTH.unpack(size)
    parts = []
    for _ in range(min(count, _MAX_PARTS)):
        (length,) = _LENGTH.unpack(stream.read(_LENGTH.size))
        parts.append(stream.read(min(length, _MAX_PART_BYTES)))
    return Message.of_parts(parts)


def _allow_cpu(seconds: int) -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    soft = math.ceil(used.ru_utime + used.ru_stime) + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))
