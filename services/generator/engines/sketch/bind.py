"""Binding: a rider on its mount, a thing in a hand, a hat on a head, fruit in a bowl."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from generator.engines.sketch.layout import Layout, Placed, seat_of
from generator.engines.sketch.lexicon import Lexicon, table
from generator.engines.sketch.scene import Scene, Subject

_HAND = 0.5  # metres of what a hand holds
Bond = tuple[int, str]  # the index of the host among the scene's subjects, and how the thing hangs on it


def hosts_of(scene: Scene, lexicon: Lexicon) -> dict[int, Bond]:
    """Which subjects another one carries, by their index; a host may be carried itself, when it comes first."""
    found: dict[int, Bond] = {}
    for index, subject in enumerate(scene.subjects):
        other = subject.target
        if other is None or index in found:
            continue
        bond = _bond(subject, scene.subjects[other], lexicon)
        if bond == "filled":
            found.setdefault(other, (index, bond))
        elif bond and found.get(other, (-1, ""))[0] != index:
            found[index] = (other, bond)
    for index, subject in enumerate(scene.subjects):
        shared = found.get(subject.target) if subject.target is not None and subject.relation == "beside" else None
        if shared is not None and shared[1] == "on" and index not in found:
            found[index] = shared  # "a pot and a cup on a table"
    hosts = {host for host, _ in found.values()}
    return {index: bond for index, bond in found.items() if bond[0] not in found or index not in hosts}


def _bond(subject: Subject, other: Subject, lexicon: Lexicon) -> str:
    """How `subject` hangs on `other` by what the prompt says of them; "" when it stands by itself."""
    subjects, traits = table("subjects"), lexicon.traits
    if subject.relation == "on" and subjects["rim"].get(other.name, (1.0,))[0] < 0.5:
        return "in"
    if subject.relation == "on":
        return "on" if traits(other.name).habitat != "horizon" else ""
    if subject.relation == "worn":
        return "worn" if subject.name in subjects["worn"] else ""
    if subject.relation == "held":
        small = subject.name in subjects["held"]["names"] or traits(subject.name).size <= _HAND
        hand = other.count == 1 and traits(other.name).habitat in ("ground", "indoor")
        return "held" if small and hand else ""
    if subject.relation == "in":
        return _contained(other)
    return subject.relation if subject.relation in ("filled", "breathed") else ""


def _contained(other: Subject) -> str:
    """How a thing hangs on what the prompt says it is in: a boat is a seat, a meadow is neither vessel nor seat."""
    vessel = table("subjects")["vessel"]
    if other.name in vessel["names"]:
        return "in"
    return "on" if other.name in vessel["seats"] else ""


def bind(subject: Subject, bond: str, host: Placed, layout: Layout, part: tuple[int, int]) -> list[Placed]:
    """Sets a subject onto its host; `part` is its number among those bound the same way, and how many they are."""
    if bond == "on":
        return _mounted(subject, host, layout, part)
    binders: dict[str, Callable[[Subject, Placed, Layout], list[Placed]]] = {
        "worn": _worn, "held": _held, "filled": _heaped, "in": _heaped, "breathed": _breathed,
    }  # fmt: skip
    return binders[bond](subject, host, layout)


def _attached(subject: Subject, host: Placed, x: float, foot: float, tall: float) -> Placed:
    return Placed(subject, 0, x, foot, tall, host.near, "air", flip=False, order=host.order + 0.5)


def _worn(subject: Subject, host: Placed, layout: Layout) -> list[Placed]:
    foot, tall, *sitting = table("subjects")["worn"][subject.name]
    x, tail = host.x, table("bodies")["tail"]
    if layout.lexicon.traits(host.subject.name).body == "sitting":
        foot = sitting[0] if sitting else foot
        if host.subject.name in tail["names"]:
            x += (tail["lean"] if host.flip else -tail["lean"]) * layout.widths(host.subject, host.height)
    return [_attached(subject, host, x, host.foot - host.height * (1 - foot), tall * host.height)]


def _held(subject: Subject, host: Placed, layout: Layout) -> list[Placed]:
    """At the hand; an umbrella above the head."""
    traits = layout.lexicon.traits
    share = float(np.clip(1.3 * traits(subject.name).size / traits(host.subject.name).size, 0.3, 0.5))
    high = 0.3 if traits(host.subject.name).size > _HAND else 0.14
    if subject.name == "umbrella":
        share, high = 0.6, 0.5
    x = host.x + (-1 if host.flip else 1) * layout.widths(host.subject, host.height) * 0.42
    return [_attached(subject, host, x, host.foot - host.height * high, host.height * share * subject.scale)]


def _breathed(subject: Subject, host: Placed, layout: Layout) -> list[Placed]:
    """Before the mouth; drawings look to the left."""
    ahead = 1 if host.flip else -1
    x = host.x + ahead * layout.widths(host.subject, host.height) * 0.62
    return [_attached(subject, host, x, host.foot - host.height * 0.46, host.height * 0.4 * subject.scale)]


def _mounted(subject: Subject, host: Placed, layout: Layout, part: tuple[int, int]) -> list[Placed]:
    """On a back, a seat, a roof or a top; people sit astride what moves, and many share its width."""
    traits = layout.lexicon.traits
    habitat, size = traits(host.subject.name).habitat, traits(subject.name).size
    across = layout.widths(host.subject, host.height)
    tall = host.height * float(np.clip(size / traits(host.subject.name).size, 0.58, 0.95)) * subject.scale
    number, among = part
    room = across * 0.92 / among
    tall *= min(1.0, room / max(1.0, layout.widths(subject, tall) * (subject.count * 0.8 + 0.2)) + 0.3 * (among == 1))
    rides = traits(subject.name).body in ("standing", "robed") and habitat in ("ground", "sky", "water", "underwater")
    rides = rides and host.subject.name not in table("subjects")["flat"]["names"]
    foot = host.foot - host.height * (seat_of(host.subject, layout) - 0.2 * rides)
    found = []
    for copy in range(subject.count):
        x = host.x + (number - (among - 1) / 2) * room + (copy - (subject.count - 1) / 2) * room * 0.9 / subject.count
        thing = _attached(subject, host, x, foot, tall * (0.9 if rides else 1.0))
        found.append(replace(thing, copy=copy, flip=host.flip, rides=rides))
    return found


def _heaped(subject: Subject, host: Placed, layout: Layout) -> list[Placed]:
    """A heap in a bowl or a bunch in a vase: what shows above the rim, behind the host; on a flat host, before it."""
    rows = table("subjects")
    across = layout.widths(host.subject, host.height)
    whole = subject.relation in ("in", "on") or subject.name in rows["whole"]["names"]
    count = subject.count if subject.count > 1 else 1 if whole else 3
    count = min(count, 5)
    rim, high = rows["rim"].get(host.subject.name, (0.62, 0.62))
    each = min((0.5 + 0.4 / count) * across / max(layout.widths(subject, 1.0), 0.1), host.height * high)
    found = []
    for copy in range(count):
        place_across = copy - (count - 1) / 2
        x = host.x + place_across * across * 0.62 / count
        foot = host.foot - host.height * rim - (1 - abs(place_across) / count * 2) * each * 0.22
        thing = _attached(subject, host, x, foot, each)
        found.append(
            replace(thing, copy=copy, flip=copy % 2 == 1, order=host.order + (0.5 if rim < 0.6 else -0.5) + 0.01 * copy)
        )
    return found
