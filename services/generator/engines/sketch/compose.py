"""Composition: where each thing stands, how large it is, and what hides what; pure arithmetic on the scene."""

import numpy as np

from generator.engines.sketch.bind import Bond, bind, hosts_of
from generator.engines.sketch.layout import Frame, Layout, Placed, Slot, Spot, seat_of
from generator.engines.sketch.lexicon import Lexicon, table
from generator.engines.sketch.scene import Scene, Subject

_MARGIN = 0.05


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


def place(scene: Scene, layout: Layout) -> list[Placed]:
    """Every copy of every subject in its place, back to front."""
    hosts = hosts_of(scene, layout.lexicon)
    free = [index for index in range(len(scene.subjects)) if index not in hosts]
    across = _across(scene, free)
    sizes = _sizes(scene, hosts, layout)
    homes = {index: _home(scene.subjects[index], layout.frame, layout.lexicon) for index in free}
    near = [index for index in free if scene.subjects[index].place != "background" and homes[index] != "far"] or free
    largest = max((sizes[index] for index in near), default=1.0)
    crowd = sum(scene.subjects[index].count ** 0.7 for index in near)
    placed: dict[int, list[Placed]] = {}
    for rank, index in enumerate(free):
        subject = scene.subjects[index]
        carries = (index, "on") in hosts.values()
        slot = Slot(
            across=across[index],
            rank=rank,
            among=len(near),
            home=homes[index],
            carries=carries,
            size=sizes[index],
            largest=largest,
            share=min(1.0, subject.count**0.7 / crowd),
        )
        placed[index] = _spread(subject, slot, layout)
    for index, (host, bond) in sorted(hosts.items(), key=lambda item: item[1][0] in hosts):
        if placed.get(host):
            beside = [other for other, held in hosts.items() if held == (host, bond)]
            part = (beside.index(index), len(beside))
            placed[index] = bind(scene.subjects[index], bond, placed[host][0], layout, part)
    everything = [thing for things in placed.values() for thing in things]
    return sorted(everything, key=lambda thing: thing.order)


def _sizes(scene: Scene, hosts: dict[int, Bond], layout: Layout) -> list[float]:
    """The height in metres of each subject, or of the tallest thing on it."""
    sizes = [layout.lexicon.traits(subject.name).size * subject.scale**2 for subject in scene.subjects]
    for index, (host, bond) in hosts.items():
        if bond == "on" and scene.subjects[host].name not in table("subjects")["flat"]["names"]:
            sizes[host] = max(sizes[host], sizes[index])
    return sizes


def _across(scene: Scene, free: list[int]) -> dict[int, float]:
    """The place across (0 to 1) of each free subject: named places first, the rest shared out around the middle."""
    named = {"left": 0.25, "right": 0.75, "center": 0.5}
    fixed = {index: named[scene.subjects[index].place] for index in free if scene.subjects[index].place in named}
    loose = [index for index in free if index not in fixed and scene.subjects[index].place != "background"]
    behind = [index for index in free if index not in fixed and index not in loose]
    loose, behind = (loose, behind) if loose else (behind, [])
    fixed.update(zip(behind, (0.72, 0.22, 0.5, 0.85, 0.1, 0.6, 0.35, 0.9), strict=False))
    taken = {across for index, across in fixed.items() if index not in behind}
    choices = {1: (0.5,), 2: (0.33, 0.7), 3: (0.5, 0.2, 0.8), 4: (0.38, 0.66, 0.14, 0.88)}.get(len(loose))
    if len(loose) == 2 and not taken:
        first, second = (scene.subjects[index].count ** 0.7 for index in loose)
        share = first / (first + second)
        choices = (0.33, 0.7) if share == 0.5 else (0.05 + 0.45 * share, 0.95 - 0.45 * (1 - share))
    if len(loose) == 1 and behind and not taken:
        choices = (0.36,)
    if len(loose) == 1 and taken:
        choices = (0.5 if 0.5 not in taken and len(taken) > 1 else 0.72 if 0.25 in taken else 0.28,)
    spread = choices or tuple(np.linspace(0.12, 0.88, len(loose)))
    return _drawn_under(scene, {**fixed, **dict(zip(loose, spread, strict=True))})


