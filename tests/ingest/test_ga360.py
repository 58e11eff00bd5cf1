from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.json
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cartpath.ingest import get
from cartpath.ingest.adapter import Context
from cartpath.ingest.adapters.ga360 import unnest_ga360
from cartpath.ingest.normalise import Plan, normalise
from cartpath.schema import Columns, Event, event_schema
from tests.ingest import ga360_twin as twin

START = 1470000000
COMPARED = [
    *("user_id", "session_id", "event_id", "event", "ts", "page", "item_id"),
    *("price", "quantity", "order_id", "order_value", Columns.hit, Columns.once),
]


def hit(number: int, action: str = "0", products: list[Any] | None = None, **more: Any) -> dict[str, Any]:
    return {
        "hitNumber": number,
        "time": 1000 * number,
        "type": "PAGE",
        "page": {"pagePath": f"/p{number}", "pageTitle": f"Page {number}"},
        "eCommerceAction": {"action_type": action, "step": 1},
        "product": products or [],
        **more,
    }


def product(name: str = "Blue Mug", sku: str = "GGOEGAAX0578", **more: Any) -> dict[str, Any]:
    return {"v2ProductName": name, "productSKU": sku, "productPrice": 16990000, "productQuantity": None, **more}


def visit(*hits: dict[str, Any], user: str | None = "0077", number: int = START, **more: Any) -> dict[str, Any]:
    return {"fullVisitorId": user, "visitId": number, "visitStartTime": START, "hits": list(hits), **more}


def transaction(key: str | None, revenue: int | None = None) -> dict[str, Any]:
    return {"transactionId": key, "transactionRevenue": revenue}


def table(*visits: dict[str, Any]) -> pa.Table:
    return pa.Table.from_pylist(list(visits))


def events(*visits: dict[str, Any], impressions: bool = False) -> list[dict[str, Any]]:
    return unnest_ga360(table(*visits), impressions=impressions).events.to_pylist()


@pytest.mark.parametrize(("action", "event"), twin.ACTIONS.items())
def test_an_action_is_one_event_for_each_product(action: str, event: str) -> None:
    found = events(visit(hit(1, action, [product("A"), product("B")])))
    assert [(e["event"], e["item_id"], e["event_id"]) for e in found] == [
        (event, "a", f"0077-{START}-1-1"),
        (event, "b", f"0077-{START}-1-2"),
    ]
    assert len({e[Columns.hit] for e in found}) == 1


def test_an_action_without_product_is_one_event_without_item() -> None:
    (found,) = events(visit(hit(3, "5")))
    assert (found["event"], found["item_id"], found["price"]) == ("checkout", None, None)
    assert found["event_id"] == f"0077-{START}-3-0"


def test_other_hits() -> None:
    event = {"type": "EVENT"}
    promoted = {"promotionActionInfo": {"promoIsClick": True}, "promotion": [{"promoName": "Sale"}, {"promoName": "X"}]}
    found = events(
        visit(
            hit(1),
            hit(2, **event, **promoted),
            hit(3, **promoted),
            hit(4, **event, eventInfo={"eventCategory": "Contact Us", "eventAction": "Onsite Click"}),
            hit(5, **event, eventInfo={"eventCategory": "Contact Us", "eventAction": "(not set)"}),
            hit(6, **event),
            hit(7, "8"),
        )
    )
    assert [e["event"] for e in found] == [
        "page_view",
        "promotion_click",
        "page_view",  # a page that a promotion led to is still a page
        "Contact Us/Onsite Click",
        "Contact Us",
        "event",
        "page_view",  # a checkout option is no action of the contract
    ]
    assert json.loads(found[1]["props"]) == {"title": "Page 2", "type": "EVENT", "promotion": "Sale"}


def test_list_impressions_are_events_only_when_asked_for() -> None:
    shown = visit(hit(1, "0", [product("A", isImpression=True), product("B", isImpression=True)]), hit(2))
    quiet = unnest_ga360(table(shown))
    assert quiet.events["event"].to_pylist() == ["page_view", "page_view"]
    assert (quiet.not_requested, quiet.source_rows) == (2, 1)
    full = unnest_ga360(table(shown), impressions=True)
    assert full.events["event"].to_pylist() == ["page_view", "impression", "impression", "page_view"]
    assert full.events["item_id"].to_pylist() == [None, "a", "b", None]
    assert full.not_requested == 0
    assert full.items["item_id"].to_pylist() == quiet.items["item_id"].to_pylist() == ["a", "b"]


def test_an_impression_among_bought_products_is_not_bought() -> None:
    found = events(visit(hit(1, "6", [product("A", isImpression=True), product("B")])), impressions=True)
    assert [(e["event"], e["item_id"], e["event_id"][-1]) for e in found] == [
        ("purchase", "b", "2"),
        ("impression", "a", "1"),
    ]


