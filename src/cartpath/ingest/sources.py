"""What the user names: files, folders, globs."""

from __future__ import annotations

import glob
import hashlib
from pathlib import Path

from cartpath.ingest.readers.streams import ByteStream
from cartpath.schema import CartpathError

PACKED = (".gz", ".zst", ".zstd")
_SUFFIXES = {
    ".csv": "csv", ".tsv": "csv", ".txt": "csv", ".dat": "csv", ".psv": "csv",
    ".parquet": "parquet", ".pq": "parquet",
    ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl",
}  # fmt: skip


def format_of(path: Path) -> str | None:
    """Return ``"csv"``, ``"parquet"`` or ``"jsonl"`` by a file's name, None if it does not tell.

    Examples
    --------
    >>> format_of(Path("a/events.csv.gz")), format_of(Path("b.dump"))
    ('csv', None)
    """
    name = path.name.lower()
    for packed in PACKED:
        name = name.removesuffix(packed)
    return _SUFFIXES.get(Path(name).suffix)


def sniff_format(path: Path) -> str:
    """Return a file's format by its name, else by what it holds."""
    with open(path, "rb") as file:
        if file.read(4) == b"PAR1":
            return "parquet"
    named = format_of(path)
    if named:
        return named
    with ByteStream(path) as stream:
        head = stream.read(1024).removeprefix(b"\xef\xbb\xbf").lstrip()
    return "jsonl" if head.startswith((b"{", b"[")) else "csv"


def expand(sources: list[str]) -> list[Path]:
    """Return the files that are meant, in order: as named, and within a folder or glob by name.

    Raises
    ------
    CartpathError
        If something named does not exist, or a folder has no file that can be read.
    """
    found: dict[Path, None] = {}
    for source in sources:
        for path in _expand(source):
            found.setdefault(path)
    if not found:
        raise CartpathError("no source given", "name a file, a folder or a glob")
    return list(found)


def _expand(source: str) -> list[Path]:
    path = Path(source)
    if path.is_dir():
        files = sorted(p for p in path.rglob("*") if p.is_file() and format_of(p) and not _is_hidden(p, path))
        if not files:
            raise CartpathError(f"no file to read in {source}", "it needs .csv, .parquet or .jsonl files (.gz, .zst)")
        return files
    if path.is_file():
        return [path]
    matches = sorted(glob.glob(source, recursive=True))
    if not matches:
        raise CartpathError(f"no such file, folder or glob: {source}")
    return [file for match in matches for file in _expand(match)]


def _is_hidden(path: Path, under: Path) -> bool:
    return any(part.startswith((".", "_")) for part in path.relative_to(under).parts)


def content_hash(path: Path) -> str:
    """Return the SHA-256 of a file's bytes."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
