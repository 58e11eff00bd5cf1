"""Scores of new files, which are not stored: what each is made of, and what becomes of every row."""

from __future__ import annotations

import csv
import json
import tempfile
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from cartpath import config, store  # noqa: E402
from cartpath.features import log_from_table  # noqa: E402
from cartpath.ingest import ingest  # noqa: E402
from cartpath.privacy import forget  # noqa: E402
from cartpath.schema import CartpathError  # noqa: E402
from cartpath.training import Reading, predict_on  # noqa: E402
from cartpath.training.intent import predict_on as room  # noqa: E402
from cartpath.training.intent.chosen import pieces  # noqa: E402
from tests.features.logs import items_table, random_table, times  # noqa: E402
from tests.training.spy import Spy, spied, twin  # noqa: E402

COLUMNS = ["user_id", "session_id", "event_id", "position", "ts", "event", "score", "step"]
EVENTS = ("page_view", "view", "add_to_cart", "purchase")


def table(seed: int, users: range, begin: int, events: int = 8, sessions: bool = False) -> pa.Table:
    """Paths of users, no two events of one at the same time."""
    rng = np.random.default_rng(seed)
    rows = []
    for user in users:
        minute = begin + float(rng.integers(0, 60))
        for number in range(int(rng.integers(2, events + 1))):
            minute += float(rng.choice([1.0, 7.0, 45.0]))
            item = f"i{rng.integers(0, 12)}" if rng.random() < 0.7 else None
            page = f"/p/{seed}/{rng.integers(0, 5)}"
            price = float(rng.integers(1, 50)) if rng.random() < 0.5 else None
            channel = str(rng.choice(["mail", "ad", f"new{seed}"])) if rng.random() < 0.5 else None
            session = f"{user}-{minute // 100}-{number % 2}" if sessions and user % 2 else None
            event_id = f"e{seed}-{user}-{number}" if user % 3 else None
            event = str(rng.choice(EVENTS))
            rows.append((f"u{user}", minute, event, item, page, price, channel, session, event_id))
    columns = list(zip(*rows, strict=True))
    names = {"user_id": 0, "event": 2, "item_id": 3, "page": 4, "channel": 6, "session_id": 7, "event_id": 8}
    found = {name: pa.array(columns[place], pa.string()) for name, place in names.items()}
    return pa.table({**found, "ts": times(columns[1]), "price": pa.array(columns[5], pa.float64())})


HISTORY = table(1, range(12), 0)
NEW = table(2, range(6, 20), 120, sessions=True)


def make_shop(folder: Path, history: pa.Table = HISTORY, **settings: Any) -> Path:
    store.init(folder, config.Settings(store=config.StoreSettings(4), **settings))
    pq.write_table(history, folder.parent / "history.parquet")
    pq.write_table(items_table(), folder.parent / "items.parquet")
    ingest(folder, [str(folder.parent / "history.parquet")], items=folder.parent / "items.parquet")
    return folder


@pytest.fixture
def spy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Spy:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    return spied(monkeypatch, room)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return make_shop(tmp_path / "shop")


def scored(shop: Path, *tables: pa.Table, every_event: bool = True, **more: Any) -> tuple[pa.Table, dict[str, Any]]:
    paths = []
    for number, one in enumerate(tables):
        paths.append(str(shop.parent / f"source-{number}.parquet"))
        pq.write_table(one, paths[-1])
    out = shop.parent / "out.parquet"
    told = predict_on(shop, Reading(paths, "generic", **more.pop("reading", {})), out, every_event=every_event, **more)
    return pq.read_table(out), told


def keys(rows: pa.Table) -> list[tuple[str, int, str]]:
    ts = rows["ts"].cast(pa.int64()).to_pylist()
    return list(zip(rows["user_id"].to_pylist(), ts, rows["event"].to_pylist(), strict=True))


