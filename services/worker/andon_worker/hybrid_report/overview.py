"""Section "overview": size, types, and quality."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from andon.reports import Control, ReportOptions
from andon.reports.duck import identifier
from andon_worker.hybrid_report.table import Table, clean, open_table


def overview(parquet: Path, options: ReportOptions, control: Control) -> dict[str, Any]:
    """`{rows, cells, missingCells, duplicateRows, exactDistinct, columnsOmitted, columns: [...]}`.

    A column is `{name, type, missing, distinct}`. `duplicateRows` counts the rows that repeat an earlier one;
    rows are compared by a 64-bit hash, so that fifty million of them fit. `missingCells` covers the columns shown.
    """
    with open_table(parquet, options, control) as table:
        chosen = table.columns[: options.max_columns]
        columns = []
        for place, column in enumerate(chosen):
            control.progress(0.8 * place / len(chosen), column.name)
            columns.append(_column(table, column.name, column.type))
        control.progress(0.8, "duplicate rows")
        return clean(
            {
                "rows": table.rows,
                "cells": table.rows * len(chosen),
                "missingCells": sum(column["missing"] for column in columns),
                "duplicateRows": _duplicates(table),
                "exactDistinct": table.exact,
                "columnsOmitted": len(table.columns) - len(chosen),
                "columns": columns,
            }
        )


def _column(table: Table, name: str, type_: str) -> dict[str, Any]:
    c = identifier(name)
    distinct = f"count(DISTINCT {c})" if table.exact else f"approx_count_distinct({c})"
    present, values = table.one(f"SELECT count({c}), {distinct} FROM data")
    return {"name": name, "type": type_, "missing": table.rows - present, "distinct": min(values, present)}


def _duplicates(table: Table) -> int:
    every = ", ".join(identifier(column.name) for column in table.columns)
    (distinct,) = table.one(f"SELECT count(DISTINCT hash({every})) FROM data")
    return int(table.rows - distinct)
