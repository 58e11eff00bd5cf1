"""From a tree of sets to what scans ask: names, events, properties and files looked up in a store."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np

from cartpath import engine
from cartpath.paths.conditions import parse_conditions, parse_step
from cartpath.paths.matching import bind_condition, match
from cartpath.paths.properties import Properties
from cartpath.paths.segments import tree
from cartpath.paths.segments.atoms import All, Atom, Beginners, Doers, Drawn, Havers, Joined, Listed
from cartpath.paths.segments.language import parse
from cartpath.paths.segments.lists import list_of, read_keys
from cartpath.paths.segments.reached import bind_reached
from cartpath.schema import CartpathError
from cartpath.store import PathView, Snapshot


class Compiler:
    """Binds trees; remembers the names it is in, so that a circle is found."""

    def __init__(self, snap: Snapshot, names: Mapping[str, str], time_zone: str = "UTC") -> None:
        self.snap, self.names, self.time_zone = snap, names, time_zone
        self.properties = Properties(snap, time_zone)
        self.warnings: list[str] = []
        self.behaviour = False
        self._within: list[str] = []
        self._made: dict[str, Atom] = {}

    def named(self, name: str) -> Atom:
        """Bind a segment by its name."""
        if name in self._within:
            chain = " -> ".join([*self._within[self._within.index(name) :], name])
            raise CartpathError(f"segment {name} is made of itself: {chain}", "change one of them in cartpath.toml")
        if name not in self.names:
            raise self._unknown(name)
        if name not in self._made:
            self._within.append(name)
            self._made[name] = self.atom(parse(self.names[name], f"segment {name} =", self.time_zone))
            self._within.pop()
        return self._made[name]

    def atom(self, node: tree.Node) -> Atom:
        """Bind a tree."""
        self.behaviour |= isinstance(node, tree.Did | tree.Reached)
        if isinstance(node, tree.SetOperation):
            return Joined(node.op, tuple(self.atom(part) for part in node.parts))
        if isinstance(node, tree.Named):
            return self.named(node.name)
        if isinstance(node, tree.Did):
            return self._did(node)
        if isinstance(node, tree.Has):
            return self._has(node)
        if isinstance(node, tree.Reached):
            return self._reached(node)
        if isinstance(node, tree.Cohort):
            return Beginners(node.period)
        if isinstance(node, tree.UserFile):
            return self._listed(node.path)
        if isinstance(node, tree.Sample):
            return Drawn(node.share, node.seed)
        return All()

    def _did(self, node: tree.Did) -> Atom:
        matcher = match(self.snap, [parse_step(node.pattern)], self.time_zone)
        self.warnings += matcher.warnings
        return Doers(matcher, node.op, node.times, node.period)

    def _has(self, node: tree.Has) -> Atom:
        condition = parse_conditions(node.condition)[0]
        for value in re.findall(r"\|(\w+)", node.condition):  # quotes say that it is a value
            if value in self.names:
                raise CartpathError(
                    f"{node.condition}: is {value} a value of {condition.name}, or the segment {value}?",
                    f'write the segment with spaces around |, the value in quotes: "{value}"',
                )
        test, missed = bind_condition(self.properties, condition)
        self.warnings += missed
        return Havers(test, node.period)

    def _reached(self, node: tree.Reached) -> Atom:
        atom, warnings = bind_reached(self.snap, node, self.time_zone)
        self.warnings += warnings
        return atom

    def _listed(self, name: str) -> Atom:
        keys = read_keys(list_of(self.snap, name))
        listed = Listed(keys)
        found = engine.run(self.snap, partial(count_members, atom=listed), add)
        if found < len(keys):
            self.warnings.append(f"{len(keys) - found:,} of {len(keys):,} users in {name} were never seen")
        return listed

    def _unknown(self, name: str) -> CartpathError:
        near = difflib.get_close_matches(name, [*self.names, "everyone"], n=1)
        known = f"there are: {', '.join([*self.names, 'everyone'])}"
        tail = f"did you mean {near[0]!r}?" if near else known
        return CartpathError(f"no segment {name!r}", f"{tail}; an event is written: did {name}")


def count_members(view: PathView, atom: Atom) -> int:
    """Count the users of a bucket who belong."""
    return int(np.count_nonzero(atom.mask(view)))


def add(parts: Sequence[int]) -> int:
    """Add the counts of buckets."""
    return sum(parts)
