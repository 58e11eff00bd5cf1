from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from cartpath.features import earlier, encode, fit_encoder, fit_encoder_over, lookups, stretch
from cartpath.features.log import Log
from tests.features.logs import make_log, random_table
from tests.features.test_encoder import before


def pieces_of(log, cuts):
    edges = [0, *cuts, log.view.n_users]
    return [Log(stretch(log.view, a, b), log.codes, log.items) for a, b in pairwise(edges)]


def middle(table):
    return int(np.quantile(table["ts"].cast(pa.int64()).to_numpy(), 0.6))


@pytest.mark.parametrize("seed", range(6))
def test_piece_by_piece_the_encoder_is_the_same(seed):
    table = random_table(seed, users=40)
    log, until = make_log(table), middle(table)
    rng = np.random.default_rng(seed)
    pieces = pieces_of(log, sorted(rng.integers(0, 41, 4).tolist()))
    ours, theirs = fit_encoder_over(lambda: iter(pieces), until), fit_encoder(log, until)
    assert ours.to_dict() == theirs.to_dict()
    assert len(theirs.edges) > 3
    assert theirs.vocabularies["section"].values


def test_counts_of_a_page_are_users_not_events():
    # A brute-force twin of what is kept: pages of five users or more.
    table = random_table(3, users=40)
    short = pc.replace_substring_regex(table["page"], r"/x\?u=.*", "")
    log = make_log(table.set_column(table.column_names.index("page"), "page", short))
    users = {}
    for user in log.view:
        for page in np.unique(user.page[user.page >= 0]):
            users.setdefault(log.codes("page")[page], set()).add(user.user_id[0].as_py())
    expected = {page for page, who in users.items() if len(who) >= 5}
    assert len(expected) > 0
    assert set(fit_encoder_over(lambda: pieces_of(log, [7, 20]), 2**62).vocabularies["page"].values) == expected


@pytest.mark.parametrize("seed", range(6))
def test_a_stretch_of_users_has_the_ids_it_has_in_the_whole(seed):
    log = make_log(random_table(seed, users=20))
    encoder = fit_encoder(log, 2**62)
    whole, ids = encode(log, encoder), lookups(log, encoder)
    begin, end = log.view.offsets[5], log.view.offsets[13]
    part = encode(Log(stretch(log.view, 5, 13), log.codes, log.items), encoder, ids)
    np.testing.assert_array_equal(part.events, whole.events[begin:end])
    np.testing.assert_array_equal(part.sessions[part.log.view.session], whole.sessions[log.view.session[begin:end]])


@pytest.mark.parametrize("seed", range(6))
def test_earlier_is_the_path_table_of_the_earlier_events(seed):
    table = random_table(seed, users=20)
    until = middle(table)
    whole, cut = make_log(table), make_log(before(table, until))
    part = earlier(whole.view, until)
    there = np.flatnonzero(np.diff(part.offsets))
    assert [part.user_id[i].as_py() for i in there] == cut.view.user_id.to_pylist()
    np.testing.assert_array_equal(part.ts, cut.view.ts)
    np.testing.assert_array_equal(np.diff(part.offsets)[there], np.diff(cut.view.offsets))
    np.testing.assert_array_equal(part.session, cut.view.session)
    np.testing.assert_array_equal(part.sessions.start, cut.view.sessions.start)
    np.testing.assert_array_equal(part.sessions.end, cut.view.sessions.end)
    assert earlier(part, until) is part


def test_no_pieces_are_an_error():
    with pytest.raises(ValueError, match="no logs"):
        fit_encoder_over(list, 0)
