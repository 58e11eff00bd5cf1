"""What shoppers do: orders, funnel, seasons, robots, campaigns, and that paths can be predicted."""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cartpath.simulate import Dirt, simulate

from .conftest import Simulated, load


def people(log: Simulated) -> pd.DataFrame:
    return log.events[~log.events["user_id"].isin(log.truth["robots"])]


def sessions_of(log: Simulated) -> pd.DataFrame:
    events = people(log)
    events = events.assign(bought=events["event"] == "purchase")
    return events.groupby("session_id").agg(
        ts=("ts", "min"), user=("user_id", "first"), campaign=("campaign", "first"), bought=("bought", "any")
    )


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Simulated:
    """Enough sessions to see effects on a purchase rate of a few per cent."""
    folder = tmp_path_factory.mktemp("long")
    return load(folder, simulate(folder, 24_000, 60, 5, dirt=Dirt.none()))


def test_lines_of_an_order_sum_to_its_value(clean: Simulated) -> None:
    lines = clean.events[clean.events["event"] == "purchase"]
    assert lines[["order_id", "item_id", "price", "quantity", "order_value"]].notna().all().all()
    worth = (lines["price"] * lines["quantity"]).groupby(lines["order_id"]).sum()
    orders = lines.groupby("order_id")
    assert np.allclose(worth, orders["order_value"].max())
    for column in ("order_value", "ts", "user_id", "session_id"):
        assert (orders[column].nunique() == 1).all()
    assert orders.size().max() > 1


def test_an_order_follows_a_checkout_and_its_items_were_put_in_the_cart(clean: Simulated) -> None:
    events = clean.events
    bought = events.loc[events["event"] == "purchase", ["user_id", "item_id", "ts", "session_id"]]
    added = events.loc[events["event"] == "add_to_cart"].groupby(["user_id", "item_id"])["ts"].min()
    before = added.reindex(pd.MultiIndex.from_frame(bought[["user_id", "item_id"]]))
    assert (before.to_numpy() < bought["ts"].to_numpy()).all()
    assert set(bought["session_id"]) <= set(events.loc[events["event"] == "checkout", "session_id"])


def test_a_refund_returns_a_line_of_an_earlier_order(clean: Simulated) -> None:
    events = clean.events
    refund = events[events["event"] == "refund"]
    bought = events[events["event"] == "purchase"].set_index(["order_id", "item_id"])["ts"]
    keys = pd.MultiIndex.from_frame(refund[["order_id", "item_id"]])
    assert ((refund["ts"].to_numpy() - bought.loc[keys].to_numpy()) >= np.timedelta64(2, "D")).all()


def test_the_funnel_narrows_and_sessions_have_a_heavy_tail(clean: Simulated) -> None:
    events = people(clean)
    n = events["session_id"].nunique()
    shares = [
        events.loc[events["event"] == step, "session_id"].nunique() / n
        for step in ("view", "add_to_cart", "checkout", "purchase")
    ]
    assert shares == sorted(shares, reverse=True)
    assert 0.008 < shares[-1] < 0.05
    length = events.groupby("session_id").size()
    assert 0.35 < (length == 1).mean() < 0.6
    assert length.quantile(0.99) > 8 * length.mean() > 8 * length.median() * 1.5


def test_context_belongs_to_the_session(clean: Simulated) -> None:
    context = ["channel", "source", "medium", "device", "browser", "os", "country", "region", "city", "visit_number"]
    per_session = clean.events.groupby("session_id")[[*context, "is_direct", "language", "user_id"]].nunique()
    assert (per_session == 1).all().all()
    direct = clean.events["channel"] == "Direct"
    assert (clean.events["is_direct"] == direct).all()


def test_search_has_a_query_and_only_search_has(clean: Simulated) -> None:
    assert (clean.events["query"].notna() == (clean.events["event"] == "search")).all()


def test_weekends_and_nights_are_quieter(clean: Simulated) -> None:
    starts = people(clean).groupby("session_id")["ts"].min()
    starts = starts[starts < starts.min() + pd.Timedelta("28D")]
    by_day = starts.dt.dayofweek.value_counts()
    assert by_day[[5, 6]].mean() < by_day[[0, 1, 2, 3]].mean()
    by_hour = starts.dt.hour.value_counts()
    assert by_hour[[3, 4]].mean() < 0.4 * by_hour[[12, 20]].mean()


def test_robots_keep_a_beat(clean: Simulated) -> None:
    robots = clean.events[clean.events["user_id"].isin(clean.truth["robots"])]
    assert robots["user_id"].nunique() == len(clean.truth["robots"]) == 6
    assert len(robots) == clean.truth["robot_events"]

    def unevenness(events: pd.DataFrame) -> pd.Series:
        gaps = events.groupby("session_id")["ts"].diff().dt.total_seconds()
        by_user = gaps.groupby(events["user_id"])
        return (by_user.std() / by_user.mean())[by_user.count() >= 30]

    assert (unevenness(robots) < 0.05).all()
    assert (unevenness(people(clean)) > 0.3).all()


