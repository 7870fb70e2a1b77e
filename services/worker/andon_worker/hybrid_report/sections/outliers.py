"""Section "outliers": values far from the middle of their column, and the rows that they are in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from andon.reports import Control, ReportOptions
from andon.reports.duck import identifier
from andon_worker.hybrid_report import charts
from andon_worker.hybrid_report.charts import Bar
from andon_worker.hybrid_report.drawing import FULL
from andon_worker.hybrid_report.figures import choose
from andon_worker.hybrid_report.figures.table import Table, clean, double, open_table
from andon_worker.hybrid_report.figures.values import Values, values_of
from andon_worker.hybrid_report.section import Figure, Grid, Result, Section, Sentence
from andon_worker.hybrid_report.wording import MISSING, Wording, label, listed

_SLACK = 1e-12
_FENCE = 1.5
_ROBUST_Z = 3.5
# Makes the median absolute deviation estimate the standard deviation of normal data.
_MAD_TO_STD = 1.4826
_FEWEST_DISTINCT = 10  # with fewer values, the rare ones are answers as good as the others
_FEWEST_OTHERS = 30
_EXTREMES = 5
_SHOWN = 4
_MOST_BARS = 15
_ALONE = 3  # how many times the fifth farthest value the farthest is, to be told of


def compute(parquet: Path, options: ReportOptions, control: Control) -> Result:
    """`{columns: [...], columnsOmitted, passedOver, keys, extremes: [...]}`, of the columns that can be averaged.

    A column is `{name, count, lower, upper, below, above, min, max, robust, usual, usualCount, largestZ}`. The fences
    are Tukey's (J. W. Tukey, "Exploratory Data Analysis", 1977), 1.5 quartile ranges outside the quartiles; `below`
    and `above` count the values beyond. Where the quartiles are one value, `usual`, the fences are those of the
    other values, `usualCount` says how many rows have it, and it counts as inside. `robust` counts the values whose
    modified z-score (B. Iglewicz and D. Hoaglin, "How to Detect and Handle Outliers", 1993) exceeds 3.5, null if more
    than half of the values are equal.

    `passedOver` are columns of too few different values to have any outlier. `extremes` has of the columns with the
    farthest values the rows that hold them: `{column, rows: [{row, value, keys: [...]}]}`, where `row` counts from 1
    in the file's order and `keys` are the values of the columns `keys`.
    """
    with open_table(parquet, options, control, by_period=True) as table:
        values = values_of(table, choose.varying(table))
        names = list(values)[: options.max_columns]
        judged = [name for name in names if table.seen[name].distinct >= _FEWEST_DISTINCT]
        columns = _columns(table, [values[name] for name in judged])
        control.progress(0.8, "the rows of the farthest values")
        far = sorted((c for c in columns if c["largestZ"] and c["below"] + c["above"]), key=lambda c: -c["largestZ"])
        keys = choose.keys(table)
        extremes = [_extreme(table, values[c["name"]], c, keys) for c in far[:_SHOWN]]
        return clean(
            {
                "columns": columns,
                "columnsOmitted": len(values) - len(names),
                "passedOver": [name for name in names if name not in judged],
                "keys": keys,
                "extremes": extremes,
            }
        )


def _columns(table: Table, columns: list[Values]) -> list[dict[str, Any]]:
    """A few queries over many columns each: quartiles, their guards, and what lies beyond."""
    control = table.control
    sql = {identifier(c.name): c.sql for c in columns}
    names = [c.name for c in columns]
    quantile = "quantile_cont" if table.exact else "approx_quantile"
    control.progress(0.1, "quartiles")
    quartiles = table.per_column(names, lambda c: (f"{quantile}({sql[c]}, [0.25, 0.5, 0.75])",), keeping=table.exact)
    fences = {identifier(c.name): _Fences(c, *quartiles[c.name][0]) for c in columns}
    flat = [c.name for c in columns if fences[identifier(c.name)].flat]
    others = table.per_column(flat, lambda c: fences[c].others(sql[c], quantile), keeping=table.exact)
    for name, found in others.items():
        fences[identifier(name)].refence(*found)
    control.progress(0.4, "deviations")
    deviations = table.per_column(names, lambda c: (fences[c].deviation(sql[c], quantile),), keeping=table.exact)
    for name, (mad,) in deviations.items():
        fences[identifier(name)].mad = mad or 0.0
    control.progress(0.6, "beyond the fences")
    counts = table.per_column(names, lambda c: fences[c].counts(sql[c]))
    return [fences[identifier(name)].told(*counts[name]) for name in names]


class _Fences:
    """Between what a column's values are usual, in its unit."""

    def __init__(self, values: Values, q1: float, median: float, q3: float) -> None:
        self._values, self._median = values, median
        self.flat = q1 == q3
        self._usual = median if self.flat else None
        self._usual_count = 0
        self.mad = 0.0
        self._ends: tuple[float, float] | None = None
        self._set(q1, q3)

    def _set(self, q1: float, q3: float) -> None:
        reach = _FENCE * (q3 - q1)
        slack = _SLACK * max(abs(q1 - reach), abs(q3 + reach))  # a value at the fence isn't beyond it by rounding
        self._ends = (q1 - reach - slack, q3 + reach + slack)

    def others(self, sql: str, quantile: str) -> tuple[str, str]:
        """How many values are the usual one, and the quartiles of the rest."""
        usual = double(self._median)
        return (
            f"count(*) FILTER ({sql} = {usual})",
            f"{quantile}(CASE WHEN {sql} <> {usual} THEN {sql} END, [0.25, 0.5, 0.75])",
        )

    def deviation(self, sql: str, quantile: str) -> str:
        return f"{quantile}(abs({sql} - {double(self._median)}), 0.5)"

    def refence(self, usual_count: int, quartiles: list[float] | None) -> None:
        self._usual_count = usual_count
        if quartiles is None or self._values.count - usual_count < _FEWEST_OTHERS or quartiles[0] == quartiles[2]:
            self._ends = None  # too little to judge by
        else:
            self._set(quartiles[0], quartiles[2])

    def counts(self, sql: str) -> tuple[str, str, str]:
        """How many values lie below, how many above, and how many have a large modified z-score."""
        if self._ends is None:
            return "0", "0", "NULL"
        lower, upper = map(double, self._ends)
        usual = "" if self._usual is None else f" AND {sql} <> {double(self._usual)}"
        far = f"abs({sql} - {double(self._median)}) > {double(_ROBUST_Z * _MAD_TO_STD * self.mad)}"
        return (
            f"count(*) FILTER ({sql} < {lower}{usual})",
            f"count(*) FILTER ({sql} > {upper}{usual})",
            f"count(*) FILTER ({far})" if self.mad else "NULL",
        )

    def told(self, below: int, above: int, robust: int | None) -> dict[str, Any]:
        values = self._values
        lower, upper = self._ends or (None, None)
        return {
            "name": values.name,
            "count": values.count,
            "lower": values.original(lower),
            "upper": values.original(upper),
            "below": below,
            "above": above,
            "min": values.low,
            "max": values.high,
            "robust": robust,
            "usual": values.original(self._usual),
            "usualCount": self._usual_count,
            "largestZ": self._largest_z(),
        }

    def _largest_z(self) -> float | None:
        """How far the farthest value is, in robust standard deviations; by the fences where the MAD is 0."""
        if self._ends is None:
            return None
        lower, upper = self._ends
        spread = _MAD_TO_STD * self.mad or (upper - lower) / 4 / 1.349
        ends = (self._values.low / self._values.unit, self._values.high / self._values.unit)
        return max(abs(end - self._median) for end in ends) / spread if spread else None


