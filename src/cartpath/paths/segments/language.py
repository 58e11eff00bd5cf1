"""The language of segments: from a text to a tree of sets of users.

``did purchase & !(country=Germany | vip)``; the language in full is in ``docs/segments.md``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from cartpath.paths.segments.scanner import Scanner
from cartpath.paths.segments.terms import FUNCTIONS, period_of, read_function
from cartpath.paths.segments.tree import Did, Everyone, Has, Named, Node, Period, SetOperation
from cartpath.schema import CartpathError

#: So deep an expression may be nested.
_DEEPEST = 60
_COMPARES = re.compile(r"\s*(!=|<=|>=|==|=|<|>|~)")
_TIMES = r"(>=|<=|!=|==|=|<|>)\s*(\d+)(?:\s+times?\b)?"
_HOW = "join sets with & (both), | (either), - (without), ! (not); values with spaces go in quotes"


def parse(text: str, what: str = "segment", time_zone: str = "UTC") -> Node:
    """Read a segment.

    Parameters
    ----------
    text : str
    what : str
        How it is called in errors, such as ``segment buyers``.
    time_zone : str
        Of dates in it.

    Returns
    -------
    Node
        A tree of sets of users.

    Raises
    ------
    CartpathError
        If the text cannot be read: what is wrong, where, and what to write.

    Examples
    --------
    >>> parse("did purchase & !vip")
    SetOperation(op='&', parts=(Did(pattern='purchase', op='>=', times=1, period=Period(since=None, until=None)),
    SetOperation(op='!', parts=(Named(name='vip'),))))
    """
    if not text.strip():
        raise CartpathError(f"{what} is empty", 'write an expression, such as "did purchase"')
    return _Parser(Scanner(text, what, time_zone)).whole()


@dataclass
class _Parser:
    scanner: Scanner
    depth: int = 0

    def whole(self) -> Node:
        tree = self.either()
        if self.scanner.peek():
            raise self.unread()
        return tree

    def unread(self) -> CartpathError:
        if self.scanner.peek() == ")":
            return self.scanner.error("this ) closes nothing", _HOW)
        if re.match(r"\s*(since|until)\b", self.scanner.rest):
            return self.scanner.error("a period cannot stand here", "it belongs behind did, a condition or reached()")
        return self.scanner.error("an operator is missing", _HOW)

    def either(self) -> Node:
        found = [self.both()]
        while self.scanner.take("||") or self.scanner.take("|") or self.scanner.take_word("or"):
            found.append(self.both())
        return found[0] if len(found) == 1 else SetOperation("|", tuple(found))

    def both(self) -> Node:
        # a & b - c & d is (a & b & d) - c, so the two need no order of precedence, and a long line no deep tree.
        within, without = [self.one()], []
        while True:
            if self.scanner.take("&&") or self.scanner.take("&") or self.scanner.take_word("and"):
                within.append(self.one())
            elif self.scanner.take("-"):
                without.append(self.one())
            else:
                break
        found = within[0] if len(within) == 1 else SetOperation("&", tuple(within))
        return SetOperation("-", (found, *without)) if without else found

    def one(self) -> Node:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise self.scanner.error("nested too deep", "give parts of it names in [segments]")
        try:
            if self.scanner.take("!") or self.scanner.take_word("not"):
                return SetOperation("!", (self.one(),))
            if self.scanner.take("("):
                return self.bracketed()
            return self.term()
        finally:
            self.depth -= 1

    def bracketed(self) -> Node:
        opened = self.scanner.at - 1
        tree = self.either()
        if not self.scanner.take(")"):
            raise self.unread() if self.scanner.peek() else self.scanner.error("( is not closed", _HOW, opened)
        return tree

    def term(self) -> Node:
        start = self.scanner.at
        name = self.scanner.word()
        if re.match(r"\[" if name else r"\*", self.scanner.rest.lstrip()):
            self.scanner.at = start
            event = self.scanner.piece()
            hint = f"write did {event}: who has at least one such event"
            raise self.scanner.error("an event alone is no set of users", hint, start)
        if not name:
            raise self.scanner.error("an expression is missing", "such as did purchase, country=Germany, or a name")
        if name.lower() == "did":
            return self.did()
        if self.scanner.peek() == "(":
            return self.function(name, start)
        if _COMPARES.match(self.scanner.rest):
            return self.condition(name)
        if name.lower() == "everyone":
            return Everyone()
        return Named(name.strip('"'))

    def did(self) -> Node:
        if self.scanner.take_word("not"):
            return SetOperation("!", (self.did(),))
        pattern = self.scanner.piece(stops="<>=!~")
        if not pattern:
            raise self.scanner.error("did what?", "such as did purchase, or did view[category=shoes,price>50]")
        found = self.scanner.match(_TIMES)
        op, times = (">=", 1) if found is None else (found[1].replace("==", "="), int(found[2]))
        if found is None and self.scanner.peek() in tuple("<>=!~"):
            raise self.scanner.error(
                "a number of times is missing", f"did {pattern} >= 2; a condition goes in brackets: {pattern}[price>50]"
            )
        return Did(pattern, op, times, self.period())

    def condition(self, name: str) -> Node:
        found = self.scanner.match(_COMPARES.pattern)
        op = found[1].replace("==", "=") if found else "="
        value = self.scanner.piece()
        if not value:
            raise self.scanner.error(f"{name}{op} needs a value", f'such as {name}{op}"a value"; (none) is no value')
        if self.scanner.peek() == ",":
            raise self.scanner.error(
                "a comma cannot stand here",
                "& joins conditions: country=Germany & device=mobile; did *[country=Germany,"
                "device=mobile] asks for both in one event",
            )
        return Has(f"{name}{op}{value}", self.period())

    def function(self, name: str, start: int) -> Node:
        if name.lower() not in FUNCTIONS:
            raise self.scanner.error(f"no function {name}", f"there are: {', '.join(FUNCTIONS)}", start)
        text, self.scanner.began = self.scanner.inside(), start
        found = read_function(name.lower(), text, self.scanner, self.period)
        self.scanner.began = None
        return found

    def period(self) -> Period:
        since = until = None
        while (is_since := self.scanner.take_word("since")) or self.scanner.take_word("until"):
            word = "since" if is_since else "until"
            moment = self.scanner.piece()
            if not moment or (since if is_since else until) is not None:
                raise self.scanner.error(f"{word} needs one date", f"{word} 2016-08-01")
            since, until = (moment, until) if is_since else (since, moment)
        return period_of(since, until, self.scanner)