def by_key(rows: pa.Table, name: str = "score") -> dict[tuple[str, int, str], Any]:
    return dict(zip(keys(rows), rows[name].to_pylist(), strict=True))


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_score_is_that_of_the_path_that_an_ingest_would_make(shop: Path, spy: Spy) -> None:
    rows, told = scored(shop, NEW)
    assert rows.column_names == COLUMNS
    whole = twin([HISTORY, NEW], items_table())
    assert by_key(rows) == {key: whole[key] for key in keys(NEW)}
    assert (told["rows"], told["users"], told["users_unknown"]) == (len(NEW), 14, 8)
    assert told["source"]["read"] == told["source"]["events"] == len(NEW)
    assert pq.read_schema(shop.parent / "out.parquet").metadata[b"generation"] == b"1"


@pytest.mark.parametrize("seed", range(6))
def test_ties_and_overlapping_sessions_come_in_the_one_order(tmp_path: Path, spy: Spy, seed: int) -> None:
    old, new = (numbered_rows(random_table(seed + more), letter) for more, letter in ((0, "h"), (100, "s")))
    shop = make_shop(tmp_path / "shop", old)
    rows, _ = scored(shop, new)
    log = log_from_table(pa.concat_tables([old, new]), items_table())
    scores = Spy().score(log, np.arange(log.view.n_events) + 1).tolist()
    names = [log.codes("query")[code] for code in log.view.query]
    wanted = {name: score for name, score in zip(names, scores, strict=True) if name.startswith("s")}
    assert dict(zip(rows["event_id"].to_pylist(), rows["score"].to_pylist(), strict=True)) == wanted
    assert [name for name in names if name.startswith("s")] == sorted(rows["event_id"].to_pylist(), key=names.index)


def numbered_rows(rows: pa.Table, letter: str) -> pa.Table:
    names = pa.array([f"{letter}{number}" for number in range(len(rows))])
    return rows.drop_columns(["_hit"]).append_column("event_id", names).append_column("query", names)


def test_ids_are_those_of_the_source_and_others_are_made_up(shop: Path, spy: Spy) -> None:
    rows, _ = scored(shop, NEW)
    for name in ("event_id", "session_id"):
        ours, theirs = by_key(rows, name), by_key(NEW, name)
        assert {key: value for key, value in theirs.items() if value} == {k: ours[k] for k, v in theirs.items() if v}
    assert rows["event_id"].null_count == NEW["event_id"].null_count > 0
    made_up = [row for row in rows.to_pylist() if "@" in row["session_id"]]
    firsts: dict[str, Any] = {}
    for row in made_up:
        firsts.setdefault(row["session_id"], row)
    assert all(
        id == f"{row['user_id']}@{row['ts']:%Y-%m-%dT%H:%M:%S.%f}Z"
        for id, row in firsts.items()
        if row["position"] == 1
    )
    assert len(made_up) == NEW["session_id"].null_count > 0


def test_positions_and_steps_are_places_in_the_session(shop: Path, spy: Spy) -> None:
    new = pa.concat_tables([NEW, table(3, range(12), 60)])  # some go on in a session that the shop knows
    rows, _ = scored(shop, new)
    view = log_from_table(pa.concat_tables([HISTORY, new])).view
    seen: Counter[int] = Counter()
    wanted = {}
    for at, session in enumerate(view.session.tolist()):
        seen[session] += 1
        user = view.user_id[int(view.sessions.user[session])].as_py()
        wanted[user, int(view.ts[at])] = seen[session]
    found = {key[:2]: position for key, position in by_key(rows, "position").items()}
    assert found == {key[:2]: wanted[key[:2]] for key in keys(new)}
    # No two events are of one hit here.
    assert by_key(rows, "step") == by_key(rows, "position")
    firsts = {row["session_id"]: row["position"] for row in reversed(rows.to_pylist())}
    assert max(firsts.values()) > 1


