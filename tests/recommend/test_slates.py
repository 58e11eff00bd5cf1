"""The log of slates: what is recorded is read, feedback is joined once, nothing is lost that was written."""

import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cartpath import store
from cartpath.paths import wilson
from cartpath.privacy import forget
from cartpath.recommend.slates import Feedback, SlateLog, count_feedback, off_policy, read_feedback
from cartpath.recommend.slates.index import RequestIndex
from cartpath.schema import CartpathError
from cartpath.store.lines import LineLog, segments
from tests.features.logs import path_of
from tests.training.test_training import make_shop


@dataclass(frozen=True)
class Item:
    item_id: str
    propensity: float = 1.0


@dataclass(frozen=True)
class Shown:
    items: tuple
    fallback: bool = False
    candidates: int = 100


def slate(*items, propensity=1.0):
    return Shown(tuple(Item(item, propensity) for item in items))


def test_what_was_shown_is_read_with_what_came_of_it(tmp_path):
    log = SlateLog.open(tmp_path)
    feedback = Feedback.open(tmp_path, log)
    log.record("r1", "ann", 1_000_000, "blend-1", "v-1", slate("a", "b", propensity=0.25))
    log.record("r2", "bob", 2_000_000, "popular", "v-1", slate("b"))
    assert feedback.record("r1", "b", "click", 3_000_000) == "joined"
    assert feedback.record("r1", "b", "purchase", 4_000_000) == "joined"
    feedback.close()
    log.close()
    assert read_feedback(tmp_path).to_pylist() == [
        {"request_id": request, "user_id": user, "ts": when, "item_id": item, "rank": rank, "propensity": chance,
         "policy": policy, "clicked": hit, "purchased": hit}
        for request, user, item, rank, chance, policy, hit, when in [
            ("r1", "ann", "a", 1, 0.25, "blend-1", False, pa.scalar(1_000_000, pa.timestamp("us", "UTC")).as_py()),
            ("r1", "ann", "b", 2, 0.25, "blend-1", True, pa.scalar(1_000_000, pa.timestamp("us", "UTC")).as_py()),
            ("r2", "bob", "b", 1, 1.0, "popular", False, pa.scalar(2_000_000, pa.timestamp("us", "UTC")).as_py()),
        ]
    ]  # fmt: skip


def test_every_piece_of_feedback_is_joined_or_has_a_reason(tmp_path):
    log, outcomes = SlateLog.open(tmp_path), []
    feedback = Feedback.open(tmp_path, log)
    log.record("r1", "ann", 0, "p", "v", slate("a", "b"))
    for request, item, kind in [
        ("r1", "a", "click"),
        ("r1", "a", "click"),
        ("r1", "a", "purchase"),
        ("r1", "z", "click"),
        ("r9", "a", "click"),
    ]:
        outcomes.append(feedback.record(request, item, kind, 1))
    assert outcomes == ["joined", "duplicate", "joined", "unknown_item", "unknown_request"]
    with pytest.raises(CartpathError, match="click, purchase"):
        feedback.record("r1", "a", "view", 1)
    log.close()
    counts = count_feedback(tmp_path)
    assert counts.outcomes == {"joined": 2, "unknown_request": 1, "unknown_item": 1, "duplicate": 1}
    assert sum(counts.outcomes.values()) == counts.given == 5
    assert (counts.slates, counts.items) == (1, 2)


def test_feedback_is_taken_once_whichever_process_took_it_and_after_a_restart(tmp_path):
    log = SlateLog.open(tmp_path)
    log.record("r", "ann", 0, "p", "v", slate("a", "b"))
    log.flush()
    one, other = Feedback.open(tmp_path), Feedback.open(tmp_path)
    assert one.record("r", "a", "click", 1) == "joined"
    assert other.record("r", "a", "click", 1) == "duplicate"
    assert Feedback.open(tmp_path).record("r", "a", "click", 1) == "duplicate"
    assert Feedback.open(tmp_path).record("r", "b", "click", 1) == "joined"
    log.close()


