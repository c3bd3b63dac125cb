"""Composition: where each thing stands, how large it is, and what hides what; pure arithmetic on the scene."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from generator.engines.sketch.lexicon import Lexicon, table
from generator.engines.sketch.scene import Scene, Subject

_MARGIN = 0.05


@dataclass(frozen=True)
class Placed:
    """One thing in its place: the middle of its foot in pixels, its height in pixels, how near it is and how it touches.

    `ground` is standing (casts a shadow), islet (stands on a rock in the water), water (is mirrored), far (rises from the horizon)
    or air. `order` sorts from back to front. `rides` is sitting astride.
    """

    subject: Subject
    copy: int
    x: float
    foot: float
    height: float
    near: float
    ground: str
    flip: bool
    order: float
    rides: bool = False


@dataclass(frozen=True)
class Frame:
    """What composition must know of the picture: its size and its horizon in pixels, and where land ends."""

    width: int
    height: int
    horizon: int
    view: str
    has_land: bool
    has_water: bool


def horizon_share(scene: Scene, width: int, height: int) -> float:
    """The horizon's height for the leading setting; a tall picture gets more ground below it than its share."""
    share = float(table("settings")[scene.settings[0]]["horizon"])
    if share < 1.0 and height > width:
        share += 0.05
    return share


def needs_bank(scene: Scene, lexicon: Lexicon) -> bool:
    """Whether a waterside shows its near bank: not when all its subjects are afloat."""
    homes = {lexicon.traits(subject.name).habitat for subject in scene.subjects}
    return not homes or not homes <= {"water", "underwater", "sky"} or scene.settings[0] == "beach"


@dataclass(frozen=True)
class Layout:
    """What every rule of composition may ask: the frame, the lexicon, a subject's width at a height, and seeded chance."""

    frame: Frame
    lexicon: Lexicon
    widths: Callable[[Subject, float], float]
    rng: np.random.Generator


@dataclass(frozen=True)
class Slot:
    """One subject's part in the composition: its place across (0 to 1), its rank, among how many, where it is at home,
    and whether another thing stands on it.
    """

    across: float
    rank: int
    among: int
    home: str
    carries: bool


Spot = tuple[float, float, float]  # across and foot in pixels, and the height: in pixels, or beside the other copies


def place(scene: Scene, layout: Layout) -> list[Placed]:
    """Every copy of every subject in its place, back to front."""
    hosts = _hosts(scene, layout.lexicon)
    free = [index for index in range(len(scene.subjects)) if index not in hosts]
    across = _across(scene, free)
    placed: dict[int, list[Placed]] = {}
    for rank, index in enumerate(free):
        subject = scene.subjects[index]
        carries = (index, "on") in hosts.values()
        slot = Slot(across[index], rank, len(free), _home(subject, layout.frame, layout.lexicon), carries)
        placed[index] = _spread(subject, slot, layout)
    for index, (host, bond) in hosts.items():
        if placed.get(host):
            placed[index] = _bind(scene.subjects[index], bond, placed[host][0], layout)
    everything = [thing for things in placed.values() for thing in things]
    return sorted(everything, key=lambda thing: thing.order)


def _hosts(scene: Scene, lexicon: Lexicon) -> dict[int, tuple[int, str]]:
    """Which subjects another one carries: rider by mount, held thing by holder, hat by wearer; a host is never carried itself."""
    found: dict[int, tuple[int, str]] = {}
    subjects = table("subjects")
    for index, subject in enumerate(scene.subjects):
        other = subject.target
        if other is None or index in found or other in found:
            continue
        name = scene.subjects[other].name
        holder = subject.count == 1 and lexicon.traits(subject.name).habitat in ("ground", "indoor")
        if subject.relation == "on" and lexicon.traits(name).habitat != "horizon":
            found[index] = (other, "on")
        elif subject.relation == "filled":
            found[other] = (index, "filled")
        elif subject.relation in ("wearing", "with") and name in subjects["worn"]:
            found[other] = (index, "worn")
        elif subject.relation in ("holding", "with") and holder and name in subjects["held"]["names"]:
            found[other] = (index, "held")
    return {index: bond for index, bond in found.items() if bond[0] not in found}


