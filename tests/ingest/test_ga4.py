"""The Google Analytics 4 export: expected events worked out by hand from the documented schema."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cartpath import ingest, store
from cartpath.ingest.adapters.ga4 import unnest_ga4
from cartpath.ingest.adapters.ga4_source import page_of
from cartpath.paths import status
from cartpath.schema import CartpathError, Columns
from tests.ingest.ga4_export import NOON, SCHEMA, SECOND, VISIT, item, row, table
from tests.ingest.reading import read, write
from tests.ingest.test_ga360 import as_json_export


def events(*rows: dict[str, Any], **options: Any) -> list[dict[str, Any]]:
    return unnest_ga4(table(*rows), **options).events.to_pylist()


def test_what_each_row_becomes() -> None:
    found = unnest_ga4(table(*VISIT))
    assert [(e["event"], e["item_id"], e["price"], e["quantity"]) for e in found.events.to_pylist()] == [
        ("session_start", None, None, None),
        ("page_view", None, None, None),
        ("click", "MUG-1", None, None),
        ("view", "MUG-1", 8.5, None),
        ("outbound_click", None, None, None),
        ("search", None, None, None),
        ("add_to_cart", "MUG-1", 8.0, 2),
        ("promotion_click", None, None, None),  # once, however many items the promotion is for
        ("checkout", "MUG-1", 8.0, 2),
        ("checkout", "MUG-2", 9.0, 1),
        ("purchase", "MUG-1", 8.0, 2),
        ("purchase", "MUG-2", 9.0, 1),
        ("purchase", "MUG-1", 8.0, 2),
        ("refund", None, None, None),
        ("newsletter_sign_up", None, None, None),
    ]
    assert (found.source_rows, found.not_requested) == (14, 2)
    full = unnest_ga4(table(*VISIT), impressions=True)
    assert (full.not_requested, len(full.events)) == (0, 17)
    assert [e["item_id"] for e in full.events.to_pylist() if e["event"] == "impression"] == ["MUG-1", "MUG-2"]


def test_orders() -> None:
    found = [e for e in events(*VISIT) if e["order_id"]]
    assert [(e["event"], e["order_id"], e["order_value"], e[Columns.once]) for e in found] == [
        *[("purchase", "T1", 27.5, "T1")] * 3,
        ("refund", "T1", 9.0, None),
    ]
    (old,) = events(row("purchase", given={"transaction_id": "T2", "value": 12.5, "currency": "EUR"}))
    assert (old["order_id"], old["order_value"], json.loads(old["props"])["currency"]) == ("T2", 12.5, "EUR")
    (unset,) = events(row("purchase", ecommerce={"transaction_id": "(not set)", "purchase_revenue": 3.0}))
    assert (unset["order_id"], unset[Columns.once], unset["order_value"]) == (None, None, 3.0)


def test_who_when_and_where() -> None:
    first = events(
        row(
            "page_view",
            1.5,
            given={"page_location": "https://www.shop.example/mugs?gclid=1", "page_referrer": "https://a.example/x?y"},
            device={
                "category": "mobile",
                "operating_system": "iOS",
                "language": "de-de",
                "web_info": {"browser": "Safari"},
            },
            geo={"country": "Germany", "region": "(not set)", "city": "Ulm"},
        )
    )[0]
    assert {name: first[name] for name in ("user_id", "session_id", "visit_number", "page", "referrer")} == {
        "user_id": "11.22", "session_id": "11.22-7", "visit_number": 3, "page": "/mugs", "referrer": "a.example/x",
    }  # fmt: skip
    assert first["ts"].timestamp() * SECOND == NOON + 1.5 * SECOND
    context = ("device", "os", "language", "browser", "country", "region", "city")
    assert [first[name] for name in context] == ["mobile", "iOS", "de-de", "Safari", "Germany", None, "Ulm"]


def test_a_page_of_the_shop_is_no_referrer() -> None:
    place = {"page_location": "https://www.shop.example/b", "page_referrer": "https://shop.example/a"}
    assert events(row("page_view", given=place))[0]["referrer"] is None


def test_an_app_has_screens() -> None:
    assert events(row("screen_view", given={"firebase_screen": "Basket"}))[0]["page"] == "Basket"


@pytest.mark.parametrize(
    ("address", "page"),
    [
        ("https://a.example", "/"),
        ("https://a.example/x?q=a%20b&utm_medium=mail", "/x?q=a+b"),
        ("https://a.example/x?q=a%20b", "/x?q=a%20b"),  # nothing to leave out: as recorded
        ("https://a.example/x?fbclid=1#y", "/x"),
        ("/plain", "/plain"),
        ("https://[broken", "https://[broken"),
    ],
)
def test_pages(address: str, page: str) -> None:
    assert page_of(address) == page


CROSS = {
    "cross_channel_campaign": {
        "source": "google",
        "medium": "cpc",
        "campaign_name": "s",
        "default_channel_group": "Paid",
    }
}
MANUAL = {"manual_campaign": {"source": "news", "medium": "email", "campaign_name": "may", "term": "mug"}}
COLLECTED = {"manual_source": "bing", "manual_medium": "cpc", "manual_campaign_name": "b", "manual_term": "t"}
PLACES: list[tuple[dict[str, Any], tuple[Any, ...]]] = [
    ({"session_traffic_source_last_click": {**CROSS, **MANUAL}, "collected_traffic_source": COLLECTED},
     ("Paid", "google", "cpc", "s", None, False)),
    ({"session_traffic_source_last_click": MANUAL, "collected_traffic_source": COLLECTED},
     (None, "news", "email", "may", "mug", False)),
    ({"collected_traffic_source": COLLECTED}, (None, "bing", "cpc", "b", "t", False)),
    ({"given": {"source": "x", "medium": "y"}}, (None, "x", "y", None, None, False)),
    ({"collected_traffic_source": {"manual_source": "(direct)", "manual_medium": "(none)"}},
     (None, "(direct)", None, None, None, True)),
    ({"traffic_source": {"source": "first", "medium": "m", "name": "n"}}, (None,) * 6),
]  # fmt: skip


@pytest.mark.parametrize(("more", "expected"), PLACES)
def test_the_source_of_a_session(more: dict[str, Any], expected: tuple[Any, ...]) -> None:
    (found,) = events(row("page_view", **more))
    assert tuple(found[n] for n in ("channel", "source", "medium", "campaign", "keyword", "is_direct")) == expected


def test_the_users_first_source_serves_an_old_export() -> None:
    old = table(row("page_view", traffic_source={"source": "first", "medium": "m", "name": "n"}))
    old = old.drop_columns(["collected_traffic_source", "session_traffic_source_last_click"])
    (found,) = unnest_ga4(old).events.to_pylist()
    assert (found["source"], found["medium"], found["campaign"]) == ("first", "m", "n")


BOTH = row("view_item", user_id="anna")


@pytest.mark.parametrize(
    ("who", "users", "links", "others"),
    [
        ("pseudo", ["11.22", "11.22", None], None, {"user_id": "anna"}),
        ("known", ["anna", None, "bea"], "11.22", {"user_pseudo_id": "11.22"}),
        ("prefer_known", ["anna", "11.22", "bea"], "11.22", {"user_pseudo_id": "11.22"}),
    ],
)
def test_whose_event_it_is(who: str, users: list[str | None], links: str | None, others: dict[str, str]) -> None:
    rows = (BOTH, row("view_item", 1), row("view_item", 2, user_id="bea", user_pseudo_id=None))
    found = events(*rows, user=who)
    assert [e["user_id"] for e in found] == users
    assert [e["anonymous_id"] for e in found] == [links, None, None]
    ids = {"user_id", "user_pseudo_id"}
    assert {name: value for name, value in json.loads(found[0]["props"]).items() if name in ids} == others
    assert [e["session_id"] for e in found] == ["11.22-7", "11.22-7", None]


def test_the_rest_is_in_props() -> None:
    found = {e["event"]: json.loads(e["props"]) for e in events(*VISIT)}
    assert found["page_view"] == {"title": 'Mugs & "more"', "platform": "WEB"}
    assert found["checkout"]["step"] == "begin_checkout"
    assert found["promotion_click"]["promotion"] == "Spring"
    assert found["outbound_click"]["link_url"] == "https://elsewhere.example"


def test_the_catalogue_is_what_was_seen_last() -> None:
    items = {e.pop("item_id"): e for e in _latest(unnest_ga4(table(*VISIT)).items)}
    assert items == {
        "MUG-1": {"title": "Blue Mug", "category": "Home > Mugs", "brand": None, "price": 8.0},
        "MUG-2": {"title": "Red Mug", "category": None, "brand": "Clay", "price": 9.0},
    }


def _latest(items: pa.Table) -> list[dict[str, Any]]:
    """As the store keeps them: of each column the last value that is there."""
    out: dict[str, dict[str, Any]] = {}
    for seen in items.to_pylist():
        known = out.setdefault(seen["item_id"], dict.fromkeys(seen))
        known.update({name: value for name, value in seen.items() if value is not None})
    return list(out.values())


def test_events_of_one_request_are_in_the_order_of_the_device() -> None:
    def sent(name: str, page: int, request: int, place: int) -> dict[str, Any]:
        return row(name, 0, batch_page_id=page, batch_ordering_id=request, batch_event_index=place)

    found = events(sent("c", 1, 2, 1), sent("d", 2, 1, 1), sent("b", 1, 1, 2), row("later", 1), sent("a", 1, 1, 1))
    assert [e["event"] for e in found] == ["a", "b", "c", "d", "later"]
    assert [e[Columns.row] for e in found] == [4, 2, 0, 1, 3]
    assert len({e["event_id"] for e in found[:4]}) == len({e[Columns.hit] for e in found}) - 1 == 4
    assert found[4]["event_id"] is None


def test_the_items_of_an_event_are_one_step() -> None:
    found = [e for e in events(*VISIT) if e["event"] == "checkout"]
    assert len({e[Columns.hit] for e in found}) == 1


def both(folder: Path, rows: list[dict[str, Any]]) -> tuple[Path, Path]:
    """Write rows as BigQuery exports them: nested Parquet, and JSON Lines with whole numbers as text."""
    nested, lines = folder / "a.parquet", folder / "a.jsonl.gz"
    pq.write_table(table(*rows), nested)
    text = "".join(json.dumps(as_json_export(each)) + "\n" for each in rows)
    return nested, write(lines, gzip.compress(text.encode()))


def test_json_lines_give_the_events_of_parquet(tmp_path: Path) -> None:
    nested, lines = both(tmp_path, VISIT)
    one, other = read(nested, "ga4"), read(lines, "ga4")
    assert one.events.num_rows == 15
    assert one.events.equals(other.events)


words = st.sampled_from(["view_item", "purchase", "view_item_list", "select_promotion", "page_view", "own"])
some_items = st.lists(
    st.builds(lambda i, p, q: item(f"I{i}", price=p, quantity=q), st.integers(0, 3),
              st.one_of(st.none(), st.integers(0, 99).map(float)), st.one_of(st.none(), st.integers(1, 9))),
    max_size=3,
)  # fmt: skip
logs = st.lists(
    st.builds(lambda name, at, items, known: row(name, at, *items, user_id=known, ecommerce={"transaction_id": "T"}),
              words, st.integers(0, 5), some_items, st.sampled_from([None, "anna"])),
    min_size=1, max_size=8,
)  # fmt: skip


@given(logs, st.booleans())
def test_events_are_counted_by_items(rows: list[dict[str, Any]], impressions: bool) -> None:
    found = unnest_ga4(table(*rows), impressions=impressions)
    expected = Counter[tuple[str, int]]()
    left_out = 0
    for place, each in enumerate(rows):
        n = 1 if each["event_name"] == "select_promotion" else max(1, len(each["items"]))
        if each["event_name"] == "view_item_list" and not impressions:
            left_out += n
        else:
            expected[each["event_name"], place] = n
    made = found.events.to_pylist()
    assert Counter((rows[e[Columns.row]]["event_name"], e[Columns.row]) for e in made) == expected
    assert found.not_requested == left_out
    assert [e["ts"] for e in made] == sorted(e["ts"] for e in made)
    for e in made:
        listed = [i["item_id"] for i in rows[e[Columns.row]]["items"]]
        assert e["item_id"] in (listed if listed and e["event"] != "promotion_click" else [None])


def test_through_the_store(tmp_path: Path) -> None:
    nested, lines = both(tmp_path, VISIT)
    store.init(tmp_path / "shop")
    done = ingest.ingest(tmp_path / "shop", [str(nested)], adapter="ga4")
    # The confirmation page was loaded again: its line is a duplicate.
    assert (done.read, done.stored, done.duplicates, done.not_requested, done.items) == (15, 14, 1, 2, 2)
    with store.open_snapshot(tmp_path / "shop") as snapshot:
        found = status(snapshot)
    assert (found.orders, found.revenue, found.refunds, found.sessions) == (1, 27.5, 9.0, 1)
    again = ingest.ingest(tmp_path / "shop", [str(lines)], adapter="ga4")
    assert (again.stored, again.duplicates) == (0, 15)


def test_rows_that_cannot_be_used(tmp_path: Path) -> None:
    rows = [row("view_item", user_pseudo_id=None), row("", 1), row("page_view", 2, event_timestamp=None), row("own", 3)]
    for path in both(tmp_path, rows):
        found = read(path, "ga4")
        assert found.reasons == {"missing_user": 1, "missing_event": 1, "unreadable_time": 1}
        assert (found.read, found.rows("missing_user")) == (4, [1])


def test_the_old_export_given_to_the_new_adapter_and_the_other_way_round(tmp_path: Path) -> None:
    new = both(tmp_path, VISIT)
    visit = {"fullVisitorId": "7", "visitId": 1, "visitStartTime": 1470000000, "hits": [{"hitNumber": 1, "time": 0}]}
    old = write(tmp_path / "old.jsonl", json.dumps(visit).encode() + b"\n")
    for path in new:
        with pytest.raises(CartpathError, match="no source for adapter ga360") as error:
            read(path, "ga360")
        assert error.value.hint == "its columns are those of ga4: --adapter ga4"
    with pytest.raises(CartpathError, match="no column 'event_timestamp', 'event_name', 'event_params'") as error:
        read(old, "ga4")
    assert error.value.hint == "its columns are those of ga360: --adapter ga360"


def test_an_export_without_parameters_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(table(*VISIT).drop_columns("event_params"), path)
    with pytest.raises(CartpathError, match="it has no column 'event_params'; columns found: event_date") as error:
        read(path, "ga4")
    assert "cartpath map" in error.value.hint


def test_no_rows() -> None:
    assert unnest_ga4(SCHEMA.empty_table()).events.num_rows == 0
