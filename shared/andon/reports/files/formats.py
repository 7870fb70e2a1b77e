"""The kinds of file that a dataset can be, told by name and checked against the first bytes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePath

from andon.reports.errors import UnreadableDataset, UnsupportedMediaType

GZIP_MAGIC = b"\x1f\x8b"
PARQUET_MAGIC = b"PAR1"
WORKBOOK_MAGIC = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")


@dataclass(frozen=True)
class Format:
    name: str
    title: str
    media_type: str
    suffixes: tuple[str, ...]

    @property
    def is_text(self) -> bool:
        return self.name not in {"parquet", "excel"}

    @property
    def is_json(self) -> bool:
        return self.name in {"jsonl", "json"}


FORMATS = (
    Format("csv", "CSV", "text/csv", (".csv",)),
    Format("tsv", "TSV", "text/tab-separated-values", (".tsv", ".tab")),
    Format("jsonl", "JSON Lines", "application/x-ndjson", (".jsonl", ".ndjson")),
    Format("json", "JSON", "application/json", (".json",)),
    Format(
        "excel",
        "an Excel workbook",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods"),
    ),
    Format("parquet", "Parquet", "application/vnd.apache.parquet", (".parquet", ".pq")),
)

_FOREIGN = (
    (b"PK\x03\x04", "a ZIP archive or an Excel workbook"),
    (b"%PDF", "a PDF"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
    (b"BZh", "a bzip2 file"),
    (b"\xfd7zXZ", "an xz file"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard file"),
    (b"SQLite format 3", "an SQLite database"),
    (b"\x89PNG", "an image"),
)


def format_of(filename: str) -> Format:
    """The format that a file's name claims; raises `UnsupportedMediaType` for every other name."""
    name = PurePath(filename.lower())
    suffix = PurePath(name.stem).suffix if name.suffix == ".gz" else name.suffix
    for each in FORMATS:
        if suffix in each.suffixes:
            return each
    expected = ", ".join(s for each in FORMATS for s in each.suffixes)
    raise UnsupportedMediaType(
        f"{filename!r} is not a kind of file that is read; expected {expected}, or one of them with .gz"
    )


def is_gzip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == GZIP_MAGIC


def check_content(path: Path, claimed: Format) -> None:
    """Raise `UnreadableDataset` if the (unpacked) file is empty or starts like something else."""
    with path.open("rb") as file:
        head = file.read(16)
    if not head:
        raise UnreadableDataset("the file is empty")
    if claimed.name == "excel":
        if not head.startswith(WORKBOOK_MAGIC):
            raise UnreadableDataset("this is not an Excel workbook: it starts like neither the old nor the new kind")
        return
    found = next((what for magic, what in _FOREIGN if head.startswith(magic)), None)
    if found is None and head.startswith(GZIP_MAGIC):
        found = "a gzip file inside a gzip file"
    if found is None and claimed.is_text and head.startswith(PARQUET_MAGIC):
        found = "a Parquet file"
    if found is not None:
        raise UnreadableDataset(f"the name says {claimed.title}, but the content is {found}")
    if not claimed.is_text and not head.startswith(PARQUET_MAGIC):
        raise UnreadableDataset("this is not a Parquet file: it doesn't start with 'PAR1'")
