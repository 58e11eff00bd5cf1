"""The models on journeys by hand, and against slow and plain solutions."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from fractions import Fraction
from itertools import pairwise, permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cartpath.paths.attribution.chain import chain_of
from cartpath.paths.attribution.journeys import Journeys, intern, journeys_of
from cartpath.paths.attribution.markov import markov, removal_effects
from cartpath.paths.attribution.models import _markov
from cartpath.paths.attribution.result import _wilson
from cartpath.paths.attribution.rules import by_rule
from cartpath.paths.attribution.shapley import shapley
from cartpath.paths.counting import wilson

NAMES = "abcd"
Path = tuple[str, int, float, int]

paths = st.lists(
    st.tuples(
        st.text(NAMES, min_size=1, max_size=5),
        st.integers(0, 3),
        st.sampled_from([0.0, 5.0, 20.0]),
        st.integers(0, 3),
    ).filter(lambda row: row[1] + row[3] > 0),
    min_size=1,
    max_size=8,
).map(lambda rows: [(path, n, n * money, lost) for path, n, money, lost in rows])


@pytest.mark.parametrize(
    ("rule", "wanted"),
    [
        ("first", [Fraction(3), Fraction(1), Fraction(0)]),
        ("last", [Fraction(1), Fraction(1), Fraction(2)]),
        ("linear", [2 * Fraction(1, 2) + 1, Fraction(1) + 0, Fraction(1)]),
        ("position", [2 * Fraction(1, 2) + 1, Fraction(1), Fraction(1)]),
    ],
)
def test_rules_by_hand(rule: str, wanted: list[Fraction]) -> None:
    found = by_rule(journeys_of([("ac", 2, 20.0, 3), ("a", 1, 5.0, 0), ("b", 1, 0.0, 9)], "abc"), rule)
    assert found.values[:, 0] == pytest.approx([float(w) for w in wanted])


def test_a_channel_touched_twice_gets_both_parts_and_errs_once() -> None:
    found = by_rule(journeys_of([("aab", 1, 3.0, 0), ("b", 1, 1.0, 0)], "ab"), "linear")
    assert found.values.tolist() == [pytest.approx([2 / 3, 2]), pytest.approx([4 / 3, 2])]
    # Parts of a: 2/3 and 0, of two conversions: (4/9 - 2/3 * 2/3 / 2) is the spread of their sum.
    assert found.error[0] == pytest.approx(float(Fraction(4, 9) - Fraction(4, 9) / 2) ** 0.5)


def test_position_of_four_touches() -> None:
    found = by_rule(journeys_of([("abcd", 10, 0.0, 0)], NAMES), "position")
    assert found.values[:, 0] == pytest.approx([4, 1, 1, 4])


def test_markov_by_hand() -> None:
    # Start: 2/3 a, 1/3 b. a: 1/2 to b, 1/2 lost. b: 1/2 conversion (1 of 2), 1/2 lost. P = 1/3 * 1/2 + 1/3 * 1/2 = 1/3.
    # Without a: 1/3 * 1/2 = 1/6, effect 1/2. Without b: 0, effect 1. Shares 1/3 and 2/3.
    journeys = journeys_of([("ab", 1, 30.0, 0), ("a", 0, 0.0, 1), ("b", 0, 0.0, 1)], "ab")
    assert removal_effects(chain_of(journeys))[:, 0] == pytest.approx([1 / 2, 1])
    assert markov(journeys).values.tolist() == [pytest.approx([1 / 3, 10]), pytest.approx([2 / 3, 20])]


def states_of(path: str, order: int) -> list[str]:
    return ["", *[path[max(0, i - order + 1) : i + 1] for i in range(len(path))]]


def removal_twin(rows: list[Path], order: int, channel: str | None) -> tuple[float, float]:
    """Conversions and revenue expected of a journey when a channel leads nowhere, by solving the whole chain anew."""
    edges: dict[str, Counter[str]] = defaultdict(Counter)
    ends: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
    total: Counter[str] = Counter()
    for path, n, money, lost in rows:
        states = states_of(path, order)
        for state in states:
            total[state] += n + lost
        for a, b in pairwise(states):
            edges[a][b] += n + lost
        ends[states[-1]][0] += n
        ends[states[-1]][1] += money
    names = list(total)
    matrix, right = np.eye(len(names)), np.zeros((len(names), 2))
    for i, a in enumerate(names):
        if a and a[-1] == channel:
            continue
        right[i] = np.array(ends[a]) / total[a]
        for b, n in edges[a].items():
            matrix[i, names.index(b)] -= n / total[a]
    return tuple(np.linalg.solve(matrix, right)[names.index("")])


@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("dense", [10_000, 0], ids=["one inverse", "sparse"])
@settings(max_examples=60)
@given(rows=paths)
def test_removal_effects_equal_solving_the_chain_anew(rows: list[Path], order: int, dense: int) -> None:
    whole = removal_twin(rows, order, None)
    got = removal_effects(chain_of(journeys_of(rows, NAMES), order), dense)
    for i, channel in enumerate(NAMES):
        without = removal_twin(rows, order, channel)
        for k in (0, 1):
            wanted = 1 - without[k] / whole[k] if whole[k] > 0 else 0
            assert got[i, k] == pytest.approx(wanted, abs=1e-9)


@settings(max_examples=60)
@given(rows=paths)
def test_counting_transitions_in_a_table_or_by_sorting_is_the_same(rows: list[Path]) -> None:
    wide = journeys_of(rows, NAMES)
    # With 200 channels an order of 3 has no table.
    wider = Journeys(wide.codes, wide.offsets, wide.conversions, wide.revenue, wide.lost, 200)
    assert markov(wider, 3).values[:4] == pytest.approx(markov(wide, 3).values)


def test_removal_effects_equal_a_simulation() -> None:
    rows: list[Path] = [("ab", 4, 0.0, 3), ("ba", 1, 0.0, 4), ("a", 1, 0.0, 9), ("cab", 3, 0.0, 2), ("c", 0, 0.0, 5)]
    draw = random.Random(7)
    follow: dict[str, Counter[str]] = defaultdict(Counter)
    for path, n, _, lost in rows:
        steps = ["(start)", *path]
        for a, b in pairwise(steps):
            follow[a][b] += n + lost
        follow[path[-1]]["(won)"] += n
        follow[path[-1]]["(lost)"] += lost

    def wins(removed: str, journeys: int = 40_000) -> float:
        won = 0
        for _ in range(journeys):
            state = "(start)"
            while state not in ("(won)", "(lost)", removed):
                state = draw.choices(list(follow[state]), list(follow[state].values()))[0]
            won += state == "(won)"
        return won / journeys

    whole = wins("")
    got = removal_effects(chain_of(journeys_of(rows, "abc")))[:, 0]
    assert [1 - wins(c) / whole for c in "abc"] == pytest.approx(got.tolist(), abs=0.03)


def test_many_states_are_solved_sparsely_with_the_same_result() -> None:
    draw = random.Random(3)
    letters = "abcdefghijkl"
    rows: list[Path] = [
        ("".join(draw.choices(letters, k=draw.randint(1, 30))), draw.randint(0, 1), 0.0, 1) for _ in range(400)
    ]
    chain = chain_of(journeys_of(rows, letters), 3)
    assert len(chain.newest) > 1200
    assert removal_effects(chain) == pytest.approx(removal_effects(chain, 10_000), abs=1e-9)


def test_very_long_journeys_are_solved_as_equations() -> None:
    chain = chain_of(journeys_of([("a" * 3000 + "b", 1, 2.0, 0), ("b", 1, 1.0, 1), ("ba", 0, 0.0, 1)], "ab"))
    assert removal_effects(chain, 0) == pytest.approx(removal_effects(chain), abs=1e-9)


def test_a_channel_that_never_leads_to_a_conversion_gets_nothing() -> None:
    found = markov(journeys_of([("a", 3, 9.0, 1), ("b", 0, 0.0, 5)], "ab"), 2)
    assert found.values.tolist() == [[3, 9], [0, 0]]


def test_an_error_of_a_markov_model_is_that_of_samples_of_journeys() -> None:
    small, _ = _markov(journeys_of([("a", 10, 0.0, 90), ("b", 10, 0.0, 90)], "ab"), 1)
    large, _ = _markov(journeys_of([("a", 1000, 0.0, 9000), ("b", 1000, 0.0, 9000)], "ab"), 1)
    # The credit of a is a share of a half, as for the toss of a coin.
    assert small.error[0] / 20 == pytest.approx(0.5 / 20**0.5, rel=0.3)
    assert large.error[0] / 2000 == pytest.approx(0.5 / 2000**0.5, rel=0.3)


def worth(rows: list[Path], members: set[str], game: str) -> tuple[float, float]:
    inside = [row for row in rows if set(row[0]) <= members]
    n, money = sum(row[1] for row in inside), sum(row[2] for row in inside)
    made = sum(row[1] + row[3] for row in inside)
    if game == "conversions":
        return n, money
    total = sum(row[1] + row[3] for row in rows)
    return (n / made * total, money / made * total) if made else (0, 0)


def shapley_twin(rows: list[Path], game: str) -> dict[str, list[float]]:
    """Let the channels arrive in every order."""
    players = sorted({c for row in rows for c in row[0]})
    found = {c: [0.0, 0.0] for c in players}
    orders = list(permutations(players))
    for order in orders:
        for i, c in enumerate(order):
            before, after = worth(rows, set(order[:i]), game), worth(rows, set(order[: i + 1]), game)
            for k in (0, 1):
                found[c][k] += (after[k] - before[k]) / len(orders)
    return found


@pytest.mark.parametrize("game", ["conversions", "rate"])
@settings(max_examples=60)
@given(rows=paths)
def test_shapley_equals_every_order_of_arrival(rows: list[Path], game: str) -> None:
    got = shapley(journeys_of(rows, NAMES), game).values
    if sum(row[1] for row in rows):
        for c, wanted in shapley_twin(rows, game).items():
            assert got[NAMES.index(c)] == pytest.approx(wanted, abs=1e-9)


def test_shapley_by_hand() -> None:
    # ab is worth 2 to both: 1 each. The loop of a counts once.
    found = shapley(journeys_of([("aab", 2, 8.0, 1), ("b", 3, 3.0, 1)], "ab"))
    assert found.values.tolist() == [[1, 4], [4, 7]]


def test_a_sampled_value_is_within_its_error_of_the_exact_one_and_still_sums() -> None:
    draw = random.Random(5)
    letters = "abcdefgh"
    rows: list[Path] = [
        ("".join(draw.choices(letters, k=draw.randint(1, 4))), draw.randint(0, 5), 1.0, draw.randint(1, 9))
        for _ in range(60)
    ]
    journeys = journeys_of(rows, letters)
    exact, drawn = shapley(journeys, "rate"), shapley(journeys, "rate", exact=2)
    assert drawn.values[:, 0].sum() == pytest.approx(journeys.conversions.sum())
    assert (drawn.error > 0).all()
    assert (exact.error == 0).all()
    assert (np.abs(drawn.values[:, 0] - exact.values[:, 0]) < 4 * drawn.error).all()


def test_thirty_channels_are_sampled() -> None:
    letters = "abcdefghijklmnopqrstuvwxyzABCD"
    rows: list[Path] = [(letters[i] + letters[(i * 7 + 1) % 30], i % 3, 0.0, 2) for i in range(30)]
    found = shapley(journeys_of(rows, letters), "rate")
    assert found.values[:, 0].sum() == pytest.approx(30)
    assert (found.error > 0).any()


@given(st.lists(st.lists(st.integers(0, 2), max_size=4), max_size=12))
def test_equal_sequences_have_one_number(sequences: list[list[int]]) -> None:
    codes = np.array([c for s in sequences for c in s], np.uint8)
    number, kept, offsets = intern(codes, np.cumsum([0, *map(len, sequences)]).astype(np.int64))
    assert [kept[offsets[n] : offsets[n + 1]].tolist() for n in number] == sequences
    assert len(offsets) - 1 == len(set(map(tuple, sequences)))


def test_the_interval_of_a_yes_or_no_share_is_wilsons_and_that_of_parts_is_narrower() -> None:
    binomial = (10 * 0.5 * 0.5) ** 0.5
    low, high = wilson(5, 10) or (0, 0)
    assert _wilson(5, 10, binomial) == pytest.approx((low * 10, high * 10))
    narrow = _wilson(5, 10, binomial / 2)
    assert low * 10 < narrow[0] < 5 < narrow[1] < high * 10
    # Nothing of ten says little, not nothing.
    assert _wilson(0, 10, 0.0) == pytest.approx((0, (wilson(0, 10) or (0, 0))[1] * 10))
    assert _wilson(0, 0, 0.0) == (None, None)
