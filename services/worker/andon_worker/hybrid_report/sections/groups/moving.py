"""Which group's mean moved from the first period to the last where those of the others held, in tables without dates:
terms, waves, before and after."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import NormalDist
from typing import Any

from andon.reports import Column, ReportOptions
from andon.reports.duck import identifier
from andon_worker.hybrid_report import evidence
from andon_worker.hybrid_report.figures import choose
from andon_worker.hybrid_report.figures.table import Table
from andon_worker.hybrid_report.figures.values import Values, values_of
from andon_worker.hybrid_report.section import Grid, Sentence
from andon_worker.hybrid_report.wording import MISSING, Wording, answer, brief, label, listed

_GROUPINGS, _MOST_PERIODS, _MOST_CELLS = 4, 12, 400
_CHANCE = 0.001
_ALONE = 0.6  # of the farthest change, beyond which another's is no holding
_LEAST, _MOST, _SHOWN = 0.5, 0.95, 12
_PERIOD = (
    r"(?:term|trimest(?:er|re)|quadrimestre|semest(?:er|re)|quarter|quartal|halbjahr|half|period|période|periode|período|"
    r"wave|welle|vague|round|runde|visit|visite|season|sprint|evaluation|évaluation|assessment|test)"
)
_NAMED = re.compile(rf"(?i)(?:^|.*[^a-z]){_PERIOD}(?:[^a-z].*|$)")
_LETTER = re.compile(r"(?i)[tqsphwvr] ?(\d{1,2})")
_WORDED = re.compile(rf"(?i)(?:{_PERIOD}s? ?(\d{{1,2}})|(\d{{1,2}})(?:\.|st|nd|rd|th|er|e|ère|ème|º|ª)? ?{_PERIOD})")
_ENDS = {"pre": 0, "before": 0, "baseline": 0, "vorher": 0, "avant": 0, "antes": 0, "start": 0}
_ENDS |= {"post": 1, "after": 1, "follow-up": 1, "followup": 1, "nachher": 1, "après": 1, "después": 1, "end": 1}

Moved = dict[str, Any]


@dataclass(frozen=True)
class _Part:
    """So many values with their mean and variance."""

    rows: int
    mean: float
    variance: float

    def without(self, other: _Part) -> _Part:
        rows = self.rows - other.rows
        if rows < 1:
            return _Part(0, 0.0, 0.0)
        mean = (self.rows * self.mean - other.rows * other.mean) / rows
        squares = self._squares - other._squares - rows * mean * mean
        return _Part(rows, mean, max(0.0, squares / rows))

    @property
    def _squares(self) -> float:
        return self.rows * (self.variance + self.mean * self.mean)

    @property
    def error(self) -> float:
        """The square of the mean's standard error."""
        return self.variance / max(1, self.rows - 1)


def moved(table: Table, options: ReportOptions, measures: Sequence[str]) -> Moved | None:
    """`{periods, column, measure, by, sure, effect, rest: {first, last}, cells: [{values, rows, first, last}]}` of the
    measure and the grouping, or two of them, of which one group's mean moved farthest from the first period to the
    last beside that of all other rows; null where there are no periods, or dates tell more.

    `sure` says that it moved otherwise by more than chance, the most of all groups that are looked at, and that none of
    the others went six tenths as far; `effect` counts by standard deviations of all rows. Cells come by how far each
    moved beside the others.
    """
    periods = None if choose.time_column(table, options) else _periods(table)
    if periods is None:
        return None
    column, order = periods
    groupings = [name for name in choose.groupings(table, options, _GROUPINGS) if name != column.name]
    by = [(name,) for name in groupings] + [*combinations(groupings, 2)]
    found = []
    for values in values_of(table, measures).values():
        for names in by:
            table.control.check()
            if cells := _cells(table, column, (order[0], order[-1]), names, values):
                found.append((values, names, cells))
    looked_at = sum(len(cells) for *_, cells in found)
    if not looked_at:
        return None
    values, names, cells = max(found, key=lambda each: each[2][0]["z"])
    first, *others = cells
    beyond = NormalDist().inv_cdf(1 - _CHANCE / looked_at)
    alone = not others or abs(others[0]["apart"]) <= _ALONE * abs(first["apart"])
    sure = first["z"] > beyond and alone
    least = (abs(first["apart"]) - 1.96 * first["error"]) / (first["spread"] or 1.0)
    return {
        "periods": [each if isinstance(each, str) else f"{column.name} {each:g}" for each in order],
        "column": column.name,
        "measure": values.name,
        "by": list(names),
        "sure": sure,
        "effect": min(_MOST, _LEAST + max(0.0, least) / 2) if sure else 0.0,
        "rest": {end: values.original(first["rest"][end]) for end in ("first", "last")},
        "cells": [
            {
                "values": [label(value) for value in each["values"]],
                "rows": each["rows"],
                "first": values.original(each["first"]),
                "last": values.original(each["last"]),
            }
            for each in cells[:_SHOWN]
        ],
    }


