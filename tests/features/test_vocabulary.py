import numpy as np

from cartpath.features.vocabulary import Vocabulary, fit_vocabulary, lookup, users_of_code


def test_unknown_values_share_places_by_hash():
    words = Vocabulary(("a",), hashed=4)
    ids = words.ids(["a", "b", "b", "c", None])
    assert ids[0] == 2
    assert ids[1] == ids[2]
    assert (ids[1:4] >= 3).all()
    assert (ids < words.size).all()
    assert ids[4] == 0


def test_the_code_of_nothing_is_absent():
    assert lookup(Vocabulary(("a",)), ["a", "b"])[np.array([0, 1, -1])].tolist() == [2, 1, 0]


def test_users_are_counted_once():
    codes, users = np.array([0, 0, 0, 1, -1], np.int32), np.array([1, 1, 2, 2, 3], np.int32)
    assert users_of_code(codes, users, 3).tolist() == [2, 1, 0]


def test_values_of_few_users_are_left_out():
    codes, users = np.array([0, 1, 1], np.int32), np.array([0, 0, 1], np.int32)
    assert fit_vocabulary(["mine", "ours"], codes, users, 10, min_users=2).values == ("ours",)
