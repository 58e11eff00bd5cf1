"""Keys: what is made, kept, checked and revoked."""

from __future__ import annotations

import json
import stat
import threading
from pathlib import Path

import pytest

from cartpath import access, store
from cartpath.access import Keyring, NoKey, TooWeak, WrongKey, create_key, list_keys, revoke_key
from cartpath.access.key_file import parts
from cartpath.access.keyring import LOOK_AGAIN
from cartpath.schema import CartpathError, CorruptStoreError, WorkspaceBusyError
from cartpath.store.files import exclusive


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    store.init(tmp_path / "shop")
    return tmp_path / "shop"


@pytest.fixture
def clock() -> Clock:
    return Clock()


def keys_file(shop: Path) -> Path:
    return shop / "access" / "keys.json"


def test_a_key_opens_what_it_is_for_and_nothing_else(shop: Path) -> None:
    key = create_key(shop, ["recommend:read", "events:write"], "page")
    ring = Keyring.load(shop)
    info = ring.check(key, "events:write")
    assert (info.name, info.scopes, info.revoked) == ("page", ("events:write", "recommend:read"), None)
    assert ring.check(key, "recommend:read") == info
    with pytest.raises(TooWeak, match="not for admin") as refused:
        ring.check(key, "admin")
    assert (refused.value.status, refused.value.reason) == (403, "too_weak")


def test_administration_implies_nothing_else(shop: Path) -> None:
    key = create_key(shop, ["admin"])
    for scope in ("events:write", "recommend:read"):
        with pytest.raises(TooWeak):
            Keyring.load(shop).check(key, scope)


@pytest.mark.parametrize("missing", [None, ""])
def test_no_key_is_told_from_a_wrong_one(shop: Path, missing: str | None) -> None:
    with pytest.raises(NoKey) as refused:
        Keyring.load(shop).check(missing, "admin")
    assert (refused.value.status, refused.value.reason) == (401, "no_key")


def test_wrong_keys_are_all_refused_alike(shop: Path) -> None:
    key, other = create_key(shop, ["admin"]), create_key(shop, ["admin"])
    key_id, secret = parts(key)
    wrong = [
        key[:-1],
        key + "x",
        key[:-1] + ("A" if key[-1] != "A" else "B"),
        f"cpk_{key_id}_{parts(other)[1]}",
        f"cpk_000000000000_{secret}",
        f"xyz_{key_id}_{secret}",
        f"cpk_{key_id}_",
        key_id,
        secret,
        "ключ",
        "\udcff",
        "cpk_" * 10_000,
    ]
    ring = Keyring.load(shop)
    told = set()
    for text in wrong:
        with pytest.raises(WrongKey) as refused:
            ring.check(text, "admin")
        told.add(str(refused.value))
        assert refused.value.status == 401
    assert len(told) == 1
    assert ring.check(key, "admin").id == key_id