rows = st.lists(
    st.tuples(st.integers(0, 6), st.sampled_from("abcd"), st.sampled_from(["click", "purchase"])), max_size=30
)


@settings(max_examples=25)
@given(rows, st.integers(200, 5000))
def test_live_and_read_agree_with_a_plain_count(tmp_path_factory, given_rows, segment):
    folder = tmp_path_factory.mktemp("w")
    log = SlateLog(folder, segment)
    feedback = Feedback(folder, log, segment)
    shown = {f"r{n}": ("abcd"[: n % 4 + 1], f"u{n % 3}", f"p{n % 2}") for n in range(5)}
    for n, (request, (items, user, policy)) in enumerate(shown.items()):
        log.record(request, user, n, policy, "v", slate(*items))
    live = Counter(feedback.record(f"r{n}", item, kind, 9) for n, item, kind in given_rows)
    log.close()
    seen, expected = set(), Counter()
    for n, item, kind in given_rows:
        known = shown.get(f"r{n}")
        outcome = "unknown_request" if known is None else "joined" if item in known[0] else "unknown_item"
        expected["duplicate" if (n, item, kind) in seen else outcome] += 1
        seen.add((n, item, kind))
    counts = count_feedback(folder)
    assert Counter(counts.outcomes) == expected
    assert live["joined"] == expected["joined"]
    assert live.total() == counts.given == len(given_rows)
    table = read_feedback(folder)
    assert table.num_rows == counts.items == sum(len(items) for items, *_ in shown.values())
    assert sum(table["clicked"].to_pylist()) + sum(table["purchased"].to_pylist()) == expected["joined"]
    for policy in counts.policies:
        mine = [row for row in table.to_pylist() if row["policy"] == policy.policy]
        assert policy.clicked == len({row["request_id"] for row in mine if row["clicked"]})
        assert policy.items_purchased == sum(row["purchased"] for row in mine)


def test_a_rate_has_its_wilson_interval(tmp_path):
    log = SlateLog.open(tmp_path)
    feedback = Feedback.open(tmp_path, log)
    for n in range(10):
        log.record(f"r{n}", "u", n, "p", "v", slate("a"))
    for n in range(3):
        feedback.record(f"r{n}", "a", "click", n)
    log.close()
    rate = count_feedback(tmp_path).to_dict()["policies"][0]["click_through"]
    assert rate["rate"] == 3 / 10
    assert (rate["low"], rate["high"]) == wilson(3, 10)
    assert count_feedback(tmp_path, since=2).policies[0].slates == 8


def test_a_torn_tail_is_left_out_and_never_appended_to(tmp_path):
    log = SlateLog.open(tmp_path)
    log.record("r1", "ann", 0, "p", "v", slate("a"))
    log.close()
    torn = segments(tmp_path, "slates")[0]
    with open(torn, "ab") as file:
        file.write(b'{"request_id":"r2","user_id":"bo')
    log = SlateLog.open(tmp_path)
    log.record("r3", "ann", 0, "p", "v", slate("b"))
    log.close()
    assert len(segments(tmp_path, "slates")) == 2
    assert read_feedback(tmp_path)["request_id"].to_pylist() == ["r1", "r3"]
    assert RequestIndex(tmp_path).find("r3")["items"] == ["b"]
    assert RequestIndex(tmp_path).find("r2") is None


