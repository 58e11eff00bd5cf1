"""Session kNN against a plain loop over sessions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from cartpath.models.baselines import Histories, SessionKnn
from cartpath.models.baselines.session_knn import Sessions
from cartpath.models.next_item import ItemIndex
from cartpath.schema import CartpathError
from cartpath.tasks import leave_one_out
from cartpath.training.next_item import FitOptions, fit_model
from tests.features.logs import make_log, shop_table
from tests.models.test_baselines import laid_out, log_of_paths, whole

LETTERS = "abcdef"
SESSIONS = st.lists(st.text(LETTERS, min_size=1, max_size=8), min_size=1, max_size=12)
SETTINGS = st.fixed_dictionaries(
    {
        "k": st.integers(1, 6),
        "recency": st.sampled_from([0.0, 0.5, 1.0]),
        "size": st.sampled_from([0.0, 0.5, 1.0]),
        "near": st.sampled_from([0.05, 0.5, 1.0]),
    }
)


def model_of(sessions: list[str], **settings: float) -> SessionKnn:
    paths = laid_out([[LETTERS.index(letter) for letter in session] for session in sessions])
    found = SessionKnn.of(ItemIndex(tuple(LETTERS)), paths)
    return SessionKnn(found.items, found.known, found.popularity, **settings)  # type: ignore[arg-type]


def likeness(session: str, counts: dict[str, float], sessions: list[str], size: float) -> float:
    shared = set(session) & set(counts)
    rarity = {item: np.log(len(sessions) / sum(item in other for other in sessions)) for item in shared}
    return sum(max(counts[item] * rarity[item], 1e-12) for item in shared) / len(set(session)) ** size


def twin(sessions: list[str], path: str, k: int, recency: float, size: float, near: float) -> dict[str, float] | None:
    """Scores of the items that like sessions speak for; None where equals would have to be told apart."""
    counts: dict[str, float] = {}
    for age, item in enumerate(reversed(path)):
        counts.setdefault(item, max(recency**age, 1e-6))
    like = {n: likeness(s, counts, sessions, size) for n, s in enumerate(sessions) if set(s) & set(counts)}
    ordered = sorted(like, key=lambda n: -like[n])
    if len(ordered) > k and like[ordered[k - 1]] - like[ordered[k]] < 1e-5 * like[ordered[0]]:
        return None
    out: dict[str, float] = {}
    for n in ordered[:k]:
        session = sessions[n]
        top = max(counts.get(item, 0.0) for item in session)
        at = [place for place, item in enumerate(session) if counts.get(item, 0.0) == top]
        for item in set(session):
            away = min(abs(place - one) for place, other in enumerate(session) if other == item for one in at)
            out[item] = out.get(item, 0.0) + like[n] * near**away
    return out


@given(SESSIONS, st.text(LETTERS, min_size=1, max_size=6), SETTINGS)
def test_scores_are_those_of_a_plain_loop(sessions: list[str], path: str, settings: dict[str, float]) -> None:
    expected = twin(sessions, path, **settings)  # type: ignore[arg-type]
    assume(expected is not None)
    assert expected is not None
    model = model_of(sessions, **settings)
    log = log_of_paths(path)
    scores = model.score(log, *whole(log))[0]
    for column, item in enumerate(LETTERS):
        if item in expected:
            assert scores[column] == pytest.approx(expected[item], rel=1e-3, abs=1e-13)
        else:
            assert scores[column] == model.popularity[column]


def test_of_equals_the_latest_are_taken() -> None:
    model = model_of(["ab", "ac", "ad"], k=2, recency=1.0, size=0.0, near=1.0)
    log = log_of_paths("a")
    scores = model.score(log, *whole(log))[0]
    assert [LETTERS[column] for column in np.flatnonzero(scores > 0)] == ["a", "c", "d"]


def test_every_session_may_be_like_the_path() -> None:
    model = model_of(["ab", "ba", "ab"], k=2, recency=1.0, size=0.0, near=1.0)
    log = log_of_paths("abba")
    scores = model.score(log, *whole(log))[0]
    assert np.flatnonzero(scores > 0).tolist() == [0, 1]


def test_only_the_latest_sessions_of_an_item_are_looked_up() -> None:
    paths = Histories(np.array([0, 2, 4, 6]), np.array([0, 1, 0, 2, 0, 3], np.int32))
    found = Sessions.of(paths, 4, most=2)
    assert found.sessions[found.offsets[0] : found.offsets[1]].tolist() == [1, 2]
    assert found.sessions[found.offsets[1] : found.offsets[2]].tolist() == [0]
    assert found.often.tolist() == [3, 1, 1, 1]  # how rare an item is does not depend on how many are looked up


def test_a_path_without_a_known_item_is_answered_by_popularity() -> None:
    model = model_of(["ab", "b"], k=3)
    log = log_of_paths("-", "f")
    assert model.score(log, *whole(log)).tolist() == [model.popularity.tolist()] * 2


def test_it_is_saved_and_loaded(tmp_path: Path) -> None:
    model = model_of(["abc", "bcd", "cc"], k=2, recency=0.4, size=0.25, near=0.2)
    model.save(tmp_path)
    log = log_of_paths("ab", "dc", "")
    again = SessionKnn.load(tmp_path)
    assert (again.k, again.recency, again.size, again.near) == (2, 0.4, 0.25, 0.2)
    assert again.score(log, *whole(log)).tolist() == model.score(log, *whole(log)).tolist()
    with pytest.raises(CartpathError, match="session-knn"):
        SessionKnn.load(tmp_path / "elsewhere")


def test_sessions_that_are_learned_from_are_in_order_of_time_and_end_where_training_does() -> None:
    split = leave_one_out(make_log(shop_table(60, seed=5)))
    model = fit_model(
        "session-knn", split, FitOptions(settings={"k": 5, "recency": 1.0, "size": 0.0, "near": 1.0})
    ).model
    assert isinstance(model, SessionKnn)
    view, paths = split.log.view, model.known.paths
    places = [p for p in split.train_places() if view.item[p] >= 0]
    ordered = sorted({int(view.session[p]) for p in places}, key=lambda s: int(view.sessions.start[s]))
    column = model.items.columns_of(split.log)
    expected = [[int(column[view.item[p]]) for p in places if view.session[p] == session] for session in ordered]
    found = [paths.columns[a:b].tolist() for a, b in zip(paths.offsets[:-1], paths.offsets[1:], strict=True)]
    assert found == expected
