"""Which columns to look at closely, where the options leave it open."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from andon.reports.duck import identifier
from andon.reports.options import ReportOptions
from andon.reports.values.clock import HOURS
from andon_worker.hybrid_report import evidence
from andon_worker.hybrid_report.figures.association import correlation_ratio, ranks
from andon_worker.hybrid_report.figures.computed.copies import copies
from andon_worker.hybrid_report.figures.computed.sums import largest, sums
from andon_worker.hybrid_report.figures.computed.twins import twins
from andon_worker.hybrid_report.figures.planned import planned
from andon_worker.hybrid_report.figures.table import Table
from andon_worker.hybrid_report.figures.times.sequences import is_sequence
from andon_worker.hybrid_report.figures.values import codes, doubles, sampled, values_of

MOST_MEASURES = 3
_FEWEST_MEASURES = 2
MOST_GROUPINGS = 2
MOST_GROUPS = 30
_MOST_CODES = 12
_MOST_STEPS = 20  # different values up to which whole numbers may well be codes
_COMPARED, _SAMPLED = 8, 5_000
_ALSO, _TELLING = 3, 0.2  # groupings with a measure beside those of the first; what is sure of how they go together
_FEWEST_PER_GROUP, _FEWEST_PER_NAME = 5, 3
_NEARLY_ALL = 0.9  # of the most values of a date


def measures(table: Table, options: ReportOptions, most: int = MOST_MEASURES) -> list[str]:
    """Numeric columns worth averaging: amounts of money and counts before the rest, those with a total first; then
    answers on a scale.

    Of numbers that are nothing more, fractions and negative values mark a measurement; whole positive ones may as
    well be codes, so they are taken last, and only if they take many values without being a key. Where each row is
    another moment, all of them are series, in the table's order behind the one that adds up most. Of columns that
    nearly repeat each other one is taken, and of what was planned and what came of it the latter.
    """
    if options.measures:
        return list(options.measures)
    averaged = {column.name: column.role for column in table.averaged}
    units = {column.name: column.unit for column in table.averaged}
    known, rated, measured, counted, rest = [], [], [], [], []
    left = {*copies(table), *(each.plan for each in planned(table.columns))}
    single = [name for name in varying(table) if name not in left]
    for column in single:
        seen = table.seen[column]
        if table.column(column).along:
            rest.append(column)
        elif averaged[column] in {"money", "count"}:
            known.append(column)
        elif table.column(column).rated:
            rated.append(column)
        elif units[column] == HOURS:
            rest.append(column)
        elif (seen.low or 0) < 0 or seen.fractional or averaged[column] in {"percent", "duration"}:
            measured.append(column)
        elif _MOST_STEPS < seen.distinct < 0.9 * seen.count:
            counted.append(column)
        else:
            rest.append(column)
    known.sort(key=lambda name: (not table.column(name).summed, averaged[name] != "money"))
    if is_sequence(table, time_column(table, options)):
        going = [name for name in single if not table.column(name).along]
        series = [name for name in going if name in measured or table.seen[name].distinct > _MOST_STEPS]
        total = largest(sums(table))[:1]
        first = [*(name for name in total if name in series), *known, *rated]
        return [*dict.fromkeys([*first, *series])][:most] or rest[:most]
    found = [*known, *rated, *measured]
    return ([*found, *(counted if len(found) < _FEWEST_MEASURES else [])] or rest)[:most]


def varying(table: Table) -> list[str]:
    """The columns that can be averaged and hold more than one value."""
    return [name for name, values in values_of(table, [c.name for c in table.averaged]).items() if values.varies]


def groupings(table: Table, options: ReportOptions, most: int = MOST_GROUPINGS) -> list[str]:
    """Columns that split the rows into a few groups: words before numbers, and those first that say most of the first
    measure, of two that name the same things one; months and hours where no dates tell of them, or nothing else is
    there."""
    if options.group_by:
        return list(options.group_by)
    words = [c.name for c in table.columns if c.role in {"category", "flag"} or c.type == "boolean"]
    words += [c.name for c in table.columns if c.type == "text" and c.role == "code"]
    words += [c.name for c in table.columns if c.type == "integer" and c.role == "code"]
    words = [name for name in words if name not in twins(table)]
    chosen = _splitting(table, words, MOST_GROUPS)
    if not chosen:
        whole = [column.name for column in table.columns if column.type == "integer" and column.name not in words]
        chosen = _splitting(table, whole, _MOST_CODES)
    lasting = [name for name in chosen if not table.column(name).part_of_time]
    if len(lasting) >= most and any(column.temporal for column in table.columns):
        chosen = lasting
    measure = next(iter(measures(table, options, most=1)), None)
    if len(chosen) > most and measure:
        return _telling(table, measure, chosen[:_COMPARED])[:most]
    return chosen[:most]


def names(table: Table, options: ReportOptions, most: int = MOST_GROUPINGS) -> list[str]:
    """Columns of more names than groups can be compared, each several times, as shops, articles and customers:
    categories first, then codes and other words, ids last. Of two that name the same things, one."""
    if options.group_by:
        return []
    worded = [c for role in ("category", "code", "text", "id") for c in table.of(role) if c.type in {"text", "integer"}]
    chosen: list[str] = []
    same = twins(table)
    for name in (column.name for column in worded if column.name not in same):
        seen = table.seen[name]
        if seen.distinct > MOST_GROUPS and seen.count >= seen.distinct * _FEWEST_PER_NAME and len(chosen) < most:
            chosen.append(name)
    return chosen


def also_telling(table: Table, options: ReportOptions, taken: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Up to three more groupings, each with a measure, than the pairs that are `taken`: those that go together most,
    and for sure, the best of all columns that could have been chosen; nothing where the options name both."""
    measured = [m for m in measures(table, options, _COMPARED) if m in options.measures or not table.column(m).running]
    grouped = groupings(table, options, _COMPARED)
    grouped = [name for name in grouped if name in options.group_by or not table.column(name).part_of_time]
    strengths = _strengths(table, measured, grouped)
    sure = {
        pair: evidence.ratio(eta, rows, groups, len(strengths)) * evidence.implied(eta)
        for pair, (eta, rows, groups) in strengths.items()
        if pair not in taken
    }
    best = sorted((pair for pair in sure if sure[pair] >= _TELLING), key=lambda pair: -sure[pair])
    return best[:_ALSO]


