"""Work that is hostile or heavy runs in child processes that start on the first call, are reused, and leave when idle.

    async with Children(Pool("pictures.child", limits=Limits(...), most=2)) as children:
        answer = await children.call(Message({"do": "verify"}, [data]), deadline_seconds=10)

The child is a module that ends in `servicekit.frames.serve(answer)`. It inherits one socket, no other descriptor,
and only the named variables of the environment. A call that outlives its deadline, or whose caller leaves, kills
its child; the next call starts another. Faults of a call:

    ChildFailed
    |- ChildCannotStart    the child never became ready: the platform's fault, not the input's
    |- ChildDied           it died while it worked on this call
    |- ChildTimedOut       the deadline passed
    ChildFault             the child's own verdict (servicekit.frames)
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

from servicekit.frames import (
    PREFIX,
    Buffer,
    ChildFault,
    FramesBroken,
    Kind,
    Limits,
    Message,
    Prefix,
    arguments,
    decode_head,
    decode_prefix,
    decode_sizes,
    encode,
)

INHERITED_VARIABLES: Final = ("PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "VIRTUAL_ENV")
_SOCKET_BUFFER_BYTES: Final = 1 << 20
_LAST_WORDS_SECONDS: Final = 2.0


class ChildFailed(Exception):
    """A call got no answer from its child."""


class ChildCannotStart(ChildFailed):
    """The child never became ready: the platform's fault, not the input's."""


class ChildDied(ChildFailed):
    """The child died while it worked on this call; `returncode` is negative for a signal."""

    def __init__(self, returncode: int | None) -> None:
        super().__init__(f"the child ended with {returncode}")
        self.returncode = returncode


class ChildTimedOut(ChildFailed):
    """The deadline of the call passed, and its child was killed."""


@dataclass(frozen=True, slots=True)
class Pool:
    """How many children of which kind, and how long they stay.

    `module` is run with `python -m`; `most` children run at once; `in_flight_bytes` bounds the parts of all calls
    that run or are being sent; `answer_bytes` bounds the parts of one answer.
    """

    module: str
    limits: Limits
    most: int = 1
    idle_seconds: float = 60.0
    start_seconds: float = 30.0
    in_flight_bytes: int = 64 << 20
    answer_bytes: int = 512 << 20
    environment: tuple[tuple[str, str], ...] = ()


class ByteBudget:
    """A semaphore that counts bytes, first come first served; a claim above the whole budget waits for all of it."""

    def __init__(self, total_bytes: int) -> None:
        self._total = total_bytes
        self._free = total_bytes
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    @contextlib.asynccontextmanager
    async def claimed(self, size_bytes: int) -> AsyncIterator[None]:
        """Holds `size_bytes` of the budget for the length of the block."""
        size = min(size_bytes, self._total)
        await self._claim(size)
        try:
            yield
        finally:
            self._give_back(size)

    async def _claim(self, size: int) -> None:
        if not self._waiting and size <= self._free:
            self._free -= size
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append((size, turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._give_back(size)
            raise

    def _give_back(self, size: int) -> None:
        self._free += size
        while self._waiting and (self._waiting[0][1].done() or self._waiting[0][0] <= self._free):
            wanted, turn = self._waiting.popleft()
            if not turn.done():
                self._free -= wanted
                turn.set_result(None)


class Children:
    """An async context manager over the children of one pool; leaving it ends them all."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._places = asyncio.Semaphore(pool.most)
        self._bytes = ByteBudget(pool.in_flight_bytes)
        self._idle: list[_Child] = []
        self._living: set[_Child] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for child in tuple(self._living):
            await self._end(child)

    @property
    def living(self) -> int:
        """How many children there are now, idle ones included."""
        return len(self._living)

    @property
    def idle(self) -> int:
        """How many children wait for a call."""
        return len(self._idle)

    async def call(self, message: Message, *, deadline_seconds: float) -> Message:
        """The child's answer; its parts are the caller's to keep. The deadline begins when a child is free.

        Raises ChildFault as the child raised it, and ChildFailed otherwise.
        """
        size = sum(memoryview(part).nbytes for part in message.parts)
        async with self._bytes.claimed(size), self._places:
            child = self._reusable() or await self._start()
            answered = False
            try:
                async with asyncio.timeout(deadline_seconds):
                    prefix, answer = await child.converse(message)
                answered = True
            except TimeoutError:
                raise ChildTimedOut(f"no answer within {deadline_seconds} s") from None
            except (OSError, FramesBroken):
                raise ChildDied(await child.ended()) from None
            finally:
                if answered and prefix.resident_bytes <= self._pool.limits.retire_bytes:
                    self._rest(child)
                else:
                    await self._end(child)
        if prefix.kind is Kind.FAULT:
            raise ChildFault(answer.head)
        return answer

    def _reusable(self) -> _Child | None:
        while self._idle:
            child = self._idle.pop()
            child.wake()
            if child.is_listening():
                return child
            self._living.discard(child)
        return None

    def _rest(self, child: _Child) -> None:
        self._idle.append(child)
        child.sleep(self._pool.idle_seconds, self._leave)

    def _leave(self, child: _Child) -> None:
        """An idle child that is hung up on ends by itself."""
        if child in self._idle:
            self._idle.remove(child)
        self._living.discard(child)
        child.hang_up()

    async def _end(self, child: _Child) -> None:
        self._living.discard(child)
        if child in self._idle:
            self._idle.remove(child)
        await child.kill()

    async def _start(self) -> _Child:
        child = await _spawn(self._pool)
        self._living.add(child)
        ready = False
        try:
            async with asyncio.timeout(self._pool.start_seconds):
                prefix, _ = await child.receive()
            ready = prefix.kind is Kind.READY
        except (TimeoutError, OSError, FramesBroken) as failure:
            raise ChildCannotStart(f"{self._pool.module}: {failure or 'no answer in time'}") from failure
        finally:
            if not ready:
                await self._end(child)
        return child


