"""The example of docs/providers.md is a provider: it conforms, and a package that is installed beside the platform brings it."""

import asyncio
import importlib.util
import json
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pybase64
import pytest

from generator.providers.base import ProviderFactory
from testkit.upstreams.base import Exchange, Reply, ScriptedUpstream

from .conformance import Conformance, Vendor

ROOT = Path(__file__).resolve().parents[3]
EXAMPLE = ROOT / "docs" / "examples" / "acme"
ERRORS: Mapping[str, tuple[int, str]] = {
    "refusal": (400, "content_policy"),
    "rate_limited": (429, "slow_down"),
    "out_of_quota": (402, "no_credit"),
    "unauthorized": (401, "bad_key"),
    "model_not_found": (404, "no_such_model"),
    "bad_field": (400, "bad_value"),
    "server_error": (500, "fault"),
}
DRAW = """
import asyncio, json, os, sys
from pathlib import Path
from generator.catalogue import Catalogue
from generator.providers.base import Order
from generator.providers.registry import open_providers
from gesso.generator.v1.generator_pb2 import Draw, Model

class Memory:
    async def reserve(self, byte_count):
        pass

async def main():
    providers = open_providers(os.environ)
    catalogue = Catalogue.load(providers=providers, extra_path=Path(sys.argv[1]))
    (route,) = catalogue.entry("acme-1").routes
    order = Order("job_1/0", Draw(prompt="a red fox", width=1000, height=700), route.upstream_model, 2, route.options)
    drawn = await providers[route.provider].submit(order, Memory())
    print(json.dumps({
        "pictures": [bytes(picture.data[:8]).hex() for picture in drawn.pictures],
        "configured": sorted(name for name, provider in providers.items() if provider.configured),
        "is_served": catalogue.model("acme-1").state == Model.STATE_ACTIVE,
    }))
    for provider in providers.values():
        await provider.close()

asyncio.run(main())
"""


class AcmeUpstream(ScriptedUpstream):
    """The vendor that does not exist. Keys begin with `acme-`."""

    @property
    def base_path(self) -> str:
        """Its clients' addresses end with the version."""
        return "/v1"

    async def answer(self, exchange: Exchange) -> Reply:
        """Answer in the vendor's order: key, limits, content; then the order."""
        recorded, behaviour = exchange.recorded, exchange.behaviour
        known = recorded.headers.get("Authorization", "").startswith("Bearer acme-")
        name = behaviour.name if known else "unauthorized"
        if name in ERRORS:
            return error(name, status=behaviour.status, retry_seconds=behaviour.seconds or 1)
        await exchange.accept()
        if name == "garbage":
            return Reply(content_type="text/html", body=[b"<!DOCTYPE html>"])
        count = json.loads(recorded.body)["n"]
        count += {"empty": -count, "partial": -1, "duplicate": 1}.get(name, 0)
        pictures = [pybase64.b64encode(self.picture(behaviour, "png", 64, 64)).decode() for _ in range(count)]
        return Reply(body=[json.dumps({"data": [{"b64_json": picture} for picture in pictures]}).encode()])


def error(name: str, *, status: int, retry_seconds: float) -> Reply:
    usual, code = ERRORS[name]
    told = {"code": code, "param": "size" if name == "bad_field" else ""}
    headers = {"Retry-After": f"{retry_seconds:g}"} if name == "rate_limited" else {}
    answered = status if name == "server_error" else usual
    return Reply(answered, body=[json.dumps({"error": told}).encode()], headers=headers)


def example() -> ProviderFactory:
    """The factory of the example's file."""
    spec = importlib.util.spec_from_file_location("gesso_acme", EXAMPLE / "gesso_acme.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    factory: ProviderFactory = module.PROVIDER
    return factory


class TestConformance(Conformance):
    vendor = Vendor(
        factory=example(),
        upstream=AcmeUpstream,
        variables=("ACME_API_KEY", "ACME_BASE_URL"),
        upstream_model="acme-1",
        key="acme-platform-0123456789",
        own_key="acme-own-0123456789",
        ignored={"negative_prompt": "blur", "seed": 7, "style": "vivid"},
        without=frozenset({"output_refusal"}),
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which the example is installed as pip installs it, from a copy: a build leaves files behind."""
    folder = tmp_path_factory.mktemp("acme")
    source = shutil.copytree(EXAMPLE, folder / "source")
    options = ("--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--target", str(folder / "site"))
    command = [sys.executable, "-m", "pip", "install", *options, str(source)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder / "site"


async def test_a_package_that_is_installed_beside_the_platform_brings_its_provider(site: Path) -> None:
    vendor = AcmeUpstream()
    async with vendor.running() as url:
        environ = {"PYTHONPATH": str(site), "ACME_API_KEY": "acme-key-0123456789", "ACME_BASE_URL": url}
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", DRAW, str(EXAMPLE / "models.toml")), env=environ, stdout=asyncio.subprocess.PIPE
        )
        output, _ = await child.communicate()
    told = json.loads(output)
    assert told["pictures"] == [b"\x89PNG\r\n\x1a\n".hex()] * 2
    assert told["is_served"]
    assert told["configured"] == ["acme", "sketch", "upscaling"]
    assert json.loads(vendor.requests[-1].body) == {
        "model": "acme-1",
        "prompt": "a red fox",
        "n": 2,
        "size": "1536x1024",
    }
    assert vendor.purchases == 1


def test_the_package_is_built_by_what_make_run_has_installed() -> None:
    needed = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["build-system"]["requires"]
    locked = (ROOT / "requirements-bootstrap.lock").read_text()
    assert needed
    assert all(f"\n{name}==" in f"\n{locked}" for name in needed)