def test_a_full_disk_loses_nothing_and_never_reaches_the_one_who_serves(tmp_path, monkeypatch):
    log = SlateLog.open(tmp_path)
    real, full = os.write, [True]

    def write(descriptor, data):
        if full[0]:
            real(descriptor, data[: len(data) // 2])
            raise OSError(28, "No space left on device")
        return real(descriptor, data)

    monkeypatch.setattr(os, "write", write)
    for n in range(20):
        log.record(f"r{n}", "u", n, "p", "v", slate("a"))
    assert not log.flush()
    full[0] = False
    assert log.flush()
    log.close()
    assert read_feedback(tmp_path)["request_id"].to_pylist() == [f"r{n}" for n in range(20)]
    assert log.lost == 0


def test_many_threads_record_and_everything_is_there(tmp_path):
    log = SlateLog(tmp_path, segment=2000)

    def serve(name):
        for n in range(200):
            log.record(f"{name}-{n}", name, n, "p", "v", slate("a", "b"))
            if n % 50 == 49:
                log.flush()

    threads = [threading.Thread(target=serve, args=(f"u{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    log.close()
    assert set(read_feedback(tmp_path)["request_id"].to_pylist()) == {f"u{u}-{n}" for u in range(4) for n in range(200)}
    assert len(segments(tmp_path, "slates")) > 1


def test_recording_takes_microseconds(tmp_path):
    log, shown = SlateLog.open(tmp_path), slate(*(f"item-{n}" for n in range(20)))
    took = []
    for n in range(2000):
        began = time.perf_counter()
        log.record(f"r{n}", "u", n, "p", "v", shown)
        took.append(time.perf_counter() - began)
    log.close()
    assert np.median(took) < 50e-6


def test_an_index_of_many_requests_finds_each(tmp_path, monkeypatch):
    monkeypatch.setattr("cartpath.recommend.slates.index._RECENT", 10)
    log = LineLog(tmp_path, "slates", segment=1000)
    for n in range(100):
        log.append([{"request_id": f'r"{n}', "user_id": "u", "items": [str(n)]}])
    index = RequestIndex(tmp_path)
    assert all(index.find(f'r"{n}')["items"] == [str(n)] for n in range(100))
    assert index.find("r100") is None
    assert RequestIndex(tmp_path, most=5).find('r"0') is None


GONE = "gone ü-4711"


@pytest.fixture
def shop(tmp_path):
    table = pa.concat_tables([path_of([0, 1], ["view"] * 2, ["a", "b"], user) for user in (GONE, "ann")])
    return make_shop(tmp_path / "s", table)


def test_forgetting_a_person_erases_their_slates_while_a_service_runs(shop):
    log = SlateLog.open(shop)
    feedback = Feedback.open(shop, log)
    for n, user in enumerate([GONE, "ann", GONE, f"{GONE}2", "ann"]):
        log.record(f"r{n}", user, n, "p", "v", slate("a", "b"))
    assert [feedback.record(f"r{n}", "a", "click", 9) for n in (0, 1)] == ["joined", "joined"]
    record = forget(shop, GONE)
    assert sorted(record["artefacts"].values())[-2:] == [1, 2]
    files = [path.read_bytes() for path in (shop / "feedback").rglob("*") if path.is_file()]
    for needle in (json.dumps({"user_id": GONE})[1:-1], json.dumps({"user_id": GONE}, ensure_ascii=False)[1:-1]):
        assert not any(needle.encode().replace(b": ", b":") in text for text in files)
    # What the running service records of them from now on is not written either, and of others it is.
    log.record("r5", GONE, 5, "p", "v", slate("a"))
    log.record("r6", "ann", 6, "p", "v", slate("a"))
    assert feedback.record("r0", "a", "click", 9) == "unknown_request"
    assert feedback.record("r1", "b", "click", 9) == "joined"
    assert feedback.record("r6", "a", "click", 9) == "joined"
    log.close()
    table = read_feedback(shop)
    assert set(table["user_id"].to_pylist()) == {"ann", f"{GONE}2"}
    assert set(table["request_id"].to_pylist()) == {"r1", "r3", "r4", "r6"}
    counts = count_feedback(shop)
    assert sum(counts.outcomes.values()) == counts.given
    assert counts.outcomes["joined"] == 3
    assert forget(shop, GONE)["note"].startswith("this id was forgotten before")


def test_off_policy_by_hand():
    # Items a and b are drawn with 3/4 and 1/4; a is clicked in 1 of 3, b in 1 of 1. The other policy swaps the chances.
    table = pa.table({"user_id": list("wxyz"), "propensity": [0.75, 0.75, 0.75, 0.25],
                      "clicked": [True, False, False, True], "purchased": [False] * 4})  # fmt: skip
    target = np.array([0.25, 0.25, 0.25, 0.75])
    found = off_policy(table, target)
    assert found.ips.value == pytest.approx((1 / 3 + 3) / 4)
    assert found.snips.value == pytest.approx((1 / 3 + 3) / (1 / 3 + 1 / 3 + 1 / 3 + 3))
    assert found.logged.value == 2 / 4
    assert found.covered == pytest.approx(1.0)
    assert found.effective == pytest.approx(16 / (3 / 9 + 9))
    assert off_policy(table, target, outcome="purchased").ips.value == 0
    clipped = off_policy(table, target, clip=2.0)
    assert clipped.ips.value == pytest.approx((1 / 3 + 2) / 4)
    assert (clipped.clip, clipped.clipped) == (2.0, 1 / 4)


def test_off_policy_finds_what_another_policy_has():
    # Clicks depend on the item: 0.3, 0.1. A log that draws half and half tells of one that draws 0.9 and 0.1.
    rates, chance, held = np.array([0.3, 0.1]), np.array([0.9, 0.1]), np.zeros(2)
    truth = float((rates * chance).sum())
    for seed in range(40):
        rng = np.random.default_rng(seed)
        item = rng.integers(0, 2, 2000)
        table = pa.table({"user_id": [f"u{k % 500}" for k in range(2000)], "propensity": np.full(2000, 0.5),
                          "clicked": rng.random(2000) < rates[item]})  # fmt: skip
        found = off_policy(table, chance[item], draws=200)
        held += [interval.low < truth < interval.high for interval in (found.ips, found.snips)]
    # Of 40 intervals of 95%, fewer than 34 would be a chance of one in a hundred.
    assert (held >= 34).all()


def test_off_policy_refuses_what_is_no_probability():
    table = pa.table({"user_id": ["u"], "propensity": [0.0], "clicked": [True]})
    with pytest.raises(CartpathError, match="propensity"):
        off_policy(table, np.ones(1))
    good = table.set_column(1, "propensity", pa.array([1.0]))
    with pytest.raises(CartpathError, match="between 0 and 1"):
        off_policy(good, np.array([2.0]))
    with pytest.raises(CartpathError, match="2 chances for 1"):
        off_policy(good, np.ones(2))
    with pytest.raises(CartpathError, match="nothing was shown"):
        off_policy(good.slice(0, 0), np.ones(0))


def test_nothing_shown_yet(tmp_path):
    assert read_feedback(tmp_path).num_rows == 0
    assert count_feedback(tmp_path).to_dict() == {
        "slates": 0, "items": 0, "given": 0, "policies": [],
        "outcomes": {"joined": 0, "unknown_request": 0, "unknown_item": 0, "duplicate": 0},
    }  # fmt: skip
    assert store.lines.segments(tmp_path, "slates") == []


SERVING = """
import sys
from cartpath.recommend.slates import Feedback, SlateLog
from tests.recommend.test_slates import slate
log = SlateLog.open(sys.argv[1])
feedback = Feedback.open(sys.argv[1], log)
for n in range(1_000_000):
    log.record(f"r{n}", f"u{n}", n, "p", "v", slate("a", "b"))
    assert feedback.record(f"r{n}", "a", "click", n) == "joined"
    print(n, flush=True)
"""


def test_a_service_that_is_killed_loses_no_feedback_it_acknowledged(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", SERVING, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    acknowledged = [int(process.stdout.readline()) for _ in range(300)]
    process.kill()
    acknowledged += [int(line) for line in process.communicate(timeout=60)[0].splitlines() if line.strip()]
    counts = count_feedback(tmp_path)
    # The print of the last one may be lost, not the feedback.
    assert counts.outcomes["joined"] in (len(acknowledged), len(acknowledged) + 1)
    assert sum(counts.outcomes.values()) == counts.given
    table = read_feedback(tmp_path)
    clicked = {row["request_id"] for row in table.to_pylist() if row["clicked"]}
    assert clicked >= {f"r{n}" for n in acknowledged}
