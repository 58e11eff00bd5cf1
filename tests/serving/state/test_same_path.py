"""A live path is the path that ingesting everything in one go gives, array by array, wherever the log is parted."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cartpath import ingest, store
from cartpath.config import CleaningSettings, IdentitySettings, MissingSettings, Settings, StoreSettings
from tests.serving.state.places import Place, event, redis_url, stored, texts

USERS = ["u", "v", "ü", "1"]
Event = dict[str, Any]


def _maybe(*values: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from([None, *values])


def some_events(users: Sequence[str] = USERS, most: int = 25) -> st.SearchStrategy[list[Event]]:
    """Few distinct values, so that ties, duplicates, late events and shared sessions are common."""
    minutes = st.sampled_from([0, 0, 1, 10, 29, 30, 31, 59, 60, 61, 90, 120, 500])
    made = st.builds(
        lambda user, minute, part, **more: {
            "user_id": user,
            "ts": 1_577_836_800_000_000 + minute * 60_000_000 + part,
            **{name: value for name, value in more.items() if value is not None},
        },
        st.sampled_from(users), minutes, st.sampled_from([0, 0, 0, 999_999, 1_000_000]),
        event=st.sampled_from(["view", "view", "purchase", "odd/event"]), item_id=_maybe("i1", "i2", 7),
        session_id=_maybe("s1", "s2"), price=_maybe(0, 1.5, "2.5", 1e16), quantity=_maybe(0, 3, 1.5),
        order_id=_maybe("o1"), order_value=_maybe(-0.0, 12.25), page=_maybe("/a", " "), query=_maybe("q"),
        event_id=_maybe("e1", "e2", "e3"), props=_maybe("{}", {"a": [1]}), device=_maybe("phone", "desk"),
        referrer=_maybe("r1"), is_direct=_maybe(True, False, "yes"), visit_number=_maybe(1, 2, -4),
    )  # fmt: skip
    return st.lists(made, min_size=1, max_size=most)


def whole(folder: Path, log: Sequence[Event], setting: Settings, links: Sequence[tuple[str, str]] = ()) -> Place:
    """Return a shop that ingested a log in one go."""
    store.init(folder, setting)
    place = Place(folder)
    if links:
        file = folder.with_name(f"{folder.name}-links.csv")
        file.write_text("anonymous_id,user_id\n" + "".join(f"{a},{b}\n" for a, b in links))
        ingest.ingest(folder, [], identities=str(file))
    if log:
        place.ingest(log)
    return place


def sent(state: Any, log: Sequence[Event], size: int) -> None:
    for at in range(0, len(log), size):
        state.append(list(log[at : at + size]))


@settings(max_examples=25)
@given(some_events(), st.integers(0, 25), st.sampled_from([1, 3, 25]), st.booleans())
def test_a_live_path_is_the_stored_one(log: list[Event], cut: int, size: int, delta: bool) -> None:
    setting = Settings(StoreSettings(buckets=2))
    with tempfile.TemporaryDirectory() as folder:
        place = whole(Path(folder) / "parted", log[: cut // 2] if delta else log[:cut], setting)
        if delta and log[cut // 2 : cut]:
            place.ingest(log[cut // 2 : cut])
        at_once = whole(Path(folder) / "whole", log, setting)
        expected = stored(at_once.shop, USERS)
        users = [one["user_id"][0] for one in expected]
        with place.open() as state:
            sent(state, log[cut:], size)
            assert texts(state.log(users)) == expected
            assert [text for user in users for text in texts(state.log([user]))] == expected
        with place.open() as state:  # read from the log again
            assert texts(state.log(users)) == expected
        place.absorb()
        assert stored(place.shop, USERS) == expected


@settings(max_examples=12)
@given(some_events(["a", "b", "u", "v"], 16), st.integers(1, 16), st.sampled_from(["stitched", "cleaned", "both"]))
def test_also_where_paths_are_stitched_or_cleaned(log: list[Event], cut: int, how: str) -> None:
    rules = MissingSettings(price="constant:3", quantity="constant:1")  # that learn nothing of other events
    cleaning = CleaningSettings(missing=rules, near_duplicates="drop") if how != "stitched" else CleaningSettings()
    links = [("a", "u"), ("b", "v")] if how != "cleaned" else []
    setting = Settings(StoreSettings(buckets=2), identity=IdentitySettings(), cleaning=cleaning)
    with tempfile.TemporaryDirectory() as folder:
        place = whole(Path(folder) / "parted", log[:cut], setting, links)
        expected = stored(whole(Path(folder) / "whole", log, setting, links).shop, ["u", "v", "a", "b"])
        users = [one["user_id"][0] for one in expected]
        with place.open() as state:
            sent(state, log[cut:], 3)
            assert texts(state.log(users)) == expected


@pytest.mark.redis
@settings(max_examples=8)
@given(some_events(), st.integers(0, 25), st.data())
def test_two_processes_see_one_log(log: list[Event], cut: int, data: Any) -> None:
    setting = Settings(StoreSettings(buckets=2))
    with tempfile.TemporaryDirectory() as folder:
        base = whole(Path(folder) / "parted", log[:cut], setting)
        place = Place(base.shop, redis_url())
        expected = stored(whole(Path(folder) / "whole", log, setting).shop, USERS)
        users = [one["user_id"][0] for one in expected]
        with place.open() as one, place.open() as other:
            for sending in log[cut:]:
                data.draw(st.sampled_from([one, other])).append([sending])
            assert texts(one.log(users)) == texts(other.log(users)) == expected
        place.clean()


def test_a_user_in_many_parts_of_the_log(place: Place) -> None:
    log = [event("u", at, item_id=f"i{at % 7}", session_id=f"s{at // 50}", query="q" * (at % 3)) for at in range(200)]
    place.ingest(log[:50])
    with place.open() as state:
        sent(state, log[50:], 90)  # more than are read one by one
        path: Callable[[], list[Any]] = lambda: texts(state.log(["u"]))  # noqa: E731
        before = path()
        assert state.health().events == 150
    with place.open() as state:
        assert path() == before
    place.absorb()
    assert stored(place.shop, ["u"]) == before
