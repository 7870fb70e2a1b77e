"""Where values are missing: in which columns together, and when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from itertools import combinations
from typing import Any

import numpy as np

from andon.reports.duck import identifier, literal
from andon_worker.hybrid_report.figures.survey import once
from andon_worker.hybrid_report.figures.table import Table
from andon_worker.hybrid_report.figures.times import periods
from andon_worker.hybrid_report.figures.values import codes, doubles, sampled

_PATTERNS = 8
_OVER_TIME = 3
_FEWEST_ROWS = 30  # of a period whose share of missing values is told
_SAME_ROWS = 0.8
_FEWEST_OF_EITHER, _MOST_OF_EITHER = 5, 60
_MOST_KINDS, _ROWS = 12, 5_000  # values of a column that may say where another is missing; rows of a sample


def together(table: Table, names: Sequence[str]) -> dict[str, Any]:
    """`{patterns: [{columns, rows}], sets: [[column]]}` of columns with gaps: the most frequent combinations of
    missing values, and the columns that are missing in nearly the same rows."""
    if len(names) < 2:
        return {"patterns": [], "sets": []}
    flags = ", ".join(f"{identifier(name)} IS NULL" for name in names)
    places = ", ".join(str(place) for place in range(1, len(names) + 1))
    found = table.all(
        f"SELECT {flags}, count(*) FROM data GROUP BY {places} ORDER BY count(*) DESC, {places} LIMIT 5000"
    )
    patterns = [
        {"columns": [name for name, missing in zip(names, row, strict=False) if missing], "rows": row[-1]}
        for row in found
    ]
    return {"patterns": [p for p in patterns if p["columns"]][:_PATTERNS], "sets": _sets(patterns)}


def either(table: Table, counts: Mapping[str, int]) -> list[tuple[str, str]]:
    """Two columns of which each row has the one or the other, as amounts paid and received; `counts` are of values."""
    some = [name for name, count in counts.items() if _FEWEST_OF_EITHER <= count < table.rows][:_MOST_OF_EITHER]
    return [(a, b) for a, b in combinations(some, 2) if counts[a] + counts[b] == table.rows and _parts(table, a, b)]


def explained(table: Table) -> dict[str, dict[str, Any]]:
    """`{by, values, rows}` of each column that is missing exactly in the rows in which another has one of some values,
    as the day on which open deals were closed: it has none there. Told by a sample, and tried over all rows."""
    return once(table, "explained", lambda: _explained(table))


def _explained(table: Table) -> dict[str, dict[str, Any]]:
    seen = table.seen
    few = {c.name for c in table.columns if 2 <= seen[c.name].distinct <= _MOST_KINDS and not c.temporal}
    lacking = [n for n in seen if min(seen[n].count, table.rows - seen[n].count) >= _FEWEST_OF_EITHER][:_MOST_OF_EITHER]
    # Words tell kinds of rows, and of them those that are always there.
    kinds = sorted((c for c in table.columns if c.name in few), key=lambda c: (c.averaged, -seen[c.name].count))
    kinds = kinds[:_MOST_OF_EITHER] if lacking else []
    words = [f"CAST({identifier(c.name)} AS VARCHAR)" for c in kinds]
    gaps = [f"CAST({identifier(name)} IS NULL AS DOUBLE)" for name in lacking]
    taken = sampled(table, [*words, *gaps], _ROWS) if kinds else []
    coded = [codes(each) for each in taken[: len(kinds)]]
    found: dict[str, dict[str, Any]] = {}
    for name, empty in zip(lacking, map(doubles, taken[len(kinds) :]), strict=False):
        for column, word, (code, values) in zip(kinds, words, coded, strict=True):
            shares = np.bincount(code[code >= 0], empty[code >= 0], len(values)) / np.bincount(code[code >= 0])
            where = sorted(value for value, share in zip(values, shares, strict=True) if share)
            if name == column.name or set(shares) != {0.0, 1.0} or empty[code < 0].any():
                continue
            told = f"coalesce({word} IN ({', '.join(map(literal, where))}), false)"
            (wrong,) = table.one(f"SELECT count(*) FROM data WHERE ({identifier(name)} IS NULL) <> {told}")
            if not wrong:
                found[name] = {"by": column.name, "values": where, "rows": table.rows - seen[name].count}
                break
    return found


def _parts(table: Table, a: str, b: str) -> bool:
    (alike,) = table.one(f"SELECT count(*) FROM data WHERE ({identifier(a)} IS NULL) = ({identifier(b)} IS NULL)")
    return not alike


def _sets(patterns: Sequence[dict[str, Any]]) -> list[list[str]]:
    """Columns joined where the rows missing in both are most of those missing in either."""
    each: dict[str, int] = {}
    both: dict[tuple[str, str], int] = {}
    for pattern in patterns:
        for name in pattern["columns"]:
            each[name] = each.get(name, 0) + pattern["rows"]
        for pair in combinations(pattern["columns"], 2):
            both[pair] = both.get(pair, 0) + pattern["rows"]
    joined: dict[str, list[str]] = {}
    for (a, b), rows in both.items():
        if rows >= _SAME_ROWS * (each[a] + each[b] - rows):
            merged = [*joined.get(a, [a]), *(n for n in joined.get(b, [b]) if n not in joined.get(a, [a]))]
            for name in merged:
                joined[name] = merged
    found: list[list[str]] = []
    for names in joined.values():
        if names not in found:
            found.append(names)
    return found


def _unit(table: Table, span: timedelta, grain: str) -> str:
    """The finest unit whose periods have rows enough for a share to be told."""
    unit = periods.unit_for(span, grain)
    for coarser in periods.UNITS[periods.UNITS.index(unit) :]:
        if table.rows * periods.LENGTHS[coarser] >= 2 * _FEWEST_ROWS * span:
            return coarser
    return unit


def over_time(table: Table, column: str, names: Sequence[str]) -> dict[str, Any] | None:
    """`{timeColumn, unit, columns: [{name, points: [[start, share]], most: {start, share}, least}]}`.

    Of the columns with most gaps, and only periods of at least 30 rows; None if there are not two.
    """
    c = identifier(column)
    first, last = table.one(f"SELECT CAST(min({c}) AS TIMESTAMP), CAST(max({c}) AS TIMESTAMP) FROM data")
    unit = _unit(table, last - first, periods.grain_of(table, column))
    shown = list(names)[:_OVER_TIME]
    shares = "".join(f", 1 - count({identifier(name)}) / count(*)" for name in shown)
    found = table.all(
        f"SELECT date_trunc('{unit}', CAST({c} AS TIMESTAMP)){shares} FROM data WHERE {c} IS NOT NULL "
        f"GROUP BY 1 HAVING count(*) >= {_FEWEST_ROWS} ORDER BY 1 LIMIT 1000"
    )
    if len(found) < 2:
        return None
    columns = []
    for place, name in enumerate(shown, 1):
        points = [(periods.iso(row[0]), float(row[place])) for row in found]
        ordered = sorted(points, key=lambda point: point[1])
        most, least = ordered[-1], ordered[0]
        columns.append(
            {
                "name": name,
                "points": points,
                "most": {"start": most[0], "share": most[1]},
                "least": {"start": least[0], "share": least[1]},
            }
        )
    return {"timeColumn": column, "unit": unit, "columns": columns}
