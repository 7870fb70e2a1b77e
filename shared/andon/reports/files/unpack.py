"""From an upload to a plain file that DuckDB reads: unpacked, in UTF-8, with one kind of line ending."""

from __future__ import annotations

import codecs
import gzip
import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from andon.reports.control import Control
from andon.reports.errors import DatasetTooLarge, UnreadableDataset
from andon.reports.files import encodings
from andon.reports.files.formats import Format, check_content, is_gzip

CHUNK = 1 << 20
READING = "reading the dataset"


@dataclass(frozen=True)
class Plain:
    """A readable file, and what had to be seen through to read it: `mixed` line endings among it."""

    path: Path
    gzipped: bool
    encoding: str
    mixed: bool
    bytes: int


def unpack(
    source: Path,
    claimed: Format,
    scratch: Path,
    limit_bytes: int,
    control: Control,
    *,
    encoding: str | None = None,
    mixed: bool | None = None,
) -> Plain:
    """A plain file for `source`: itself where it is plain already, else a copy in `scratch`.

    `encoding` and `mixed`, where they are known, are taken as they are. Raises `DatasetTooLarge` as soon as more than
    `limit_bytes` would have been written.
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
        return Plain(plain, gzipped, "binary", False, size)
    if encoding is None:
        likely, mixed = _scan(plain, control)
    else:
        likely = [encoding]
        if mixed is None:
            mixed = True
    if likely != ["utf-8"] or mixed:
        rewritten = scratch / "rewritten"
        encoding = _rewrite_in_any(plain, rewritten, likely, control)
        return Plain(rewritten, gzipped, encoding, mixed, size)
    return Plain(plain, gzipped, likely[0], mixed, size)


def _gunzip(source: Path, target: Path, limit_bytes: int, control: Control) -> None:
    written = 0
    try:
        with gzip.open(source, "rb") as packed, target.open("wb") as out:
            size = source.stat().st_size
            for chunk in _chunks(packed, control):
                control.progress(os.lseek(packed.fileno(), 0, os.SEEK_CUR) / size, READING)
                written += len(chunk)
                if written > limit_bytes:
                    raise DatasetTooLarge(limit_bytes)
                out.write(chunk)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UnreadableDataset(f"the gzip file is damaged after {written:,} unpacked bytes: {error}") from error


def _scan(path: Path, control: Control) -> tuple[list[str], bool]:
    """The encodings that the text may be in, the likeliest first, and whether lines end in more than one way."""
    with path.open("rb") as file:
        head = file.read(4096)
        marked = encodings.mark_of(head)
        if marked:
            return [marked], True
        with_mark = head.startswith(codecs.BOM_UTF8)
        file.seek(0)
        decoder = codecs.getincrementaldecoder("utf-8")()
        unicode = True
        line, unix, dos, mac = 1, 0, 0, 0
        last = b""
        for chunk in _chunks(file, control):
            if b"\0" in chunk:
                line += chunk[: chunk.index(b"\0")].count(b"\n")
                raise UnreadableDataset("the file contains a NUL byte: it is not text in any encoding known", line)
            line += chunk.count(b"\n")
            # A pair that two chunks share is counted where it ends.
            pairs = chunk.count(b"\r\n") + (last == b"\r" and chunk.startswith(b"\n"))
            dos += pairs
            unix += chunk.count(b"\n") - pairs
            mac += chunk.count(b"\r") - pairs
            last = chunk[-1:]
            unicode = unicode and _decodes(decoder, chunk)
        unicode = unicode and _decodes(decoder, b"", final=True)
    mixed = sum(count > 0 for count in (unix, dos, mac)) > 1
    if not unicode:
        return encodings.ranked(path), mixed
    return ["utf-8-sig" if with_mark else "utf-8"], mixed


def _decodes(decoder: codecs.IncrementalDecoder, chunk: bytes, final: bool = False) -> bool:
    try:
        decoder.decode(chunk, final)
    except UnicodeDecodeError:
        return False
    return True


def _rewrite_in_any(source: Path, target: Path, likely: list[str], control: Control) -> str:
    """Rewrite the text from the first encoding that all of it is in."""
    for encoding in likely[:-1]:
        try:
            _rewrite(source, target, encoding, control)
        except UnicodeError:
            continue
        return encoding
    try:
        _rewrite(source, target, likely[-1], control)
    except UnicodeError as error:
        raise UnreadableDataset(f"the file is not valid {likely[-1].upper()}: {error}") from error
    return likely[-1]


def _rewrite(source: Path, target: Path, encoding: str, control: Control) -> None:
    """Copy text as UTF-8 with `\\n` at the ends of lines."""
    with (
        source.open(encoding=encoding, newline=None) as text,
        target.open("w", encoding="utf-8", newline="\n") as out,
    ):
        size = source.stat().st_size
        while chunk := text.read(CHUNK):
            control.check()
            control.progress(os.lseek(text.fileno(), 0, os.SEEK_CUR) / size, READING)
            out.write(chunk)


def _chunks(file: IO[bytes] | gzip.GzipFile, control: Control) -> Iterator[bytes]:
    while chunk := file.read(CHUNK):
        control.check()
        yield chunk
