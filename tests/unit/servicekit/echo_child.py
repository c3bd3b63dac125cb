"""A child for the tests of servicekit.children: it echoes, or misbehaves as it is told."""

import os
import socket
import sys
import time
from pathlib import Path

from servicekit.frames import ChildFault, Message, serve


def answer(call: Message) -> Message:
    match call.head["do"]:
        case "echo":
            return Message({"pid": os.getpid()}, call.parts)
        case "fault":
            raise ChildFault({"kind": "refused"})
        case "die":
            os._exit(7)
        case "crash":
            raise RuntimeError("a bug")
        case "hang":
            time.sleep(3600)
        case "spin":
            while True:
                pass
        case "eat":
            return Message({"size": len(bytearray(call.head["bytes"]))})
        case "look":
            files = list(Path("/proc/self/fd").iterdir())
            return Message({"environment": dict(os.environ), "files": len(files), "argv": sys.argv})
        case "dial":
            with socket.socket() as dialled:
                return Message({"code": dialled.connect_ex(("127.0.0.1", call.head["port"]))})
    raise AssertionError(call.head)


if __name__ == "__main__":
    serve(answer)
