"""A brute-force twin of the funnel: it writes down every chain and picks one, as ``docs/counting.md`` says it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import permutations
from random import Random

from tests.paths.twin import EVENTS, Row, path_order, step_starts

#: A pattern: an event, and the value that it must have, None for any.
Pattern = tuple[str, int | None]


@dataclass(frozen=True)
class Asked:
    """What a funnel asks; values are quantities."""

    steps: tuple[tuple[Pattern, ...], ...]
    order: str = "loose"
    window: int | None = None
    unit: str = "users"
    in_session: bool = False
    exclude: tuple[Pattern, ...] = ()
    hold: bool = False


@dataclass(frozen=True)
class Place:
    """An event of a path: its row in the bucket, and the number of its hit among those of the path."""

    row: Row
    index: int
    hit: int = 0


@dataclass(frozen=True)
class Told:
    """What is told of a unit; events by their row in the bucket, -1 for none."""

    depth: int = 0
    first: int = -1
    last: int = -1
    at: tuple[int, ...] = ()


def is_one_of(row: Row, patterns: tuple[Pattern, ...]) -> bool:
    return any(row.event == event and value in (None, row.quantity) for event, value in patterns)


def lanes(rows: list[Row], kept: list[bool], asked: Asked) -> dict[int | tuple[int, int], list[list[Place]]]:
    """Of each unit the paths that its chains may lie on."""
    ordered = path_order(rows)
    sessions = asked.in_session or asked.unit == "sessions"
    hit, number = [], 0
    for start in step_starts(ordered):
        number += start
        hit.append(number)
    paths: dict[tuple[int, int], list[Place]] = defaultdict(list)
    for index, row in enumerate(ordered):
        if kept[index]:
            paths[row.user, row.session if sessions else 0].append(Place(row, index, hit[index]))
    found = defaultdict(list)
    for (user, session), path in paths.items():
        places = sorted({p.hit for p in path})
        # Hits are numbered anew along the path.
        renumbered = [replace(p, hit=places.index(p.hit)) for p in path]
        found[(user, session) if asked.unit == "sessions" else user].append(renumbered)
    return dict(found)


def can_be(path: list[Place], i: int, step: int, value: int | None, asked: Asked) -> bool:
    """Whether an event can be a step of a chain that holds ``value``."""
    place = path[i]

    def fits(p: Place) -> bool:
        return is_one_of(p.row, asked.steps[step]) and (not asked.hold or p.row.quantity == value)

    if not fits(place):
        return False
    if asked.order != "strict":
        return True
    of_hit = [p for p in path if p.hit == place.hit]
    able = [p for p in of_hit if fits(p) and p.row.event == of_hit[0].row.event]
    return bool(able) and place is able[0]


def spoils(place: Place, value: int | None, asked: Asked) -> bool:
    """Whether an event is one that may not lie in between."""
    return is_one_of(place.row, asked.exclude) and (not asked.hold or place.row.quantity in (None, value))


def is_allowed(path: list[Place], chain: tuple[int, ...], value: int | None, asked: Asked) -> bool:
    low, high = min(chain), max(chain)
    if asked.window is not None and path[high].row.at - path[low].row.at > asked.window:
        return False
    between = path[low + 1 : high]
    if asked.order == "strict":
        between = [p for p in path if path[low].hit < p.hit < path[high].hit]
        if [path[i].hit for i in chain] != list(range(path[low].hit, path[high].hit + 1)):
            return False
    return not any(spoils(place, value, asked) for place in between)


def chains(path: list[Place], value: int | None, asked: Asked) -> Iterator[tuple[int, ...]]:
    """Every chain of every depth, positions in the order of the steps."""
    able = [[i for i in range(len(path)) if can_be(path, i, step, value, asked)] for step in range(len(asked.steps))]

    def extend(chain: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
        if len(chain) == len(asked.steps):
            return
        for i in able[len(chain)]:
            if i in chain or (asked.order != "any" and chain and i < chain[-1]):
                continue
            longer = (*chain, i)
            # What is too long or spoilt stays so with more steps.
            if is_allowed(path, longer, value, asked):
                yield longer
                yield from extend(longer)

    yield from extend(())


def values_of(path: list[Place], asked: Asked) -> list[int | None]:
    return sorted({p.row.quantity for p in path if p.row.quantity is not None}) if asked.hold else [None]


def tell(path: list[Place], chain: tuple[int, ...], value: int | None, asked: Asked) -> Told:
    low, high = min(chain), max(chain)
    at = list(chain)
    if asked.order == "any":
        at = [
            next(i for i in range(low, high + 1) if can_be(path, i, step, value, asked)) for step in range(len(chain))
        ]
    rows = [path[i].index for i in at] + [-1] * (len(asked.steps) - len(at))
    return Told(len(chain), path[low].index, path[high].index, tuple(rows))


def told_of(paths: list[list[Place]], asked: Asked) -> Told:
    """The deepest chain; of those the one complete first; of those the one begun last; then each step as soon."""
    best = None
    for path in paths:
        for value in values_of(path, asked):
            for chain in chains(path, value, asked):
                low, high = path[min(chain)].index, path[max(chain)].index
                key = (-len(chain), high, -low, chain)
                if best is None or key < best[0]:
                    best = key, tell(path, chain, value, asked)
    return Told(at=(-1,) * len(asked.steps)) if best is None else best[1]


def entries_of(path: list[Place], value: int | None, asked: Asked) -> Iterator[Told]:
    """The entries of a path, one after the other."""
    n_steps, at = len(asked.steps), 0
    while at < len(path):
        starts = [0] if asked.order != "any" else range(n_steps)
        if not any(can_be(path, at, step, value, asked) for step in starts):
            at += 1
            continue
        told, last = _entry(path, at, value, asked)
        yield told
        if asked.order == "strict":
            at = next((i for i, p in enumerate(path) if p.hit > path[last].hit), len(path))
        elif told.depth == n_steps:
            at = last + 1
        else:
            over = [
                i
                for i in range(at + 1, len(path))
                if spoils(path[i], value, asked)
                or (asked.window is not None and path[i].row.at - path[at].row.at > asked.window)
            ]
            at = len(path) if not over else over[0] + (over[0] == last)


def _entry(path: list[Place], at: int, value: int | None, asked: Asked) -> tuple[Told, int]:
    if asked.order == "any":
        return _any_entry(path, at, value, asked)
    own = [chain for chain in chains(path, value, asked) if chain[0] == at]
    chain = min(own, key=lambda c: (-len(c), c[-1], c))
    return tell(path, chain, value, asked), chain[-1]


def _any_entry(path: list[Place], at: int, value: int | None, asked: Asked) -> tuple[Told, int]:
    depth, last = 0, at
    for end in range(at, len(path)):
        if not is_allowed(path, (at, end), value, replace(asked, order="loose")):
            break
        for k in range(len(asked.steps), depth, -1):
            if any(
                all(can_be(path, i, step, value, asked) for step, i in enumerate(chosen))
                for chosen in permutations(range(at, end + 1), k)
            ):
                depth, last = k, end
                break
        if depth == len(asked.steps):
            break
    rows = [
        next(path[i].index for i in range(at, last + 1) if can_be(path, i, step, value, asked)) if step < depth else -1
        for step in range(len(asked.steps))
    ]
    return Told(depth, path[at].index, path[last].index, tuple(rows)), last


def funnel_told(rows: list[Row], kept: list[bool], asked: Asked) -> list[Told]:
    """What is told of every unit of a bucket."""
    found = lanes(rows, kept, asked)
    if asked.unit != "entries":
        return [told_of(found[unit], asked) for unit in sorted(found)]
    return [
        told
        for unit in sorted(found)
        for path in found[unit]
        for value in values_of(path, asked)
        for told in entries_of(path, value, asked)
    ]


def dense(seed: int) -> tuple[list[Row], list[bool], Asked]:
    """A busy log with ties, values, interleaved sessions and hits of several events, and a question about it."""
    draw = Random(seed)
    rows: list[Row] = []
    at, names = 0, EVENTS[: draw.choice((2, 3))]
    for _ in range(draw.randrange(4, 15)):
        at += draw.choice((0, 0, 1, 1, 2, 3))
        user, session, hit = int(draw.random() < 0.15), int(draw.random() < 0.25), draw.choice((None, None, 0, 1))
        for _ in range(1 if hit is None else draw.randrange(1, 4)):
            value = draw.choice((None, 0, 0, 1))
            rows.append(Row(user, at, draw.choice(names), session, hit, quantity=value))
    kept = [draw.random() > 0.1 for _ in rows] if draw.random() < 0.3 else [True] * len(rows)
    return rows, kept, _question(draw, names)


def _question(draw: Random, names: tuple[str, ...]) -> Asked:
    def patterns(most: int) -> tuple[Pattern, ...]:
        def one() -> Pattern:
            value = draw.choice((0, 1)) if draw.random() < 0.2 else None
            return "never" if draw.random() < 0.05 else draw.choice(names), value

        return tuple(one() for _ in range(draw.randrange(1, most + 1)))

    return Asked(
        tuple(patterns(draw.choice((1, 1, 2))) for _ in range(draw.choice((1, 2, 3, 3)))),
        window=draw.choice((None, None, 2, 4, 7)),
        in_session=draw.random() < 0.3,
        exclude=patterns(2) if draw.random() < 0.5 else (),
        hold=draw.random() < 0.5,
    )
