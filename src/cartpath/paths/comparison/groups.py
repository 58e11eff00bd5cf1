"""The two groups: who is in both is not compared with themselves."""

from __future__ import annotations

from dataclasses import dataclass, replace

from cartpath.paths.comparison.sides import apart, count_sides
from cartpath.paths.counted import Basis
from cartpath.paths.counting import Counting
from cartpath.paths.segments import compile_segment
from cartpath.schema import CartpathError
from cartpath.store import Snapshot

#: What is said where groups are made by what users did.
BY_DEFINITION = (
    "a group is made by what its users did: differences in that, and in what must come before or after it, are there"
    " by definition and say nothing about causes"
)


@dataclass(frozen=True)
class Group:
    """One side of a comparison.

    Attributes
    ----------
    name : str
        A segment's name or expression, as it was asked.
    expression : str
        What a name stands for.
    compared : str
        The expression of those who are compared, without those who are in both groups.
    counting : Counting
        Of those who are compared.
    basis : Basis
        What counts of them.
    all_users : int
        Users of the segment with an event that counts, those in both groups included.
    rest : bool
        Whether it holds the other group, and so is compared without it.
    """

    name: str
    expression: str
    compared: str
    counting: Counting
    basis: Basis
    all_users: int
    rest: bool = False

    @property
    def called(self) -> str:
        """Who is compared, as a person reads it."""
        return f"the rest of {self.name}" if self.rest else self.name


@dataclass(frozen=True)
class Pair:
    """Both groups.

    Attributes
    ----------
    a, b : Group
    overlap : int
        Users with an event that counts who are in both segments.
    warnings : tuple of str
        Of the segments and of how the overlap was dealt with.
    generation : int
    """

    a: Group
    b: Group
    overlap: int
    warnings: tuple[str, ...]
    generation: int


def pair(snap: Snapshot, a: str, b: str, counting: Counting) -> Pair:
    """Make two groups without a common user.

    Parameters
    ----------
    snap : Snapshot
    a, b : str
        Names or expressions.
    counting : Counting
        Without a segment, or with one that both groups are cut to.

    Returns
    -------
    Pair

    Raises
    ------
    CartpathError
        If a segment cannot be read, or both hold the same users.
    """
    plans = [compile_segment(snap, text, time_zone=counting.time_zone) for text in (a, b)]
    within = f" & ({counting.segment})" if counting.segment else ""
    rule = counting.bind(snap)
    whole, both = count_sides(snap, rule, plans)
    overlap = both.users
    compared, told = _apart(a, b, (whole[0].users, whole[1].users, overlap))
    groups = [
        Group(
            plan.text,
            plan.expression,
            text + within,
            replace(counting, segment=text + within),
            every if every.users == overlap else apart(every, both),  # who is all in the other group stays whole
            every.users,
            rest=0 < overlap < every.users and overlap == min(n.users for n in whole),
        )
        for plan, text, every in zip(plans, compared, whole, strict=True)
    ]
    warnings = [*plans[0].warnings, *plans[1].warnings, *rule.warnings, *told]
    warnings += [f"no user of {g.name} has an event that counts" for g in groups if not g.all_users]
    if any(plan.behaviour for plan in plans):
        warnings.append(BY_DEFINITION)
    return Pair(groups[0], groups[1], overlap, tuple(dict.fromkeys(warnings)), rule.generation)


def _apart(a: str, b: str, users: tuple[int, int, int]) -> tuple[tuple[str, str], list[str]]:
    """Return the expressions of groups without a common user, and what to say about it."""
    n_a, n_b, both = users
    if not both:
        return (f"({a})", f"({b})"), []
    if both == n_a == n_b:
        raise CartpathError(f"{a} and {b} are the same {both:,} users", "compare two different groups")
    if both == n_a:
        told = f"all {both:,} users of {a} are in {b}: they are compared with the other {n_b - both:,}"
        return (f"({a})", f"({b}) - ({a})"), [told]
    if both == n_b:
        told = f"all {both:,} users of {b} are in {a}: they are compared with the other {n_a - both:,}"
        return (f"({a}) - ({b})", f"({b})"), [told]
    told = f"{both:,} users are in both {a} and {b} and are left out of both: the tests need independent groups"
    return (f"({a}) - ({b})", f"({b}) - ({a})"), [told]
