"""Frames are what a service and its child processes say: a small head of JSON and large parts that are not copied.

A frame on the wire, big-endian: kind (u8), number of parts (u8), length of the head (u32), resident bytes of the
sender (u64), the length of each part (u64 each), the head, the parts. The child's end of the conversation,
`serve`, lives here too, so that a child imports no event loop.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import socket
import struct
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import Any, Final, TypeAlias

Buffer: TypeAlias = bytes | bytearray | memoryview
Head: TypeAlias = Mapping[str, Any]

PREFIX: Final = struct.Struct("!BBIQ")
LARGEST_HEAD_BYTES: Final = 1 << 20
MOST_PARTS: Final = 16
_CLONE_NEWUSER: Final = 0x10000000
_CLONE_NEWNET: Final = 0x40000000
_PR_SET_NO_NEW_PRIVS: Final = 38


class Kind(IntEnum):
    """What a frame is: the child's READY, a request, or one of the two answers."""

    READY = 1
    CALL = 2
    ANSWER = 3
    FAULT = 4


@dataclass(frozen=True, slots=True)
class Prefix:
    """The fixed part of a frame."""

    kind: Kind
    part_count: int
    head_bytes: int
    resident_bytes: int


@dataclass(frozen=True, slots=True)
class Message:
    """A frame's head and parts: a request in the child, an answer in the parent."""

    head: Head = field(default_factory=dict)
    parts: Sequence[Buffer] = ()


@dataclass(frozen=True, slots=True)
class Limits:
    """What one child may use; the child puts them on itself before it reads its first request.

    `memory_bytes` bounds its address space, `cpu_seconds` each single call (the kernel kills it past that), and a
    child that has grown past `retire_bytes` resident is replaced after its answer.
    """

    memory_bytes: int
    cpu_seconds: int
    retire_bytes: int
    open_files: int = 64


class FramesBroken(Exception):
    """The peer sent something that is no frame."""


class ChildFault(Exception):
    """The child's own verdict on a call: raised by its function, and again in the parent."""

    def __init__(self, head: Head) -> None:
        super().__init__(json.dumps(dict(head)))
        self.head = head


def encode(kind: Kind, message: Message, *, resident_bytes: int = 0) -> list[Buffer]:
    """The buffers to send, in order; the parts are passed through untouched."""
    head = json.dumps(dict(message.head), separators=(",", ":")).encode()
    sizes = [len(memoryview(part).cast("B")) for part in message.parts]
    prefix = PREFIX.pack(kind, len(sizes), len(head), resident_bytes) + struct.pack(f"!{len(sizes)}Q", *sizes)
    return [prefix + head, *message.parts]


def decode_prefix(data: Buffer) -> Prefix:
    """Raises FramesBroken for an unknown kind or sizes outside the protocol."""
    kind, parts, head_bytes, resident_bytes = PREFIX.unpack(data)
    if kind not in Kind.__members__.values() or parts > MOST_PARTS or head_bytes > LARGEST_HEAD_BYTES:
        raise FramesBroken(f"kind {kind}, {parts} parts, a head of {head_bytes} bytes")
    return Prefix(Kind(kind), parts, head_bytes, resident_bytes)


def decode_sizes(data: Buffer) -> tuple[int, ...]:
    """The lengths of the parts, in bytes."""
    return struct.unpack(f"!{len(data) // 8}Q", data)


def decode_head(data: Buffer) -> Head:
    """Raises FramesBroken for anything but a JSON object."""
    try:
        head = json.loads(bytes(data))
    except ValueError as broken:
        raise FramesBroken("the head is no JSON") from broken
    if not isinstance(head, dict):
        raise FramesBroken("the head is no object")
    return head


def arguments(module: str, limits: Limits) -> list[str]:
    """The command line of a child: this Python, the module that calls `serve`, and its limits."""
    return [sys.executable, "-P", "-m", module, json.dumps(asdict(limits))]


def serve(answer: Callable[[Message], Message]) -> None:
    """The main loop of a child: read a call, answer it, until the parent hangs up.

    Call it last, when everything is imported: from here on the limits hold. `answer` raises ChildFault for what a
    caller can cause; any other exception ends the process, and the parent reports a dead child.
    """
    limits = Limits(**json.loads(sys.argv[-1]))
    channel = _take_channel()
    _confine(limits)
    _send(channel, encode(Kind.READY, Message(), resident_bytes=_resident_bytes()))
    while (call := _receive(channel)) is not None:
        _allow_cpu(limits.cpu_seconds)
        try:
            kind, reply = Kind.ANSWER, answer(call)
        except ChildFault as fault:
            kind, reply = Kind.FAULT, Message(fault.head)
        del call
        _send(channel, encode(kind, reply, resident_bytes=_resident_bytes()))
        del reply


def _take_channel() -> socket.socket:
    """Moves the socket away from standard input, which then reads from nothing like that of any daemon."""
    channel = socket.socket(fileno=os.dup(0))
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.close(nothing)
    channel.setblocking(True)
    return channel


def _confine(limits: Limits) -> None:
    """Puts the limits on this process; the network is taken away where the kernel lets an ordinary user do so."""
    resource.setrlimit(resource.RLIMIT_AS, (limits.memory_bytes, limits.memory_bytes))
    resource.setrlimit(resource.RLIMIT_NOFILE, (limits.open_files, limits.open_files))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    libc = ctypes.CDLL(None)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET)


def _allow_cpu(seconds: int) -> None:
    """RLIMIT_CPU counts the life of a process, so each call moves the soft limit ahead of what is spent already."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    spent = int(usage.ru_utime + usage.ru_stime)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (spent + seconds + 1, hard))


def _resident_bytes() -> int:
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * resource.getpagesize()


def _send(channel: socket.socket, buffers: Sequence[Buffer]) -> None:
    for buffer in buffers:
        channel.sendall(buffer)


def _receive(channel: socket.socket) -> Message | None:
    """The next call; None when the parent has hung up between calls."""
    first = channel.recv(PREFIX.size, socket.MSG_WAITALL)
    if not first:
        return None
    prefix = decode_prefix(first)
    sizes = decode_sizes(_receive_exactly(channel, 8 * prefix.part_count))
    head = decode_head(_receive_exactly(channel, prefix.head_bytes))
    return Message(head, [_receive_exactly(channel, size) for size in sizes])


def _receive_exactly(channel: socket.socket, size: int) -> bytearray:
    data = bytearray(size)
    view = memoryview(data)
    while view:
        count = channel.recv_into(view)
        if count == 0:
            raise FramesBroken("the parent hung up in the middle of a frame")
        view = view[count:]
    return data
