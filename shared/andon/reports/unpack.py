"""From an upload to a plain file that DuckDB reads: unpacked, in UTF-8, with one kind of line ending."""

from __future__ import annotations

import codecs
import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from andon.reports.control import Control
from andon.reports.errors import DatasetTooLarge, UnreadableDataset
from andon.reports.formats import Format, check_content, is_gzip

CHUNK = 1 << 20


@dataclass(frozen=True)
class Plain:
    """A readable file, and what had to be seen through to read it."""

    path: Path
    gzipped: bool
    encoding: str
    bytes: int


def unpack(source: Path, claimed: Format, scratch: Path, limit_bytes: int, control: Control) -> Plain:
    """A plain file for `source`: itself where it is plain already, else a copy in `scratch`.

    Raises `DatasetTooLarge` as soon as more than `limit_bytes` would have been written.
    """
    gzipped = is_gzip(source)
    if gzipped:
        plain = scratch / "unpacked"
        _gunzip(source, plain, limit_bytes, control)
    else:
        plain = source
        if plain.stat().st_size > limit_bytes:
            raise DatasetTooLarge(limit_bytes)
    check_content(plain, claimed)
    size = plain.stat().st_size
    if not claimed.is_text:
        return Plain(plain, gzipped, "binary", size)
    encoding, mixed_line_endings = _scan(plain, control)
    if encoding != "utf-8" or mixed_line_endings:
        rewritten = scratch / "rewritten"
        _rewrite(plain, rewritten, encoding, control)
        plain = rewritten
    return Plain(plain, gzipped, encoding, size)


def _gunzip(source: Path, target: Path, limit_bytes: int, control: Control) -> None:
    written = 0
    try:
        with gzip.open(source, "rb") as packed, target.open("wb") as out:
            for chunk in _chunks(packed, control):
                written += len(chunk)
                if written > limit_bytes:
                    raise DatasetTooLarge(limit_bytes)
                out.write(chunk)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UnreadableDataset(f"the gzip file is damaged after {written:,} unpacked bytes: {error}") from error


def _scan(path: Path, control: Control) -> tuple[str, bool]:
    """The text's encoding, and whether lines end in more than one way."""
    with path.open("rb") as file:
        head = file.read(4)
        if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return "utf-16", True
        with_mark = head.startswith(codecs.BOM_UTF8)
        file.seek(0)
        decoder = codecs.getincrementaldecoder("utf-8")()
        encoding = "utf-8"
        line, unix, dos, mac = 1, 0, 0, 0
        last = b""
        for chunk in _chunks(file, control):
            if b"\0" in chunk:
                line += chunk[: chunk.index(b"\0")].count(b"\n")
                raise UnreadableDataset("the file contains a NUL byte: it is not text in UTF-8 or Latin-1", line)
            line += chunk.count(b"\n")
            # A pair that two chunks share is counted where it ends.
            pairs = chunk.count(b"\r\n") + (last == b"\r" and chunk.startswith(b"\n"))
            dos += pairs
            unix += chunk.count(b"\n") - pairs
            mac += chunk.count(b"\r") - pairs
            last = chunk[-1:]
            if encoding == "utf-8":
                try:
                    decoder.decode(chunk)
                except UnicodeDecodeError:
                    encoding = "latin-1"
        if encoding == "utf-8":
            try:
                decoder.decode(b"", final=True)
            except UnicodeDecodeError:
                encoding = "latin-1"
    if encoding == "latin-1":
        encoding = _western(path, control)
    elif with_mark:
        encoding = "utf-8-sig"
    return encoding, sum(count > 0 for count in (unix, dos, mac)) > 1


def _western(path: Path, control: Control) -> str:
    """Windows-1252 if the bytes allow it (it is what such files nearly always are), else Latin-1."""
    with path.open("rb") as file:
        for chunk in _chunks(file, control):
            try:
                chunk.decode("cp1252")
            except UnicodeDecodeError:
                return "latin-1"
    return "cp1252"


def _rewrite(source: Path, target: Path, encoding: str, control: Control) -> None:
    """Copy text as UTF-8 with `\\n` at the ends of lines."""
    try:
        with (
            source.open(encoding=encoding, newline=None) as text,
            target.open("w", encoding="utf-8", newline="\n") as out,
        ):
            while chunk := text.read(CHUNK):
                control.check()
                out.write(chunk)
    except UnicodeDecodeError as error:
        raise UnreadableDataset(f"the file is not valid {encoding.upper()}: {error.reason}") from error


def _chunks(file: IO[bytes] | gzip.GzipFile, control: Control) -> Iterator[bytes]:
    while chunk := file.read(CHUNK):
        control.check()
        yield chunk
