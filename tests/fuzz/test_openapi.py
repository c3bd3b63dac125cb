"""Schemathesis reads the OpenAPI document and asks everything that it allows, and much that it does not: nothing breaks."""

import re
import sys
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from testkit.platform import Account, Ended, PlatformUnderTest, run, running_platform
from testkit.sample_pictures import sample
from testkit.upstreams.serving import serving

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
)
CHANGES_WHO_ASKS = frozenset({"bigapi.revoke_key", "bigapi.rotate_key", "opscenter.put-key"})
"""The api key that they name by example is the one that asks; a provider key of its own would be all that it draws with."""
EXAMPLES = "4"
"""For each operation, beside those of the document and one for each bound of each field."""


PICTURE = sample("png", 64, 64).stamped(0)


async def _picture(_: web.BaseRequest) -> web.Response:
    return web.Response(body=PICTURE, content_type="image/png")


def on_this_machine(document: str, pictures_url: str) -> str:
    """The document with the places that its examples name at other hosts served here: no test leaves this machine."""
    local = document.replace("https://example.com", pictures_url).replace("https://your-app.com", pictures_url)
    assert not re.search(r"https://(?!huggingface\.co/)[a-z]", local), "weights alone are fetched by nobody"
    return local


@pytest.fixture(scope="module")
async def platform(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A platform on which the embedded engine stands in for every vendor, so that what is bought is drawn."""
    folder = tmp_path_factory.mktemp("platform")
    async with running_platform(folder, environment={"GESSO_FALLBACK_ENGINE": "sketch"}) as running:
        yield running
        await running.verify()


@pytest.fixture(scope="module")
async def account(platform: PlatformUnderTest) -> Account:
    """A customer with no limits."""
    return await platform.account(usd=100_000.0)


def unserved(document: Any) -> set[str]:
    """The operations that this version answers by 501 alone."""
    return {
        about["operationId"]
        for methods in document["paths"].values()
        for about in methods.values()
        if all(status >= "4" for status in about["responses"])
    }


@pytest.mark.timeout(300)
async def test_no_request_brings_a_server_error_or_an_answer_that_is_not_described(
    platform: PlatformUnderTest, account: Account, tmp_path: Path
) -> None:
    answer = await platform.ask("GET", "/openapi.json")
    document = answer.json
    left_out = unserved(document) | CHANGES_WHO_ASKS
    known = {about["operationId"] for methods in document["paths"].values() for about in methods.values()}
    assert known >= CHANGES_WHO_ASKS
    described = tmp_path / "openapi.json"
    async with serving(_picture) as pictures_url:
        described.write_text(on_this_machine(answer.body.decode(), pictures_url))
        ended = await _fuzzed(platform, account, described, left_out)
    assert ended.status == 0, ended.output[-20_000:]
    assert re.search(r"(\d+) generated", ended.output), ended.output


async def _fuzzed(platform: PlatformUnderTest, account: Account, described: Path, left_out: set[str]) -> Ended:
    return await run(
        (
            str(Path(sys.executable).with_name("schemathesis")),
            *("run", str(described), "--url", platform.url, "--no-color"),
            *("-H", f"Authorization: Bearer {account.api_key}", "-H", f"x-api-key: {account.api_key}"),
            *("--checks", ",".join(CHECKS), "--phases", "examples,coverage,fuzzing", "--continue-on-failure"),
            *("--max-examples", EXAMPLES, "--generation-deterministic", "--request-timeout", "60"),
            *("--exclude-operation-id-regex", "|".join(f"^{re.escape(name)}$" for name in sorted(left_out))),
        ),
        {},
        described.parent,
    )