def _across(scene: Scene, free: list[int]) -> dict[int, float]:
    """The place across (0 to 1) of each free subject: named places first, the rest shared out around the middle."""
    named = {"left": 0.25, "right": 0.75, "center": 0.5}
    fixed = {index: named[scene.subjects[index].place] for index in free if scene.subjects[index].place in named}
    loose = [index for index in free if index not in fixed]
    taken = set(fixed.values())
    choices = {1: (0.5,), 2: (0.33, 0.7), 3: (0.5, 0.2, 0.8), 4: (0.38, 0.66, 0.14, 0.88)}.get(len(loose))
    if len(loose) == 1 and taken:
        choices = (0.5 if 0.5 not in taken and len(taken) > 1 else 0.72 if 0.25 in taken else 0.28,)
    spread = choices or tuple(np.linspace(0.12, 0.88, len(loose)))
    return {**fixed, **dict(zip(loose, spread, strict=True))}


def _home(subject: Subject, frame: Frame, lexicon: Lexicon) -> str:
    """air, water, ground or depth (underwater and space, where things float anywhere)."""
    if frame.view in ("space", "underwater", "sky"):
        return "depth"
    habitat = lexicon.traits(subject.name).habitat
    if habitat == "horizon" and frame.view == "land":
        return "far"
    if subject.place == "sky" or (subject.relation == "above" and habitat != "building") or habitat in ("sky", "space"):
        return "ground" if habitat == "space" and frame.view == "lunar" and subject.name == "rocket" else "air"
    if habitat in ("water", "underwater") and frame.has_water:
        return "water"
    return "islet" if frame.has_water and not frame.has_land else "ground"


def _share(subject: Subject, slot: Slot, layout: Layout) -> float:
    """The height of one copy as a share of the picture: the first thing is large, the next ones by their real sizes."""
    size = layout.lexicon.traits(subject.name).size
    base = {1: 0.5, 2: 0.42}.get(slot.among, 0.34)
    if slot.rank > 0:
        base *= 0.86
    base *= float(np.clip(size, 0.25, 5.0)) ** (0.16 if slot.among > 1 else 0.07)
    base *= {"tabletop": 1.14, "isometric": 0.78, "studio": 1.12, "space": 1.1, "sky": 1.05}.get(layout.frame.view, 1.0)
    if subject.count > 1:
        base *= {2: 0.84, 3: 0.72, 4: 0.64, 5: 0.6}.get(subject.count, 1.25 / np.sqrt(subject.count + 1))
    base *= {"background": 0.4, "foreground": 1.2}.get(subject.place, 1.0)
    return float(np.clip(base * subject.scale, 0.07, 0.74))


def _spread(subject: Subject, slot: Slot, layout: Layout) -> list[Placed]:
    """All copies of one free subject, no larger than its part of the width allows."""
    frame, rng = layout.frame, layout.rng
    if frame.view == "studio" and slot.among == 1 and subject.count == 1 and layout.lexicon.traits(subject.name).body:
        return [_portrait(subject, layout)]
    floats = slot.home in ("air", "depth")
    tall = _share(subject, slot, layout) * min(frame.height, frame.width * 1.25)
    room = frame.width * {1: 0.86, 2: 0.5}.get(slot.among, 0.36)
    abreast = min(subject.count, 3 if floats else 5 if subject.count <= 5 else 6)
    if slot.carries:
        tall *= float(np.clip(1.25 - 0.6 * _seat(subject, layout), 0.5, 1.0))
    tall *= min(1.0, room / (layout.widths(subject, tall) * (abreast * 0.86 + 0.14)))
    spots = (_floating if floats else _standing)(subject, slot, tall, layout)
    turned = bool(rng.random() < 0.5) if slot.among == 1 else slot.across < 0.5
    flips = {1: [turned], 2: [True, False]}.get(subject.count) or [
        bool(flip) for flip in rng.random(subject.count) < 0.5
    ]
    if slot.home == "depth" and subject.count > 2:
        flips = [turned] * subject.count  # a shoal swims one way
    return [
        _made(subject, copy, (x, foot, tall * size), slot, frame, flip=flips[copy])
        for copy, (x, foot, size) in enumerate(spots)
    ]


def _portrait(subject: Subject, layout: Layout) -> Placed:
    """Head and shoulders, the rest below the lower edge."""
    frame = layout.frame
    zoom = 1.12 if layout.lexicon.traits(subject.name).body == "sitting" else 1.42
    tall = min(frame.height, frame.width * 1.15) * zoom
    return Placed(subject, 0, frame.width / 2, frame.height * 0.1 + tall, tall, 0.9, "air", flip=False, order=0.0)


