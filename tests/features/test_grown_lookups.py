"""Ids of dictionaries that have grown are those of looking everything up anew."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from cartpath.features import fit_encoder, grown_lookups, lookups
from tests.features.logs import items_table, make_log, random_table


@pytest.mark.parametrize("new_item", ["x9", "late"])
def test_grown_is_as_anew(new_item):
    catalogue = pa.concat_tables(
        [items_table(), items_table().slice(1, 1).set_column(0, "item_id", pa.array(["late"]))]
    )
    log = replace(make_log(random_table(3, users=30)), items=catalogue)
    encoder = fit_encoder(log, 2**62)
    known = lookups(log, encoder)
    assert grown_lookups(known, log, encoder) is known
    added = {"item": [new_item, "x10"], "page": ["/a/1/new", "/never"], "device": ["d7"]}
    wider = replace(log, codes=lambda name: [*log.codes(name), *added.get(name, [])])
    found, anew = grown_lookups(known, wider, encoder), lookups(wider, encoder)
    assert found.text.keys() == anew.text.keys()
    for name, ids in anew.text.items():
        np.testing.assert_array_equal(found.text[name], ids)
    np.testing.assert_array_equal(found.content, anew.content)
    np.testing.assert_array_equal(found.prices, anew.prices)
    # Fewer texts are another shop's.
    back = grown_lookups(anew, log, encoder)
    np.testing.assert_array_equal(back.text["item"], known.text["item"])
