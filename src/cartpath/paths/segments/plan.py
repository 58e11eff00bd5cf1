"""A segment bound to a store: what scans ask who belongs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cartpath import config
from cartpath.paths.segments.atoms import Atom
from cartpath.paths.segments.compiler import Compiler
from cartpath.paths.segments.language import parse
from cartpath.store import PathView, Snapshot


@dataclass(frozen=True)
class SegmentWords:
    """What a result says of a segment: plain data, so that answers can be kept.

    Attributes
    ----------
    text : str
        As it was asked: a name or an expression.
    expression : str
        What a name stands for.
    warnings : tuple of str
    """

    text: str
    expression: str
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Refused:
    """A definition that cannot be read, or names what is not there.

    Attributes
    ----------
    name, expression : str
    problem, hint : str
        What is wrong, and what to do about it.
    """

    name: str
    expression: str
    problem: str
    hint: str = ""

    @property
    def warning(self) -> str:
        """What a reader of the others should know."""
        what = self.problem if self.name in self.problem else f"segment {self.name}: {self.problem}"
        return f"{what}; {self.hint}" if self.hint else what


@dataclass(frozen=True)
class SegmentPlan:
    """A set of users, as scans read it; it may be pickled.

    Attributes
    ----------
    text : str
        As it was asked: a name or an expression.
    expression : str
        What a name stands for.
    atom : Atom
    warnings : tuple of str
        Events and values that were never seen, ids of lists that are not in the store.
    behaviour : bool
        Whether it depends on what users did, anywhere in it.
    """

    text: str
    expression: str
    atom: Atom
    warnings: tuple[str, ...] = ()
    behaviour: bool = False

    @property
    def words(self) -> str:
        """The segment as a sentence says it."""
        return self.text if self.text == self.expression else f"{self.text} ({self.expression})"

    @property
    def said(self) -> SegmentWords:
        """What results say of it."""
        return SegmentWords(self.text, self.expression, self.warnings)

    def mask(self, view: PathView) -> npt.NDArray[np.bool_]:
        """Return for each user of a bucket whether they belong, bool (n_users,)."""
        return self.atom.mask(view)


def expressions_of(snap: Snapshot) -> Mapping[str, str]:
    """Return the segments of a workspace, name -> expression, as ``cartpath.toml`` has them now."""
    return config.load(snap.workspace).segments.expressions


def compile_segment(
    snap: Snapshot, text: str, named: Mapping[str, str] | None = None, time_zone: str = "UTC"
) -> SegmentPlan:
    """Bind a segment to a store.

    Parameters
    ----------
    snap : Snapshot
    text : str
        A name of ``[segments]``, or an expression.
    named : mapping of str to str, optional
        Segments that it may name; by default those of the workspace.
    time_zone : str
        Of dates and clock times in it.

    Returns
    -------
    SegmentPlan

    Raises
    ------
    CartpathError
        If it cannot be read, or a segment, a property or a file is not there: what is wrong and what to write.

    Examples
    --------
    >>> import tempfile
    >>> from cartpath import store
    >>> folder = tempfile.mkdtemp() + "/shop"
    >>> store.init(folder)
    >>> with store.open_snapshot(folder) as snapshot:
    ...     compile_segment(snapshot, "buyers & vip", {"buyers": "did purchase", "vip": "did not refund"}).warnings[0]
    "no event 'purchase' was ever seen; the store has no events"
    """
    names = expressions_of(snap) if named is None else named
    text = text.strip()
    compiler = Compiler(snap, names, time_zone)
    known = text in names
    atom = compiler.named(text) if known else compiler.atom(parse(text, time_zone=time_zone))
    return SegmentPlan(
        text, names[text] if known else text, atom, tuple(dict.fromkeys(compiler.warnings)), compiler.behaviour
    )