def _telling(table: Table, measure: str, names: list[str]) -> list[str]:
    """The groupings by how much they say of the measure's ranks; equals stay in their order. Last stand flags without
    which there is none of it."""
    strengths = {name: round(eta, 2) for (name, _), (eta, *_) in _strengths(table, [measure], names).items()}
    return sorted(names, key=lambda name: -strengths.get(name, 0.0))


def _strengths(
    table: Table, measured: Sequence[str], names: Sequence[str]
) -> dict[tuple[str, str], tuple[float, int, int]]:
    """Of each grouping and measure the correlation ratio of its ranks, the rows and the groups, in a sample; -1 where
    there is none of it without a flag, as who bought and for how much."""
    numbers = [each.sql for each in values_of(table, measured).values()]
    taken = sampled(table, [*numbers, *(f"CAST({identifier(name)} AS VARCHAR)" for name in names)], _SAMPLED)
    coded = {name: codes(column) for name, column in zip(names, taken[len(numbers) :], strict=True)}
    found = {}
    for measure, column in zip(measured, taken, strict=False):
        y = doubles(column)
        known = np.isfinite(y)
        ranked = ranks(y[known])
        for name, (groups, words) in coded.items():
            of = groups[known]
            inside = of >= 0
            sums, squares = (
                np.bincount(of[inside], weights=v[inside], minlength=len(words)).astype(float)
                for v in (ranked, ranked * ranked)
            )
            counts = np.bincount(of[inside], minlength=len(words)).astype(float)
            without = len(words) == 2 and any(not y[known][of == group].any() for group in (0, 1))
            eta = -1.0 if without else correlation_ratio(counts, sums, squares)
            if name != measure:
                found[name, measure] = eta, int(inside.sum()), int((counts > 0).sum())
    return found


def _splitting(table: Table, names: list[str], most: int) -> list[str]:
    """Those of the columns that have 2 to `most` different values, each several times."""
    seen = {name: table.seen[name] for name in names}
    return [name for name, s in seen.items() if 2 <= s.distinct <= most and s.count >= s.distinct * _FEWEST_PER_GROUP]


def time_column(table: Table, options: ReportOptions) -> str | None:
    """The date or time with the most values, the first of equals; years where there is none.

    When things were built or born is no time that rows go along, and of a day and the month or quarter in which it is
    booked, beside each other, the day is.
    """
    if options.time_column:
        return options.time_column
    dated = [column for column in table.columns if not column.of_origin]
    counts = {c.name: table.seen[c.name].count for c in dated if c.temporal and table.seen[c.name].varies}
    for column in [] if counts else [c for c in dated if c.role == "year"]:
        seen = table.seen[column.name]
        if column.type == "integer" and seen.distinct > 1 and (seen.low or 0) >= 1 and (seen.high or 0) <= 9999:
            counts[column.name] = seen.count
    most = max(counts.values(), default=0)
    full = [name for name in counts if counts[name] >= _NEARLY_ALL * most]
    if len(full) > 1 and (finer := [name for name in full if not table.seen[name].unit]):
        days = max(table.seen[name].distinct for name in finer)
        full = finer if days > 2 * table.seen[full[0]].distinct else full
    return max(full, key=lambda name: counts[name], default=None)


def keys(table: Table, most: int = 2) -> list[str]:
    """Columns that name a row: ids first, names at the front, then dates and codes; what an odd row is known by."""
    first, seen = table.columns[0], table.seen[table.columns[0].name]
    named = [first] if first.type == "text" and first.role == "text" and seen.distinct > 0.9 * table.rows else []
    dated = [column for column in table.columns if column.temporal]
    ranked = [*table.of("id"), *named, *dated, *table.of("code"), *table.of("category")]
    if table.periods > 1:  # a row of the file stands in as many as it has periods
        names = [*table.of("id"), *table.of("text"), *table.of("category"), *table.of("code")]
        ranked = [*[each for each in names if table.seen[each.name].distinct > 1][:1], *dated]
    return [column.name for column in ranked if table.seen[column.name].distinct > 1][:most]