_TOUCH = {"ground": "standing", "islet": "islet", "water": "water", "far": "far"}


def _made(subject: Subject, copy: int, at: Spot, slot: Slot, frame: Frame, *, flip: bool) -> Placed:
    x, foot, tall = at
    home = slot.home
    rooted = home in ("ground", "islet", "water")
    near = float(np.clip((foot - frame.horizon) / max(1.0, frame.height - frame.horizon), 0, 1)) if rooted else 0.8
    x = float(np.clip(x, tall * 0.2, frame.width - tall * 0.2))
    order = foot if rooted else -1.0 if home == "far" else frame.horizon - 1 + tall * 1e-3
    return Placed(subject, copy, x, foot, tall, near, _TOUCH.get(home, "air"), flip and home != "far", order)


def _foot(subject: Subject, slot: Slot, tall: float, frame: Frame) -> float:
    """The row on which a subject stands: the first one nearer than the rest, afloat ones beyond the bank."""
    depth = frame.height - frame.horizon
    afloat = slot.home in ("water", "islet")
    line = {"background": 0.16, "foreground": 0.9}.get(subject.place, 0.66)
    if afloat and not subject.place:
        line = 0.24 if frame.has_land else 0.46
    if slot.rank > 0 and subject.place == "":
        line += 0.12 if subject.relation == "before" else -0.1
    if subject.relation == "behind":
        line -= 0.2
    if frame.has_water and frame.has_land and not afloat:
        line = max(line, 0.56)
    if frame.view == "isometric":
        line = 0.36 - 0.14 * min(slot.rank, 1)
    return min(max(frame.horizon + depth * line, tall + frame.height * 0.06), frame.height * 0.955)


def _standing(subject: Subject, slot: Slot, tall: float, layout: Layout) -> list[Spot]:
    """Feet on the ground or the water: up to five in a loose row, more in two rows, the farther ones smaller."""
    frame, rng = layout.frame, layout.rng
    depth, center = frame.height - frame.horizon, slot.across * frame.width
    if slot.home == "far":
        return [(center, frame.horizon + 0.03 * depth, 1.25)]
    foot, each = _foot(subject, slot, tall, frame), layout.widths(subject, tall)
    if subject.count == 1:
        return [(center, foot, 1.0)]
    front = subject.count if subject.count <= 5 else (subject.count + 1) // 2
    step = min(each * 1.04, frame.width * (0.9 if slot.among == 1 else 0.5) / front)
    spots = []
    for copy in range(subject.count):
        back = copy >= front
        column, many = (copy - front, subject.count - front) if back else (copy, front)
        x = center + (column - (many - 1) / 2) * step + rng.uniform(-0.04, 0.04) * each
        drop = rng.uniform(-0.02, 0.035) * depth + (column % 2) * 0.05 * depth * (front > 2)
        drop -= 0.62 * tall if back else 0
        spots.append((float(x), float(foot + drop), (0.84 if back else 1.0) * float(rng.uniform(0.95, 1.05))))
    low, high = min(spot[0] for spot in spots) - each / 2, max(spot[0] for spot in spots) + each / 2
    shift = max(0.0, _MARGIN * frame.width - low) - max(0.0, high - frame.width * (1 - _MARGIN))
    return [(x + shift, min(y, frame.height * 0.97), size) for x, y, size in spots]