def _drawn_under(scene: Scene, across: dict[int, float]) -> dict[int, float]:
    """What is under another thing, or before or behind it, stands close to its middle."""
    for index, place in list(across.items()):
        subject = scene.subjects[index]
        if subject.relation in ("under", "behind", "before") and subject.target in across and not subject.place:
            host = across[subject.target]
            across[index] = host + (place - host) * {"under": 0.3, "behind": 0.6, "before": 0.6}[subject.relation]
    return across


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


_FORESHORTENING = 0.34  # a thing a tenth as tall as another is drawn half as tall: it stands nearer
_SMALLEST = 0.3


def _share(subject: Subject, slot: Slot, layout: Layout) -> float:
    """The height of one copy as a share of the picture: the tallest thing is large, the others by their real sizes."""
    traits = layout.lexicon.traits(subject.name)
    size = traits.size
    base = {1: 0.5, 2: 0.46}.get(slot.among, 0.42)
    if slot.home == "far":
        return float(np.clip(0.36 * subject.scale, 0.2, 0.5))
    if slot.among == 1:
        base *= float(np.clip(size, 0.25, 5.0)) ** 0.07
    else:
        least = 0.5 if slot.home in ("air", "depth") else _SMALLEST
        base *= min(1.0, max(least, (slot.size / slot.largest) ** _FORESHORTENING))
        base *= 0.6 if slot.home == "water" and traits.habitat == "underwater" and slot.size < 1.0 else 1.0
    base *= {"tabletop": 1.14, "isometric": 0.78, "studio": 1.12, "space": 1.1, "sky": 1.05}.get(layout.frame.view, 1.0)
    if subject.count > 1:
        base *= {2: 0.84 if slot.among == 1 else 0.93, 3: 0.72, 4: 0.64, 5: 0.6}.get(
            subject.count, 1.25 / np.sqrt(subject.count + 1)
        )
    base *= {"background": 0.55, "foreground": 1.2}.get(subject.place, 1.0)
    return float(np.clip(base * subject.scale, 0.07, 0.74))


def _spread(subject: Subject, slot: Slot, layout: Layout) -> list[Placed]:
    """All copies of one free subject, no larger than its part of the width allows."""
    frame, rng = layout.frame, layout.rng
    if frame.view == "studio" and slot.among == 1 and subject.count == 1 and layout.lexicon.traits(subject.name).body:
        return [_portrait(subject, layout)]
    floats = slot.home in ("air", "depth")
    tall = _share(subject, slot, layout) * min(frame.height, frame.width * 1.25)
    room = _room(slot, frame)
    abreast = min(subject.count, 3 if floats else 5 if subject.count <= 5 else 6)
    if slot.carries:
        tall *= float(np.clip(1.12 - 0.6 * seat_of(subject, layout), 0.5, 1.0))
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


def _room(slot: Slot, frame: Frame) -> float:
    """The width in pixels that all copies of one subject may take; an isometric tile is narrower than the picture."""
    return (
        frame.width
        * {1: 0.9, 2: slot.share}.get(slot.among, max(0.36, slot.share))
        * (0.56 if frame.view == "isometric" else 1.0)
    )


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
        line -= 0.1
    line += {"behind": -0.2, "under": 0.12, "before": 0.12}.get(subject.relation, 0.0)
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
    step = min(each * 1.04, max(0.0, _room(slot, frame) - each) / max(1, front - 1))
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
        x = float(np.clip(x, _MARGIN * frame.width + each / 2, frame.width * (1 - _MARGIN) - each / 2))
        y = middle - high / 2 + (row + 0.5) * high / rows + sway + tall / 2
        size = float(rng.uniform(0.74, 1.12))
        spots.append((float(x), float(np.clip(y, tall * size * 1.02, frame.height * 0.98)), size))
    return spots