def test_a_visit_split_at_midnight_is_one_session_with_its_own_times() -> None:
    late = visit(hit(2), user="1")
    late["visitStartTime"] = START + 600
    found = events(visit(hit(1), user="1"), late)
    assert {e["session_id"] for e in found} == {f"1-{START}"}
    assert [e["event_id"] for e in found] == [f"1-{START}-1-0", f"1-{START}-2-0"]
    assert [e["ts"].timestamp() - START for e in found] == [1, 602]


def test_the_same_visit_again_gives_the_same_event_ids() -> None:
    one = visit(hit(1, "6", [product("A"), product("A")], transaction=transaction("T")))
    found = events(one, one)
    assert [e["event_id"] for e in found[:2]] == [e["event_id"] for e in found[2:]]
    assert len({e["event_id"] for e in found}) == 2


def test_time_is_utc_from_the_visit_start_and_the_hits_offset() -> None:
    (found,) = events(visit(hit(1, time=1234)))
    assert found["ts"] == datetime(2016, 7, 31, 21, 20, 1, 234000, tzinfo=UTC)


def test_an_orders_value_is_the_largest_of_its_transaction_on_every_line() -> None:
    found = events(
        visit(
            hit(1, "6", [product("A"), product("B")], transaction=transaction("T1", None)),
            hit(2, "6", [product("A")], transaction=transaction("T1", 42_500_000)),
            hit(3, "6", [product("A")], transaction=transaction("T2", 1_000_000)),
            hit(4, "6", [product("A")], transaction=transaction(None, 7_000_000)),
            hit(5, "6", [product("A")], transaction=transaction("T3", None)),
            hit(6, "6", [product("A")], transaction=transaction(None, None)),
        ),
        visit(hit(1, "6", [product("A")], transaction=transaction("T1", 99_000_000)), user="2"),
    )
    assert [(e["order_id"], e["order_value"], e[Columns.once]) for e in found] == [
        ("T1", 42.5, "T1"),
        ("T1", 42.5, "T1"),
        ("T1", 42.5, "T1"),
        ("T2", 1.0, "T2"),
        (None, 7.0, None),
        ("T3", 0.0, "T3"),  # the export writes zero as null
        (None, None, None),
        ("T1", 99.0, "T1"),
    ]


def test_a_refund_has_its_order_and_is_no_repeat_of_it() -> None:
    found = events(
        visit(
            hit(1, "6", [product()], transaction=transaction("T", 10_000_000)),
            hit(2, "7", [product()], transaction=transaction("T", 4_000_000)),
            hit(3, "5", [product()], transaction=transaction("T", 4_000_000)),
        )
    )
    assert [(e["event"], e["order_id"], e["order_value"], e[Columns.once]) for e in found] == [
        ("purchase", "T", 10.0, "T"),
        ("refund", "T", 4.0, None),
        ("checkout", None, None, None),
    ]


def test_prices_are_in_micros_and_a_quantity_that_does_not_fit_is_blanked_by_the_validation() -> None:
    lines = [product(productQuantity=n) for n in (2, None, 10**16, 2**31 - 1)]
    raw = unnest_ga360(table(visit(hit(1, "3", lines)))).events
    assert raw["price"].to_pylist() == [16.99] * 4
    done = normalise(raw, Plan({name: name for name in event_schema().names}))
    assert done.events["quantity"].to_pylist() == [2, None, None, 2**31 - 1]
    assert done.events[Columns.blanked].to_pylist() == [False, False, True, False]


def test_view_and_purchase_of_a_product_have_one_item_and_keep_the_variant() -> None:
    viewed = product("Google Women's Tee &quot;Hero&quot;", "GGOEGAAX0578")
    bought = product("Google Womens Tee 'Hero'", "GGOEGALJ057913", productVariant="MD")
    found = events(visit(hit(1, "2", [viewed]), hit(2, "6", [bought])))
    assert [e["item_id"] for e in found] == ["google-womens-tee-hero"] * 2
    assert [json.loads(e["props"])["variant_sku"] for e in found] == ["GGOEGAAX0578", "GGOEGALJ057913"]
    assert json.loads(found[1]["props"])["variant"] == "MD"


def test_a_product_without_a_name_is_its_sku() -> None:
    unnamed = [product("(not set)", "S1"), product("!", "S2"), product(None, None), product("Tasse für Tee ☕", "S3")]
    assert [e["item_id"] for e in events(visit(hit(1, "2", unnamed)))] == ["S1", "S2", None, "tasse-für-tee"]


