"""What is proposed for an unknown file: a mapping with its reasons, options, an adapter, the command."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cartpath.ingest import fitting
from cartpath.ingest.mapping import rules
from cartpath.ingest.mapping.choice import Choice, choose
from cartpath.ingest.mapping.event_names import meaning
from cartpath.ingest.mapping.facts import Facts, facts_of
from cartpath.ingest.mapping.sample import Sample, sample
from cartpath.ingest.mapping.sets import fitting_set
from cartpath.ingest.readers import flat
from cartpath.ingest.sources import expand
from cartpath.schema import REQUIRED, CartpathError, Columns

#: Files of a source whose columns are compared.
_LOOKED_AT = 50


@dataclass
class Proposal:
    """How a file could be read; ``to_dict`` is what ``cartpath map --json`` prints.

    Attributes
    ----------
    source, file, format : str
        What was asked for, and the file that was looked at.
    rows_sampled : int
    columns : list of Facts
    choices : dict of canonical column to Choice
    unmapped : list of str
        Columns that would not be read.
    options : dict of str to str
        Of the ingest.
    events : dict of source event to canonical event
        Names in the log that mean a canonical event.
    adapter : dict or None
        A built-in adapter that fits: ``name``, ``why``.
    missing : list of str
        Required columns that were not found.
    warnings : list of str
    command : str
        Reads the source as proposed, into a workspace ``SHOP``.
    whole : bool
        Whether the command reads all files of the source: they are a set that an adapter knows, or look alike.
    """

    source: str
    file: str
    format: str
    rows_sampled: int
    columns: list[Facts]
    choices: dict[str, Choice] = field(default_factory=dict)
    unmapped: list[str] = field(default_factory=list)
    options: dict[str, str] = field(default_factory=dict)
    events: dict[str, str] = field(default_factory=dict)
    adapter: dict[str, str] | None = None
    missing: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    command: str = ""
    whole: bool = False

    @property
    def mapping(self) -> dict[str, str]:
        """The mapping as ``ingest`` takes it."""
        return {name: choice.column for name, choice in self.choices.items()}

    @property
    def usable(self) -> bool:
        """Whether the command can be run."""
        return self.adapter is not None or not self.missing

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {
            "source": self.source,
            "file": self.file,
            "format": self.format,
            "rows_sampled": self.rows_sampled,
            "columns": [facts.to_dict() for facts in self.columns],
            "map": self.mapping,
            "reasons": {name: choice.to_dict() for name, choice in self.choices.items()},
            "unmapped": self.unmapped,
            "options": self.options,
            "events": self.events,
            "adapter": self.adapter,
            "missing": self.missing,
            "warnings": self.warnings,
            "command": self.command,
        }


def propose(source: str, delimiter: str = "") -> Proposal:
    r"""Look at the first rows of a source and propose how to read it.

    Parameters
    ----------
    source : str
        A file, or a folder or glob, of which the first readable file is looked at.
    delimiter : str
        Of CSV; told from the header if empty.

    Returns
    -------
    Proposal

    Raises
    ------
    CartpathError
        If nothing can be read.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "log.csv"
    >>> _ = file.write_text("Customer ID,when,action,sku\n1,2020-01-01,buy,a\n1,2020-01-02,view,b\n")
    >>> found = propose(str(file))
    >>> found.mapping, found.events
    ({'user_id': 'Customer ID', 'ts': 'when', 'event': 'action', 'item_id': 'sku'}, {'buy': 'purchase'})
    """
    files = expand([source])
    looked = sample(source, delimiter)
    table = looked.table
    columns = [facts_of(name, table[name]) for name in table.column_names]
    found = Proposal(source, str(looked.file), looked.format, len(table), columns)
    of_set = fitting_set(files) if len(files) > 1 else None
    found.adapter = of_set or fitting.fitting_file(looked.file, table.column_names)
    found.whole = of_set is not None or (len(files) > 1 and _alike(files, delimiter))
    found.choices = choose(columns)
    wary = rules.amend(found.choices, table, columns)
    found.warnings = ([] if found.adapter else wary) + _of_sample(looked, found.whole)
    known = {facts.name: facts for facts in columns}
    taken = {*found.mapping.values(), *rules.read_anyway(found.choices, known)}
    found.unmapped = [name for name in known if name not in taken]
    found.missing = [name for name in REQUIRED if name not in found.choices]
    found.events = _renamed(known.get(found.mapping.get(Columns.event, "")))
    found.options = rules.options(found.choices, known, found.events)
    if delimiter:
        found.options["delimiter"] = delimiter
    found.command = _command(found, table.column_names)
    return found


def _alike(files: list[Path], delimiter: str) -> bool:
    """Whether files, the first of many, have the same columns, so that one mapping does for all."""
    try:
        return len({tuple(flat.columns_of(file, delimiter)) for file in files[:_LOOKED_AT]}) == 1
    except CartpathError:
        return False


def _of_sample(looked: Sample, whole: bool) -> list[str]:
    said = []
    if looked.others and not whole:
        said.append(f"looked at {looked.file} alone; the source has {looked.others:,} more files")
    if looked.bad:
        said.append(f"{looked.bad:,} of the first rows cannot be read; ingest would quarantine them")
    if rules.is_headerless(looked):
        others = " or ".join(fitting.without_header(looked.table.num_columns))
        may = f"; files of {others} have as many columns and no header" if others else ""
        said.append(f"the first line looks like data, not like a header: its values are taken as names of columns{may}")
    return said


def _renamed(event: Facts | None) -> dict[str, str]:
    if event is None:
        return {}
    means = {word: meaning(word) for word in event.words}
    return {word: name for word, name in means.items() if name is not None and name != word}


def _command(found: Proposal, names: list[str]) -> str:
    words = ["cartpath", "ingest", "SHOP", found.source if found.whole else found.file]
    if found.adapter is not None:
        return shlex.join([*words, "--adapter", found.adapter["name"]])
    words += ["--adapter", "generic"]
    for name, column in found.mapping.items():
        if name != column or name not in names:
            words += ["--map", f"{name}={column}"]
    for name, value in found.options.items():
        words += ["--option", f"{name}={value}"]
    return shlex.join(words)
