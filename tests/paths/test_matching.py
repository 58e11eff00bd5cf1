import pickle
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cartpath import store
from cartpath.ingest.run import ingest
from cartpath.paths.conditions import parse_conditions, parse_steps
from cartpath.paths.counted import merge_basis
from cartpath.paths.counting import Counting
from cartpath.paths.matching import bind_condition, match
from cartpath.paths.properties import Properties, holds_category
from cartpath.schema import CartpathError
from cartpath.store import Snapshot

#: 4 January 2024, midnight in UTC.
THURSDAY = 1_704_326_400_000_000
EVENTS = [
    # user, minute, event, item, price, page, channel, device
    ("ann", 0, "page_view", None, None, "/home", "Direct", "mobile"),
    ("ann", 1, "view", "s1", 60.0, "/shoes", None, None),
    ("ann", 2, "add_to_cart", "s1", 60.0, "/basket", None, None),
    ("ann", 600, "view", "t1", 20.0, "/tees", "Referral", "desktop"),
    ("bob", 0, "view", "t1", 20.0, "/tees", "Organic", "desktop"),
    ("bob", 1, "purchase", "t1", 20.0, "/Basket/done", None, None),
    ("cid", 0, "view", "x1", None, None, None, None),
]


@pytest.fixture(scope="module")
def snap(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Snapshot]:
    folder = tmp_path_factory.mktemp("matching")
    columns = list(zip(*EVENTS, strict=True))
    names = ("user_id", "ts", "event", "item_id", "price", "page", "channel", "device")
    table = dict(zip(names, columns, strict=True))
    table["ts"] = pa.array([THURSDAY + minute * 60_000_000 for minute in table["ts"]], pa.timestamp("us", tz="UTC"))
    pq.write_table(pa.table(table), folder / "events.parquet")
    (folder / "items.csv").write_text("item_id,category,brand\ns1,Apparel > Shoes,Acme\nt1,Apparel > Tees,\n")
    (folder / "users.csv").write_text("user_id,age,plan\nbob,41,gold\nann,23,free\n")
    store.init(folder / "shop")
    ingest(
        folder / "shop",
        [str(folder / "events.parquet")],
        adapter="generic",
        items=folder / "items.csv",
        users=folder / "users.csv",
    )
    with store.open_snapshot(folder / "shop") as snapshot:
        yield snapshot


def counted(snap: Snapshot, where: str) -> tuple[int, int, int]:
    rule = pickle.loads(pickle.dumps(Counting.of(where=where).bind(snap)))
    basis = merge_basis([rule.counted(snap.bucket(b)).basis() for b in range(snap.n_buckets)])
    return basis.events, basis.sessions, basis.users


@pytest.mark.parametrize(
    ("where", "events"),
    [
        ("event=view", 4),
        ("event!=view", 3),
        ("event=view|purchase", 5),
        ("item_id=t1", 3),
        ("item_id=(none)", 1),
        ("item_id!=(none)", 6),
        ("page~basket", 2),
        ("page=(none)", 1),
        ("price>20", 2),
        ("price>=20", 5),
        ("price=20", 3),
        ("price!=20|60", 2),
        ("price=(none)", 2),
        ("category=Apparel", 5),
        ("category=Shoes", 2),
        ("category=Apparel > Tees", 3),
        ("category=(none)", 2),
        ("category_1=Apparel", 5),
        ("category_2~tees", 3),
        ("brand=Acme", 2),
        ("item.brand=Acme", 2),
        ("channel=Direct", 3),
        ("channel=Direct|Organic", 5),
        ("channel=(none)", 1),
        ("device=desktop", 3),
        ("age>30", 2),
        ("plan=free", 4),
        ("user.plan!=free", 3),
        ("hour=10", 1),
        ("weekday=Thursday", 7),
        ("device=mobile,event=view,price>50", 1),
    ],
)
def test_a_filter_leaves_what_it_says(snap: Snapshot, where: str, events: int) -> None:
    assert counted(snap, where)[0] == events


def test_a_filter_on_sessions_or_users_keeps_them_whole(snap: Snapshot) -> None:
    assert counted(snap, "channel=Referral") == (1, 1, 1)
    assert counted(snap, "plan=free") == (4, 2, 1)


