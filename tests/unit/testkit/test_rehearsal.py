"""`gesso upstreams` serves every vendor with faults at a rate, on a machine that has only what the platform itself needs."""

import argparse
import asyncio
import json
import re
import subprocess
import sys
from asyncio.subprocess import PIPE
from importlib.metadata import packages_distributions
from pathlib import Path

import aiohttp
import pytest

from testkit.upstreams.base import BEHAVIOURS, SUCCESS, Behaviour
from testkit.upstreams.rehearsal import Fault, Mixture, parse_fault
from testkit.upstreams.vendors import VENDORS

ROOT = Path(__file__).parents[3]
GESSO = str(Path(sys.executable).with_name("gesso"))


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("hang", Fault(Behaviour("hang"))),
        ("slow:2.5", Fault(Behaviour("slow", seconds=2.5))),
        ("server_error:503@20%", Fault(Behaviour("server_error", status=503), chance=0.2)),
        ("refusal@every3", Fault(Behaviour("refusal"), nth=3)),
    ],
)
def test_a_fault_is_written_as_a_name_a_number_and_a_share(text: str, fault: Fault) -> None:
    assert parse_fault(text) == fault


@pytest.mark.parametrize("text", ["", "sulk", "slow", "hang@", "hang@120%", "hang@every0", "hang@3", "hang:x"])
def test_what_is_no_fault_is_refused_in_words(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        parse_fault(text)


def test_each_nth_order_meets_a_fault_and_of_several_the_first_that_is_due() -> None:
    mixture = Mixture([parse_fault("hang@every2"), parse_fault("refusal@every3")])
    names = [mixture.next().name for _ in range(6)]
    assert names == ["success", "hang", "refusal", "hang", "success", "hang"]


def test_a_share_of_the_orders_meets_a_fault_by_chance() -> None:
    chances = iter([0.19, 0.2, 0.9])
    mixture = Mixture([parse_fault("hang@20%")], chance=lambda: next(chances))
    assert [mixture.next() for _ in range(3)] == [Behaviour("hang"), SUCCESS, SUCCESS]


def test_it_needs_nothing_that_the_platform_does_not() -> None:
    program = (
        "import json, sys; before = set(sys.modules); import testkit.upstreams.rehearsal;"
        " print(json.dumps(sorted({name.partition('.')[0] for name in set(sys.modules) - before})))"
    )
    loaded = json.loads(subprocess.run([sys.executable, "-c", program], check=True, capture_output=True).stdout)
    distributions = packages_distributions()
    needed = {name.lower() for module in loaded for name in distributions.get(module, ())}
    locked = set(re.findall(r"(?m)^([\w.-]+)==", (ROOT / "requirements.lock").read_text()))
    assert {name.replace("_", "-") for name in needed} - {"gesso"} <= {
        name.lower().replace("_", "-") for name in locked
    }


def test_the_faults_are_listed_with_their_meaning() -> None:
    listed = subprocess.run([GESSO, "upstreams", "faults", "--json"], check=True, capture_output=True).stdout
    assert {row["fault"]: row["meaning"] for row in json.loads(listed)} == BEHAVIOURS


async def test_every_vendor_is_served_with_its_variables_until_a_signal() -> None:
    command = (GESSO, "upstreams", "serve", "--json", "--fault", "refusal@every2")
    process = await asyncio.create_subprocess_exec(*command, stdout=PIPE)
    assert process.stdout is not None
    variables = json.loads(await process.stdout.readline())
    assert set(variables) == {
        "GESSO_EGRESS_ALLOW",
        *(name for one in VENDORS.values() for name in (one.address, one.key, *one.others)),
    }
    order = {"model": "gpt-image-2", "prompt": "x", "size": "1024x1024", "quality": "low"}
    headers = {"Authorization": f"Bearer {variables['OPENAI_API_KEY']}"}
    statuses = []
    async with aiohttp.ClientSession(headers=headers) as session:
        for _ in range(2):
            async with session.post(f"{variables['OPENAI_BASE_URL']}/images/generations", json=order) as answer:
                statuses.append(answer.status)
    assert statuses == [200, 400]
    process.terminate()
    assert await process.wait() == 0


async def test_the_vendors_ports_follow_the_first_and_one_that_is_taken_is_told() -> None:
    first = await asyncio.create_subprocess_exec(GESSO, "upstreams", "serve", "--only", "openai,fal", stdout=PIPE)
    assert first.stdout is not None
    lines = [(await first.stdout.readline()).decode() for _ in range(5)]
    port = next(line for line in lines if "FAL_BASE_URL" in line).rsplit(":", 1)[1].strip()
    second = await asyncio.create_subprocess_exec(
        GESSO, "upstreams", "serve", "--only", "fal", "--port", port, stdout=PIPE, stderr=PIPE
    )
    _, errors = await second.communicate()
    assert second.returncode == 1
    assert errors.decode().startswith("gesso: fal cannot be served")
    first.terminate()
    assert await first.wait() == 0