def _floating(subject: Subject, slot: Slot, tall: float, layout: Layout) -> list[Spot]:
    """Things in the air, in water or in space: a loose diagonal of a few, a jittered grid of many."""
    frame, rng = layout.frame, layout.rng
    ceiling = frame.height if slot.home == "depth" else frame.horizon
    middle = ceiling * (0.5 if slot.home == "depth" else 0.42)
    if subject.count == 1:
        return [(slot.across * frame.width, max(middle + tall / 2, tall * 1.05), 1.0)]
    each = layout.widths(subject, tall)
    columns = min(subject.count, 3 if frame.width <= frame.height * 1.4 else 4)
    rows = -(-subject.count // columns)
    room = frame.width * (0.84 if slot.among == 1 else 0.56)
    high = min(ceiling * 0.86, rows * tall * 1.15 + 0.12 * ceiling)
    spots = []
    for copy in range(subject.count):
        row, column = divmod(copy, columns)
        many = min(columns, subject.count - row * columns)
        x = slot.across * frame.width + (column - (many - 1) / 2) * room / columns + rng.uniform(-0.2, 0.2) * each
        sway = (0.22 if column % 2 else -0.16) * tall if rows == 1 else 0.16 * tall * (1 if column % 2 else -1)
        y = middle - high / 2 + (row + 0.5) * high / rows + sway + tall / 2
        spots.append((float(x), float(np.clip(y, tall * 1.04, frame.height * 0.98)), float(rng.uniform(0.74, 1.12))))
    return spots


def _bind(subject: Subject, bond: str, host: Placed, layout: Layout) -> list[Placed]:
    """Sets a subject onto its host: a rider on its back, a thing in a hand, a hat on a head, fruit in a bowl."""
    binders = {"worn": _worn, "held": _held, "filled": _heaped, "on": _mounted}
    return binders[bond](subject, host, layout)


def _attached(subject: Subject, host: Placed, x: float, foot: float, tall: float) -> Placed:
    return Placed(subject, 0, x, foot, tall, host.near, "air", flip=False, order=host.order + 0.5)


def _worn(subject: Subject, host: Placed, layout: Layout) -> list[Placed]:
    foot, tall = table("subjects")["worn"][subject.name]
    top = host.foot - host.height
    return [_attached(subject, host, host.x, top + foot * host.height, tall * host.height)]


def _held(subject: Subject, host: Placed, layout: Layout) -> list[Placed]:
    """At the hand; an umbrella above the head."""
    traits = layout.lexicon.traits
    share = float(np.clip(1.3 * traits(subject.name).size / traits(host.subject.name).size, 0.3, 0.5))
    high = 0.3
    if subject.name == "umbrella":
        share, high = 0.6, 0.5
    x = host.x + (-1 if host.flip else 1) * layout.widths(host.subject, host.height) * 0.42
    return [_attached(subject, host, x, host.foot - host.height * high, host.height * share * subject.scale)]


def _seat(subject: Subject, layout: Layout) -> float:
    """How high above its foot a thing carries what is on it, as a share of its height."""
    usual = 0.6 if layout.lexicon.traits(subject.name).habitat in ("ground", "indoor") else 0.9
    return float(table("subjects")["seat"].get(subject.name, usual))


def _mounted(subject: Subject, host: Placed, layout: Layout) -> list[Placed]:
    """On a back, a seat, a roof or a top; people sit astride what moves."""
    traits = layout.lexicon.traits
    habitat = traits(host.subject.name).habitat
    tall = (
        host.height
        * float(np.clip(traits(subject.name).size / traits(host.subject.name).size, 0.5, 0.95))
        * subject.scale
    )
    seat = _seat(host.subject, layout)
    rides = traits(subject.name).body in ("standing", "robed") and habitat in ("ground", "sky", "water", "underwater")
    foot = host.foot - host.height * (seat - 0.2 * rides)
    across = layout.widths(host.subject, host.height)
    found = []
    for copy in range(subject.count):
        x = host.x + (copy - (subject.count - 1) / 2) * across * 0.7 / max(1, subject.count)
        thing = _attached(subject, host, x, foot, tall * (0.9 if rides else 1.0))
        found.append(replace(thing, copy=copy, flip=host.flip, rides=rides))
    return found


def _heaped(subject: Subject, host: Placed, layout: Layout) -> list[Placed]:
    """A heap in a bowl or a bunch in a vase: what shows above the rim, behind the host."""
    across = layout.widths(host.subject, host.height)
    count = max(3, min(subject.count, 5))
    each = min(
        0.5 * across / max(layout.widths(subject, 1.0), 0.1),
        host.height * (1.1 if host.subject.name == "vase" else 0.62),
    )
    found = []
    for copy in range(count):
        place_across = copy - (count - 1) / 2
        x = host.x + place_across * across * 0.62 / count
        foot = host.foot - host.height * 0.62 - (1 - abs(place_across) / count * 2) * each * 0.22
        thing = _attached(subject, host, x, foot, each)
        found.append(replace(thing, copy=copy, flip=copy % 2 == 1, order=host.order - 0.5 + 0.01 * copy))
    return found
