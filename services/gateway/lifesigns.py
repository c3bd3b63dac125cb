"""Whether the edge lives, and which parts of the platform answer: for probes, and for people."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Literal

import msgspec

from gateway.about import About, Answer
from gateway.clients.health import Health
from gateway.plain import PlainRoute
from gateway.wire import Ask, Reply, json_reply

Word = Literal["up", "down"]


class Alive(msgspec.Struct, frozen=True):
    """The process lives."""

    status: Literal["ok"]


class Ready(msgspec.Struct, frozen=True):
    """Whether every service answers."""

    status: Literal["ready", "not ready"]
    components: dict[str, Word]


class Status(msgspec.Struct, frozen=True):
    """Each component of the platform, up or down."""

    status: Literal["up", "degraded"]
    components: dict[str, Word]


_ALL_UP: dict[str, Word] = {"billing": "up", "generator": "up", "gallery": "up", "webhooks": "up"}
_ONE_DOWN: dict[str, Word] = {**_ALL_UP, "webhooks": "down"}


def routes(health: Health) -> Sequence[PlainRoute]:
    """The routes. What probes ask every few seconds does not count against the limit of their address."""
    return (
        PlainRoute(
            "/healthz",
            "healthz",
            _healthz,
            About("Whether this process lives", answers=(Answer(200, "It does.", Alive, Alive("ok")),)),
            counts=False,
        ),
        PlainRoute(
            "/readyz",
            "readyz",
            partial(_readyz, health),
            About(
                "Whether the platform is ready",
                answers=(
                    Answer(200, "Every service answers.", Ready, Ready("ready", _ALL_UP)),
                    Answer(503, "Some service does not answer.", Ready, Ready("not ready", _ONE_DOWN)),
                ),
            ),
            counts=False,
        ),
        PlainRoute(
            "/status",
            "status",
            partial(_status, health),
            About(
                "How the platform is",
                "For people: 200 whether all of it is up or not.",
                answers=(
                    Answer(200, "Each component, up or down.", Status, Status("up", {"gateway": "up", **_ALL_UP})),
                ),
            ),
        ),
    )


async def _healthz(_: Ask) -> Reply:
    return json_reply(Alive("ok"))


async def _readyz(health: Health, _: Ask) -> Reply:
    components = await health.components()
    ready = all(components.values())
    return json_reply(Ready("ready" if ready else "not ready", _words(components)), 200 if ready else 503)


async def _status(health: Health, _: Ask) -> Reply:
    components = {"gateway": True, **await health.components()}
    return json_reply(Status("up" if all(components.values()) else "degraded", _words(components)))


def _words(components: Mapping[str, bool]) -> dict[str, Word]:
    return {name: "up" if serves else "down" for name, serves in components.items()}
