"""Over https the guarded client verifies certificates by the system's authorities and the host's name."""

import asyncio
import datetime
import ssl
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

FETCH = """
import asyncio, sys
from servicekit.addresses import parse_networks
from servicekit.egress import EgressError, GuardedClient
async def main():
    body = bytearray()
    async def sink(chunk):
        body.extend(chunk)
    async with GuardedClient(parse_networks("127.0.0.0/8")) as client:
        try:
            await client.fetch(sys.argv[1], max_bytes=100, timeout_seconds=5, sink=sink)
            print(body.decode())
        except EgressError as error:
            print(type(error).__name__)
asyncio.run(main())
"""


def write_certificate(folder: Path) -> tuple[Path, Path]:
    """Write a certificate for localhost that is its own authority, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "tests")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    encoding, pem = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    certificate_file, key_file = folder / "certificate.pem", folder / "key.pem"
    certificate_file.write_bytes(certificate.public_bytes(encoding))
    key_file.write_bytes(key.private_bytes(encoding, pem, serialization.NoEncryption()))
    return certificate_file, key_file


@asynccontextmanager
async def serving(certificate: Path, key: Path) -> AsyncIterator[int]:
    async def serve(_: web.BaseRequest) -> web.Response:
        return web.Response(text="over tls")

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    runner = web.ServerRunner(web.Server(serve))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    try:
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()


async def fetched(url: str, authorities: Path) -> str:
    """Fetch in a process of its own: authorities are read once, when aiohttp is imported."""
    command = (sys.executable, "-c", FETCH, url)
    process = await asyncio.create_subprocess_exec(*command, env={"SSL_CERT_FILE": str(authorities)}, stdout=PIPE)
    return (await process.communicate())[0].decode().strip()


async def test_a_certificate_of_a_known_authority_for_this_host_is_taken(tmp_path: Path) -> None:
    certificate, key = write_certificate(tmp_path)
    async with serving(certificate, key) as port:
        assert await fetched(f"https://localhost:{port}/", certificate) == "over tls"


async def test_an_unknown_authority_or_another_host_is_unreachable(tmp_path: Path) -> None:
    certificate, key = write_certificate(tmp_path)
    (tmp_path / "other").mkdir()
    other, _ = write_certificate(tmp_path / "other")
    async with serving(certificate, key) as port:
        assert await fetched(f"https://localhost:{port}/", other) == "Unreachable"
        assert await fetched(f"https://127.0.0.1:{port}/", certificate) == "Unreachable"