def test_steps_of_one_hit_count_once(shop: Path, spy: Spy) -> None:
    when = times([500.0, 500.0, 501.0])
    events = {"user_id": ["x"] * 3, "ts": when, "event": ["checkout"] * 3, "item_id": ["i1", "i2", "i1"]}
    rows, _ = scored(shop, pa.table({**events, "order_id": ["o", "o", "o"]}))
    assert rows["position"].to_pylist() == [1, 2, 3]
    assert rows["step"].to_pylist() == [1, 1, 2]


@pytest.mark.parametrize("k", range(1, 9))
def test_no_score_knows_of_what_comes_after(shop: Path, spy: Spy, k: int) -> None:
    whole, _ = scored(shop, NEW)
    place = pa.array([number for number, key in numbered(NEW)])
    cut, _ = scored(shop, NEW.filter(pa.compute.less_equal(place, k)))
    # Every user's k-th event is the last one here.
    assert max(number for number, _ in numbered(cut)) <= k
    assert by_key(cut) == {key: value for key, value in by_key(whole).items() if key in set(keys(cut))}
    assert by_key(cut, "session_id") == {k: v for k, v in by_key(whole, "session_id").items() if k in set(keys(cut))}
    altered, _ = scored(shop, altered_after(NEW, k))
    assert {key: by_key(altered)[key] for key in keys(cut)} == by_key(cut)


def numbered(rows: pa.Table) -> list[tuple[int, tuple[str, int, str]]]:
    """The number of each row among its user's, by time, from 1."""
    order = sorted(range(len(rows)), key=lambda row: keys(rows)[row][:2])
    found, last, number = [(0, ("", 0, ""))] * len(rows), "", 0
    for row in order:
        user = keys(rows)[row][0]
        number = number + 1 if user == last else 1
        last, found[row] = user, (number, keys(rows)[row])
    return found


def altered_after(rows: pa.Table, k: int) -> pa.Table:
    """Other events, items, prices, pages, channels and sessions, at other times, after every user's k-th event."""
    rng = np.random.default_rng(k)
    changed = rows.to_pylist()
    for row, (number, _) in zip(changed, numbered(rows), strict=True):
        if number > k:
            row |= {"event": "oddity", "item_id": f"n{rng.integers(9)}", "price": float(rng.random()), "page": "/odd"}
            row |= {"channel": "odd", "session_id": str(rng.choice(["a", "b"])), "event_id": None}
            row["ts"] += timedelta(seconds=int(rng.integers(1, 50)))
    return pa.Table.from_pylist(changed, rows.schema)


def test_order_of_rows_and_of_files_makes_no_difference(shop: Path, spy: Spy) -> None:
    whole, told = scored(shop, NEW)
    mixed = NEW.take(pa.array(np.random.default_rng(0).permutation(len(NEW))))
    parts, also = scored(shop, mixed.slice(30), mixed.slice(0, 10), mixed.slice(10, 20))
    assert parts.equals(whole)
    assert also["source"]["files"] == 3
    assert {**also, "seconds": 0, "source": 0} == {**told, "seconds": 0, "source": 0}


def test_nothing_of_the_shop_changes_and_nothing_stays(shop: Path, spy: Spy) -> None:
    before = contents(shop)
    scored(shop, NEW)
    assert contents(shop) == before
    assert list((shop.parent / "temporary").iterdir()) == []


@pytest.mark.parametrize("error", [KeyboardInterrupt, CartpathError("the glass is broken")])
def test_nothing_stays_where_it_was_cut_short(shop: Path, spy: Spy, error: BaseException) -> None:
    before = contents(shop)

    def stop(words: str, share: float) -> None:
        if words == "scoring":
            assert list((shop.parent / "temporary").iterdir())
            raise error

    with pytest.raises(type(error) if isinstance(error, Exception) else KeyboardInterrupt):
        scored(shop, NEW, progress=stop)
    assert contents(shop) == before
    assert list((shop.parent / "temporary").iterdir()) == []
    assert list(shop.parent.glob("out.parquet*")) == []


