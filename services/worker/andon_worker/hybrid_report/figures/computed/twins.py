"""Columns that name the same things, as a product's number and its name: they are told as one."""

from __future__ import annotations

import numpy as np

from andon.reports import Column
from andon.reports.duck import identifier
from andon_worker.hybrid_report.figures.survey import once
from andon_worker.hybrid_report.figures.table import Table
from andon_worker.hybrid_report.figures.values import codes, sampled

_ROWS, _FEWEST_ROWS = 5_000, 20
_OFTEN = 2  # times that each name stands on average: of single rows any two columns are names
_ABOUT = 1.1  # times as many different values, which are counted within a few percent
_FILLED = 0.9  # of the rows of the one that both have
_LONGEST = 40  # characters, from which a name is no easier to read than a shorter one


def twins(table: Table) -> dict[str, str]:
    """Of each column that names what another does, one by one, that other: the one that is easier to read.

    Told by a sample of the rows, and tried over all.
    """
    return once(table, "twins", lambda: _found(table))


def _found(table: Table) -> dict[str, str]:
    named = [c for c in table.columns if not c.averaged and not c.temporal and c.role not in {"geo", "choices"}]
    some = [c for c in named if 2 <= table.seen[c.name].distinct <= table.seen[c.name].count / _OFTEN]
    if len(some) < 2 or table.rows < _FEWEST_ROWS:
        return {}
    taken = sampled(table, [f"CAST({identifier(c.name)} AS VARCHAR)" for c in some], _ROWS)
    coded = [codes(each) for each in taken]
    found: dict[str, str] = {}
    for place, column in enumerate(some):
        for other in range(place):
            if some[other].name in found or not _are_alike(table, column, some[other]):
                continue
            if _one_by_one(coded[place][0], coded[other][0]) and same_things(table, column.name, some[other].name):
                pair = sorted((other, place), key=lambda each: _readable(some[each], coded[each][1]), reverse=True)
                kept, left = (some[each].name for each in pair)
                found = {name: kept if of == left else of for name, of in found.items()} | {left: kept}
                break
    return found


def _are_alike(table: Table, one: Column, other: Column) -> bool:
    many, more = sorted(table.seen[column.name].distinct for column in (one, other))
    filled, full = sorted(table.seen[column.name].count for column in (one, other))
    return more <= _ABOUT * many + 1 and filled >= _FILLED * full


def _one_by_one(a: np.ndarray, b: np.ndarray) -> bool:
    both = (a >= 0) & (b >= 0)
    pairs = len(np.unique(np.stack([a[both], b[both]]), axis=1).T)
    return pairs > 1 and pairs == len(np.unique(a[both])) == len(np.unique(b[both]))


def same_things(table: Table, a: str, b: str) -> bool:
    """Whether each value of one column stands beside a single one of the other."""
    one, other = identifier(a), identifier(b)
    pairs, ones, others, rows, filled = table.one(
        f"SELECT count(DISTINCT ({one}, {other})), count(DISTINCT {one}), count(DISTINCT {other}), count(*), "
        f"greatest((SELECT count({one}) FROM data), (SELECT count({other}) FROM data)) FROM data "
        f"WHERE {one} IS NOT NULL AND {other} IS NOT NULL"
    )
    return bool(pairs == ones == others and rows >= _FILLED * filled)


def _readable(column: Column, names: list[str]) -> tuple[bool, float, float]:
    """Words before numbers, names without digits before those that have some, and long ones before short."""
    bare = sum(not any(map(str.isdigit, name)) for name in names) / len(names)
    long = sum(min(len(name), _LONGEST) for name in names) / len(names)
    return column.type != "integer", round(bare, 1), long