def _periods(table: Table) -> tuple[Column, list[Any]] | None:
    """The first column whose few values are periods that follow each other, and these in order."""
    for column in table.columns:
        many = table.seen[column.name].distinct
        whole = column.type in {"text", "integer", "number"} and not table.seen[column.name].fractional
        if not whole or column.role == "id" or not 2 <= many <= _MOST_PERIODS:
            continue
        c = identifier(column.name)
        found = [value for (value,) in table.all(f"SELECT DISTINCT {c} FROM data WHERE {c} IS NOT NULL")]
        places = [_place(value if isinstance(value, str) else f"{value:g}", column.name) for value in found]
        known = [place for place in places if place is not None]
        if len(known) == len(found) > 1 and len(set(known)) == len(known):
            return column, [value for _, value in sorted(zip(known, found, strict=True))]
    return None


def _place(value: str, name: str) -> int | None:
    """Where a value stands among periods: by its own words, or by a letter and a number where the column's name says
    what they are."""
    text = " ".join(value.split())
    if text.lower() in _ENDS:
        return _ENDS[text.lower()]
    if worded := _WORDED.fullmatch(text):
        return int(worded[1] or worded[2])
    bare = _LETTER.fullmatch(text) or re.fullmatch(r"(\d{1,2})", text)
    return int(bare[1]) if bare and _NAMED.fullmatch(name.replace("_", " ")) else None


def _cells(
    table: Table, column: Column, ends: tuple[Any, Any], names: Sequence[str], values: Values
) -> list[dict[str, Any]]:
    """Those of ten rows in the first and the last period, the farthest from all others first."""
    groups = ", ".join(map(identifier, names))
    c, x = identifier(column.name), values.sql
    known = " AND ".join(f"{identifier(name)} IS NOT NULL" for name in names)
    found = table.connection.execute(
        f"SELECT {c}, count(*), avg({x}), var_pop({x}), {groups} FROM data "
        f"WHERE {c} IN ($1, $2) AND {x} IS NOT NULL AND {known} GROUP BY {c}, {groups} LIMIT {2 * _MOST_CELLS + 1}",
        list(ends),
    ).fetchall()
    if len(found) > 2 * _MOST_CELLS:
        return []
    parts = {(tuple(group), end): _Part(rows, mean, variance) for end, rows, mean, variance, *group in found}
    whole = [_joined([part for (_, at), part in parts.items() if at == end]) for end in ends]
    spread = math.sqrt(_joined([*parts.values()]).variance) if parts else 0.0
    cells = []
    for group in sorted({group for group, _ in parts}, key=str):
        own = [parts.get((group, end)) for end in ends]
        if own[0] is None or own[1] is None or min(own[0].rows, own[1].rows) < evidence.FEWEST:
            continue
        rest = [every.without(part) for every, part in zip(whole, own, strict=True) if part is not None]
        if min(each.rows for each in rest) < evidence.FEWEST:
            continue
        apart = (own[1].mean - own[0].mean) - (rest[1].mean - rest[0].mean)
        error = math.sqrt(sum(each.error for each in (own[0], own[1], *rest)))
        cells.append(
            {
                "values": group,
                "rows": min(own[0].rows, own[1].rows),
                "first": own[0].mean,
                "last": own[1].mean,
                "rest": {"first": rest[0].mean, "last": rest[1].mean},
                "apart": apart,
                "error": error,
                "spread": spread,
                "z": abs(apart) / error if error else 0.0,
            }
        )
    return sorted(cells, key=lambda each: -each["z"]) if len(cells) > 1 else []


def _joined(parts: Sequence[_Part]) -> _Part:
    rows = sum(part.rows for part in parts)
    if not rows:
        return _Part(0, 0.0, 0.0)
    mean = sum(part.rows * part.mean for part in parts) / rows
    return _Part(rows, mean, sum(part.rows * (part.variance + (part.mean - mean) ** 2) for part in parts) / rows)


def moving_sentences(found: Moved | None, wording: Wording) -> list[Sentence]:
    if found is None or not found["sure"]:
        return []
    first, rest = found["cells"][0], found["rest"]
    say = wording.among([first["first"], first["last"], rest["first"], rest["last"]])
    by = [brief(name) for name in found["by"]]
    where = " and ".join(f"{name} is {answer(label(v, 40), name)}" for name, v in zip(by, first["values"], strict=True))
    start, end = (label(found["periods"][at], 30) for at in (0, -1))
    way = "rose" if first["last"] > first["first"] else "fell"
    text = (
        f"From {start} to {end}, the mean of {brief(found['measure'])} {way} from {say(first['first'])} to "
        f"{say(first['last'])} where {where}; in all other rows it went from {say(rest['first'])} to "
        f"{say(rest['last'])}."
    )
    about = (found["measure"], found["column"], *found["by"])
    return [Sentence(text, found["effect"], about=about, rows=first["rows"])]


def moving_grids(found: Moved | None, wording: Wording) -> list[Grid]:
    if found is None or not found["sure"]:
        return []
    start, end = (label(found["periods"][at], 30) for at in (0, -1))
    say = wording.among([each[at] for each in found["cells"] for at in ("first", "last")])
    rows = [
        (
            *(label(value, 48) for value in each["values"]),
            say(each["first"]),
            say(each["last"]),
            MISSING if each["first"] is None or each["last"] is None else wording.number(each["last"] - each["first"]),
        )
        for each in found["cells"]
    ]
    caption = f"Mean of {brief(found['measure'])} by {listed([brief(name) for name in found['by']])}, {start} to {end}"
    return [Grid(caption, (*(brief(name) for name in found["by"]), start, end, "Change"), rows, len(found["by"]))]