def _named(table: Table, key: str) -> str:
    column = table.column(key)
    years = column.role == "year" and column.temporal
    return f"CAST({f'year({identifier(key)})' if years else identifier(key)} AS VARCHAR)"


def _extreme(table: Table, values: Values, found: dict[str, Any], keys: list[str]) -> dict[str, Any]:
    """The rows of the values farthest beyond the fences."""
    shown = "".join(f", {_named(table, key)} AS k{place}" for place, key in enumerate(keys))
    lower, upper = (double(found[end] / values.unit) for end in ("lower", "upper"))
    beyond = f"greatest(x - {upper}, {lower} - x)"
    usual = "" if found["usual"] is None else f"AND x <> {double(found['usual'] / values.unit)}"
    rows = table.all(
        f"SELECT * FROM (SELECT row_number() OVER () AS row, {values.sql} AS x{shown} FROM data) "
        f"WHERE (x < {lower} OR x > {upper}) {usual} ORDER BY {beyond} DESC, row LIMIT {_EXTREMES}"
    )
    return {
        "column": values.name,
        "rows": [
            {
                "row": (row - 1) // table.periods + 1,
                "value": values.original(x),
                "keys": [None if key is None else label(key, 40) for key in named],
            }
            for row, x, *named in rows
        ],
    }


