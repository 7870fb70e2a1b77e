"""What an upload may be, what it is found to be, and how a bad one is refused."""

from __future__ import annotations

import gzip
import json
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pytest

from andon.embedded.sample import sample_files
from andon.reports import DatasetTooLarge, NoControl, UnreadableDataset, UnsupportedMediaType
from andon.reports.datasets import DatasetInfo, ensure_parquet, inspect_dataset

TABLE = "name,amount,day\nAda,1,2024-01-01\nBob,2.5,2024-01-02\n"


def put(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def inspect(folder: Path, name: str, content: str | bytes) -> DatasetInfo:
    return inspect_dataset(put(folder, name, content), name)


def types(info: DatasetInfo) -> dict[str, str]:
    return {column.name: column.type for column in info.columns}


def rows(folder: Path, name: str, content: str | bytes) -> list[Any]:
    parquet = ensure_parquet(put(folder, name, content), name, folder / "scratch")
    return duckdb.connect().execute("FROM read_parquet(?)", [str(parquet)]).fetchall()


def test_a_column_shows_what_stands_in_its_first_rows_as_the_file_has_it(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("amount;name\n1,50;a\n;b\n" + f"3,50;{'c' * 100}\n" * 9)
    amount, name = inspect_dataset(path, path.name).columns
    assert amount.first == ("1,50", None, "3,50", "3,50", "3,50")
    assert name.first[2] == "c" * 60


def test_csv_is_read_with_its_types(tmp_path: Path) -> None:
    info = inspect(tmp_path, "t.csv", TABLE)
    assert (info.format, info.media_type, info.rows) == ("csv", "text/csv", 2)
    assert types(info) == {"name": "text", "amount": "number", "day": "date"}


def test_tsv_is_split_at_tabs_alone(tmp_path: Path) -> None:
    info = inspect(tmp_path, "t.tsv", "a,b;c\td\n1,2;3\t4\n")
    assert types(info) == {"a,b;c": "text", "d": "integer"}


def test_json_lines_give_a_column_per_key(tmp_path: Path) -> None:
    info = inspect(tmp_path, "t.jsonl", '{"a": 1, "when": "2024-01-01T10:00:00Z"}\n{"a": "NA", "more": {"x": 1}}\n')
    assert info.rows == 2
    assert types(info) == {"a": "integer", "when": "timestamp", "more.x": "integer"}


def test_parquet_is_read_by_its_schema(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    duckdb.connect().execute(
        f"COPY (SELECT 1::DECIMAL(9,2) AS d, [1, 2] AS l, TIMESTAMPTZ '2024-01-01 00:00:00+00' AS t, "
        f"'nan'::DOUBLE AS n, 7::UTINYINT AS i, true AS b) TO '{path}' (FORMAT parquet)"
    )
    info = inspect_dataset(path, "t.parquet")
    assert types(info) == {
        "d": "number",
        "l": "text",
        "t": "timestamp",
        "n": "number",
        "i": "integer",
        "b": "boolean",
    }


@pytest.mark.parametrize("name", ["t.csv", "t.tsv", "t.jsonl", "t.parquet"])
def test_every_format_is_read_gzipped_as_well(tmp_path: Path, name: str) -> None:
    form = {"csv": "FORMAT csv", "tsv": "FORMAT csv, DELIM '\t'", "jsonl": "FORMAT json", "parquet": "FORMAT parquet"}
    path = tmp_path / name
    query = "SELECT i, i * 1.5 AS x FROM range(1000) t(i)"
    duckdb.connect().execute(f"COPY ({query}) TO '{path}' ({form[path.suffix[1:]]})")
    info = inspect(tmp_path, name + ".gz", gzip.compress(path.read_bytes()))
    assert (info.rows, info.gzipped, types(info)) == (1000, True, {"i": "integer", "x": "number"})


def test_empty_values_and_na_are_missing(tmp_path: Path) -> None:
    assert rows(tmp_path, "t.csv", 'a,b\n1,x\nNA,""\n,NA\n') == [(1, "x"), (None, None), (None, None)]


def test_na_far_down_the_file_leaves_a_column_numeric(tmp_path: Path) -> None:
    text = "a,b\n" + "1,2\n" * 30_000 + "NA,3\n"
    assert types(inspect(tmp_path, "t.csv", text)) == {"a": "integer", "b": "integer"}


def test_one_late_word_makes_a_column_text(tmp_path: Path) -> None:
    text = "a,b\n" + "1,2\n" * 30_000 + "x,3.5\n"
    assert types(inspect(tmp_path, "t.csv", text)) == {"a": "text", "b": "number"}


def test_names_that_look_like_numbers_stay_text(tmp_path: Path) -> None:
    assert types(inspect(tmp_path, "t.csv", "a,b,c\n0x10,1_000,t\n0x11,1_001,f\n")) == dict.fromkeys("abc", "text")


def test_a_timestamp_keeps_its_time(tmp_path: Path) -> None:
    assert types(inspect(tmp_path, "t.csv", "a\n2024-01-01 10:00:00\n2024-01-02 11:00:00\n")) == {"a": "timestamp"}


@pytest.mark.parametrize(("value", "type_"), [("31/12/2024", "date"), ("12/31/2024", "date"), ("01/02/2024", "date")])
def test_a_date_is_read_whichever_of_day_and_month_comes_first(tmp_path: Path, value: str, type_: str) -> None:
    assert types(inspect(tmp_path, "t.csv", f"a,b\n{value},1\n{value},2\n"))["a"] == type_


def test_nan_and_infinity_count_as_missing(tmp_path: Path) -> None:
    assert rows(tmp_path, "t.csv", "a,b\n1.5,x\nnan,y\n-inf,z\n") == [(1.5, "x"), (None, "y"), (None, "z")]


def test_quoted_newlines_crlf_and_doubled_quotes_are_read(tmp_path: Path) -> None:
    assert rows(tmp_path, "t.csv", 'a,b\r\n1,"x\r\ny ""z"""\r\n2,w\r\n') == [(1, 'x\r\ny "z"'), (2, "w")]


def test_mixed_line_endings_are_read(tmp_path: Path) -> None:
    assert rows(tmp_path, "t.csv", "a,b\n1,2\r\n3,4\r5,6\n") == [(1, 2), (3, 4), (5, 6)]


@pytest.mark.parametrize(
    ("encoding", "seen"), [("utf-8-sig", "utf-8-sig"), ("latin-1", "cp1252"), ("utf-16", "utf-16"), ("utf-8", "utf-8")]
)
def test_encodings_are_recognised(tmp_path: Path, encoding: str, seen: str) -> None:
    content = "größe,b\nnaïve,2\n".encode(encoding)
    assert rows(tmp_path, "t.csv", content) == [("naïve", 2)]
    info = inspect(tmp_path, "t.csv", content)
    assert (info.encoding, types(info)) == (seen, {"größe": "text", "b": "integer"})


def test_a_file_without_a_header_gets_numbered_columns(tmp_path: Path) -> None:
    assert rows(tmp_path, "t.csv", "1;a\n2;b\n") == [(1, "a"), (2, "b")]
    assert types(inspect(tmp_path, "t.csv", "1;a\n2;b\n")) == {"column1": "integer", "column2": "text"}


def test_years_may_be_headers(tmp_path: Path) -> None:
    assert types(inspect(tmp_path, "t.csv", "who,2023,2024\nx,1,2\n")) == {
        "who": "text",
        "2023": "integer",
        "2024": "integer",
    }


def test_names_of_columns_are_made_unique(tmp_path: Path) -> None:
    assert list(types(inspect(tmp_path, "t.csv", ',a,A,a,"q""{0}\'"\n1,2,3,4,5\n'))) == [
        "column1",
        "a",
        "A_2",
        "a_3",
        "q\"{0}'",
    ]


BAD = [
    ("empty.csv", "", None, "empty"),
    ("blank.csv", " \n \n", None, "empty"),
    ("header.csv", "a,b\n", None, "no rows"),
    ("prose.csv", "This is a letter, dear reader,\nand no table at all.\nIt goes on.\n", 2, "expected 3 values"),
    ("prose.csv", "It was a bright cold day in April\nand the clocks were striking thirteen\n", 1, "prose"),
    ("short.csv", "a,b\n1,2\n3\n4,5\n", 3, "expected 2 values, found 1"),
    ("long.csv", "a,b\n1,2\n3,4,5\n", 3, "expected 2 values, found 3"),
    ("after_quoted.csv", 'a,b\n1,"x\ny"\n3\n', 4, "expected 2 values, found 1"),
    ("late.csv", "a,b\n" + "1,2\n" * 60_000 + "3\n", 60_002, "expected 2 values, found 1"),
    ("quote.csv", 'a,b\n1,2\n3,"x\n', 3, "quote"),
    ("junk_after_quote.csv", 'a,b\n1,2\n3,"x"y\n', 3, "quote"),
    ("nul.csv", "a,b\n1,\0\n", 2, "NUL"),
    ("book.csv", b"PK\x03\x04" + bytes(30), None, "Excel"),
    ("pq.csv", b"PAR1" + bytes(30), None, "Parquet"),
    ("bad.jsonl", '{"a": 1}\n\n{"a": \n{"a": 2}\n', 3, "one JSON object per line"),
    (
        "cut.jsonl",
        '{"a": 1}\n{"a": \n',
        2,
        "line 2: expected one JSON object per line: Expecting value at character 8$",
    ),
    ("array.json", '[{"a": 1}, 5]\n', None, "found a number as value 2"),
    ("array.jsonl", '{"a": 1}\n[1]\n', 2, "found an array"),
    ("number.jsonl", '{"a": 1}\n5\n', 2, "found a number"),
    ("words.jsonl", "hello\n", 1, "one JSON object per line"),
    ("blank.jsonl", "\n\n", None, "empty"),
    ("no.parquet", "a,b\n1,2\n", None, "not a Parquet file"),
    ("cut.csv.gz", gzip.compress(TABLE.encode())[:-12], None, "damaged"),
]


@pytest.mark.parametrize(("name", "content", "line", "says"), BAD, ids=[f"{b[0]}-{b[3]}" for b in BAD])
def test_a_bad_file_is_refused_with_its_line(
    tmp_path: Path, name: str, content: str | bytes, line: int | None, says: str
) -> None:
    with pytest.raises(UnreadableDataset, match=says) as caught:
        inspect(tmp_path, name, content)
    assert caught.value.line == line
    assert str(tmp_path) not in str(caught.value)


def test_a_cut_or_corrupted_parquet_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    duckdb.connect().execute(f"COPY (SELECT i, hash(i) AS h FROM range(50000) t(i)) TO '{path}' (FORMAT parquet)")
    whole = path.read_bytes()
    with pytest.raises(UnreadableDataset, match="cut off or damaged") as caught:
        inspect(tmp_path, "cut.parquet", whole[: len(whole) // 2])
    assert str(tmp_path) not in str(caught.value)


@pytest.mark.parametrize("name", ["a.docx", "a.pdf", "a.csv.zip", "a", "csv", "a.gz", "a.parquet.csv.exe"])
def test_other_kinds_of_file_are_unsupported(tmp_path: Path, name: str) -> None:
    with pytest.raises(UnsupportedMediaType, match=r"expected \.csv"):
        inspect(tmp_path, name, TABLE)


def test_a_gzip_bomb_is_stopped_at_the_limit(tmp_path: Path) -> None:
    path = put(tmp_path, "bomb.csv.gz", gzip.compress(b"a,b\n" + b"1,2\n" * 5_000_000))
    limit = 1 << 20
    largest = 0
    temporary = tmp_path / "tmp"
    temporary.mkdir()

    class Watched(NoControl):
        def check(self) -> None:
            for folder, _, names in os.walk(temporary):
                nonlocal largest
                largest = max([largest, *((Path(folder) / name).stat().st_size for name in names)])

    with pytest.raises(DatasetTooLarge, match="1,048,576 bytes"):
        ensure_parquet(path, "bomb.csv.gz", temporary, unpacked_limit_bytes=limit, control=Watched())
    assert largest <= limit
    assert list(temporary.iterdir()) == []


def test_a_plain_file_over_the_limit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetTooLarge):
        inspect_dataset(put(tmp_path, "t.csv", TABLE), "t.csv", unpacked_limit_bytes=10)


def test_the_parquet_copy_is_made_once_and_made_again_when_lost(tmp_path: Path) -> None:
    source = put(tmp_path, "t.csv", TABLE)
    first = ensure_parquet(source, "t.csv", tmp_path / "scratch")
    stamp = first.stat().st_mtime_ns
    assert ensure_parquet(source, "t.csv", tmp_path / "scratch").stat().st_mtime_ns == stamp
    first.unlink()
    assert ensure_parquet(source, "t.csv", tmp_path / "scratch").exists()
    assert [path.name for path in (tmp_path / "scratch").iterdir()] == ["dataset.parquet"]


def test_a_cancel_interrupts_the_reading_and_leaves_nothing_behind(tmp_path: Path) -> None:
    source = tmp_path / "t.csv"
    duckdb.connect().execute(f"COPY (SELECT i, hash(i) AS h FROM range(2000000) t(i)) TO '{source}'")

    class Cancelled(NoControl):
        def interrupt_with(self, callback: Callable[[], object]) -> AbstractContextManager[object]:
            @contextmanager
            def repeat() -> Iterator[None]:
                done = threading.Event()

                def again() -> None:
                    while not done.wait(0.01):
                        callback()

                thread = threading.Thread(target=again)
                thread.start()
                try:
                    yield
                finally:
                    done.set()
                    thread.join()

            return repeat()

    with pytest.raises(duckdb.InterruptException):
        ensure_parquet(source, "t.csv", tmp_path / "scratch", control=Cancelled())
    assert list((tmp_path / "scratch").iterdir()) == []


def test_the_sample_dataset_is_readable(tmp_path: Path) -> None:
    [(name, content)] = sample_files()
    info = inspect(tmp_path, name, content)
    assert (info.rows, info.gzipped, len(info.columns)) == (8_019, True, 19)
    assert types(info)["dep_delay"] == "integer"
    assert types(info)["time_hour"] == "timestamp"
    carrier = json.loads(json.dumps(info.to_json()))["columns"][9]
    assert (carrier["name"], carrier["type"], carrier["role"]) == ("carrier", "text", "category")
