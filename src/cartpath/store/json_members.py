"""Finding one member in many JSON objects: compiled, and exact where it says so.

The kernel looks at bytes only. Of a text that it does not fully understand (an escaped key, something that is no
JSON) it says so, and Python's own reader decides: so the answer is always that of ``json.loads``.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from cartpath.store.jit import kernel

Bytes = npt.NDArray[np.uint8]
Places = npt.NDArray[np.int32]

#: What a member is: not there, null, a string, one with escapes, a number, ... ``ODD``: ask Python.
ABSENT, NULL, WORD, ESCAPED, WHOLE, DECIMAL, FLAG, NESTED, ODD = range(9)

_QUOTE, _BACKSLASH, _COMMA, _COLON = 34, 92, 44, 58
_OPEN, _CLOSE, _OPEN_LIST, _CLOSE_LIST = 123, 125, 91, 93
_MINUS, _ZERO, _NINE = 45, 48, 57


@kernel
def _space(data: Bytes, at: int, end: int) -> int:
    while at < end and (data[at] == 32 or data[at] == 9 or data[at] == 10 or data[at] == 13):
        at += 1
    return at


@kernel
def _string(data: Bytes, at: int, end: int) -> tuple[int, bool]:
    """Return where the quote is that closes a string whose text begins at ``at``, -1 if there is none."""
    escaped = False
    while at < end:
        c = data[at]
        if c == _QUOTE:
            return at, escaped
        if c < 32:
            return -1, escaped
        if c == _BACKSLASH:
            escaped = True
            at += 1
        at += 1
    return -1, escaped


@kernel
def _value(data: Bytes, at: int, end: int) -> int:
    """Return the end of the value that begins at ``at``, -1 if it has none."""
    if at >= end:
        return -1
    if data[at] == _QUOTE:
        close, _ = _string(data, at + 1, end)
        return close + 1 if close >= 0 else -1
    if data[at] != _OPEN and data[at] != _OPEN_LIST:
        while at < end and data[at] > 32 and data[at] != _COMMA and data[at] != _CLOSE and data[at] != _CLOSE_LIST:
            at += 1
        return at
    depth = 0
    while at < end:
        c = data[at]
        if c == _QUOTE:
            at, _ = _string(data, at + 1, end)
            if at < 0:
                return -1
        elif c in (_OPEN, _OPEN_LIST):
            depth += 1
        elif c in (_CLOSE, _CLOSE_LIST):
            depth -= 1
            if depth == 0:
                return at + 1
        at += 1
    return -1


@kernel
def _member(data: Bytes, at: int, end: int, key: Bytes) -> tuple[int, int, int]:
    """Find a key in the object that begins at ``at``.

    Returns where its value begins and ends (0, 0: there is none), and where the object ends (-1: ask Python). Of
    several the last counts, as Python has it.
    """
    lo = hi = 0
    at = _space(data, at + 1, end)
    if at < end and data[at] == _CLOSE:
        return lo, hi, at + 1
    while at < end and data[at] == _QUOTE:
        begin = at + 1
        close, escaped = _string(data, begin, end)
        if close < 0 or escaped:
            return lo, hi, -1
        at = _space(data, close + 1, end)
        if at >= end or data[at] != _COLON:
            return lo, hi, -1
        at = _space(data, at + 1, end)
        stop = _value(data, at, end)
        if stop <= at:
            return lo, hi, -1
        if close - begin == len(key):
            same = True
            for i in range(len(key)):
                if data[begin + i] != key[i]:
                    same = False
                    break
            if same:
                lo, hi = at, stop
        at = _space(data, stop, end)
        if at < end and data[at] == _CLOSE:
            return lo, hi, at + 1
        if at >= end or data[at] != _COMMA:
            return lo, hi, -1
        at = _space(data, at + 1, end)
    return lo, hi, -1


@kernel
def _is(data: Bytes, lo: int, hi: int, word: Bytes) -> bool:
    same = hi - lo == len(word)
    for i in range(len(word)):
        same = same and data[lo + i] == word[i]
    return same


@kernel
def _kind(data: Bytes, lo: int, hi: int, words: tuple[Bytes, Bytes, Bytes]) -> int:
    c = data[lo]
    if c == _QUOTE:
        _, escaped = _string(data, lo + 1, hi)
        return ESCAPED if escaped else WORD
    if c in (_OPEN, _OPEN_LIST):
        return NESTED
    if c == _MINUS or _ZERO <= c <= _NINE:
        begin = lo + 1 if c == _MINUS else lo
        for i in range(begin, hi):
            if data[i] < _ZERO or data[i] > _NINE:
                return DECIMAL
        # "-", "-0" and "007" are not what a whole number looks like.
        return WHOLE if (hi > begin and data[begin] != _ZERO) or (c == _ZERO and hi == lo + 1) else DECIMAL
    if _is(data, lo, hi, words[0]) or _is(data, lo, hi, words[1]):
        return FLAG
    return NULL if _is(data, lo, hi, words[2]) else ODD


@kernel
def members(
    offsets: Places, data: Bytes, keys: Bytes, ends: Places, words: tuple[Bytes, Bytes, Bytes]
) -> tuple[npt.NDArray[np.uint8], Places, Places]:
    """Find the value that a way of keys leads to, in each text.

    Parameters
    ----------
    offsets, data : arrays
        The texts, as Arrow keeps them.
    keys, ends : arrays
        The keys one after another, and where each ends.
    words : tuple of arrays
        ``true``, ``false`` and ``null``.

    Returns
    -------
    tuple of arrays (n,)
        What it is, and where it begins and ends in ``data``: of a string without its quotes.
    """
    n = len(offsets) - 1
    kinds = np.zeros(n, np.uint8)
    lows = np.zeros(n, np.int32)
    highs = np.zeros(n, np.int32)
    for row in range(n):
        end = offsets[row + 1]
        lo, hi = _space(data, offsets[row], end), end
        kind = NESTED
        before = 0
        for k in range(len(ends)):
            if lo >= hi or data[lo] != _OPEN:
                kind = ABSENT if k else ODD
                break
            value, stop, close = _member(data, lo, hi, keys[before : ends[k]])
            if close < 0 or (k == 0 and _space(data, close, end) < end):
                kind = ODD
                break
            if stop == 0:
                kind = ABSENT
                break
            lo, hi, before = value, stop, ends[k]
        if kind == NESTED:
            kind = _kind(data, lo, hi, words)
            if kind == WORD:
                lo, hi = lo + 1, hi - 1
        kinds[row], lows[row], highs[row] = kind, lo, hi
    return kinds, lows, highs


@kernel
def cut(data: Bytes, lows: Places, highs: Places, chosen: npt.NDArray[np.bool_]) -> tuple[Places, Bytes]:
    """Return the chosen pieces as Arrow keeps texts: offsets (n + 1) and bytes; of the others nothing."""
    offsets = np.zeros(len(lows) + 1, np.int32)
    for row in range(len(lows)):
        offsets[row + 1] = offsets[row] + (highs[row] - lows[row] if chosen[row] else 0)
    out = np.empty(offsets[-1], np.uint8)
    for row in range(len(lows)):
        if chosen[row]:
            out[offsets[row] : offsets[row + 1]] = data[lows[row] : highs[row]]
    return offsets, out
