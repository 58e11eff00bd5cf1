import pytest

from cartpath.tasks import next_item_rows, time_split
from tests.features.logs import make_log, random_table


@pytest.mark.parametrize("seed", range(8))
def test_rows_agree_with_a_loop(seed):
    log = make_log(random_table(seed, users=10))
    view = log.view
    begin, end = time_split(view).bounds("validation")
    expected = []
    for user in range(view.n_users):
        at = range(view.offsets[user], view.offsets[user + 1])
        items = [int(view.item[i]) for i in at if begin <= view.ts[i] < end and view.item[i] >= 0]
        if items:
            known = sum(view.ts[i] < begin for i in at)
            expected.append((user, view.offsets[user] + known, list(dict.fromkeys(items))))
    rows = next_item_rows(log, begin, end)
    assert [(int(rows.user[n]), rows.ends[n], rows.of(n).tolist()) for n in range(len(rows))] == expected


def test_nobody_after_the_end():
    assert len(next_item_rows(make_log(random_table(0)), 2**62, 2**63 - 1)) == 0
