"""Numbers that stand for none, as −999 and the largest that a program knows."""

from __future__ import annotations

import sys
from collections.abc import Sequence, Set
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import duckdb

if TYPE_CHECKING:
    from andon.reports.meaning.column_types import Found

# The largest finite numbers of two and of one precision: programs write them where there is none. So they do with
# nines, which may be values as well: only where they stand again and again, far from all others.
_LIMITS = {sign * limit for sign in (1, -1) for limit in (sys.float_info.max, 3.4028234663852886e38)}
_NINES = {sign * (10.0**n - 1) / part for sign in (1, -1) for n in range(2, 9) for part in (1, 10)} - {9.9, -9.9}
_FEWEST_NINES, _MOST_NINES, _APART = 3, 0.5, 5.0


def without(connection: duckdb.DuckDBPyConnection, scan: str, columns: Sequence[Found], said: Set[str]) -> list[Found]:
    """The columns with such numbers among their tokens, but for those of which it is `said` what is missing.

    Nines below zero that are a code in one column are one in each that has nothing else below zero.
    """
    found = [each if each.name in said else _without(connection, scan, each) for each in columns]
    known = {code for each in found for limit in each.limits if (code := _code(limit)) in _NINES}
    if not known:
        return found
    return [each if each.limits or each.name in said else _without(connection, scan, each, known) for each in found]


def _without(
    connection: duckdb.DuckDBPyConnection,
    scan: str,
    column: Found,
    known: Set[float] = frozenset(),
) -> Found:
    """A column with such numbers among its tokens."""
    codes = _LIMITS | _NINES
    at = next((n for n, each in enumerate(column.checked) if each.low in codes or each.high in codes), None)
    if at is None or not column.fitting:
        return column
    checked = column.checked[at]
    ends = {float(end) for end in (checked.low, checked.high)} & codes
    read = checked.spelling.read("v")
    among = ", ".join(f"CAST('{code!r}' AS DOUBLE)" for code in sorted(ends))
    found = connection.execute(
        f"SELECT v, any_value(CAST({read} AS DOUBLE)), count(*) FROM (SELECT {column.value} AS v FROM {scan}) "
        f"WHERE {read} IN ({among}) GROUP BY v"
    ).fetchall()
    row = connection.execute(
        f"SELECT min(x), max(x) FROM (SELECT {read} AS x FROM (SELECT {column.value} AS v FROM {scan})) "
        f"WHERE x NOT IN ({among})"
    ).fetchone()
    if len(found) > len(_LIMITS) or row is None or row[0] is None:
        return column
    low, high = row
    counts = {code: sum(many for _, number, many in found if number == code) for code in ends}
    stand_ins = {
        code
        for code in ends
        if code in _LIMITS
        or _is_far(code, counts[code], column.values, low, high)
        or (code in known and code < 0 <= low and counts[code] >= _FEWEST_NINES)
    }
    if stand_ins != ends:
        return column  # one that is kept lies between the others and the code
    tokens = {value: many for value, _, many in found}
    mended = replace(checked, count=checked.count - sum(tokens.values()), low=low, high=high)
    return replace(
        column,
        tokens={**column.tokens, **tokens},
        checked=tuple(mended if n == at else each for n, each in enumerate(column.checked)),
        limits=tuple(tokens),
    )


def _code(limit: str) -> float | None:
    try:
        return float(limit.replace(",", "."))
    except ValueError:
        return None


def _is_far(code: float, count: int, values: int, low: Any, high: Any) -> bool:
    """Whether a code stands often enough, and far enough from all other values, to be none."""
    gap = float(low) - code if code < low else code - float(high)
    spread = float(high) - float(low)
    return _FEWEST_NINES <= count <= _MOST_NINES * values and 0 < _APART * spread < gap