def sentences(result: Result, wording: Wording) -> list[Sentence]:
    number = wording.number
    told = []
    beyond = [c for c in result["columns"] if c["below"] + c["above"]]
    for column in sorted(beyond, key=lambda c: -(c["largestZ"] or 0))[:4]:
        sides = []
        if column["above"]:
            sides.append(f"{wording.count(column['above'], 'value')} above {number(column['upper'])}")
        if column["below"]:
            sides.append(f"{wording.count(column['below'], 'value')} below {number(column['lower'])}")
        share = (column["above"] + column["below"]) / column["count"]
        far = max((column["max"], column["min"]), key=lambda end: _distance(end, column))
        of = (
            "its quartiles"
            if column["usual"] is None
            else f"the quartiles of the values other than {number(column['usual'])}"
        )
        told.append(
            Sentence(
                f"{label(column['name'])} has {listed(sides)}, 1.5 quartile ranges outside {of} "
                f"({wording.percent(column['above'] + column['below'], column['count'])} of its values); "
                f"the farthest is {number(far)}.",
                effect=_effect(column, share),
                figure="outside",
            )
        )
    told += [_alone(each, wording) for each in result["extremes"] if _times(each) >= _ALONE]
    told += [
        Sentence(
            f"{wording.percent(c['usualCount'], c['count'])} of the values of {label(c['name'])} are "
            f"{number(c['usual'])}; "
            + (
                "too few or too similar others remain to call any of them far."
                if c["lower"] is None
                else "what is far is judged by the others."
            )
        )
        for c in result["columns"]
        if c["usual"] is not None and c["usualCount"]
    ][:3]
    if not told:
        return [Sentence("No numeric column has values outside its fences.")]
    return [*told, Sentence("An outlier is a value far from the middle; it may well be right.")]


def _times(extreme: dict[str, Any]) -> float:
    """How many times the farthest value is the fifth farthest."""
    sizes = [abs(row["value"]) for row in extreme["rows"] if row["value"] is not None]
    return sizes[0] / sizes[-1] if len(sizes) == _EXTREMES and sizes[-1] > 0 else 0.0


def _alone(extreme: dict[str, Any], wording: Wording) -> Sentence:
    first, *_, fifth = extreme["rows"]
    return Sentence(
        f"The farthest value of {label(extreme['column'])}, {wording.exact(first['value'])} in row "
        f"{wording.number(first['row'])}, stands alone: it is {wording.number(_times(extreme))} times the fifth "
        f"farthest, {wording.exact(fifth['value'])}.",
        effect=min(0.6, 0.1 * _times(extreme)),
        figure="outside",
    )


def _distance(end: float, column: dict[str, Any]) -> float:
    return float(max(end - column["upper"], column["lower"] - end))


def _effect(column: dict[str, Any], share: float) -> float:
    """Few values, very far away, are news; many a little beyond are a skewed column, which is told elsewhere."""
    z = column["largestZ"] or 0.0
    return min(0.7, z / 60) if share < 0.01 and z > 8 else 0.0


def figures(result: Result, wording: Wording) -> list[Figure]:
    beyond = [(c, c["below"] + c["above"]) for c in result["columns"]]
    shown = sorted((each for each in beyond if each[1]), key=lambda each: -each[1] / each[0]["count"])
    if not shown:
        return []
    rows = [
        Bar(label(c["name"], 40), 100 * many / c["count"], wording.percent(many, c["count"]))
        for c, many in shown[:_MOST_BARS]
    ]
    note = "share of a column's values"
    if len(shown) > len(rows):
        note += f"; the {len(rows)} columns with most of {len(shown)}"
    drawing = charts.bars("Values outside the fences by column", rows, FULL)
    return [Figure("outside", "Values outside the fences", note, drawing)]


def grids(result: Result, wording: Wording) -> list[Grid]:
    number = wording.number
    rows = [
        (
            label(c["name"], 32),
            *(number(c[key]) for key in ("min", "lower", "below", "upper", "above", "max")),
            wording.percent(c["below"] + c["above"], c["count"]),
            MISSING if c["robust"] is None else number(c["robust"]),
        )
        for c in result["columns"]
    ]
    headers = ("Column", "Min", "Lower fence", "Below", "Upper fence", "Above", "Max", "Outside", "|robust z| > 3.5")
    keys = [label(key, 30) for key in result["keys"]]
    farthest = [
        (
            label(each["column"], 32),
            *(MISSING if key is None else key for key in row["keys"]),
            wording.exact(row["value"]),
            number(row["row"]),
        )
        for each in result["extremes"]
        for row in each["rows"]
    ]
    return [
        Grid("The rows of the farthest values", ("Column", *keys, "Value", "Row"), farthest, words=1 + len(keys)),
        Grid("Fences and what lies outside", headers, rows),
    ]


SECTION = Section("outliers", "Outliers", compute, sentences, figures, grids)
