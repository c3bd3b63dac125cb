"""Schemathesis reads the OpenAPI document and asks everything that it allows, and much that it does not: nothing breaks."""

import re
import sys
from pathlib import Path
from typing import Any

import pytest

from testkit.platform import Account, PlatformUnderTest, run, running_platform

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
)
ENDS_ITS_OWN_KEY = frozenset({"bigapi.revoke_key", "bigapi.rotate_key"})
"""The key that they name by example is the one that asks."""
EXAMPLES = "4"
"""For each operation, beside those of the document and one for each bound of each field."""


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
    document = (await platform.ask("GET", "/openapi.json")).json
    left_out = unserved(document) | ENDS_ITS_OWN_KEY
    known = {about["operationId"] for methods in document["paths"].values() for about in methods.values()}
    assert known >= ENDS_ITS_OWN_KEY
    ended = await run(
        (
            str(Path(sys.executable).with_name("schemathesis")),
            *("run", f"{platform.url}/openapi.json", "--url", platform.url, "--no-color"),
            *("-H", f"Authorization: Bearer {account.api_key}", "-H", f"x-api-key: {account.api_key}"),
            *("--checks", ",".join(CHECKS), "--phases", "examples,coverage,fuzzing", "--continue-on-failure"),
            *("--max-examples", EXAMPLES, "--generation-deterministic", "--request-timeout", "60"),
            *("--exclude-operation-id-regex", "|".join(f"^{re.escape(name)}$" for name in sorted(left_out))),
        ),
        {},
        tmp_path,
    )
    assert ended.status == 0, ended.output[-20_000:]
    assert re.search(r"(\d+) generated", ended.output), ended.output
