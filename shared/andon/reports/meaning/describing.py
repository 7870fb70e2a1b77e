"""From what is found in a file to what is said of its columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import duckdb

from andon.reports.columns import Cell, Column, Missing, Unread
from andon.reports.meaning import judging
from andon.reports.meaning.column_types import Found
from andon.reports.meaning.roles import Evidence, described, plain_name
from andon.reports.tables.plan import Planned
from andon.reports.tables.sources import Source
from andon.reports.values import missing, moments
from andon.reports.values.bounds import is_bound
from andon.reports.values.spelling import TEXT

_CELLS = 3
_MOST_UNREAD = 20  # columns whose cells are looked up


def columns(
    connection: duckdb.DuckDBPyConnection,
    source: Source,
    found: Sequence[Found],
) -> list[Planned]:
    """What is known of each column, with cells of those that could not be read."""
    unread = _unread(connection, source, found)
    names = frozenset(plain_name(each.name) for each in found)
    return [_planned(each, unread.get(each.name), names) for each in found]


def _planned(found: Found, unread: Unread | None, names: frozenset[str]) -> Planned:
    tokens = dict(found.tokens)
    column = described(found.name, found.spelling.type, replace(_evidence(found), beside=names))
    if unread and column.role == "category" and all(is_bound(cell.value) for cell in unread.cells):
        unread = None  # one of its answers
    column = replace(
        column,
        format=_answers(found) if found.spelling.type == "boolean" else _written(found),
        missing=tuple(Missing(token, tokens[token]) for token in sorted(tokens, key=lambda each: -tokens[each])),
        unread=unread,
        notes=(*found.notes, *_on_offsets(found), *_on_sentinels(found)),
    )
    return Planned(found.name, found.spelling, column)


_OPPOSITES = {"yes": "no", "true": "false"}


def _answers(found: Found) -> str | None:
    """How yes and no are written most often, where that isn't plainly `true` and `false`; see `Column.answers`."""
    written = {
        word: [each for each in found.sample if each.lower() == word] for pair in _OPPOSITES.items() for word in pair
    }
    for yes, no in _OPPOSITES.items():
        if written[yes] or written[no]:
            most = [max(written[word], key=lambda each: found.sample[each], default="") for word in (yes, no)]
            case = str.upper if "".join(most).isupper() else str.title if "".join(most)[0].isupper() else str.lower
            told = " / ".join(each or case(word) for each, word in zip(most, (yes, no), strict=True))
            return None if told == "true / false" else told
    return None


def _written(found: Found) -> str | None:
    """An example of how the cells are written: times of day with `AM`, and without seconds, where they are so."""
    shown, day = found.spelling.shown, found.spelling.shown.removesuffix(moments.CLOCK) if found.spelling.shown else ""
    if not shown or day == shown:
        return shown
    told = [groups for value in found.sample if (groups := found.spelling.groups(value)) and groups.get("t")]
    seconds = any(groups["t"].count(":") > 1 for groups in told)
    half = any(groups.get("half") for groups in told)
    return day + (moments.CLOCK if seconds or not told else moments.CLOCK.removesuffix(":ss")) + (" AM" if half else "")


def _evidence(found: Found) -> Evidence:
    words = {value: count for value, count in found.sample.items() if value not in found.tokens}
    return Evidence(
        values=found.values,
        distinct=found.distinct,
        low=found.read.low if found.read else None,
        high=found.read.high if found.read else None,
        unit=found.spelling.unit or None,
        sample=words,
        ascending=judging.ascending(list(words)),
        step=judging.step(words) if found.spelling.type in {"integer", "number"} and not found.tokens else None,
    )


def _on_offsets(found: Found) -> tuple[str, ...]:
    """What is said of moments with an offset from UTC: it isn't kept."""
    if found.spelling.type != "timestamp":
        return ()
    named = {moments.offsets(found.spelling, value) for value in found.sample} - {"", "Z", "UTC", " UTC", "GMT"}
    if not named:
        return ()
    some = ", ".join(sorted(named)[:_CELLS]) + (", ..." if len(named) > _CELLS else "")
    return (f"The times have offsets ({some}); they are shown in UTC.",)