def test_the_context_of_the_visit_is_on_its_events_without_placeholders() -> None:
    source = {"source": "google", "medium": "(none)", "campaign": "(not set)", "keyword": "mug", "isTrueDirect": True}
    device = {"deviceCategory": "mobile", "browser": "Chrome", "operatingSystem": "iOS"}
    place = {"country": "Peru", "region": "not available in demo dataset", "city": "Lima"}
    (found,) = events(
        visit(
            hit(1),
            visitNumber=3,
            channelGrouping="Direct",
            trafficSource={**source, "referralPath": "/blog"},
            device={**device, "language": "es"},
            geoNetwork=place,
        )
    )
    assert {name: found[name] for name in ("channel", "source", "medium", "campaign", "keyword", "referrer")} == {
        "channel": "Direct",
        "source": "google",
        "medium": None,
        "campaign": None,
        "keyword": "mug",
        "referrer": "/blog",
    }
    assert [found[name] for name in ("is_direct", "device", "browser", "os", "language")] == [
        True,
        "mobile",
        "Chrome",
        "iOS",
        "es",
    ]
    assert [found[name] for name in ("country", "region", "city", "visit_number")] == ["Peru", None, "Lima", 3]


def test_what_was_searched_for() -> None:
    found = events(
        visit(
            hit(1, page={"pagePath": "/asearch.html?q=red+mug", "searchKeyword": None}),
            hit(2, page={"pagePath": "/asearch.html?q=red", "searchKeyword": "pen"}),
            hit(3, page={"pagePath": "/home?mode=x", "searchKeyword": "(not set)"}),
        )
    )
    assert [e["query"] for e in found] == ["red mug", "pen", None]
    assert found[0]["page"] == "/asearch.html?q=red+mug"


def test_props_are_json_whatever_the_text() -> None:
    title = 'a "quoted" \\ back\nline, ünï ☕'
    (found,) = events(visit(hit(1, "5", page={"pagePath": "/", "pageTitle": title}, eventInfo={"eventLabel": "L"})))
    assert json.loads(found["props"]) == {"title": title, "type": "PAGE", "label": "L", "step": 1}


def test_the_columns_have_the_canonical_types() -> None:
    found = unnest_ga360(table(visit(hit(1, "6", [product()])))).events
    for field in event_schema():
        whole = pa.types.is_int32(field.type)  # may be too large; the validation narrows it
        assert found.schema.field(field.name).type == (pa.int64() if whole else field.type), field.name
    # Known only after the session: never carried.
    assert not {"is_exit", "bounces", "hits"} & set(found.column_names)


@pytest.mark.parametrize(
    "visits",
    [
        [],
        [{"fullVisitorId": "1"}],
        [{"fullVisitorId": "1", "hits": None}],
        [{"fullVisitorId": "1", "hits": []}],
    ],
)
def test_visits_without_hits_give_nothing(visits: list[dict[str, Any]]) -> None:
    found = unnest_ga360(pa.Table.from_pylist(visits))
    assert (found.events.num_rows, found.source_rows, found.not_requested) == (0, len(visits), 0)
    assert found.events.schema.field("ts").type == pa.timestamp("us", tz="UTC")
    assert found.items is not None
    assert found.items.num_rows == 0


def test_columns_that_are_entirely_empty_may_be_null_typed_anywhere() -> None:
    empty = {"product": [], "promotion": [], "transaction": {"transactionId": None}, "eventInfo": None, "item": None}
    bare = visit({"hitNumber": 1, "time": 5, "type": "PAGE", **empty}, trafficSource=None, device={"browser": None})
    raw = table(bare)
    assert pa.types.is_null(raw.schema.field("trafficSource").type)
    (found,) = unnest_ga360(raw).events.to_pylist()
    assert (found["event"], found["page"], found["browser"], found["is_direct"]) == ("page_view", None, None, False)


def test_who_and_when_cannot_be_read_stay_null_for_the_quarantine() -> None:
    nobody = visit(hit(1), user=None)
    timeless = visit(hit(1, time=None), user="2")
    endless = visit(hit(1, time=10**18), user="3")
    found = events(nobody, timeless, endless)
    assert [(e["user_id"], e["ts"] is None) for e in found] == [(None, False), ("2", True), ("3", True)]
    assert [e[Columns.row] for e in found] == [0, 1, 2]


def test_events_bear_the_rows_of_the_source() -> None:
    raw = table(visit(hit(1), hit(2)), visit(hit(1), user="2")).append_column(Columns.row, pa.array([41, 42]))
    assert unnest_ga360(raw).events[Columns.row].to_pylist() == [41, 41, 42]


