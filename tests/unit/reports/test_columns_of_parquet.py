"""Each type that a Parquet file may hold is read as what it is."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from andon.reports.datasets import ensure_parquet, inspect_dataset

# The type's column as SQL over `i`, what it is to a report, and what the report reads in the row of i = 3, as text.
TYPES = {
    "date": ("DATE '2022-01-01' + i::int", "date", "2022-01-04"),
    "boolean": ("i % 2 = 0", "boolean", "false"),
    "tinyint": ("(i % 100)::tinyint", "integer", "3"),
    "ubigint": ("(i + 18446744073709551000)::ubigint", "integer", "18446744073709551003"),
    "decimal of whole numbers": ("i::decimal(38, 0)", "integer", "3"),
    "decimal": ("(i * 1.5)::decimal(18, 3)", "number", "4.5"),
    "float": ("i::float", "number", "3.0"),
    "infinity": ("CASE WHEN i = 3 THEN 'inf'::double ELSE i END", "number", None),
    "timestamp": ("TIMESTAMP '2022-01-01 10:00:00' + i * INTERVAL 1 HOUR", "timestamp", "2022-01-01 13:00:00"),
    "timestamp with zone": ("TIMESTAMPTZ '2022-01-01 10:00:00+02'", "timestamp", "2022-01-01 08:00:00"),
    "timestamp of nanoseconds": ("(TIMESTAMP '2022-01-01 10:00:00')::timestamp_ns", "timestamp", "2022-01-01 10:00:00"),
    "time": ("TIME '10:00:00' + i * INTERVAL 1 MINUTE", "number", "10.05"),
    "blob": ("'a'::blob", "text", "a"),
    "enum": ("('a' || (i % 3))::enum ('a0', 'a1', 'a2')", "text", "a0"),
    "list": ("[i, i + 1]", "text", "[3, 4]"),
    "nothing": ("NULL::int", "integer", None),
}


@pytest.mark.parametrize("name", TYPES)
def test_a_column_is_read_as_what_it_is(tmp_path: Path, name: str) -> None:
    sql, kind, value = TYPES[name]
    path = tmp_path / "t.parquet"
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(f"COPY (SELECT {sql} AS c, i AS place FROM range(200) t (i)) TO '{path}'")
        info = inspect_dataset(path, path.name)
        parquet = ensure_parquet(path, path.name, tmp_path / "scratch", plan=info.plan)
        found = connection.execute(f"SELECT c::varchar FROM read_parquet('{parquet}') WHERE place = 3").fetchall()
    assert info.columns[0].type == kind
    assert found == [(value,)]
