"""What is known of a user and a thing bought: by hand, against a twin in plain Python, blind to what comes later."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cartpath.features import Log
from cartpath.features.repurchase import (
    PAIR_COLUMNS,
    Repurchase,
    merge_repurchase,
    pair_features,
    pairs_before,
    scan_repurchase,
)
from cartpath.features.surroundings import in_log
from cartpath.tasks import repeated
from tests.tasks.buying import BEGIN, DAY, Line, between, categories, changed_from, lines_of, log_of_lines, users_of

NAMES = [column.name for column in PAIR_COLUMNS]


def described(log: Log, at: int, of: str = "item") -> dict[tuple[str, str], dict[str, float]]:
    """Every pair bought before a moment, with its columns."""
    texts, place = repeated(log, of)
    purchase = log.event_codes.get("purchase", -1)
    code = pairs_before(log.view, at, purchase, place).code
    user, thing = code // 2**32, code % 2**32
    known = in_log(log).repurchase_at(at, of, (place, len(texts)))
    values = pair_features(log.view, at, purchase, place, known, user, thing)
    ids = log.view.user_id.take(user).to_pylist()
    return {
        (id, texts[what]): dict(zip(NAMES, row, strict=True))
        for id, what, row in zip(ids, thing.tolist(), values.tolist(), strict=True)
    }


def twin(lines: list[Line], at: int, of: str = "item") -> dict[tuple[str, str], dict[str, float]]:
    category = categories()

    def thing(line: Line) -> str | None:
        return line.item if of == "item" or line.item is None else category.get(line.item)

    bought: dict[tuple[str, str], set[int]] = {}
    for line in lines:
        if line.event == "purchase" and line.ts < at and (what := thing(line)) is not None:
            bought.setdefault((line.user, what), set()).add(line.ts)
    found = {}
    for (user, what), moments in bought.items():
        first, last, n = min(moments), max(moments), len(moments)
        others = [(len(m), (max(m) - min(m)) / DAY) for (_, that), m in bought.items() if that == what]
        gaps = sum(times - 1 for times, _ in others)
        usual = sum(wait for _, wait in others) / gaps if gaps else float("nan")
        interval = (last - first) / DAY / (n - 1) if n > 1 else float("nan")
        due = interval if n > 1 else usual
        since = [line for line in between(lines, user, last + 1, at) if thing(line) == what]
        found[user, what] = {
            "pair_purchases": n,
            "pair_days_since": (at - last) / DAY,
            "pair_days_since_first": (at - first) / DAY,
            "pair_interval": interval,
            "pair_due": (at - last) / DAY / due if due > 0 else float("nan"),
            "pair_share": n / sum(len(m) for (who, _), m in bought.items() if who == user),
            "pair_events_since": len([line for line in since if line.event != "purchase"]),
            "thing_buyers": len(others),
            "thing_again": sum(times > 1 for times, _ in others) / len(others),
            "thing_interval": usual,
        }
    return found


def test_by_hand() -> None:
    lines = [
        Line("a", 0, "purchase", "i1"),
        Line("a", 48, "purchase", "i1"),
        Line("a", 60, "view", "i1"),
        Line("a", 72, "purchase", "i2"),
        Line("b", 24, "purchase", "i1"),
    ]
    found = described(log_of_lines(lines), BEGIN + 4 * DAY)
    assert list(found["a", "i1"].values()) == [2, 2, 4, 2, 1, 2 / 3, 1, 2, 1 / 2, 2]
    # Bought once: due by what others' interval is.
    assert found["b", "i1"]["pair_due"] == 3 / 2
    assert np.isnan(found["b", "i1"]["pair_interval"])
    assert np.isnan(found["a", "i2"]["pair_due"])


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.sampled_from(["item", "category"]))
def test_against_the_twin(seed: int, of: str) -> None:
    lines = [*lines_of(np.random.default_rng(seed)), Line("u0", 0, "purchase", "i1")]
    at = BEGIN + 12 * DAY
    found, wanted = described(log_of_lines(lines), at, of), twin(lines, at, of)
    assert found.keys() == wanted.keys()
    for pair, row in found.items():
        assert list(row.values()) == pytest.approx(list(wanted[pair].values()), rel=1e-12, nan_ok=True)


@settings(max_examples=25)
@given(st.integers(0, 10_000))
def test_what_comes_later_changes_nothing(seed: int) -> None:
    rng = np.random.default_rng(seed)
    lines = [*lines_of(rng), Line("u0", 0, "purchase", "i1")]
    one, other = (described(log_of_lines(each), BEGIN + 8 * DAY) for each in (lines, changed_from(lines, 8, rng)))
    assert one.keys() == other.keys()
    for pair, row in one.items():
        assert np.array_equal(list(row.values()), list(other[pair].values()), equal_nan=True)


def test_counts_of_parts_add_up() -> None:
    lines = [*lines_of(np.random.default_rng(3), users=8), Line("u0", 0, "purchase", "i1")]
    at = BEGIN + 15 * DAY
    log = log_of_lines(lines)
    texts, place = repeated(log, "item")

    def count(part: Log) -> Repurchase:
        return scan_repurchase(part.view, at, log.event_codes["purchase"], place, len(texts))

    whole = count(log)
    halves = [{user for user in users_of(lines) if (user < "u4") is first} for first in (True, False)]
    by_text = []
    for half in halves:
        part = log_of_lines([line for line in lines if line.user in half])
        codes, of_part = repeated(part, "item")
        got = scan_repurchase(part.view, at, part.event_codes.get("purchase", -1), of_part, len(codes))
        moved = [codes.index(text) if text in codes else -1 for text in texts]
        by_text.append(Repurchase(*(np.append(values, 0)[moved] for values in vars(got).values())))
    merged = merge_repurchase(by_text)
    for name, values in vars(whole).items():
        assert getattr(merged, name).tolist() == values.tolist()