def test_campaign_sessions_and_their_purchases_are_those_of_the_truth(long: Simulated) -> None:
    for told in long.truth["campaigns"]:
        here = long.events[long.events["campaign"] == told["name"]]
        assert here["session_id"].nunique() == told["sessions"] > 500
        bought = here.loc[here["event"] == "purchase", "session_id"].nunique()
        assert bought == told["sessions_that_bought"]


def test_campaigns_cause_what_the_truth_says(long: Simulated) -> None:
    told = {campaign["name"]: campaign for campaign in long.truth["campaigns"]}
    assert told["welcome_email"]["uplift"] > told["search_push"]["uplift"] > 0
    assert told["retargeting"]["uplift"] == 0
    assert told["viral_video"]["uplift"] < 0


def test_the_randomised_holdout_shows_the_effect(long: Simulated) -> None:
    """Sessions while the e-mail runs: those of reached shoppers buy more than those of shoppers left out by lot."""
    told = next(c for c in long.truth["campaigns"] if c["name"] == "welcome_email")
    users = pd.read_parquet(long.folder / "truth_users.parquet").set_index("user_id")["campaign_welcome_email"]
    start = pd.Timestamp("2024-01-01", tz="UTC")
    first, last = (start + pd.Timedelta(days=told[key]) for key in ("first_day", "last_day"))
    sessions = sessions_of(long)
    running = sessions[sessions["ts"].between(first, last)]
    rate = running["bought"].groupby(users[running["user"]].to_numpy()).mean()
    assert rate["reached"] > rate["held out"]


def test_shoppers_aimed_at_by_retargeting_buy_more_anyway(long: Simulated) -> None:
    """The placebo campaign looks good: its sessions buy more often than others, without any effect."""
    sessions = sessions_of(long)
    mine = sessions["campaign"] == "retargeting"
    assert sessions.loc[mine, "bought"].mean() > 1.1 * sessions.loc[sessions["campaign"].isna(), "bought"].mean()


def test_replenished_goods_are_bought_again(long: Simulated) -> None:
    items = pd.read_parquet(long.folder / "items.parquet").set_index("item_id")["category"].str.split(" > ").str[0]
    bought = long.events[long.events["event"] == "purchase"]
    days = bought.assign(day=bought["ts"].dt.floor("D")).groupby(["user_id", "item_id"])["day"].nunique()
    again = (days > 1).groupby(items[days.index.get_level_values("item_id")].to_numpy()).mean()
    replenished = list(long.truth["replenished"])
    assert again[replenished].min() > 3 * again.drop(replenished).mean()


def test_the_item_before_tells_more_about_the_next_than_popularity(long: Simulated) -> None:
    """Recall at 20 of the next viewed item in the last fifth of the time, learnt on the rest."""
    views = people(long)
    views = views[views["event"] == "view"].sort_values(["session_id", "ts"], kind="stable")
    views = views.assign(then=views.groupby("session_id")["item_id"].shift(-1)).dropna(subset=["then"])
    views = views[views["item_id"] != views["then"]]
    cut = views["ts"].quantile(0.8)
    train, test = views[views["ts"] <= cut], views[views["ts"] > cut]
    popular = train["then"].value_counts().index[:20]
    following: dict[str, Counter[str]] = defaultdict(Counter)
    for item, then in zip(train["item_id"], train["then"], strict=True):
        following[item][then] += 1
    best = {item: [then for then, _ in counts.most_common(20)] for item, counts in following.items()}
    by_chain = np.mean([t in best.get(i, ()) for i, t in zip(test["item_id"], test["then"], strict=True)])
    assert by_chain > 2 * test["then"].isin(popular).mean()


def test_order_of_events_tells_more_than_their_counts(long: Simulated) -> None:
    """Among sessions whose first six events have the same types, those that read help on buying last buy more."""
    events = people(long).copy()
    events["k"] = events.groupby("session_id").cumcount()
    help_page = events["page"].isin(["/help/shipping", "/help/returns", "/size-guide"])
    sixth = events["k"] == 5
    early = events[events["k"] < 6]
    early = early.sort_values(["session_id", "event"])
    kinds = early.groupby("session_id")["event"].agg(" ".join)
    bought = set(events.loc[(events["event"] == "purchase") & (events["k"] >= 6), "session_id"])
    last = events[sixth].set_index("session_id")
    frame = pd.DataFrame({"kinds": kinds.loc[last.index], "help": help_page[sixth].to_numpy()}, index=last.index)
    frame["bought"] = frame.index.isin(bought)
    frame["expected"] = frame.groupby("kinds")["bought"].transform("mean")
    helped = frame[frame["help"]]
    assert helped["bought"].mean() > 1.5 * helped["expected"].mean()


def test_a_shop_of_one_day_and_one_user(tmp_path: Path) -> None:
    log = load(tmp_path, simulate(tmp_path, 1, 1, 1, dirt=Dirt.none()))
    assert log.summary.users == 1
    assert len(log.events) == log.summary.rows > 0
