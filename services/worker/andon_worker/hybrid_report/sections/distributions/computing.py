"""What the section computes: moments and quantiles, histograms, most frequent values, shapes of text."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from andon.reports import Column, Control, ReportOptions
from andon.reports.duck import identifier, literal
from andon.reports.meaning.choices import SEPARATORS
from andon.reports.options import MEASURABLE, TEMPORAL
from andon.reports.wide import stretches
from andon_worker.hybrid_report.figures.computed.twins import twins
from andon_worker.hybrid_report.figures.durations import open_measured
from andon_worker.hybrid_report.figures.table import Table, clean
from andon_worker.hybrid_report.figures.values import doubles, values_of
from andon_worker.hybrid_report.section import Result
from andon_worker.hybrid_report.sections.distributions.bins import Bins, bins_of, bins_of_time, step_of
from andon_worker.hybrid_report.sections.distributions.places import places_of
from andon_worker.hybrid_report.wording import label

_FEW_MOMENTS, _MOST_MOMENTS = 20_000, 200_000  # to be counted one by one
TOP = 10
_ANSWERS = 20
_FIRST = 5_000  # rows by which the step of numbers is told
_CYCLE = 31  # whole numbers up to so many, as hours and days of a month, are all shown
QUANTILES = {"p01": 0.01, "p05": 0.05, "p25": 0.25, "p50": 0.5, "p75": 0.75, "p95": 0.95, "p99": 0.99}
_ENDS = (0.005, 0.995)
_PATTERNS = 6
_TELLING = 0.1  # the share of the most frequent values below which a column is told by its shapes instead

# Digits as 9, letters as A or a, in runs: what the shape of a text column is told by.
_SHAPE = (
    "regexp_replace(regexp_replace(regexp_replace(left({0}, 60), '[0-9]+', '9', 'g'), '\\p{{Lu}}+', 'A', 'g'), "
    "'[\\p{{Ll}}\\p{{Lo}}]+', 'a', 'g')"
)


def compute(parquet: Path, options: ReportOptions, control: Control) -> Result:
    """`{exactQuantiles, columns: [...], columnsOmitted, places}`; each has `name`, `type`, `role`, `unit`,
    `sameAs` (another that names the same things, or null), `period` (whether it is one of a table's columns per year,
    month or day, or adds them up), `kind`, `count`, by kind

    - `numeric`: `mean, std, min, max, skewness, quantiles: {p01, ..., p99}, histogram`; of years, coordinates
      and what rises evenly `mean`, `std` and `skewness` are null, as they mean nothing, and the last has no histogram
    - `temporal`: `min, max` (ISO 8601), `histogram`, `even` (whether each stands as often as any other), `firstsOf`
      (month or quarter, where all are first days of one, else null)
    - `categorical`: `distinct, top: [{value, count}], other` (the count of all values that aren't in `top`), and of
      text with hardly a value twice `length: {min, median, max}` and `patterns: [{pattern, count}]`; of cells of
      several answers all but `count` are of these, beside `combinations` and `answers`, how many all cells name

    A histogram is `{edges, counts, below, above, log}`: it spans the middle 99 % where the tails are long, and says
    how many values lie outside; with `log` its edges are evenly spaced in their logarithms. A column without values
    has `count` 0 and nulls. `places` is `{latitude, longitude, rows, points}` of a sample, or null.
    """
    with open_measured(parquet, options, control) as table:
        chosen = table.columns[: options.max_columns]
        spread = _Spread(table, chosen)
        periods = table.across
        columns = [
            {
                "name": column.name,
                "type": column.type,
                "role": column.role,
                "unit": column.unit,
                "sameAs": twins(table).get(column.name),
                "period": bool(periods and column.name in {*periods.starts, *periods.totals}),
                **spread.of(column),
            }
            for column in chosen
        ]
        control.progress(0.95, "places")
        return clean(
            {
                "exactQuantiles": table.exact,
                "columns": columns,
                "places": places_of(table),
                "columnsOmitted": len(table.columns) - len(chosen),
            }
        )


class _Spread:
    """What is asked of many columns at once, so that five hundred columns cost tens of queries."""

    def __init__(self, table: Table, columns: Sequence[Column]) -> None:
        self._table = table
        self._numeric = [
            c for c in columns if c.type in MEASURABLE and c.role not in {"id", "code", "flag", "category"}
        ]
        self._temporal = [c for c in columns if c.type in TEMPORAL]
        measured = {c.name for c in (*self._numeric, *self._temporal)}
        self._named = [c for c in columns if c.name not in measured]
        control = table.control
        control.progress(0.0, "numbers")
        self._values = values_of(table, [c.name for c in self._numeric])
        self._numbers = self._summaries()
        control.progress(0.4, "dates")
        self._dates = self._extents()
        control.progress(0.5, "histograms")
        self._histograms = self._counted()
        control.progress(0.7, "values")
        self._words = self._tops()

    def of(self, column: Column) -> dict[str, Any]:
        for found in (self._numbers, self._dates, self._words):
            if column.name in found:
                histogram = self._histograms.get(column.name)
                return found[column.name] | ({} if found is self._words else {"histogram": histogram})
        raise KeyError(column.name)

    def _summaries(self) -> dict[str, dict[str, Any]]:
        table, shares = self._table, [*QUANTILES.values(), *_ENDS]
        quantiles = "quantile_cont" if table.exact else "approx_quantile"
        names = [c.name for c in self._numeric]
        sql = {identifier(name): self._values[name].sql for name in names}
        moments = table.per_column(names, lambda c: (f"avg({sql[c]})", f"stddev_samp({sql[c]})", f"skewness({sql[c]})"))
        ranks = table.per_column(names, lambda c: (f"{quantiles}({sql[c]}, {shares})",), keeping=table.exact)
        made = {}
        for column in self._numeric:
            values = self._values[column.name]
            averaged = column.role not in {"year", "geo"} and not column.along
            mean, std, skewness = moments[column.name] if averaged else (None, None, None)
            [found] = ranks[column.name]
            back = [values.original(each) for each in found or [None] * len(shares)]
            made[column.name] = {
                "kind": "numeric",
                "count": values.count,
                "mean": values.original(mean),
                "std": values.original(std),
                "min": values.low if values.count else None,
                "max": values.high if values.count else None,
                "skewness": skewness,
                "quantiles": dict(zip(QUANTILES, back, strict=False)),
                "ends": back[len(QUANTILES) :],
            }
        return made

    def _extents(self) -> dict[str, dict[str, Any]]:
        found = self._table.per_column(
            [c.name for c in self._temporal],
            lambda c: (f"count({c})", f"min({c})", f"max({c})"),
        )
        even = self._even()
        return {
            name: {
                "kind": "temporal",
                "count": count,
                "min": low.isoformat() if low is not None else None,
                "max": high.isoformat() if high is not None else None,
                "even": name in even,
                "firstsOf": self._table.seen[name].unit,
            }
            for name, (count, low, high) in found.items()
        }

    def _even(self) -> set[str]:
        """The columns in which each moment stands as often as any other: there is nothing to see in their bars."""
        found = set()
        for column in self._temporal:
            c, seen = identifier(column.name), self._table.seen[column.name]
            unique = seen.distinct > 0.9 * seen.count and seen.count <= _MOST_MOMENTS
            if seen.count and (seen.distinct <= _FEW_MOMENTS or unique):
                self._table.control.check()
                (least, most) = self._table.one(
                    f"SELECT min(n), max(n) FROM (SELECT count(*) AS n FROM data WHERE {c} IS NOT NULL GROUP BY {c})"
                )
                if least == most:
                    found.add(column.name)
        return found

    def _counted(self) -> dict[str, dict[str, Any] | None]:
        bins: dict[str, Bins] = {}
        steps = self._steps()
        for column in self._numeric:
            found = self._numbers[column.name]
            start, end = found.pop("ends")
            if column.along:
                continue  # as many in each bar
            plan = bins_of(column, found, self._values[column.name], start, end, steps.get(column.name))
            if plan:
                bins[column.name] = plan
        for column in self._temporal:
            monthly = self._table.seen[column.name].unit is not None
            plan = bins_of_time(identifier(column.name), self._dates[column.name], monthly)
            if plan:
                bins[column.name] = plan
        sql = {identifier(name): plan.place for name, plan in bins.items()}
        counts = self._table.per_column(list(bins), lambda c: (f"histogram({sql[c]})",), keeping=True)
        return {name: plan.histogram(counts[name][0] or {}) for name, plan in bins.items()}

    def _steps(self) -> dict[str, float | None]:
        """Those on which the first rows' fractions stand."""
        names = [c.name for c in self._numeric if c.type == "number"]
        found: dict[str, float | None] = {}
        for piece in stretches(len(names)):
            wanted = ", ".join(f"{self._values[name].sql} AS c{place}" for place, name in enumerate(names[piece]))
            rows = self._table.connection.execute(f"SELECT {wanted} FROM data LIMIT {_FIRST}").fetchnumpy()
            found |= {name: step_of(doubles(rows[f"c{place}"])) for place, name in enumerate(names[piece])}
        return found

    def _tops(self) -> dict[str, dict[str, Any]]:
        table, made = self._table, {}
        found = table.distinct(self._named)
        for place, column in enumerate(self._named):
            table.control.progress(0.7 + 0.3 * place / len(self._named), column.name)
            count, values = found[column.name]
            made[column.name] = _named(table, column, count, values)
        return made


def _choices(table: Table, c: str, count: int, combinations: int) -> dict[str, Any]:
    """Cells of several answers, by answer: one that a cell names twice counts once there."""
    parted = table.one(
        f"SELECT {', '.join(f'count(*) FILTER (contains({c}, {literal(s)}))' for s in SEPARATORS)} FROM data"
    )
    separator = SEPARATORS[parted.index(max(parted))]
    found = table.all(
        f"SELECT answer, count(*) FROM (SELECT unnest(list_distinct(list_transform(string_split({c}, "
        f"{literal(separator)}), lambda part: trim(part)))) AS answer FROM data) WHERE answer <> '' "
        "GROUP BY 1 ORDER BY 2 DESC, 1"
    )
    return {
        "kind": "categorical",
        "count": count,
        "distinct": len(found),
        "combinations": combinations,
        "answers": sum(n for _, n in found),
        "top": [{"value": label(answer), "count": n} for answer, n in found[:_ANSWERS]],
        "other": sum(n for _, n in found[_ANSWERS:]),
    }


def _named(table: Table, column: Column, count: int, distinct: int) -> dict[str, Any]:
    c = identifier(column.name)
    if column.role == "choices":
        return _choices(table, c, count, distinct)
    # Of a key no value is more frequent than another, and to group by it would take the longest of all.
    top = (
        []
        if distinct > 0.9 * count and distinct > 1_000
        else table.all(
            f"SELECT CAST({c} AS VARCHAR), count(*) FROM data WHERE {c} IS NOT NULL "
            f"GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {TOP if column.type != 'integer' or distinct > _CYCLE else _CYCLE}"
        )
    )
    told: dict[str, Any] = {
        "kind": "categorical",
        "count": count,
        "distinct": distinct,
        "top": [{"value": label(value), "count": n} for value, n in top],
        "other": count - sum(n for _, n in top),
    }
    shown = sum(n for _, n in top)
    if column.type == "text" and count and distinct > 5 * TOP and shown < _TELLING * count:
        shortest, median, longest = table.one(
            f"SELECT min(length({c})), quantile_disc(length({c}), 0.5), max(length({c})) FROM data"
        )
        shapes = table.all(
            f"SELECT {_SHAPE.format(c)}, count(*) FROM data WHERE {c} IS NOT NULL "
            f"GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {_PATTERNS}"
        )
        told["length"] = {"min": shortest, "median": median, "max": longest}
        told["patterns"] = [{"pattern": label(shape, 40), "count": n} for shape, n in shapes]
    return told
