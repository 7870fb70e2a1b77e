"""A made-up dataset of any size that has something to find: orders of a web shop."""

from __future__ import annotations

import os
from pathlib import Path

from andon.reports import Control, NoControl
from andon.reports.duck import connect, literal

# Every value hangs on a hash of its row's number, so the same number of rows is the same dataset, at any speed.
# Hashed twice: DuckDB joins the hashes of two values by XOR, so that one alone would move with its neighbours.
_DRAWS = ", ".join(f"hash(hash(i, '{each}')) / 18446744073709551616.0 AS {each}" for each in "abcdefgh")
_NORMAL = "sqrt(-2 * ln(1 - 0.9999999 * {0})) * cos(6.283185307 * {1})"
_ORDERS = f"""
WITH drawn AS (SELECT i, {_DRAWS} FROM range({{rows}}) t(i)),
placed AS (
    SELECT *,
        TIMESTAMP '2023-01-01' + to_seconds(CAST(floor(63072000.0 * i / {{rows}}) AS BIGINT)) AS ordered_at,
        ['north', 'south', 'east', 'west', 'islands'][1 + CAST(floor(5 * a * a) AS INTEGER)] AS region,
        ['web', 'app', 'phone'][1 + CAST(floor(3 * power(b, 1.6)) AS INTEGER)] AS channel,
        1 + CAST(floor(-2.5 * ln(1 - 0.999 * c)) AS INTEGER) AS items,
        {_NORMAL.format("d", "e")} AS price, {_NORMAL.format("f", "g")} AS delay
    FROM drawn
)
SELECT i + 1 AS order_id, ordered_at, region, channel, items,
    round(items * 12.5 * exp(0.4 * price), 2) AS amount,
    round(greatest(0.2, 2.1 + CASE region WHEN 'islands' THEN 1.9 WHEN 'west' THEN 0.3 ELSE 0 END
        + CASE WHEN month(ordered_at) = 12 THEN 1.2 ELSE 0 END + 0.8 * delay), 1) AS delivery_days,
    CASE WHEN h < 0.31 THEN CAST(round(least(5, greatest(1, 4.1 - 0.7 * delay))) AS INTEGER) END AS rating,
    h > 0.96 AS returned
FROM placed
"""


def synthetic(rows: int, path: Path, control: Control | None = None) -> None:
    """Write `rows` orders to `path`, as Parquet or CSV by its suffix; the file appears when it is complete."""
    control = control or NoControl()
    if path.suffix not in {".parquet", ".csv"}:
        raise ValueError(f"expected a name that ends in .parquet or .csv, got {path.name!r}")
    draft = path.with_name(f".{path.name}.draft")
    how = "FORMAT parquet, COMPRESSION zstd" if path.suffix == ".parquet" else "FORMAT csv, HEADER, NULLSTR 'NA'"
    try:
        with connect(path.parent, control) as connection:
            control.progress(0.0, "writing orders")
            query = _ORDERS.format(rows=max(rows, 1))
            connection.execute(f"COPY ({query}) TO {literal(draft)} ({how})")
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)
