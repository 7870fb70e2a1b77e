"""What about a column, or two, a careful reader would want to know before trusting a figure of it."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Any

import numpy as np

from andon.reports import Column
from andon.reports.duck import identifier, literal
from andon.reports.options import MEASURABLE
from andon.reports.tables.footers import is_whole
from andon_worker.hybrid_report.figures.table import Table, double
from andon_worker.hybrid_report.figures.values import Values, sampled, values_of
from andon_worker.hybrid_report.wording import label

_VARIANTS = 5_000  # columns of more different values are names of single things
_UNEVEN = 0.95
_ZEROS = 0.5
_MIXED = (0.02, 0.98)
_SAMPLED = 5_000
_FAR = 10.0
_FEWEST_VALUES, _RARE = 10, 0.1  # of fewer, as prices of a shop, one that is frequent is a value
_KNOWN_CODES = {-1.0, -9.0, -99.0, -999.0, -9999.0, -99999.0, 99.0, 999.0, 9999.0, 99999.0, 999999.0}

Alert = dict[str, Any]


def alerts(table: Table, columns: Sequence[Column]) -> list[Alert]:
    """`{kind, columns, ...}` each, the kinds in this order:

    - `placeholder`: a number or date so far from all others, and so often, that it stands for no value: `value, rows,
      meanWithout`
    - `identical`: two columns with the same value in every row
    - `repeatedKey`: an id of which some values stand more than once: `repeats`
    - `totals`: words as "Total" and "Subtotal" among others, which may be rows that sum up others: `values, rows`
    - `variants`: spellings that differ in case or spaces alone: `examples: [[spelling]], count`
    - `mixed`: a text column partly of numbers: `numbers`, the share
    - `empty`, `constant`: no value, a single one: `value`
    - `nearUnique`: hardly a value twice though no id: `distinct, rows`
    - `imbalanced`: nearly all rows have one value: `value, share`
    - `zeros`: most are zero, the others not: `share`
    """
    control = table.control
    control.progress(0.05, "distinct values")
    counts = {column.name: (table.seen[column.name].count, table.seen[column.name].distinct) for column in columns}
    numeric = [c for c in columns if c.averaged]
    values = values_of(table, [c.name for c in numeric])
    control.progress(0.2, "placeholders")
    found = _placeholders(table, values) + date_placeholders(table, columns)
    control.progress(0.3, "identical columns")
    found += _identical(table, columns)
    control.progress(0.4, "values of words")
    words = [c for c in columns if c.type in {"text", "boolean"} and 1 < counts[c.name][1] <= _VARIANTS]
    tops = table.per_column([c.name for c in words], lambda c: (f"histogram(CAST({c} AS VARCHAR))",), keeping=True)
    spelled = {name: dict(histogram or {}) for name, (histogram,) in tops.items()}
    found += _keys(table, columns, counts)
    found += [alert for c in words if c.type == "text" and (alert := _totals(c.name, spelled[c.name]))]
    found += [alert for c in words if c.type == "text" and (alert := _variants(c.name, spelled[c.name]))]
    found += _mixed(table, columns)
    found += _flat(table, columns, counts, spelled)
    control.progress(0.5, "zeros")
    return found + _zeros(table, values)


def _placeholders(table: Table, values: dict[str, Values]) -> list[Alert]:
    """An end of the column that stands repeatedly, much farther from the next value than that is from the other end.

    A whole number, and of money one that is known for a code: a rent among small payments is an amount, however far
    it lies from them.
    """
    varying = [name for name, each in values.items() if each.varies]
    paid = {column.name for column in table.of("money")}
    sql = {identifier(name): values[name] for name in varying}
    ends = table.per_column(varying, lambda c: _ends(sql[c]))
    found = []
    for name, (at_low, next_low, at_high, next_high) in ends.items():
        each = values[name]
        low, high = each.low / each.unit, each.high / each.unit
        for end, rows, gap, rest in (
            (low, at_low, _less(next_low, low), _less(high, next_low)),
            (high, at_high, _less(high, next_high), _less(next_high, low)),
        ):
            few = table.seen[name].distinct < _FEWEST_VALUES
            known = not few and end * each.unit in _KNOWN_CODES and rows >= max(3, 0.005 * each.count)
            apart = gap > _FAR * rest and (end * each.unit).is_integer() and rows < 0.5 * each.count
            apart = apart and not (name in paid and end * each.unit not in _KNOWN_CODES)
            apart = apart and not (few and rows > _RARE * each.count)
            if rows >= 2 and rest > 0 and (apart or (known and gap > 0.5 * rest)):
                (mean,) = table.one(f"SELECT avg({each.sql}) FROM data WHERE {each.sql} <> {double(end)}")
                found.append(
                    {
                        "kind": "placeholder",
                        "columns": [name],
                        "value": each.original(end),
                        "rows": rows,
                        "meanWithout": each.original(mean),
                    }
                )
    return found


def _ends(values: Values) -> tuple[str, str, str, str]:
    low, high = double(values.low / values.unit), double(values.high / values.unit)
    x = values.sql
    return (
        f"count(*) FILTER ({x} = {low})",
        f"min({x}) FILTER ({x} > {low})",
        f"count(*) FILTER ({x} = {high})",
        f"max({x}) FILTER ({x} < {high})",
    )


def _less(a: float | None, b: float | None) -> float:
    return 0.0 if a is None or b is None else a - b


def date_placeholders(table: Table, columns: Sequence[Column]) -> list[Alert]:
    """A first or last moment that stands repeatedly, twice as far off as all others are from each other."""
    names = [c.name for c in columns if c.temporal]
    ends = table.per_column(names, lambda c: (f"min({c})", f"max({c})"))
    found = []
    for name, (low, high) in ends.items():
        if low is None or low == high:
            continue
        t = f"CAST({identifier(name)} AS TIMESTAMP)"
        for end, other, side in ((low, high, ">"), (high, low, "<")):
            at, opposite = (f"TIMESTAMP {literal(str(moment))}" for moment in (end, other))
            nearest = f"epoch({'min' if side == '>' else 'max'}({t}) FILTER ({t} {side} {at}))"
            rows, gap, rest = table.one(
                f"SELECT count(*) FILTER ({t} = {at}), abs({nearest} - epoch({at})), "
                f"abs(epoch({opposite}) - {nearest}) FROM data"
            )
            if rows >= 2 and rest and gap > 2 * rest:
                found.append(
                    {
                        "kind": "placeholder",
                        "columns": [name],
                        "value": end.isoformat(),
                        "rows": rows,
                        "meanWithout": None,
                    }
                )
    return found


def _identical(table: Table, columns: Sequence[Column]) -> list[Alert]:
    """Those that agree in a sample, tried over all rows."""
    names = [c.name for c in columns]
    sample = sampled(table, [f"hash(CAST({identifier(name)} AS VARCHAR))" for name in names], _SAMPLED)
    alike: dict[bytes, list[str]] = {}
    for name, column in zip(names, sample, strict=True):
        data = np.ma.getdata(column)
        if len(np.unique(data)) > 1:
            alike.setdefault(data.tobytes(), []).append(name)
    found = []
    for same in alike.values():
        for other in same[1:]:
            table.control.check()
            a, b = identifier(same[0]), identifier(other)
            text = f"CAST({a} AS VARCHAR) IS DISTINCT FROM CAST({b} AS VARCHAR)"
            (differ,) = table.one(f"SELECT count(*) FROM data WHERE {text}")
            if not differ:
                found.append({"kind": "identical", "columns": [same[0], other]})
    return found


def _keys(table: Table, columns: Sequence[Column], counts: dict[str, tuple[Any, ...]]) -> list[Alert]:
    """Ids that are nearly unique: one that stands a second time is news there, and none in a foreign key."""
    keys = [c for c in columns if c.role == "id" and counts[c.name][1] > 0.9 * counts[c.name][0] > 0]
    if not table.exact:
        return []
    return [
        {"kind": "repeatedKey", "columns": [name], "repeats": n - values}
        for name, (n, values) in table.distinct(keys).items()
        if values < n
    ]


def _totals(name: str, counts: dict[str, int]) -> Alert | None:
    called = [value for value in counts if is_whole(value)]
    if not called or len(called) > 0.2 * len(counts):
        return None  # all of them are: a table of totals
    shown = [label(value, 30) for value in sorted(called, key=lambda value: -counts[value])[:3]]
    return {"kind": "totals", "columns": [name], "values": shown, "rows": sum(counts[value] for value in called)}


def _variants(name: str, counts: dict[str, int]) -> Alert | None:
    folded: dict[str, list[str]] = {}
    for value in counts:
        folded.setdefault(" ".join(unicodedata.normalize("NFKC", value).casefold().split()), []).append(value)
    several = sorted((sorted(each, key=lambda v: -counts[v]) for each in folded.values() if len(each) > 1), key=len)
    if not several:
        return None
    examples = [[label(value, 30) for value in each[:4]] for each in several[:3]]
    return {"kind": "variants", "columns": [name], "examples": examples, "count": len(several)}


def _mixed(table: Table, columns: Sequence[Column]) -> list[Alert]:
    names = [c.name for c in columns if c.type == "text" and c.role not in {"id", "code"} and not c.unread]
    found = table.per_column(names, lambda c: (f"count({c})", f"count(TRY_CAST({c} AS DOUBLE))"))
    return [
        {"kind": "mixed", "columns": [name], "numbers": numbers / n}
        for name, (n, numbers) in found.items()
        if n and _MIXED[0] < numbers / n < _MIXED[1]
    ]


def _flat(
    table: Table, columns: Sequence[Column], counts: dict[str, tuple[Any, ...]], spelled: dict[str, dict[str, int]]
) -> list[Alert]:
    found: list[Alert] = []
    for column in columns:
        name, (n, distinct) = column.name, counts[column.name]
        c = identifier(name)
        if not n:
            found.append({"kind": "empty", "columns": [name]})
        elif distinct == 1:
            (value, last) = table.one(f"SELECT CAST(min({c}) AS VARCHAR), CAST(max({c}) AS VARCHAR) FROM data")
            if value == last:
                exact = float(value) if column.averaged else label(value, 40)
                found.append({"kind": "constant", "columns": [name], "value": exact})
        elif spelled.get(name):
            value, most = max(spelled[name].items(), key=lambda each: each[1])
            if most >= _UNEVEN * n:
                found.append({"kind": "imbalanced", "columns": [name], "value": label(value, 40), "share": most / n})
        if column.role == "category" and column.type not in MEASURABLE and 0.9 * n < distinct and n > 50:
            found.append({"kind": "nearUnique", "columns": [name], "distinct": min(distinct, n), "rows": n})
    return found


def _zeros(table: Table, values: dict[str, Values]) -> list[Alert]:
    some = [name for name, each in values.items() if each.varies]
    found = table.per_column(some, lambda c: (f"count(*) FILTER ({c} = 0)",))
    return [
        {"kind": "zeros", "columns": [name], "share": zeros / values[name].count}
        for name, (zeros,) in found.items()
        if zeros >= _ZEROS * values[name].count
    ]
