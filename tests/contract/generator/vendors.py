"""Every installed vendor before its scripted upstream, one instance for each fault, as providers of one generator.

The rows are those of the conformance suite: a vendor that conforms stands in the matrix, without another line.
"""

import importlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.contract.providers.conformance import (
    AddressConformance,
    Conformance,
    QueueConformance,
    Vendor,
    Verdict,
)

from generator.providers.base import Bought, Finder, Provider
from generator.public_models import OPERATION_NAMES
from gesso.generator.v1 import generator_pb2 as pb
from testkit.upstreams.base import ScriptedUpstream, parse_behaviour

_ROWS = Path(__file__).parents[1] / "providers"
BEFORE_ACCEPT = ("server_error", "drop_before_accept", "rate_limited:0.1")
AFTER_ACCEPT = ("drop_after_accept", "drop_mid_answer", "garbage", "not_an_image")
DURING_POLL = ("poll_error", "poll_drop", "poll_limited", "failed", "lost")
DURING_DOWNLOAD = ("download_error", "download_drop", "download_redirect", "download_gone", "truncated")
_NO_PICTURE = frozenset({"not_an_image", "truncated", "download_gone"})
"""What was paid, and is of no use: another order would be another purchase."""
_BROKEN_OFF = "drop_mid_answer"
"""The vendor says that it took the order, and no more of it can be read."""


@dataclass(frozen=True)
class Row:
    """One row of the conformance suite."""

    name: str
    suite: type[Conformance]

    @property
    def vendor(self) -> Vendor:
        """The vendor."""
        return self.suite.vendor

    @property
    def queues(self) -> bool:
        """Whether its orders wait, and are polled."""
        return issubclass(self.suite, QueueConformance)

    def behaviours(self) -> Sequence[str]:
        """The faults that this vendor has a form of, stage by stage."""
        polls = DURING_POLL if self.queues else ()
        downloads = DURING_DOWNLOAD if issubclass(self.suite, AddressConformance) else ()
        every = (*BEFORE_ACCEPT, *AFTER_ACCEPT, *polls, *downloads)
        return [one for one in every if one.partition(":")[0] not in self.vendor.without]

    def verdict(self, behaviour: str) -> Verdict | None:
        """What the fault is to us; None for one that the provider gets over."""
        return {**self.suite.expected, **self.vendor.verdicts}.get(behaviour.partition(":")[0])


def rows() -> Iterator[Row]:
    """The rows of all vendors."""
    for path in sorted(_ROWS.glob("test_*.py")):
        module = importlib.import_module(f"tests.contract.providers.{path.stem}")
        for name, found in vars(module).items():
            if isinstance(found, type) and issubclass(found, Conformance) and hasattr(found, "vendor"):
                suffix = name.removeprefix("TestConformance").lower()
                yield Row(path.stem.removeprefix("test_") + (f".{suffix}" if suffix else ""), found)


ROWS = tuple(rows())


@dataclass
class Case:
    """One vendor that meets one fault: its first order does, those after it are as they should be."""

    row: Row
    behaviour: str
    upstream: ScriptedUpstream = field(init=False)

    def __post_init__(self) -> None:
        self.upstream = self.row.vendor.upstream()
        if self.behaviour:
            self.upstream.script.append(parse_behaviour(self.behaviour))

    @property
    def name(self) -> str:
        """Its provider and its model, by which it is told from all others."""
        return f"{self.row.name}-{self.behaviour.replace(':', '-') or 'well'}"

    def opened(self, base_url: str) -> Provider:
        """Its provider."""
        return self.row.vendor.factory.open(self.row.vendor.environ(base_url))

    @property
    def tables(self) -> str:
        """Its entries of the catalogue."""
        vendor = self.row.vendor
        operation = OPERATION_NAMES[vendor.draw.get("operation", pb.OPERATION_TEXT_TO_IMAGE)]
        options = ", ".join(f'"{name}" = "{value}"' for name, value in vendor.options.items())
        return f"""
[[provider]]
name = "{self.name}"
title = "{self.name}"

[[model]]
id = "{self.name}"
name = "{self.name}"
owner = "tests"
operations = ["{operation}"]
released = 2026-01-01
verified = 2026-01-01
prices = [{{ dialect = "openai", usd = 0.01 }}]
routes = [{{ provider = "{self.name}", upstream_model = "{vendor.upstream_model}", options = {{ {options} }} }}]
"""

    def draw(self, input_image_ids: Sequence[str]) -> pb.Draw:
        """What is asked for; its inputs are those of the row."""
        fields: Mapping[str, object] = {"operation": pb.OPERATION_TEXT_TO_IMAGE, **self.row.vendor.draw}
        return pb.Draw(
            model=self.name,
            prompt=f"a fox for {self.name}",
            n=1,
            input_image_ids=input_image_ids,
            **fields,  # type: ignore[arg-type]
        )

    def is_delivered(self, provider: Provider) -> bool:
        """Whether the customer gets a picture all the same: where the vendor was never paid, or says that it has the order."""
        verdict = self.row.verdict(self.behaviour)
        if verdict is None:
            return self.behaviour not in _NO_PICTURE
        is_unheard = verdict.bought is Bought.UNKNOWN or self.behaviour == _BROKEN_OFF
        if is_unheard and isinstance(provider, Finder) and not self.row.vendor.inputs:
            return self.behaviour != "lost"
        return verdict.retryable and (verdict.bought is Bought.NO or provider.free_to_repeat)

    def most_purchases(self, provider: Provider) -> int | None:
        """How many orders the vendor may accept: one, and one that it fails and does not charge; any number where it is free."""
        if provider.free_to_repeat:
            return None
        verdict = self.row.verdict(self.behaviour)
        return 2 if verdict is not None and verdict.bought is Bought.NO else 1
