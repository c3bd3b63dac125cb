"""A form with files (RFC 7578), sent in slices of the files' own bytes: nothing is copied into one body."""

import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass

Bytes = bytes | bytearray | memoryview
_SLICE_BYTES = 256 << 10


@dataclass(frozen=True, slots=True)
class File:
    """One file of a form; `field`, `name` and `content_type` are ours, never a caller's."""

    field: str
    name: str
    content_type: str
    data: Bytes


class Form:
    """Fields and files, as one body of known length."""

    def __init__(self, fields: Mapping[str, str | Sequence[str]], files: Sequence[File]) -> None:
        """Values of fields may hold anything: the boundary is unguessable. One that is a list is a field for each value."""
        boundary = secrets.token_hex(16)
        self._pieces: list[Bytes] = []
        for name, values in fields.items():
            for value in (values,) if isinstance(values, str) else values:
                self._pieces.append(
                    f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
                )
        for file in files:
            disposition = f'Content-Disposition: form-data; name="{file.field}"; filename="{file.name}"'
            head = f"--{boundary}\r\n{disposition}\r\nContent-Type: {file.content_type}\r\n\r\n"
            self._pieces += [head.encode(), file.data, b"\r\n"]
        self._pieces.append(f"--{boundary}--\r\n".encode())
        self.headers = {
            "Content-Type": f"multipart/form-data; boundary={boundary}",
            "Content-Length": str(sum(memoryview(piece).nbytes for piece in self._pieces)),
        }

    async def sent(self) -> AsyncIterator[bytes]:
        """The body, slice by slice."""
        for piece in self._pieces:
            async for part in sliced(piece):
                yield part


async def sliced(data: Bytes) -> AsyncIterator[bytes]:
    """The bytes, slice by slice: a connection is written to as it drains."""
    view = memoryview(data)
    for start in range(0, view.nbytes, _SLICE_BYTES):
        yield bytes(view[start : start + _SLICE_BYTES])