def test_what_the_shop_has_already_is_one_event(shop: Path, spy: Spy) -> None:
    both = pa.concat_tables([NEW, HISTORY.slice(3, 9)])
    rows, told = scored(shop, both, both.slice(0, 7))
    assert told["source"] | {"reasons": 0, "truncated": 0} == {
        "files": 2,
        "source_rows": len(both) + 7,
        "not_requested": 0,
        "read": len(both) + 7,
        "duplicates": 7,
        "quarantined": 0,
        "reasons": 0,
        "truncated": 0,
        "events": len(both),
        "known": 9,
    }
    whole = twin([HISTORY, NEW], items_table())
    assert by_key(rows) == {key: whole[key] for key in keys(both)}


def test_without_every_event_a_session_has_a_row(shop: Path, spy: Spy) -> None:
    every, _ = scored(shop, NEW)
    rows, told = scored(shop, NEW, every_event=False)
    latest = {row["session_id"]: row for row in every.to_pylist()}
    assert {row["session_id"]: row for row in rows.to_pylist()} == latest
    assert told["rows"] == len(rows) == len(latest)
    assert told["source"]["events"] == len(NEW)


def test_rows_that_cannot_be_used_are_counted_with_reasons(shop: Path, spy: Spy) -> None:
    path = shop.parent / "bad.csv"
    with path.open("w", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(["user_id", "ts", "event"])
        lines.writerows([["a", "2024-02-01T00:00:00Z", "view"], ["", "2024-02-01T00:00:00Z", "view"]])
        lines.writerows([["b", "yesterday", "view"], ["c", "2024-02-01T00:00:00Z", "view"]])
    told = predict_on(shop, Reading([str(path)]), shop.parent / "o.csv", every_event=True)
    source = told["source"]
    assert (source["read"], source["events"], source["duplicates"], source["quarantined"]) == (4, 2, 0, 2)
    assert sum(source["reasons"].values()) == 2
    assert set(source["reasons"]) == {"missing_user", "unreadable_time"}
    with (shop.parent / "o.csv").open() as file:
        found = list(csv.DictReader(file))
    assert list(found[0]) == COLUMNS
    assert {(row["user_id"], row["ts"]) for row in found} == {(u, "2024-02-01T00:00:00.000000Z") for u in "ac"}


def test_times_without_an_offset_are_read_as_the_shop_would(tmp_path: Path, spy: Spy) -> None:
    shop = make_shop(tmp_path / "shop", sessions=config.SessionSettings("2h"))
    rows, _ = scored(shop, NEW.drop_columns(["session_id"]))
    gaps = [row["position"] for row in rows.to_pylist()]
    assert max(gaps) > 2
    assert len(set(rows["session_id"].to_pylist())) < len(set(scored_sessions(NEW)))


def scored_sessions(rows: pa.Table) -> list[str]:
    """Sessions by a gap of half an hour, brute force."""
    found, last = [], ("", 0)
    for user, ts, _ in sorted(keys(rows)):
        if user != last[0] or ts - last[1] > 1_800_000_000:
            found.append(f"{user}-{ts}")
        last = (user, ts)
    return found


def test_events_of_an_anonymous_id_come_into_the_path_of_their_user(tmp_path: Path, spy: Spy) -> None:
    shop = make_shop(tmp_path / "shop")
    links = [{"anonymous_id": "cookie", "user_id": "u1", "ts": "2023-12-31T00:00:00Z"}]
    (tmp_path / "links.jsonl").write_text("\n".join(map(json.dumps, links)))
    ingest(shop, [], identities=tmp_path / "links.jsonl")
    names = {"u7": "cookie", "u8": "u1"}
    new = renamed(NEW, names)
    rows, told = scored(shop, new)
    whole = twin([HISTORY, renamed(NEW, {"u7": "u1", "u8": "u1"})], items_table())
    ours = by_key(rows)
    assert {key[0] for key in ours} == set(new["user_id"].to_pylist())
    mine = {("u1", *key[1:]) if key[0] == "cookie" else key: value for key, value in ours.items()}
    assert mine == {key: whole[key] for key in mine}
    assert told["rows"] == len(NEW)
    assert told["users"] == 13


def renamed(rows: pa.Table, names: dict[str, str]) -> pa.Table:
    users = [names.get(user, user) for user in rows["user_id"].to_pylist()]
    return rows.set_column(rows.column_names.index("user_id"), "user_id", pa.array(users))


def test_links_that_the_source_shows_are_not_followed(shop: Path, spy: Spy) -> None:
    new = NEW.append_column("cookie", NEW["user_id"])
    users = [None if number % 3 else "u1" for number in range(len(new))]
    new = new.set_column(new.column_names.index("user_id"), "user_id", pa.array(users, pa.string()))
    rows, _ = scored(shop, new, reading={"options": {"anonymous": "cookie"}})
    assert set(rows["user_id"].to_pylist()) == {"u1", *NEW["user_id"].to_pylist()}


def test_values_are_cleaned_as_the_shop_was_and_no_event_is_taken_out(tmp_path: Path, spy: Spy) -> None:
    rules = {"missing": {"price": "median", "by": "all"}, "near_duplicates": "drop", "robots": "drop"}
    shop = make_shop(tmp_path / "shop", cleaning=config.CleaningSettings(**rules))
    rows, told = scored(shop, NEW)
    assert told["rows"] == len(rows) == len(NEW)
    prices = np.concatenate([log.view.price for log in spy.logs])
    wanted = np.concatenate([log.view.item >= 0 for log in spy.logs])
    bought = np.concatenate([[log.codes("event")[e] == "purchase" for e in log.view.event] for log in spy.logs])
    assert not np.isnan(prices[wanted & bought]).any()


def test_items_given_go_over_those_of_the_shop(shop: Path, spy: Spy, tmp_path: Path) -> None:
    pq.write_table(pa.table({"item_id": ["i3", "i11"], "price": [333.0, 11.0]}), tmp_path / "more.parquet")
    scored(shop, NEW, items=tmp_path / "more.parquet")
    found = {row["item_id"]: row["price"] for row in spy.logs[0].items.to_pylist()}
    assert (found["i2"], found["i3"], found["i11"]) == (2.0, 333.0, 11.0)


def test_a_forgotten_user_is_not_scored(shop: Path, spy: Spy) -> None:
    forget(shop, "u7")
    rows, told = scored(shop, NEW)
    gone = NEW["user_id"].to_pylist().count("u7")
    assert told["source"]["reasons"] == {"forgotten_user": gone}
    assert len(rows) == len(NEW) - gone
    assert "u7" not in rows["user_id"].to_pylist()


def test_a_user_whose_path_is_longer_than_what_is_scored_at_once(
    shop: Path, spy: Spy, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, _ = scored(shop, NEW)
    n = len(spy.logs)
    monkeypatch.setattr(room, "pieces", lambda view: pieces(view, 3))
    parts, _ = scored(shop, NEW)
    assert parts.equals(whole)
    assert len(spy.logs) - n > n


def test_a_stream_is_refused(shop: Path, spy: Spy) -> None:
    with pytest.raises(CartpathError, match="a stream is not scored"):
        predict_on(shop, Reading(["redis://localhost/events"]), shop.parent / "o.csv")


def test_a_source_that_is_not_there_leaves_no_file(shop: Path, spy: Spy) -> None:
    with pytest.raises(CartpathError):
        predict_on(shop, Reading([str(shop.parent / "no.csv")]), shop.parent / "o.csv")
    assert not (shop.parent / "o.csv").exists()