def test_the_catalogue_is_the_products_seen() -> None:
    home = {"v2ProductCategory": "Home/Apparel/Men's/"}
    listed = [product("Tee", v2ProductCategory="Home/Shop by Brand/Google/X/", isImpression=True) for _ in range(9)]
    raw = table(
        visit(
            hit(1, "0", listed),
            hit(
                2,
                "2",
                [product("Tee", **home), product("Cap", v2ProductCategory="${escCatTitle}", productPrice=16_990_000)],
            ),
            hit(3, "2", [product("TEE", **{**home, "productPrice": 18_000_000}, productBrand="Acme")]),
            hit(4, "6", [product("(not set)", None), product("Cap", productPrice=0)]),
        )
    )
    items = unnest_ga360(raw).items
    assert items is not None
    assert items.to_pylist() == [
        {"item_id": "cap", "title": "Cap", "category": None, "brand": None, "price": 16.99},
        {"item_id": "tee", "title": "TEE", "category": "Apparel > Men's", "brand": "Acme", "price": 18.0},
    ]


def test_a_sliced_and_chunked_table_reads_the_same() -> None:
    visits = [visit(hit(1, "2", [product(f"P{n}")]), hit(2), user=str(n)) for n in range(6)]
    whole = table(*visits)
    pieces = pa.concat_tables([whole.slice(0, 2), whole.slice(2, 3), whole.slice(5)])
    expected = unnest_ga360(whole).events.drop_columns([Columns.row])
    assert unnest_ga360(pieces).events.drop_columns([Columns.row]).equals(expected)
    assert unnest_ga360(whole.slice(3)).events["item_id"].to_pylist() == ["p3", None, "p4", None, "p5", None]


def as_json_export(value: Any) -> Any:
    """Return a record as BigQuery writes it to JSON Lines: integers as text, empty fields left out."""
    if isinstance(value, dict):
        return {k: as_json_export(v) for k, v in value.items() if v is not None and v != []}
    if isinstance(value, list):
        return [as_json_export(v) for v in value]
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


names = st.sampled_from(["Blue Mug", "Tee &amp; Co", "Women's Cap", None])
numbers = st.one_of(st.none(), st.integers(0, 3_000_000_000))
products = st.lists(
    st.fixed_dictionaries(
        {
            "v2ProductName": names,
            "productPrice": numbers,
            "productQuantity": numbers,
            "isImpression": st.sampled_from([None, None, True]),
        }
    ),
    max_size=3,
)
random_hits = st.lists(
    st.fixed_dictionaries(
        {
            "time": st.integers(0, 10**6),
            "type": st.sampled_from(["PAGE", "EVENT"]),
            "page": st.fixed_dictionaries({"pagePath": st.sampled_from(["/", "/home", None])}),
            "eCommerceAction": st.fixed_dictionaries({"action_type": st.sampled_from([None, *"01235667"])}),
            "eventInfo": st.one_of(st.none(), st.just({"eventCategory": "A", "eventAction": "b"})),
            "promotionActionInfo": st.sampled_from([None, {"promoIsClick": True}]),
            "transaction": st.builds(transaction, st.sampled_from([None, "T1", "T2"]), numbers),
            "product": products,
        }
    ),
    max_size=5,
)
random_visits = st.lists(st.tuples(st.sampled_from(["1", "02"]), random_hits), max_size=5).map(
    lambda drawn: [
        visit(*({"hitNumber": n, **h} for n, h in enumerate(hits, 1)), user=user, number=START + k)
        for k, (user, hits) in enumerate(drawn)
    ]
)


@given(random_visits, st.booleans())
def test_it_agrees_with_the_slow_twin(visits: list[dict[str, Any]], impressions: bool) -> None:
    expected = list(twin.events(visits, impressions))
    found = unnest_ga360(table(*visits), impressions=impressions)
    assert found.events.select(COMPARED).to_pylist() == expected
    listed = sum(bool(p["isImpression"]) for v in visits for h in v["hits"] for p in h["product"])
    assert found.not_requested == (0 if impressions else listed)


@given(random_visits)
def test_the_json_lines_form_reads_the_same(visits: list[dict[str, Any]]) -> None:
    typed = unnest_ga360(table(*visits))
    lines = "\n".join(json.dumps(as_json_export(v)) for v in visits) or "{}"
    text = unnest_ga360(pyarrow.json.read_json(io.BytesIO(lines.encode())))
    assert text.events.equals(typed.events)
    assert text.items == typed.items


def test_the_adapter_is_declared() -> None:
    adapter = get("ga360")
    assert adapter.unnest is not None
    shown = table(visit(hit(1, "0", [product(isImpression=True)])))
    for asked, expected in ((False, ["page_view"]), (True, ["page_view", Event.impression])):
        found = adapter.unnest(shown, Context(Path("x"), {"impressions": asked}))
        assert found.events["event"].to_pylist() == expected