@pytest.mark.parametrize(
    ("where", "problem"),
    [
        ("chanel=Direct", "did you mean 'channel'"),
        ("plan>3", "text, not a number"),
        ("price=cheap", "is a number, not 'cheap'"),
        ("price~2", "cannot contain"),
        ("zzzz=1", "there are: event"),
    ],
)
def test_what_cannot_be_asked_is_told(snap: Snapshot, where: str, problem: str) -> None:
    with pytest.raises(CartpathError) as caught:
        Counting.of(where=where).bind(snap)
    assert problem in f"{caught.value.message} {caught.value.hint}"


def test_values_never_seen_are_a_warning(snap: Snapshot) -> None:
    rule = Counting.of(where="channel=Referal,category=Shoos").bind(snap)
    hints = [warning.split("; ")[1] for warning in rule.warnings]
    assert hints == [
        "did you mean 'Referral'?",
        "seen are: Apparel > Shoes, Apparel > Tees",
    ]
    basis = merge_basis([rule.counted(snap.bucket(b)).basis() for b in range(snap.n_buckets)])
    assert "no event counts: all events, where channel is Referal and category is Shoos" in rule.heading.warnings_of(
        basis
    )


@pytest.mark.parametrize(
    ("where", "told"),
    [
        ("page~shoes|page~basket", "write page~shoes|basket"),
        ("page=/home|page=/tees|page = /shoes", "write page=/home|/tees|/shoes"),
        ("page~shoes|channel=Direct", "conditions that must all hold have commas between"),
        ("page=/home|price>50", "conditions that must all hold have commas between"),
        ("page~shoes|user.plan=free", "conditions that must all hold have commas between"),
    ],
)
def test_a_condition_where_a_value_should_be_is_told(snap: Snapshot, where: str, told: str) -> None:
    warnings = [w for w in Counting.of(where=where).bind(snap).warnings if "not a condition" in w]
    assert len(warnings) == 1
    assert warnings[0].endswith(told)
    assert [w for w in match(snap, parse_steps(f"*[{where}]")).warnings if told in w] == warnings


@pytest.mark.parametrize("where", ["page=/home|/done?step=2", "page~basket|/x?a=b", "page=/home|zzz~1", "page~shoes"])
def test_a_value_with_an_operator_in_it_may_be_a_value(snap: Snapshot, where: str) -> None:
    assert not [w for w in Counting.of(where=where).bind(snap).warnings if "not a condition" in w]


def test_a_text_that_nothing_contains_is_a_warning(snap: Snapshot) -> None:
    assert Counting.of(where="page~zzz|basket").bind(snap).warnings == ("no page that contains 'zzz' was ever seen",)


def test_each_event_says_which_steps_it_can_be(snap: Snapshot) -> None:
    steps = parse_steps("view|purchase, *[price>50], view[category=Tees], add_to_cart, *, nope[price>1]")
    matcher = pickle.loads(pickle.dumps(match(snap, steps)))
    rule = Counting.of().bind(snap)
    found = {}
    for bucket in range(snap.n_buckets):
        view = snap.bucket(bucket)
        bits = matcher.bits(rule.counted(view)).tolist()
        for row, user in enumerate(view.user_id.to_pylist()):
            found[user] = [[k for k in range(6) if b >> k & 1] for b in bits[view.offsets[row] : view.offsets[row + 1]]]
    assert found == {
        "ann": [[4], [0, 1, 4], [1, 3, 4], [0, 2, 4]],
        "bob": [[0, 2, 4], [0, 4]],
        "cid": [[0, 4]],
    }
    assert len(matcher.warnings) == 1
    assert "no event 'nope'" in matcher.warnings[0]


def test_numbers_are_broken_down_by_bins(snap: Snapshot) -> None:
    price = Properties(snap).find("price")
    labels = set()
    for bucket in range(snap.n_buckets):
        labels |= {price.label(code) for code in price.of_events(snap.bucket(bucket))}
    assert labels == {"(none)", "20 to under 50", "50 to under 100"}


def test_a_bound_condition_holds_for_users(snap: Snapshot) -> None:
    test, _ = bind_condition(Properties(snap), parse_conditions("age>30")[0])
    assert sum(int(np.count_nonzero(test.holds(snap.bucket(b)))) for b in range(snap.n_buckets)) == 1


def test_a_level_is_not_part_of_another() -> None:
    assert not holds_category("Apparel > Shoes", "Apparel > Tees")
    assert not holds_category("Apparel", "Apparel > Shoes")
