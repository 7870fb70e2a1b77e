"""Columns that are a running total, as a balance beside amounts or a meter's readings: their sum would say nothing."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import combinations, pairwise
from typing import Any

import duckdb

from andon.reports.columns import Column, Nature
from andon.reports.tables.plan import Planned
from andon.reports.tables.sources import Source

_ROWS, _MOST = 200, 40  # rows looked at, and numeric columns
_KEYS = 5  # columns by which rows are told apart, as accounts
_COUNTED = 50  # rows along time in which a count never falls
_FEWEST = 8  # changes, and
_DIFFERENT = 5  # different ones among them: small whole numbers may agree by chance
_AGREE = 0.9  # of the changes: another account's may follow without a name
_FILLED = 0.8  # of the rows, by one of two columns
_CLOSE = 1e-9

Numbers = Sequence[float | None]


def marked(connection: duckdb.DuckDBPyConnection, source: Source, columns: Sequence[Planned]) -> list[Planned]:
    """The columns, those that are a running total of others as quantities that are averaged, and not summed.

    A row's total less that of the row before, or of the one after in a list that begins with the newest, is what is
    added there or taken away: an amount, or what stands in one of two columns, as credit and debit. Rows of several
    accounts may alternate. What never falls along the first column of dates is a count that goes on, as a meter's.
    """
    some = [each for each in columns if each.column.averaged and each.column.role != "percent"][:_MOST]
    some = [each for each in some if not each.column.along]
    if not some:
        return list(columns)
    keys = [each for each in columns if each.column.role in {"category", "code", "id"}][:_KEYS]
    dates = [each for each in columns if each.column.temporal][:1]
    wanted = [*some, *dates, *keys]
    cells = ", ".join(f"{source.value(each.source)} AS v{place}" for place, each in enumerate(wanted))
    read = [f"CAST({each.sql(f'v{place}')} AS DOUBLE)" for place, each in enumerate(some)]
    read += [each.sql(f"v{len(some)}") for each in dates]
    read += [f"v{place}" for place in range(len(read), len(wanted))]
    scan = f"(SELECT {cells} FROM {source.scan} LIMIT {_ROWS})"
    rows = connection.execute(f"SELECT {', '.join(read)} FROM {scan}").fetchall()
    names = [each.column.name for each in some]
    totals = _counts(names, rows) if dates else {}
    for ordered in _orders(rows, len(some) + len(dates)):
        totals |= _totals(dict(zip(names, zip(*ordered, strict=True), strict=False))) | totals
    return [replace(each, column=_as_level(each.column, totals.get(each.column.name))) for each in columns]


def _orders(rows: Sequence[tuple[Any, ...]], keys_from: int) -> Iterator[Sequence[tuple[Any, ...]]]:
    """The rows as they come, and those of one account after another, with a row of nothing between them."""
    yield rows
    for key in range(keys_from, len(rows[0]) if rows else 0):
        groups: dict[Any, list[tuple[Any, ...]]] = {}
        for row in rows:
            groups.setdefault(row[key], []).append(row)
        if 1 < len(groups) <= len(rows) / _FEWEST:
            yield [row for group in groups.values() for row in (*group, (None,) * len(group[0]))]


def _counts(names: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> dict[str, str]:
    """The names of what never falls along time, which stands behind the numbers in each row."""
    found = {}
    for place, name in enumerate(names):
        read = [(row[len(names)], row[place]) for row in rows if None not in (row[len(names)], row[place])]
        for ordered in (read, read[::-1]):
            changes = [b[1] - a[1] for a, b in pairwise(ordered)]
            if (
                len(changes) >= _COUNTED
                and all(a[0] <= b[0] for a, b in pairwise(ordered))
                and min(changes) >= 0
                and sum(change > 0 for change in changes) >= len(changes) / 2
            ):
                found[name] = "what it counts"
    return found


def _as_level(column: Column, of: str | None) -> Column:
    return column.with_role("measure", Nature("running", of)) if of else column


def _totals(numbers: Mapping[str, Numbers]) -> dict[str, str]:
    """The names of the running totals among columns, and the names of what each adds up."""
    sides = {name: values for name, values in numbers.items() if any(values)}
    amounts = dict(sides)
    for (one, a), (other, b) in combinations(sides.items(), 2):
        filled = [bool(x) + bool(y) for x, y in zip(a, b, strict=True)]
        if 2 not in filled and sum(filled) >= _FILLED * len(filled):
            amounts[f"{one} and {other}"] = [x or y or 0.0 for x, y in zip(a, b, strict=True)]
    found: dict[str, str] = {}
    for name, levels in numbers.items():
        changes = [None if a is None or b is None else b - a for a, b in pairwise(levels)]
        for of, added in amounts.items():
            others = (name, *(each for each, told in found.items() if told == name))
            if of not in others and any(_agree(changes, added[at:], levels) for at in (1, 0)):
                found[name] = of
                break
    return found


def _agree(changes: Numbers, added: Numbers, levels: Numbers) -> bool:
    """Whether the changes are what is added, or taken away, but for a few."""
    near = _CLOSE * max((abs(level) for level in levels if level is not None), default=0.0)
    agreed, odd = [], 0
    for change, amount in zip(changes, added, strict=False):
        if change is None or (abs(change) <= near and not amount):
            continue
        if amount and math.isclose(abs(change), abs(amount), rel_tol=_CLOSE, abs_tol=near):
            agreed.append(abs(amount))
        else:
            odd += 1
            if odd > (1 - _AGREE) * len(changes):
                return False
    return len(agreed) >= _FEWEST and len(set(agreed)) >= _DIFFERENT and len(agreed) >= _AGREE * (len(agreed) + odd)
