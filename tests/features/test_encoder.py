import numpy as np
import pyarrow as pa
import pytest

from cartpath.features import PathEncoder, encode, fit_encoder, log_of
from cartpath.schema import iso
from cartpath.store import view_from_table
from tests.features.logs import items_table, make_log, path_of, random_table


def before(table, until):
    import pyarrow.compute as pc

    return table.filter(pc.less(table["ts"].cast(pa.int64()), until))


def context_known(encoded):
    """The session's ids at each event, where an event so far has carried them."""
    view = encoded.log.view
    known = view.ts >= view.sessions.context_ts[view.session]
    return np.where(known[:, None], encoded.sessions[view.session], 0)


@pytest.mark.parametrize("seed", range(8))
def test_what_comes_after_the_cut_has_no_influence_on_the_encoder(seed):
    table = random_table(seed, users=30)
    until = int(np.quantile(table["ts"].cast(pa.int64()).to_numpy(), 0.6))
    # The catalogue is the same; everything else after the cut is gone.
    whole, cut = make_log(table), make_log(before(table, until))
    ours, theirs = fit_encoder(whole, until), fit_encoder(cut, until)
    assert ours.to_dict() == theirs.to_dict(), iso(until)


@pytest.mark.parametrize("seed", range(8))
def test_ids_of_events_do_not_depend_on_later_ones(seed):
    table = random_table(seed, users=30)
    until = int(np.quantile(table["ts"].cast(pa.int64()).to_numpy(), 0.6))
    whole, cut = make_log(table), make_log(before(table, until))
    encoder = fit_encoder(whole, until)
    ours, theirs = encode(whole, encoder), encode(cut, encoder)
    kept = whole.view.ts < until
    np.testing.assert_array_equal(ours.events[kept], theirs.events)
    np.testing.assert_array_equal(context_known(ours)[kept], context_known(theirs))


def test_values_first_seen_after_the_cut_are_unknown_or_share_a_place():
    log = make_log(path_of([0, 1, 2, 3], ["view", "view", "wave", "view"], ["i1", "i2", "i3", "i9"]))
    encoder = fit_encoder(log, int(log.view.ts[2]))
    encoded = encode(log, encoder)
    assert set(encoder.items.values) == {"i1", "i2"}
    assert encoded.item_id.tolist()[2:] == [1, 1]
    assert encoder.events.values == ("view",)
    assert 3 <= encoded.event_id[2] < encoder.events.size
    # Its content is known, though its identity is not.
    place = encoder.event_fields.index("brand")
    assert encoded.events[2, place] > 0


def test_rare_pages_share_places_and_frequent_ones_are_kept():
    tables = [
        path_of([n], ["page_view"], user=f"u{n}").append_column("page", [["/often" if n < 6 else "/rare"]])
        for n in range(8)
    ]
    view, codes = view_from_table(pa.concat_tables(tables))
    encoder = fit_encoder(log_of(view, codes), 2**62)
    assert encoder.vocabularies["page"].values == ("/often",)


def test_ranges_of_fields_do_not_overlap_and_padding_is_zero():
    log = make_log(random_table(1, users=30))
    encoder = fit_encoder(log, 2**62)
    encoded = encode(log, encoder)
    ids = np.concatenate([encoded.events, encoded.sessions[log.view.session]], axis=1)
    for place, name in enumerate(encoder.sizes):
        column = ids[:, place]
        begin = encoder.offsets[name]
        assert ((column == 0) | ((column > begin) & (column < begin + encoder.sizes[name]))).all(), name


def test_an_encoder_survives_being_written():
    log = make_log(random_table(2, users=30))
    encoder = fit_encoder(log, 2**62)
    again = PathEncoder.from_dict(encoder.to_dict())
    np.testing.assert_array_equal(encode(log, again).events, encode(log, encoder).events)


def test_another_workspace_with_other_codes_gets_the_same_ids():
    table = random_table(4, users=30)
    log = make_log(table)
    encoder = fit_encoder(log, 2**62)
    _, codes = view_from_table(path_of([0, 1], ["oddity", "purchase"], ["i7", "i3"]))
    view, codes = view_from_table(table, codes=codes)
    other = log_of(view, codes, items_table())
    assert (other.view.item != log.view.item).any()
    np.testing.assert_array_equal(encode(other, encoder).events, encode(log, encoder).events)
