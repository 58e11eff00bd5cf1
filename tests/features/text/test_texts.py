"""Vectors of text: twins in plain Python, nothing from later, the same again to the bit, the same on a live path."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cartpath.features import Log, Texts, encode, fit_encoder, fit_reference, fit_texts, session_features
from cartpath.features.moment import blocks, columns
from cartpath.features.profile import feature_columns, user_features
from cartpath.features.text import Corpus, Document, EventVectors, corpus_of, documents_of, summary, texts
from cartpath.features.text.word_vectors import fit_tfidf
from cartpath.schema import CartpathError
from cartpath.training.leak import changed_after
from tests.features.logs import make_log, times
from tests.features.moment.logs import rich_log, rich_table
from tests.features.moment.test_moment import asked
from tests.models.cut import cut_path

NAMES = ("tfidf", "word2vec", "item2vec")
pytest.importorskip("gensim")


def big_log(seed: int) -> Log:
    return rich_log(seed, users=25, events=30)


def fitted(log: Log, until: int = 2**62, **options: Any) -> Texts:
    return fit_texts(log, until, NAMES, dims=4, **options)


def same(one: Texts, other: Texts) -> bool:
    a, b = one.to_arrays(), other.to_arrays()
    return a.keys() == b.keys() and all(np.array_equal(a[name], b[name]) for name in a)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_tfidf_agrees_with_plain_python(seed: int) -> None:
    rng = np.random.default_rng(seed)
    said = [tuple(f"w{int(word)}" for word in rng.zipf(1.5, rng.integers(1, 9)) % 12) for _ in range(30)]
    documents = [Document("query", str(n), "", terms) for n, terms in enumerate(said)]
    found = fit_tfidf(Corpus(documents, [], []), 3, 0, lambda message, share: None)
    spread = Counter(term for terms in said for term in set(terms))
    kept = {term: math.log(30 / n) for term, n in spread.items() if 1 < n < 30}
    rows = np.zeros((30, len(kept)))
    for row, terms in zip(rows, said, strict=True):
        weight = {term: (1 + math.log(n)) * kept[term] for term, n in Counter(terms).items() if term in kept}
        length = math.sqrt(sum(value**2 for value in weight.values()))
        row[:] = [weight[term] / length if term in weight else 0.0 for term in kept]
    # Latent semantic analysis: along the right singular vectors. Those of one strength are any of a plane.
    strength, directions = np.linalg.svd(rows, full_matrices=False)[1:]
    assume((np.diff(strength[:4]) < -0.05).all())
    wanted = rows @ directions[:3].T
    with np.errstate(invalid="ignore"):
        wanted /= np.sqrt((wanted**2).mean(axis=1, keepdims=True))
    mine = found.vectors(documents)
    signs = np.sign(np.nansum(mine * wanted, axis=0))
    np.testing.assert_allclose(mine, wanted * signs, atol=5e-3)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_means_agree_with_plain_python(seed: int) -> None:
    rng = np.random.default_rng(seed)
    events = EventVectors(rng.integers(-1, 4, 20), rng.standard_normal((4, 2)))
    order, begin = rng.permutation(20), rng.integers(0, 12, 9)
    stop = begin + rng.integers(0, 9, 9)
    for row, a, b in zip(summary(events, order, begin, stop), begin, stop, strict=True):
        mine = [events.vectors[events.document[at]] for at in order[a:b] if events.document[at] >= 0]
        assert row[4] == len(mine)
        if not mine:
            assert np.isnan(np.delete(row, 4)).all()
            continue
        mean = [sum(one[k] for one in mine) / len(mine) for k in (0, 1)]
        weight = [0.5 ** (back / 5) for back in range(len(mine))][::-1]
        recent = [sum(w * one[k] for w, one in zip(weight, mine, strict=True)) / sum(weight) for k in (0, 1)]
        spread = math.sqrt(sum(sum((one[k] - mean[k]) ** 2 for k in (0, 1)) for one in mine) / len(mine))
        np.testing.assert_allclose(row[[0, 1, 2, 3, 6]], [*mean, *recent, spread], atol=1e-12)
        others = np.sum(mine[:-1], axis=0)
        if len(mine) > 1:
            cosine = mine[-1] @ others / math.sqrt((mine[-1] @ mine[-1]) * (others @ others))
            assert row[5] == pytest.approx(cosine)
        else:
            assert np.isnan(row[5])


@pytest.mark.parametrize("seed", range(3))
def test_nothing_from_the_moment_on_is_learned(seed: int) -> None:
    table = rich_table(seed, users=25, events=30)
    when = table["ts"].cast("int64").to_numpy()
    at = int(np.sort(when)[len(when) // 2])
    before = table.filter(pa.array(when < at))
    # Codes, users and buckets of the two logs differ.
    assert same(fitted(make_log(table), at), fitted(make_log(before), at))
    assert not same(fitted(make_log(table), at), replace(fitted(make_log(table)), until=at))


def test_users_in_another_order_and_codes_given_in_another_order_are_fitted_to_the_bit() -> None:
    table = rich_table(4, users=25, events=30)
    users = np.array(table["user_id"].to_pylist())
    rank = np.random.default_rng(0).permutation(len(np.unique(users)))
    order = np.argsort(rank[np.unique(users, return_inverse=True)[1]], kind="stable")
    logs = make_log(table), make_log(table.take(order))
    assert logs[0].codes("query") != logs[1].codes("query")
    assert same(*map(fitted, logs))


_AGAIN = """
import sys
import numpy as np
from cartpath.features import fit_texts
from tests.features.moment.logs import rich_log
np.savez(sys.argv[1], **fit_texts(rich_log(7, users=25), 2**62, ("tfidf", "word2vec", "item2vec"), dims=4).to_arrays())
"""


def test_another_process_fits_the_same_bits(tmp_path: Path) -> None:
    root, out = Path(__file__).parents[3], tmp_path / "texts.npz"
    env = {**os.environ, "PYTHONHASHSEED": "1", "PYTHONPATH": f"{root / 'src'}{os.pathsep}{root}"}
    subprocess.run([sys.executable, "-c", _AGAIN, str(out)], env=env, check=True)
    with np.load(out) as arrays:
        assert same(Texts.from_arrays(arrays), fitted(rich_log(7, users=25)))


@pytest.mark.parametrize("seed", range(3))
def test_a_live_path_alone_gives_the_same_row_to_the_bit(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    log = big_log(seed)
    encoder, text = fit_encoder(log, 2**62), fitted(log)
    sessions, ends = asked(log, seed)
    monkeypatch.setattr(blocks, "_EVENTS", [1, 60, 10**6][seed])
    whole = session_features(encode(log, encoder), encoder, sessions, ends, texts=text).values
    assert np.isfinite(whole[:, -3 * 12 :]).mean() > 0.5
    for row, (session, end) in enumerate(zip(sessions, ends, strict=True)):
        user = int(log.view.sessions.user[session])
        alone = cut_path(log, log.view.user(user), int(end - log.view.offsets[user]))
        number = np.array([session - np.searchsorted(log.view.sessions.user, user)])
        ends_ = np.array([alone.view.n_events])
        found = session_features(encode(alone, encoder), encoder, number, ends_, texts=text)
        np.testing.assert_array_equal(found.values[0], whole[row])


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10_000))
def test_what_comes_from_a_place_on_changes_nothing(seed: int) -> None:
    log = big_log(seed)
    encoder, text, view = fit_encoder(log, 2**62), fitted(log), log.view
    ends = view.offsets[:-1] + np.random.default_rng(seed).integers(1, np.diff(view.offsets) + 1)
    sessions = view.session[ends - 1].astype(np.int64)
    before, after = (
        session_features(encode(one, encoder), encoder, sessions, ends, texts=text).values
        for one in (log, changed_after(log, ends, seed))
    )
    np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize("seed", range(2))
def test_users_have_the_same_row_whatever_comes_later_and_whoever_else_there_is(seed: int) -> None:
    log = big_log(seed)
    view = log.view
    at = int(np.quantile(view.ts, 0.6))
    cut = view.offsets[:-1] + np.array([(view.user(u).ts < at).sum() for u in range(view.n_users)])
    text, reference = fitted(log, at), fit_reference(log, at)
    whole = user_features(log, at, reference=reference, texts=text)
    later = changed_after(log, cut, seed, at)
    assert same(text, fitted(later, at))
    after = user_features(later, at, reference=reference, texts=text)
    np.testing.assert_array_equal(whole.values[:, -33:], after.values[:, -33:])
    for row, user in enumerate(whole.user_id.to_pylist()):
        alone = replace(log, view=view.user(view.user_id.to_pylist().index(user)))
        np.testing.assert_array_equal(
            user_features(alone, at, reference=reference, texts=text).values[0], whole.values[row]
        )
    with pytest.raises(CartpathError, match="fitted on events until"):
        user_features(log, at - 1, texts=text)


def test_columns_say_what_they_are_and_depend_on_the_fit_alone() -> None:
    log, other = big_log(0), rich_log(50, users=2, events=4)
    encoder, text = fit_encoder(log, 2**62), fitted(log)
    described = columns(encoder, text)
    for one in (log, other):
        assert session_features(encode(one, encoder), encoder, *asked(one, 0), texts=text).names == [
            c.name for c in described
        ]
    users = feature_columns(None, text.dims)
    assert [column.name for column in users] == user_features(log, 2**62, texts=text).names
    for several in (described, users):
        names = [column.name for column in several]
        assert len(set(names)) == len(names)
        assert {"tfidf_1", "word2vec_recent_4", "item2vec_events", "tfidf_last_to_mean", "item2vec_spread"} <= set(
            names
        )
        assert all(column.unit and len(column.about) > 10 for column in several)


def test_by_hand_the_profile_is_the_mean_of_what_was_looked_at() -> None:
    log = big_log(1)
    text = fitted(log)
    found = user_features(log, 2**62, texts=text)
    documents = documents_of(log)
    vectors = text.vectorisers["item2vec"].vectors(documents.documents)
    begin, end = log.view.offsets[:2]
    mine = [vectors[place] for place in documents.of_event["item"][begin:end] if place >= 0]
    mine = [one for one in mine if not np.isnan(one).any()]
    row = dict(zip(found.names, found.values[0], strict=True))
    assert row["item2vec_events"] == len(mine) > 0
    assert [row[f"item2vec_{k}"] for k in (1, 2, 3, 4)] == pytest.approx(np.mean(mine, axis=0).tolist())


def test_what_was_saved_gives_the_same_vectors(tmp_path: Path) -> None:
    log = big_log(2)
    text = fitted(log)
    np.savez(tmp_path / "texts.npz", **text.to_arrays())  # type: ignore[arg-type]
    with np.load(tmp_path / "texts.npz") as arrays:
        again = Texts.from_arrays(arrays)
    assert again.until == text.until
    for name, found in again.of_events(log).items():
        np.testing.assert_array_equal(found.document, text.of_events(log)[name].document)
        np.testing.assert_array_equal(found.vectors, text.of_events(log)[name].vectors)


def test_item2vec_puts_items_of_one_session_near_each_other() -> None:
    rng = np.random.default_rng(0)
    rows = [
        (f"u{n}", float(k), "view", f"i{(n % 3) * 3 + int(rng.integers(0, 3))}") for n in range(1500) for k in range(6)
    ]
    names, (users, minutes, events, items) = ("user_id", "event", "item_id"), zip(*rows, strict=True)
    table = pa.table({**dict(zip(names, (users, events, items), strict=True)), "ts": times(minutes)})
    found = fit_texts(make_log(table), 2**62, ["item2vec"]).vectorisers["item2vec"]
    corpus = corpus_of(make_log(table), 2**62)
    vectors = found.vectors(corpus.documents)
    vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    alike, group = vectors @ vectors.T, np.arange(9) // 3
    assert alike[group[:, None] == group].mean() > 0.5 > 0 > alike[group[:, None] != group].mean()


def test_bad_input_says_what_to_do() -> None:
    log = big_log(0)
    with pytest.raises(CartpathError, match="no text features 'bm25'"):
        fit_texts(log, 2**62, ["bm25"])
    with pytest.raises(CartpathError, match="add sentences to --text"):
        fit_texts(log, 2**62, ["tfidf"], encoder="any")
    empty = 0
    for name in NAMES:
        with pytest.raises(CartpathError, match=r"two items|no word|no item"):
            fit_texts(log, empty, [name])
    with pytest.raises(CartpathError):
        fit_texts(log, empty, NAMES, where_possible=True)


def test_without_gensim_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gensim", None)
    monkeypatch.setitem(sys.modules, "gensim.models.word2vec", None)
    with pytest.raises(CartpathError, match=r"Word2Vec needs an extra(.|\n)*cartpath\[text\]"):
        fit_texts(big_log(0), 2**62, ["word2vec"])
    assert texts.TEXTS == ("tfidf", "word2vec", "item2vec", "sentences")
