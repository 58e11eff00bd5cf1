"""Scores of users as of their latest event: whom, by which model, and that they are the ones that are evaluated."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("lightgbm")

from cartpath import config, store, training  # noqa: E402
from cartpath.features import read_log  # noqa: E402
from cartpath.ingest import ingest  # noqa: E402
from cartpath.models import current_version  # noqa: E402
from cartpath.models.intent import load_intent  # noqa: E402
from cartpath.schema import CartpathError  # noqa: E402
from cartpath.training import Reading, predict, predict_on  # noqa: E402
from cartpath.training.intent import chosen  # noqa: E402
from cartpath.training.intent import predict as room  # noqa: E402
from cartpath.training.intent.keep import artefact  # noqa: E402
from tests.features.logs import items_table, shop_table  # noqa: E402
from tests.training.spy import spied, twin  # noqa: E402
from tests.training.test_predict_on import HISTORY, NEW, altered_after, by_key, contents, keys, make_shop  # noqa: E402

MODELS = ("base-rate", "lightgbm", "behaviour-head")


def latest(rows: pa.Table) -> dict[str, tuple[str, int, str]]:
    found: dict[str, tuple[str, int, str]] = {}
    for key in sorted(keys(rows), key=lambda key: key[:2]):
        found[key[0]] = key
    return found


def test_a_row_a_user_as_of_the_latest_event(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = make_shop(tmp_path / "shop", NEW)
    spied(monkeypatch, room)
    before = contents(shop)
    told = predict(shop, tmp_path / "o.parquet")
    rows = pq.read_table(tmp_path / "o.parquet")
    assert rows.column_names == ["user_id", "session_id", "ts", "step", "event", "score"]
    wanted = latest(NEW)
    assert sorted(keys(rows)) == sorted(wanted.values())
    whole, ids = twin([NEW], items_table()), by_key(NEW, "session_id")
    for row, key in zip(rows.to_pylist(), keys(rows), strict=True):
        assert row["score"] == whole[key]
        assert row["session_id"] == ids[key] or (ids[key] is None and row["session_id"].startswith(f"{key[0]}@"))
    assert {name: told[name] for name in ("task", "model", "rows", "users_unknown", "generation")} == {
        "task": "intent",
        "model": "spy",
        "rows": 14,
        "users_unknown": 0,
        "generation": 1,
    }
    assert contents(shop) == before


@pytest.mark.parametrize("text", ["u7\nu9\nnobody\nu7\n", "since,user_id\n1,u7\n2,u9\n3,nobody\n"])
def test_users_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    shop = make_shop(tmp_path / "shop", NEW)
    spied(monkeypatch, room)
    predict(shop, tmp_path / "all.parquet")
    (tmp_path / "users.csv").write_text(text)
    told = predict(shop, tmp_path / "some.csv", users=tmp_path / "users.csv")
    every = {row["user_id"]: row for row in pq.read_table(tmp_path / "all.parquet").to_pylist()}
    some = pyarrow.csv.read_csv(tmp_path / "some.csv").to_pylist()
    assert {row["user_id"]: row["score"] for row in some} == {user: every[user]["score"] for user in ("u7", "u9")}
    assert {row["user_id"]: row["session_id"] for row in some} == {u: every[u]["session_id"] for u in ("u7", "u9")}
    assert (told["rows"], told["users_unknown"]) == (2, 1)


def test_sessions_of_stitched_users_have_the_ids_they_came_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spied(monkeypatch, room)
    shop = make_shop(tmp_path / "shop")
    names = {f"u{n}": f"cookie{n}" for n in range(6, 20, 2)}
    users = [names.get(user, user) for user in NEW["user_id"].to_pylist()]
    sessions = [id or f"s{user}" for id, user in zip(NEW["session_id"].to_pylist(), users, strict=True)]
    moved = pa.table({"user_id": users, "session_id": sessions, "ts": NEW["ts"], "event": NEW["event"]})
    pq.write_table(moved, tmp_path / "moved.parquet")
    links = [json.dumps({"anonymous_id": b, "user_id": a, "ts": "2023-01-01T00:00:00Z"}) for a, b in names.items()]
    (tmp_path / "links.jsonl").write_text("\n".join(links))
    ingest(shop, [str(tmp_path / "moved.parquet")], identities=tmp_path / "links.jsonl")
    predict(shop, tmp_path / "o.parquet")
    found = {row["user_id"]: row["session_id"] for row in pq.read_table(tmp_path / "o.parquet").to_pylist()}
    wanted = {key[0]: by_key(moved, "session_id")[key] for key in latest(moved).values()}
    back = {b: a for a, b in names.items()}
    assert {user: found[user] for user in (back.get(user, user) for user in wanted)} == {
        back.get(user, user): id for user, id in wanted.items()
    }
    (tmp_path / "users").write_text("cookie8\nu8\ncookie999\n")
    told = predict(shop, tmp_path / "o.csv", users=tmp_path / "users")
    assert (told["rows"], told["users_unknown"]) == (1, 1)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shop") / "s"
    store.init(folder, config.Settings(store=config.StoreSettings(4)))
    with store.writer(folder) as writer:
        writer.add(shop_table(200))
        writer.commit()
    training.pretrain(folder, epochs=1, train_until="2024-01-19", settings={"hidden": 16})
    dates = {"train_until": "2024-01-19", "valid_until": "2024-01-22", "calibrate_until": "2024-01-25"}
    training.finetune(folder, method="head", epochs=1, **dates)
    training.evaluate(folder, models="lightgbm,base-rate", at_k=[1, 3])
    return folder


@pytest.mark.parametrize("model", MODELS)
def test_what_is_evaluated_is_what_is_predicted(shop: Path, tmp_path: Path, model: str) -> None:
    told = predict(shop, tmp_path / "o.parquet", model=model)
    rows = pq.read_table(tmp_path / "o.parquet").to_pylist()
    with store.open_snapshot(shop) as snapshot:
        log = read_log(snapshot)
    scores = load_intent(current_version(shop, artefact(model), "")).score(log, log.view.offsets[1:])
    wanted = dict(zip(log.view.user_id.to_pylist(), scores.tolist(), strict=True))
    # A network's sums depend, in their last digits, on how many paths are beside one another.
    assert {row["user_id"]: row["score"] for row in rows} == pytest.approx(wanted, abs=1e-6)
    assert told["model"] == model
    assert pq.read_schema(tmp_path / "o.parquet").metadata[b"model"] == model.encode()


@pytest.mark.parametrize("model", MODELS)
def test_a_model_scores_from_what_came_before_alone(shop: Path, tmp_path: Path, model: str) -> None:
    new = shop_table(40, days=60, seed=7)
    found = []
    for number, rows in enumerate((new, altered_after(with_all(new), 5))):
        pq.write_table(rows, tmp_path / "new.parquet")
        out = tmp_path / f"o{number}.parquet"
        predict_on(shop, Reading([str(tmp_path / "new.parquet")]), out, every_event=True, model=model)
        found.append(by_key(pq.read_table(out)))
    whole, altered = found
    first = [key for key in whole if key in altered]
    assert 200 > len(first) >= 5 * 40 * 0.9
    ours, theirs = (np.array([scores[key] for key in first]) for scores in found)
    # Trees are the same to the bit; of a network's sums see above.
    assert np.abs(ours - theirs).max() <= (1e-6 if model.startswith("behaviour") else 0.0)


def with_all(rows: pa.Table) -> pa.Table:
    for name, kind in (("price", pa.float64()), ("page", pa.string()), ("session_id", pa.string())):
        rows = rows.append_column(name, pa.nulls(len(rows), kind))
    return rows.append_column("event_id", pa.nulls(len(rows), pa.string()))


def test_the_best_model_is_taken_unless_another_is_named(shop: Path) -> None:
    best = json.loads((shop / "models" / "intent" / "best.json").read_text())["model"]
    assert chosen.chosen_model(shop).name == best
    assert chosen.chosen_model(shop, "base-rate").about() == {
        "task": "intent",
        "model": "base-rate",
        "target": "purchase",
        "horizon_seconds": None,
    }


def test_models_that_are_not_there(shop: Path, tmp_path: Path) -> None:
    with pytest.raises(CartpathError, match="no intent model 'oracle'") as told:
        predict(shop, tmp_path / "o.csv", model="oracle")
    assert "lightgbm" in told.value.hint
    with pytest.raises(CartpathError, match="'behaviour-lora' is not fitted yet") as told:
        predict(shop, tmp_path / "o.csv", model="behaviour-lora")
    assert told.value.hint == f"fit it: cartpath finetune {shop} --task intent --method lora"
    with pytest.raises(CartpathError, match="'gru' is not fitted yet") as told:
        predict(shop, tmp_path / "o.csv", model="gru")
    assert "cartpath evaluate" in told.value.hint
    assert not (tmp_path / "o.csv").exists()


def test_a_shop_without_models(tmp_path: Path) -> None:
    shop = make_shop(tmp_path / "shop", HISTORY)
    with pytest.raises(CartpathError, match="no intent model is fitted yet"):
        predict(shop, tmp_path / "o.csv")


FILES = {
    "lightgbm": ("trees.txt", "scorer.json", "calibration.json"),
    "behaviour-head": ("model.safetensors", "encoder.json", "config.json"),
}


@pytest.mark.parametrize(("model", "file"), [(model, file) for model, files in FILES.items() for file in files])
@pytest.mark.parametrize("how", ["half", "gone"])
def test_a_damaged_model_says_what_to_do(shop: Path, tmp_path: Path, model: str, file: str, how: str) -> None:
    copied = shutil.copytree(shop, tmp_path / "s")
    path = current_version(copied, artefact(model), "") / file
    content = path.read_bytes()
    path.unlink() if how == "gone" else path.write_bytes(content[: len(content) // 2])
    with pytest.raises(CartpathError) as told:
        predict(copied, tmp_path / "o.csv", model=model)
    assert told.value.hint
    assert not (tmp_path / "o.csv").exists()


@pytest.mark.parametrize(
    ("out", "words"), [("o.json", "cannot write rows"), ("no/o.csv", "no folder"), ("is.csv", "is a folder")]
)
def test_files_that_cannot_be_written(shop: Path, tmp_path: Path, out: str, words: str) -> None:
    (tmp_path / "is.csv").mkdir()
    with pytest.raises(CartpathError, match=words):
        predict(shop, tmp_path / out)


def test_a_file_of_users_that_is_not_there(shop: Path, tmp_path: Path) -> None:
    with pytest.raises(CartpathError, match="no file of users") as told:
        predict(shop, tmp_path / "o.csv", users=tmp_path / "no.csv")
    assert "--users all" in told.value.hint


def test_interrupted_predictions_leave_no_file(shop: Path, tmp_path: Path) -> None:
    def stop(words: str, share: float) -> None:
        if words == "scoring" and share > 0.5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        predict(shop, tmp_path / "o.parquet", progress=stop)
    assert list(tmp_path.iterdir()) == []


def test_the_facade_calls_both(shop: Path, tmp_path: Path) -> None:
    import cartpath

    opened: Any = cartpath.open(shop)
    assert opened.predict(tmp_path / "o.csv")["rows"] == 200
    pq.write_table(shop_table(20, seed=8), tmp_path / "new.parquet")
    told = opened.predict(tmp_path / "e.csv", on=[tmp_path / "new.parquet"], every_event=True, model="base-rate")
    assert told["rows"] == told["source"]["events"] == len(shop_table(20, seed=8))
