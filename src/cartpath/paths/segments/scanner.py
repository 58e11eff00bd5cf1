"""Reads a segment's text piece by piece, and says where it cannot go on."""

from __future__ import annotations

import re

from cartpath.schema import CartpathError

_SPACE = re.compile(r"\s*")
#: What ends a name, a pattern or a value that is not in quotes or brackets.
_ENDS = frozenset(" \t\r\n&(),;")
_CLOSES = {"(": ")", "[": "]"}


class Scanner:
    """A text and a place in it.

    Parameters
    ----------
    text : str
    what : str
        How the text is called in errors.
    time_zone : str
        Of dates in it.

    Examples
    --------
    >>> scanner = Scanner('did view[page="a b"] & vip')
    >>> scanner.word(), scanner.piece(), scanner.take("&"), scanner.rest
    ('did', 'view[page="a b"]', True, ' vip')
    """

    def __init__(self, text: str, what: str = "segment", time_zone: str = "UTC") -> None:
        self.text = text
        self.what = what
        self.time_zone = time_zone
        self.at = 0
        #: Where the term begins that is being read, for errors within it; None: at the next sign.
        self.began: int | None = None

    @property
    def rest(self) -> str:
        """What was not read yet."""
        return self.text[self.at :]

    def skip(self) -> None:
        """Go over space."""
        found = _SPACE.match(self.text, self.at)
        self.at = found.end() if found else self.at

    def peek(self) -> str:
        """Return the next sign that is no space; empty at the end."""
        self.skip()
        return self.text[self.at : self.at + 1]

    def take(self, literal: str) -> bool:
        """Read a sign if it is next."""
        self.skip()
        if not self.text.startswith(literal, self.at):
            return False
        self.at += len(literal)
        return True

    def match(self, pattern: str) -> re.Match[str] | None:
        """Read what a pattern matches, if it is next."""
        self.skip()
        found = re.compile(pattern).match(self.text, self.at)
        if found is not None:
            self.at = found.end()
        return found

    def word(self) -> str:
        """Read a name, as it is or in quotes; empty if there is none."""
        found = self.match(r'[^\W\d][\w.]*|"(?:[^"\\]|\\.)*"')
        return "" if found is None else found.group()

    def take_word(self, *words: str) -> bool:
        """Read one of some words, in any case, if it is next."""
        return self.match(rf"(?i:{'|'.join(words)})(?![\w.])") is not None

    def piece(self, stops: str = "") -> str:
        """Read a pattern or a value: up to a space or an operator that is not in quotes or brackets.

        A ``|`` without space around it belongs to the piece (``checkout|purchase``), one with space does not.
        """
        self.skip()
        start = self.at
        while self.at < len(self.text):
            sign = self.text[self.at]
            if sign == '"':
                self._quoted()
            elif sign == "[" or (sign == "(" and self._begins_value(start)):
                self.inside()
            elif sign in _ENDS or sign in stops or (sign == "|" and self._ends_here()):
                break
            else:
                self.at += 1
        return self.text[start : self.at]

    def inside(self) -> str:
        """Read from an opening bracket to the one that closes it, and return what is between."""
        start, open_ = self.at, [self.text[self.at]]
        self.at += 1
        while open_:
            if self.at >= len(self.text):
                self.at = start
                raise self.error(f"{open_[0]} is not closed", f"write the {_CLOSES[open_[0]]} that belongs to it")
            sign = self.text[self.at]
            if sign == '"':
                self._quoted()
                continue
            if sign in _CLOSES:
                open_.append(sign)
            elif sign == _CLOSES[open_[-1]]:
                open_.pop()
            self.at += 1
        return self.text[start + 1 : self.at - 1]

    def _quoted(self) -> None:
        found = re.compile(r'"(?:[^"\\]|\\.)*"').match(self.text, self.at)
        if found is None:
            raise self.error("a quote is not closed", 'write a second "')
        self.at = found.end()

    def _begins_value(self, start: int) -> bool:
        # (none) and (not set) are values; elsewhere a ( is not part of a piece.
        return self.at == start or self.text[self.at - 1] in "|="

    def _ends_here(self) -> bool:
        after = self.text[self.at + 1 : self.at + 2]
        return self.at == 0 or self.text[self.at - 1].isspace() or not after or after.isspace() or after in "(!"

    def error(self, problem: str, hint: str = "", at: int | None = None) -> CartpathError:
        """Return an error that shows the text and the place."""
        at = at if at is not None else self.at if self.began is None else self.began
        rest = self.text[at:].strip()
        place = f"at {rest!r}" if rest else "at its end"
        return CartpathError(f"{self.what} {self.text.strip()!r}: {problem}, {place}", hint)