class _Child:
    """One process and the parent's end of its socket."""

    def __init__(self, process: asyncio.subprocess.Process, channel: socket.socket, answer_bytes: int) -> None:
        self._process = process
        self._channel = channel
        self._answer_bytes = answer_bytes
        self._departure: asyncio.TimerHandle | None = None

    async def converse(self, message: Message) -> tuple[Prefix, Message]:
        """Sends the call and reads the answer; raises OSError or FramesBroken when the child is gone or mad."""
        loop = asyncio.get_running_loop()
        for buffer in encode(Kind.CALL, message):
            await loop.sock_sendall(self._channel, buffer)
        prefix, answer = await self.receive()
        if prefix.kind not in (Kind.ANSWER, Kind.FAULT):
            raise FramesBroken(f"{prefix.kind.name} is no answer")
        return prefix, answer

    async def receive(self) -> tuple[Prefix, Message]:
        prefix = decode_prefix(await self._receive_exactly(PREFIX.size))
        sizes = decode_sizes(await self._receive_exactly(8 * prefix.part_count))
        if sum(sizes) > self._answer_bytes:
            raise FramesBroken(f"an answer of {sum(sizes)} bytes")
        head = decode_head(await self._receive_exactly(prefix.head_bytes))
        parts: list[Buffer] = [await self._receive_exactly(size) for size in sizes]
        return prefix, Message(head, parts)

    async def _receive_exactly(self, size: int) -> bytearray:
        loop = asyncio.get_running_loop()
        data = bytearray(size)
        view = memoryview(data)
        while view:
            count = await loop.sock_recv_into(self._channel, view)
            if count == 0:
                raise ConnectionResetError("the child hung up")
            view = view[count:]
        return data

    def is_listening(self) -> bool:
        """False once the child has died: its end of the socket is then closed."""
        try:
            return self._channel.recv(1, socket.MSG_PEEK) != b""
        except BlockingIOError:
            return True
        except OSError:
            return False

    def sleep(self, seconds: float, leave: Callable[[_Child], None]) -> None:
        self._departure = asyncio.get_running_loop().call_later(seconds, leave, self)

    def wake(self) -> None:
        if self._departure is not None:
            self._departure.cancel()
            self._departure = None

    def hang_up(self) -> None:
        self.wake()
        self._channel.close()

    async def kill(self) -> int | None:
        """Ends the process, whatever it does, and returns how it ended; a second call is harmless."""
        self.hang_up()
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await asyncio.shield(self._process.wait())
        return self._process.returncode

    async def ended(self) -> int | None:
        """How a child that hung up ended; one that only closed its socket is killed."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._process.wait(), _LAST_WORDS_SECONDS)
        return await self.kill()


async def _spawn(pool: Pool) -> _Child:
    ours, theirs = socket.socketpair()
    with theirs:
        ours.setblocking(False)
        for end in (ours, theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SOCKET_BUFFER_BYTES)
        try:
            process = await asyncio.create_subprocess_exec(
                *arguments(pool.module, pool.limits),
                stdin=theirs.fileno(),
                stdout=asyncio.subprocess.DEVNULL,
                env=_environment(pool, os.environ),
                cwd="/",
                start_new_session=True,  # Ctrl-C is for the parent, which lets its children finish
            )
        except BaseException as failure:
            ours.close()
            if isinstance(failure, OSError):
                raise ChildCannotStart(f"{pool.module}: {failure}") from failure
            raise
    return _Child(process, ours, pool.answer_bytes)


def _environment(pool: Pool, ours: Mapping[str, str]) -> dict[str, str]:
    """The whole environment of a child: no secret of the parent's gets in, since only named variables do."""
    kept = {name: ours[name] for name in INHERITED_VARIABLES if name in ours}
    return {**kept, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path), **dict(pool.environment)}