def test_an_unknown_id_is_compared_too(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[bytes] = []

    def compare(a: bytes, b: bytes) -> bool:
        compared.append(a)
        return a == b

    monkeypatch.setattr("hmac.compare_digest", compare)
    with pytest.raises(WrongKey):
        Keyring.load(shop).check("cpk_0123456789ab_secret", "admin")
    assert len(compared) == 1
    assert len(compared[0]) == 32


def test_only_a_salted_hash_is_kept_and_only_the_owner_may_read_it(shop: Path) -> None:
    key = create_key(shop, ["admin"])
    written = "".join(path.read_text() for path in (shop / "access").iterdir())
    assert parts(key)[1] not in written
    assert parts(key)[0] in written
    for path in (shop / "access").iterdir():
        if path.suffix != ".lock":
            assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    assert stat.S_IMODE((shop / "access").stat().st_mode) == 0o700
    again = [row["salt"] for row in json.loads(keys_file(shop).read_text())["keys"]]
    create_key(shop, ["admin"])
    salts = {row["salt"] for row in json.loads(keys_file(shop).read_text())["keys"]}
    assert len(salts) == 2
    assert salts > set(again)


def test_keys_differ_and_have_256_bits(shop: Path) -> None:
    keys = {create_key(shop, ["admin"]) for _ in range(5)}
    assert len(keys) == 5
    assert {len(parts(key)[1]) for key in keys} == {43}  # 32 bytes are 43 digits to the base of 64


def test_a_running_service_sees_new_and_revoked_keys_within_half_a_second(shop: Path, clock: Clock) -> None:
    key = create_key(shop, ["admin"])
    ring = Keyring(keys_file(shop), clock)
    later = create_key(shop, ["admin"])
    revoke_key(shop, parts(key)[0])
    assert ring.check(key, "admin")  # looked at just now
    clock.now += LOOK_AGAIN
    with pytest.raises(WrongKey):
        ring.check(key, "admin")
    assert ring.check(later, "admin")
    assert len(ring) == 1
    assert LOOK_AGAIN < 1


def test_the_file_is_not_read_again_while_it_is_the_same(
    shop: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = create_key(shop, ["admin"])
    ring = Keyring(keys_file(shop), clock)
    monkeypatch.setattr("cartpath.access.keyring.read_keys", lambda path: pytest.fail("read again"))
    for _ in range(3):
        clock.now += 10
        assert ring.check(key, "admin")


@pytest.mark.parametrize("text", ["{", "[]", '{"version": 1}', '{"version": 2, "keys": []}', None])
def test_a_damaged_or_lost_file_closes_a_running_service(shop: Path, clock: Clock, text: str | None) -> None:
    key = create_key(shop, ["admin"])
    ring = Keyring(keys_file(shop), clock)
    keys_file(shop).unlink() if text is None else keys_file(shop).write_text(text)
    clock.now += 1
    with pytest.raises(WrongKey):
        ring.check(key, "admin")


def test_a_damaged_file_is_told_at_start_and_by_commands(shop: Path) -> None:
    keys_file(shop).parent.mkdir()
    keys_file(shop).write_text("{}")
    for call in (lambda: Keyring.load(shop), lambda: list_keys(shop), lambda: create_key(shop, ["admin"])):
        with pytest.raises(CorruptStoreError, match="damaged"):
            call()
    assert keys_file(shop).read_text() == "{}"


def test_a_revoked_key_stays_listed_with_its_first_time(shop: Path) -> None:
    first, second = parts(create_key(shop, ["admin"]))[0], parts(create_key(shop, ["admin"], rate=7))[0]
    revoke_key(shop, first)
    when = {info.id: info.revoked for info in list_keys(shop)}
    assert when[first] is not None
    assert when[second] is None
    revoke_key(shop, first)
    assert {info.id: info.revoked for info in list_keys(shop)} == when
    assert {info.id: info.rate for info in list_keys(shop)} == {first: None, second: 7}


def test_a_key_file_elsewhere(shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inside = create_key(shop, ["admin"])
    monkeypatch.setenv("CARTPATH_KEYS", str(tmp_path / "secret" / "keys.json"))
    outside = create_key(shop, ["admin"])
    assert (tmp_path / "secret" / "keys.json").exists()
    assert Keyring.load(shop).check(outside, "admin")
    with pytest.raises(WrongKey):
        Keyring.load(shop).check(inside, "admin")


def test_what_cannot_be_is_refused_with_what_to_do(shop: Path, tmp_path: Path) -> None:
    with pytest.raises(CartpathError, match=r"unknown scope 'read'(.|\n)*events:write, recommend:read, admin"):
        create_key(shop, ["admin", "read"])
    with pytest.raises(CartpathError, match="opens nothing"):
        create_key(shop, [])
    for name in ("", "a\nb", "x" * 101):
        with pytest.raises(CartpathError, match="name of a key"):
            create_key(shop, ["admin"], name)
    for rate in (0, -1, float("nan"), float("inf")):
        with pytest.raises(CartpathError, match="lets nothing through"):
            create_key(shop, ["admin"], rate=rate)
    with pytest.raises(CartpathError, match="no key has this id"):
        revoke_key(shop, "0123")
    for call in (create_key, lambda *_: list_keys(tmp_path), lambda *_: revoke_key(tmp_path, "x")):
        with pytest.raises(CartpathError, match="not a Cartpath workspace"):
            call(tmp_path, ["admin"])
    assert list_keys(shop) == []


def test_an_unknown_scope_in_the_code_is_a_bug(shop: Path) -> None:
    with pytest.raises(ValueError, match="no scope"):
        Keyring.load(shop).check("x", "reed")


def test_two_that_change_keys_do_not_lose_one(shop: Path) -> None:
    create_key(shop, ["admin"])
    with (
        exclusive(shop / "access" / "keys.lock", "held by {holder}", "wait"),
        pytest.raises(WorkspaceBusyError, match="is changing"),
    ):
        create_key(shop, ["admin"])
    made: list[str] = []

    def make() -> None:
        while True:
            try:
                made.append(create_key(shop, ["admin"]))
                return
            except WorkspaceBusyError:
                continue

    threads = [threading.Thread(target=make) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ring = Keyring.load(shop)
    assert len({ring.check(key, "admin").id for key in made}) == 4


def test_the_room_says_what_the_scopes_are() -> None:
    assert access.SCOPES == ("events:write", "recommend:read", "admin")
