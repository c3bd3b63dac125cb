"""A real S3 server for tests: SeaweedFS as a child process on 127.0.0.1, in a directory of its own."""

import asyncio
import json
import os
import shutil
import sys
import tempfile
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from testkit.eventually import eventually
from testkit.ports import free_ports

_ACCESS_KEY = "gesso-tests"
_SECRET_KEY = "gesso-tests-secret"  # noqa: S105
_REGION = "us-east-1"
_START_TIMEOUT_SECONDS = 60.0
# The server lives as long as our end of the pipe is open: it ends with the tests, even if they are killed.
_WHILE_PIPE_IS_OPEN = '"$@" & server=$!; cat > /dev/null; kill -9 $server; wait $server'


@dataclass(frozen=True, slots=True)
class S3Server:
    """A running server; its buckets are made by the first write into them."""

    endpoint: str
    environment: dict[str, str]

    def url(self, bucket: str, prefix: str = "") -> str:
        """Return the ``s3://`` URL of ``bucket`` as `servicekit.objects` reads it; keys are in ``environment``."""
        return f"s3://{bucket}/{prefix}?endpoint={self.endpoint}&region={_REGION}&path_style=true"


@asynccontextmanager
async def s3_server() -> AsyncIterator[S3Server]:
    """Start a server and wait until it takes objects; it is killed, and its directory removed, at the end."""
    root = Path(tempfile.mkdtemp(prefix="gesso-s3-"))
    ports = free_ports(8)
    config = root / "identities.json"
    config.write_text(json.dumps(_identities()))
    with (root / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *("sh", "-c", _WHILE_PIPE_IS_OPEN, "sh"),
            *_command(root, config, ports),
            env=os.environ | {"TMPDIR": str(root)},
            stdin=PIPE,
            stdout=log,
            stderr=log,
        )
    try:
        server = S3Server(
            endpoint=f"http://127.0.0.1:{ports[0]}",
            environment={"AWS_ACCESS_KEY_ID": _ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": _SECRET_KEY},
        )
        await eventually(lambda: _takes_objects(server), timeout_seconds=_START_TIMEOUT_SECONDS)
        yield server
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()
        _remove_traces(root, ports)


def _command(root: Path, config: Path, ports: list[int]) -> list[str]:
    s3, s3_rpc, master, master_rpc, volume, volume_rpc, filer, filer_rpc = map(str, ports)
    options = {
        "dir": str(root), "ip": "127.0.0.1", "ip.bind": "127.0.0.1", "s3.config": str(config),
        "s3.port": s3, "s3.port.grpc": s3_rpc, "s3.port.iceberg": "0", "s3.port.lance": "0",
        "master.port": master, "master.port.grpc": master_rpc,
        "volume.port": volume, "volume.port.grpc": volume_rpc,
        "filer.port": filer, "filer.port.grpc": filer_rpc,
        "s3.localSocket": str(root / "s3.sock"), "filer.localSocket": str(root / "filer.sock"),
        # It would report to its makers; no test speaks to another machine.
        "master.telemetry": "false",
        "master.volumeSizeLimitMB": "64", "volume.max": "20",
    }  # fmt: skip
    program = Path(sys.executable).with_name("weed")
    return [
        str(program),
        f"-logdir={root}",
        "server",
        "-s3",
        "-filer",
        *(f"-{name}={value}" for name, value in options.items()),
    ]


def _remove_traces(root: Path, ports: list[int]) -> None:
    shutil.rmtree(root)
    for role, port in zip(("s3", "master", "volume", "filer"), ports[1::2], strict=True):
        Path(f"/tmp/seaweedfs-{role}-grpc-{port}.sock").unlink(missing_ok=True)  # noqa: S108 - the server's choice


def _identities() -> object:
    keys = [{"accessKey": _ACCESS_KEY, "secretKey": _SECRET_KEY}]
    return {"identities": [{"name": "tests", "credentials": keys, "actions": ["Admin", "Read", "Write", "List"]}]}


async def _takes_objects(server: S3Server) -> None:
    store = S3Store(
        "readiness",
        endpoint=server.endpoint,
        region=_REGION,
        access_key_id=_ACCESS_KEY,
        secret_access_key=_SECRET_KEY,
        virtual_hosted_style_request=False,
        client_options={"allow_http": True},
        retry_config={"max_retries": 0},
    )
    try:
        await obstore.put_async(store, "ready", b"ready")
    except BaseError as failure:
        raise AssertionError(f"the S3 server takes no objects yet: {failure}") from failure
