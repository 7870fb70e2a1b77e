"""Section "drivers": of all columns, which say most of the one that the report is about."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from andon.reports import Column, Control, ReportOptions
from andon.reports.duck import identifier
from andon_worker.hybrid_report import charts
from andon_worker.hybrid_report.charts import Bar
from andon_worker.hybrid_report.drawing import FULL
from andon_worker.hybrid_report.figures import choose
from andon_worker.hybrid_report.figures.association import (
    Codes,
    Floats,
    Resampled,
    binned,
    by_chance,
    correlation_ratio,
    cramers_v,
    mutual_information,
    ranks,
    surely,
    with_interval,
)
from andon_worker.hybrid_report.figures.copies import copies
from andon_worker.hybrid_report.figures.resampling import seed_of
from andon_worker.hybrid_report.figures.sums import Sum, is_part, sums
from andon_worker.hybrid_report.figures.table import Table, clean, open_table
from andon_worker.hybrid_report.figures.times.sequences import changes_together, ordered_by_time
from andon_worker.hybrid_report.figures.values import codes, doubles, sampled, values_of
from andon_worker.hybrid_report.scales import in_order
from andon_worker.hybrid_report.section import Figure, Grid, Result, Section, Sentence
from andon_worker.hybrid_report.wording import Wording, label, some

ROWS = 10_000
_RESAMPLES = 200
_FEWEST_ROWS = 30  # with both values; of a small table half of its rows
_MOST_COLUMNS = 60
_MOST_NAMES = 30  # a column of more different names says nothing of a kind of row
_MOST_ANSWERS = 12
_DETAILED = 3
# Up to so many rows the best of many columns may be so by chance: it must come up in under one of 20 tries at all.
_TRIED_ROWS, _MOST_SHUFFLES, _RARE = 2_000, 400, 0.05
_SHOWN = 12
_WEAK = 0.1
_SAME = 0.9999
_SKEWED = 5.0


def compute(parquet: Path, options: ReportOptions, control: Control) -> Result:
    """`{question, kind, ranked, answer, rows, sampled, confidence, drivers: [...], same, leftOut: [{column, reason}]}`.

    The question is the column of the option `question`; else the first measure, else the first flag. Of a number
    (`kind` is `numeric`) a driver's `strength` is eta, `ranked` that of its ranks if a few values make up most of its
    spread; of words (`categorical`) it is Cramér's V, each between the
    question and the driver's groups: its values, or ten bins of equally many rows. A driver is `{column, kind,
    strength, low, high, sure, rows, changes, information, groups: [{name | from, to, rows, value}]}`: `sure` says that
    its low end is 0.1 or more and chance alone wouldn't make the best of so many columns so strong; `information` is
    the share of the question's entropy that it takes away, `changes` the correlation of the changes of both where each
    row is another moment, `rows` how many have both, `groups` (of the first three) the question's mean per group, or
    the share of `answer`, its rarer value if it has two. All of it comes from a sample of about 10,000 rows of larger
    tables. `same` are columns from which the question follows exactly. `question` is null if no column can be one.
    """
    with open_table(parquet, options, control, by_period=True) as table:
        question = _question(table, options)
        if question is None:
            return {"question": None}
        control.progress(0.1, "a sample")
        time = choose.time_column(table, options)
        alike = copies(table)
        candidates, left_out = _candidates(table, question, time, sums(table), alike)
        columns = _sampled(table, [question, *candidates])
        moving = _changes(table, time, question, candidates)
    asked, others = columns[0], columns[1:]
    known = asked.codes >= 0
    rows = int(known.sum())
    if rows < 20 or asked.width < 2:
        return {"question": None}
    resampled = Resampled(rows, _RESAMPLES, seed_of(options.seed, question.name))
    found, same = [], []
    for place, other in enumerate(others):
        control.progress(0.2 + 0.8 * place / max(1, len(others)), other.name)
        control.check()
        driver = _driver(asked, other, known, resampled, options.confidence) | {"changes": moving.get(other.name)}
        driver["chance"] = _chance(asked, other, known, _shuffles(len(others)), options.seed)
        if driver["rows"] < min(_FEWEST_ROWS, rows // 2):
            left_out.append({"column": other.name, "reason": f"values in {driver['rows']} of these rows alone"})
        elif driver["strength"] >= _SAME or _follows(asked, other):
            same.append(other.name)
        elif alike.get(other.name, other.name) == alike.get(question.name, question.name):
            left_out.append({"column": other.name, "reason": "nearly repeats it"})
        else:
            found.append(driver)
    for driver in found:
        driver["sure"] = driver["low"] >= _WEAK and driver.pop("chance") <= max(
            _RARE / max(1, len(found)), 1 / (1 + _shuffles(len(others)))
        )
    found.sort(key=lambda driver: (-driver["strength"], driver["column"]))
    for driver in found[:_DETAILED]:
        driver["groups"] = _groups(asked, next(other for other in others if other.name == driver["column"]))
    return clean(
        {
            "question": question.name,
            "kind": asked.kind,
            "ranked": asked.kind == "numeric" and asked.skewed,
            "answer": asked.answer,
            "rows": rows,
            "sampled": table.rows > len(asked.codes),
            "confidence": options.confidence,
            "drivers": found,
            "same": same,
            "leftOut": left_out,
        }
    )


@dataclass(frozen=True)
class _Seen:
    """A column's sample: its groups as codes, and what they stand for."""

    name: str
    kind: str
    codes: Codes
    names: list[str]
    edges: Floats
    numbers: Floats | None
    unit: float = 1.0

    @property
    def width(self) -> int:
        return len(self.names) or len(self.edges) + 1

    @property
    def skewed(self) -> bool:
        """Whether a few values make up most of the spread: then ranks tell more than the values."""
        if self.numbers is None:
            return False
        y = self.numbers[np.isfinite(self.numbers)]
        y = (y - y.mean()) / (y.std() or 1.0)
        return bool(abs((y**3).mean()) >= _SKEWED)

    @property
    def answer(self) -> str | None:
        """Of two values the rarer, unless one of them says yes."""
        if self.kind == "numeric" or self.width != 2:
            return None
        return next((name for name in self.names if name.lower() in {"true", "yes", "y", "1", "ja"}), self.names[1])


def _question(table: Table, options: ReportOptions) -> Column | None:
    if options.question:
        return table.column(options.question)
    measures = choose.measures(table, options, most=1)
    if measures:
        return table.column(measures[0])
    return next(iter(table.of("flag")), None)


def _changes(table: Table, time: str | None, question: Column, others: list[Column]) -> dict[str, float | None]:
    """Of each number how its changes go with the question's, where each row is another moment."""
    numbers = [c.name for c in others if c.averaged]
    if not question.averaged or not numbers:
        return {}
    series = ordered_by_time(table, time, list(values_of(table, [question.name, *numbers]).values()))
    if series is None:
        return {}
    return {name: changes_together(series[:, 0], series[:, place]) for place, name in enumerate(numbers, 1)}


def _candidates(
    table: Table, question: Column, time: str | None, added: list[Sum], alike: dict[str, str]
) -> tuple[list[Column], list[dict[str, str]]]:
    """The columns that may say something of the question, and why the others can't."""
    others = [column for column in table.columns if column.name != question.name]
    chosen: list[Column] = []
    left_out: list[dict[str, str]] = []
    for column in others:
        many = table.seen[column.name].distinct
        if many < 2:
            reason = "a single value"
        elif column.role == "id":
            reason = "names single rows"
        elif is_part(column.name, question.name, added):
            reason = "one is a part of the other"
        elif alike.get(column.name, question.name) not in (question.name, alike.get(question.name)):
            reason = f"nearly repeats {alike[column.name]}"
        elif column.name == time:
            reason = "time: see the trends"
        elif not (column.averaged or column.temporal or column.role in {"year", "geo"}) and many > _MOST_NAMES:
            reason = f"more than {_MOST_NAMES} different values"
        elif len(chosen) == _MOST_COLUMNS:
            reason = f"beyond the first {_MOST_COLUMNS} columns"
        else:
            chosen.append(column)
            continue
        left_out.append({"column": column.name, "reason": reason})
    return chosen, left_out


def _sampled(table: Table, columns: list[Column]) -> list[_Seen]:
    numeric = [c.name for c in columns if c.averaged or c.role in {"year", "geo"}]
    values = values_of(table, numeric)
    expressions = [
        values[c.name].sql
        if c.name in values
        else f"epoch({identifier(c.name)})"
        if c.temporal
        else f"CAST({identifier(c.name)} AS VARCHAR)"
        for c in columns
    ]
    found = []
    for column, sample in zip(columns, sampled(table, expressions, ROWS), strict=True):
        if column.name in values or column.temporal:
            numbers = doubles(sample)
            groups, edges = binned(numbers)
            unit = values[column.name].unit if column.name in values else 1.0
            kind = "numeric" if column.name in values else "temporal"
            found.append(_Seen(column.name, kind, groups, [], edges, numbers, unit))
        else:
            coded, names = codes(sample)
            most = _MOST_ANSWERS if column is columns[0] else _MOST_NAMES
            coded[coded >= most] = -1
            found.append(_Seen(column.name, "categorical", coded, names[:most], np.empty(0), None))
    return found


def _driver(
    asked: _Seen, other: _Seen, known: NDArray[np.bool_], resampled: Resampled, confidence: float
) -> dict[str, Any]:
    theirs, ours = other.codes[known], asked.codes[known]
    both = np.where(theirs >= 0, theirs * asked.width + ours, -1)
    shape = (other.width, asked.width)
    table = np.bincount(both[both >= 0], minlength=shape[0] * shape[1]).astype(float).reshape(shape)
    if asked.kind == "numeric" and asked.numbers is not None:
        y = ranks(asked.numbers[known]) if asked.skewed else asked.numbers[known]
        y = (y - y.mean()) / (y.std() or 1.0)
        inside = theirs >= 0
        sums, squares = (
            np.bincount(theirs[inside], weights=v[inside], minlength=other.width).astype(float) for v in (y, y * y)
        )
        counts = np.bincount(theirs[inside], minlength=other.width).astype(float)
        strength = correlation_ratio(counts, sums, squares)
        parts = (resampled.totals(theirs, other.width, v) for v in (None, y, y * y))
        drawn = np.array([correlation_ratio(*each) for each in zip(*parts, strict=True)])
    else:
        strength = cramers_v(table)
        tables = resampled.totals(both, shape[0] * shape[1])
        drawn = np.array([cramers_v(each.reshape(shape)) for each in tables])
    low, high = with_interval(strength, drawn, confidence)
    return {
        "column": other.name,
        "kind": other.kind,
        "strength": strength,
        "low": low,
        "high": high,
        "rows": int((theirs >= 0).sum()),
        "information": mutual_information(table),
        "groups": [],
    }


def _shuffles(columns: int) -> int:
    return min(_MOST_SHUFFLES, math.ceil(columns / _RARE))


def _chance(asked: _Seen, other: _Seen, known: NDArray[np.bool_], shuffles: int, seed: int) -> float:
    inside = known & (other.codes >= 0)
    if not 1 < inside.sum() <= _TRIED_ROWS:
        return 0.0
    if asked.kind == "numeric" and asked.numbers is not None:
        y = asked.numbers[inside]
        y = ranks(y) if asked.skewed else (y - y.mean()) / (y.std() or 1.0)
        values = y[:, None]
    else:
        answers = np.eye(asked.width)[asked.codes[inside]]
        values = answers / np.sqrt(np.maximum(answers.sum(axis=0), 1))
    return by_chance(other.codes[inside], values, shuffles, seed_of(seed, asked.name, other.name))


def _follows(asked: _Seen, other: _Seen) -> bool:
    """Whether one number is the other in another unit."""
    if asked.numbers is None or other.numbers is None or other.kind != "numeric":
        return False
    both = np.isfinite(asked.numbers) & np.isfinite(other.numbers)
    a, b = asked.numbers[both], other.numbers[both]
    if len(a) < 3 or not a.std() or not b.std():
        return False
    return bool(abs(np.corrcoef(a, b)[0, 1]) > _SAME)


def _groups(asked: _Seen, other: _Seen) -> list[dict[str, Any]]:
    told = []
    for code in range(other.width):
        its = (other.codes == code) & (asked.codes >= 0)
        rows = int(its.sum())
        if not rows:
            continue
        if asked.kind == "numeric" and asked.numbers is not None:
            value: float | None = float(asked.numbers[its].mean()) * asked.unit
        elif asked.answer is not None:
            value = float((asked.codes[its] == asked.names.index(asked.answer)).mean())
        else:
            value = None
        told.append({**_of(other, code), "rows": rows, "value": value})
    return told


def _of(other: _Seen, code: int) -> dict[str, Any]:
    """What a group is: a name, or from where to where its numbers go."""
    if other.names:
        return {"name": label(other.names[code], 40)}
    numbers = other.numbers[other.codes == code] * other.unit if other.numbers is not None else np.empty(0)
    if other.kind == "temporal":
        low, high = (np.datetime64(int(end), "s").astype(str) for end in (numbers.min(), numbers.max()))
        return {"from": str(low), "to": str(high)}
    return {"from": float(numbers.min()), "to": float(numbers.max())}


def sentences(result: Result, wording: Wording) -> list[Sentence]:
    if result["question"] is None:
        return [Sentence("There is no measure and no flag that other columns could say something of.")]
    question, measure = label(result["question"]), _measure(result)
    told: list[Sentence] = []
    strong = [driver for driver in result["drivers"] if driver["sure"]]
    told += [
        Sentence(
            f"{question} {'goes' if place else 'goes most'} with {label(driver['column'])}"
            f"{_ends(driver, result, wording)} "
            f"({measure} {wording.coefficient(driver['strength'])}, "
            f"{wording.number(100 * result['confidence'])}% interval {wording.coefficient(driver['low'])} to "
            f"{wording.coefficient(driver['high'])}{_moving(driver, wording)}).",
            effect=_effect(driver, result),
            figure=f"by-{driver['column']}" if driver["groups"] else "strengths",
            about=(result["question"], driver["column"]),
        )
        for place, driver in enumerate(strong[:3])
    ]
    if not result["drivers"]:
        return [Sentence(f"There is no other column that could say something of {question}.")]
    if not strong:
        told.append(
            Sentence(
                f"{_none(result, wording)} much of {question}: no {measure} is above {wording.number(_WEAK)} for sure."
            )
        )
    if result["same"]:
        told.append(Sentence(f"{question} follows exactly from {some([label(name) for name in result['same']])}."))
    left = [f"{label(each['column'])} ({each['reason']})" for each in result["leftOut"]]
    if left:
        told.append(Sentence(f"Left out: {some(left, 4)}."))
    about = f"{'a sample of' if result['sampled'] else 'the'} {wording.count(result['rows'], 'row')}"
    about += f" with a value of {question}"
    told.append(
        Sentence(
            f"The figures are from {about}; each is of one column by itself, and says what goes together, not what "
            "makes what."
        )
    )
    return told


def _none(result: Result, wording: Wording) -> str:
    if len(result["drivers"]) == 1:
        return f"{label(result['drivers'][0]['column'])} doesn't say"
    return f"None of {wording.count(len(result['drivers']), 'column')} says"


def _effect(driver: dict[str, Any], result: Result) -> float:
    """Small where few rows have both, and where two series grow while their changes don't go together."""
    strength = driver["strength"]
    if driver["changes"] is not None:
        strength = min(strength, surely(driver["changes"], driver["rows"]))
    return float(strength * 0.95 * min(1.0, 2 * driver["rows"] / result["rows"]))


def _moving(driver: dict[str, Any], wording: Wording) -> str:
    if driver["changes"] is None:
        return ""
    return f"; their changes from one row to the next correlate by {wording.coefficient(driver['changes'])}"


def _measure(result: Result) -> str:
    if result["kind"] != "numeric":
        return "Cramér's V"
    return "eta of ranks" if result["ranked"] else "eta"


def _ends(driver: dict[str, Any], result: Result, wording: Wording) -> str:
    """Where the question is highest and lowest along the driver."""
    known = [group for group in driver["groups"] if group["value"] is not None and group["rows"] >= 5]
    if len(known) < 2:
        return ""
    low, high = (pick(known, key=lambda group: group["value"]) for pick in (min, max))
    name = "its mean" if result["kind"] == "numeric" else f"the share of “{label(result['answer'], 30)}”"
    return (
        f": {name} is {_value(high, result, wording)} where {label(driver['column'], 40)} is "
        f"{_group(high, driver, wording)} and {_value(low, result, wording)} where it is {_group(low, driver, wording)}"
    )


def _value(group: dict[str, Any], result: Result, wording: Wording) -> str:
    every = [each["value"] for driver in result["drivers"] for each in driver["groups"]]
    return wording.among(every)(group["value"]) if result["kind"] == "numeric" else wording.percent(group["value"], 1)


def _group(group: dict[str, Any], driver: dict[str, Any], wording: Wording) -> str:
    if "name" in group:
        return str(group["name"])
    if group["from"] == group["to"]:
        return _end(group["from"], driver, wording)
    return f"{_end(group['from'], driver, wording)} to {_end(group['to'], driver, wording)}"


def _end(end: float | str, driver: dict[str, Any], wording: Wording) -> str:
    if isinstance(end, str):
        return wording.moment(end)
    return wording.among([each[side] for each in driver["groups"] for side in ("from", "to")])(end)


def _ordered(groups: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Groups of words by the order that these have; those of numbers come in it."""
    return groups if any("from" in group for group in groups) else in_order(groups, lambda g: str(g["name"]))


def figures(result: Result, wording: Wording) -> list[Figure]:
    drivers = [driver for driver in (result.get("drivers") or []) if driver["strength"] > 0][:_SHOWN]
    if not drivers:
        return []
    rows = [
        Bar(
            label(driver["column"], 40),
            driver["strength"],
            wording.coefficient(driver["strength"]),
            soft=not driver["sure"],
            low=driver["low"],
            high=driver["high"],
        )
        for driver in drivers
    ]
    question = label(result["question"], 40)
    title = f"What goes with {question}"
    note = f"{_measure(result)} with {wording.number(100 * result['confidence'])}% intervals; 0 is nothing, 1 all"
    made = [Figure("strengths", title, note, charts.bars(title, rows, FULL))]
    for driver in drivers:
        known = [group for group in driver["groups"] if group["value"] is not None]
        if len(known) < 2 or not driver["sure"]:
            continue
        bars = [Bar(_group(g, driver, wording), g["value"], _value(g, result, wording)) for g in _ordered(known)]
        what = f"mean of {question}" if result["kind"] == "numeric" else f"share of “{label(result['answer'], 30)}”"
        heading = f"{what[0].upper()}{what[1:]}"
        by = label(driver["column"], 40)
        made.append(Figure(f"by-{driver['column']}", heading, f"by {by}", charts.bars(f"{heading} by {by}", bars)))
    return made


def grids(result: Result, wording: Wording) -> list[Grid]:
    rows = [
        (
            label(driver["column"], 40),
            wording.coefficient(driver["strength"]),
            wording.coefficient(driver["low"]),
            wording.coefficient(driver["high"]),
            wording.percent(driver["information"], 1),
        )
        for driver in (result.get("drivers") or [])[: 2 * _SHOWN]
    ]
    if not rows:
        return []
    measure = _measure(result)
    headers = ("Column", measure[0].upper() + measure[1:], "from", "to", "Entropy taken away")
    return [Grid(f"What goes with {label(result['question'], 40)}", headers, rows)]


SECTION = Section("drivers", "Drivers", compute, sentences, figures, grids)