def _on_sentinels(found: Found) -> tuple[str, ...]:
    if found.spelling.type not in {"date", "timestamp"}:
        return ()
    days = [token for token in found.tokens if missing.is_sentinel_day(token)]
    return (f"{', '.join(days)} stands for no date, and counts as missing.",) if days else ()


def _unread(connection: duckdb.DuckDBPyConnection, source: Source, found: Sequence[Found]) -> dict[str, Unread]:
    """Of columns that most values fit a type in, those that don't: how many, and the first of them with their lines."""
    told: dict[str, tuple[str, int, list[tuple[int, str]]]] = {}
    for each in found:
        near = each.read if each.judgement.forced else each.near
        count = each.values - near.count if near else 0
        if near is None or not count or (each.spelling is not TEXT and not each.judgement.forced):
            continue
        if len(told) == _MOST_UNREAD:
            break
        days = near.spelling.type in {"date", "timestamp"}
        cells = connection.execute(
            f"SELECT row, v FROM (SELECT row_number() OVER () AS row, {each.value} AS v FROM {source.scan}) "
            f"WHERE v IS NOT NULL AND NOT {missing.among_tokens('v', days=days)} AND {near.spelling.read('v')} IS NULL "
            f"ORDER BY row LIMIT {_CELLS}"
        ).fetchall()
        told[each.name] = (near.spelling.type, count, cells)
    lines = source.lines(sorted({row for _, _, cells in told.values() for row, _ in cells})) if told else {}
    return {
        name: Unread(type_, count, tuple(Cell(lines.get(row, row), value[:200]) for row, value in cells))
        for name, (type_, count, cells) in told.items()
    }


def natives(
    connection: duckdb.DuckDBPyConnection, source: Source, named: Mapping[str, Planned]
) -> tuple[int, dict[str, Planned]]:
    """The number of rows, and typed columns of a Parquet file with their roles.

    Counting what the expressions make reads every page: a file that is damaged in the middle is refused.
    """
    rows, planned = 0, {}
    names = list(named)
    beside = frozenset(map(plain_name, names))
    for start in range(0, len(names), _COLUMNS_PER_QUERY):
        some = names[start : start + _COLUMNS_PER_QUERY]
        made = ", ".join(f"{named[name].spelling.read(source.value(name))} AS c{i}" for i, name in enumerate(some))
        raw = ", ".join(f"{source.value(name)} AS r{i}" for i, name in enumerate(some))
        asked = ", ".join(
            f"count(r{i}), count(c{i}), approx_count_distinct(c{i}), min(c{i}), max(c{i})" for i in range(len(some))
        )
        row = connection.execute(
            f"SELECT count(*), {asked} FROM (SELECT {', '.join(filter(None, (made, raw)))} FROM {source.scan})"
        ).fetchone()
        assert row is not None
        rows = row[0]
        for place, name in enumerate(some):
            present, values, distinct, low, high = row[1 + 5 * place : 6 + 5 * place]
            planned[name] = _typed(named[name], present, values, distinct, low, high, beside)
    return rows, planned


_COLUMNS_PER_QUERY = 100


def _typed(
    planned: Planned, present: int, values: int, distinct: int, low: object, high: object, beside: frozenset[str]
) -> Planned:
    type_ = planned.spelling.type
    numeric = type_ in {"integer", "number"}
    ends = (low, high) if numeric else (None, None)
    evidence = Evidence(values, min(distinct, values), *ends, unit=planned.spelling.unit, beside=beside)
    column: Column = described(planned.source, type_, evidence)
    notes = planned.spelling.notes
    if present > values:
        what = "outside the years 1000 to 2199" if type_ in {"date", "timestamp"} else "NaN or infinite"
        notes = (*notes, f"{present - values:,} values are {what}: they count as missing.")
    return replace(planned, column=replace(column, notes=notes))
