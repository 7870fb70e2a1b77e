"""What the section computes: the question, the columns that may say something of it, and how much each does."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np

from andon.reports import Column, Control, ReportOptions
from andon.reports.duck import identifier
from andon_worker.hybrid_report.figures import choose
from andon_worker.hybrid_report.figures.association import Resampled
from andon_worker.hybrid_report.figures.computed.copies import copies
from andon_worker.hybrid_report.figures.computed.products import made
from andon_worker.hybrid_report.figures.computed.sums import Sum, is_part
from andon_worker.hybrid_report.figures.computed.twins import twins
from andon_worker.hybrid_report.figures.durations import open_measured
from andon_worker.hybrid_report.figures.resampling import seed_of
from andon_worker.hybrid_report.figures.table import Table, clean
from andon_worker.hybrid_report.figures.times.sequences import changes_together, ordered_by_time
from andon_worker.hybrid_report.figures.values import values_of
from andon_worker.hybrid_report.section import Result
from andon_worker.hybrid_report.sections.drivers.knees import knee_of
from andon_worker.hybrid_report.sections.drivers.sample import MOST_NAMES, samples
from andon_worker.hybrid_report.sections.drivers.strength import SAME, driver_of, follows, groups_of

_RESAMPLES = 200
_FEWEST_ROWS = 30  # with both values; of a small table half of its rows
_MOST_COLUMNS = 60
_DETAILED = 3
_FEWEST_ANSWERS = 20
_USUAL = 0.9  # of a measure's values, from which another column is the better question
_TWICE = 2  # times that a name has to stand on average, of few names too
_OFTEN = 5  # times that each of many names has to stand on average
WEAK = 0.1
_ALONG = 0.9  # the correlation of two dates that tell the same time
_GIVEN = re.compile(
    r"(?i)(?:^|[^a-z])(?:age|alter|edad|âge|leeftijd|ålder|età|idade|temp|temperature?|température|temperatura|"
    r"humidity|feuchte|luftfeuchte|humidité|humedad|attendance|anwesenheit|assiduité|asistencia|cylinders?|zylinder|"
    r"cylindres)(?:$|[^a-z])"
)
_OUTCOME = re.compile(
    r"(?i)(?:^|[^a-z])(?:churn|churned|defaulted|cancelled|canceled|converted|reopened|survived|defect|"
    r"failed|dropped_?out|gekündigt|storniert|résilié|cancelado)(?:$|[^a-z])"
)


def compute(parquet: Path, options: ReportOptions, control: Control) -> Result:
    """`{question, kind, ranked, answer, rows, sampled, confidence, drivers: [...], same, leftOut: [{column, reason}]}`.

    The question is the column of the option `question`; else the first measure, flag or further measure of which
    enough is known. Of a number (`kind` is `numeric`) a driver's `strength` is eta, `ranked` that of its ranks if a
    few values make up most of its spread; of words (`categorical`) it is Cramér's V, each between the question and the
    driver's groups: its values, or up to ten bins of equally many rows, ten or more. A driver is `{column, kind,
    strength, low, high, sure, rows, others, changes, summed, information, groups: [{name | from, to, rows,
    value}], knee}`:
    `sure` says that its low end is 0.1 or more and chance alone wouldn't make the best of so many columns so strong,
    `summed` that both add up; `information` is the share of the question's entropy that it takes away, `changes` the
    correlation of the changes of both where each row is another moment, `rows` how many have both, `others` how many
    names are one group, `groups` (of the first three) the question's mean per group, or the share of `answer`, its
    rarer value if it has two, `knee` as in `knee_of`. All of it comes from a sample of about 10,000
    rows of larger tables. `same` are columns
    from which the question follows exactly. `question` is null if no column can be one.
    """
    with open_measured(parquet, options, control, by_period=True) as table:
        control.progress(0.1, "a sample")
        question = _question(table, options)
        if question is None:
            return {"question": None}
        time = choose.time_column(table, options)
        alike = copies(table)
        candidates, left_out = _candidates(table, question, time, made(table), alike)
        columns = samples(table, [question, *candidates])
        moving = _changes(table, time, question, candidates)
    asked, others = columns[0], columns[1:]
    known = asked.codes >= 0
    rows = int(known.sum())
    resampled = Resampled(rows, _RESAMPLES, seed_of(options.seed, question.name))
    found, same = [], []
    for place, other in enumerate(others):
        control.progress(0.2 + 0.8 * place / max(1, len(others)), other.name)
        control.check()
        driver = driver_of(asked, other, known, resampled, options.confidence, len(others))
        driver["changes"] = moving.get(other.name)
        driver["summed"] = question.summed and table.column(other.name).summed
        if driver["rows"] < min(_FEWEST_ROWS, rows // 2):
            left_out.append({"column": other.name, "reason": f"values in {driver['rows']} of these rows alone"})
        elif driver["strength"] >= SAME or follows(asked, other):
            same.append(other.name)
        elif alike.get(other.name, other.name) == alike.get(question.name, question.name):
            left_out.append({"column": other.name, "reason": "nearly the same"})
        else:
            found.append(driver)
    for driver in found:
        driver["sure"] = driver["low"] >= WEAK and not driver.pop("chance")
    found.sort(key=lambda driver: (-driver["strength"], driver["column"]))
    for driver in found[:_DETAILED]:
        other = next(other for other in others if other.name == driver["column"])
        driver["groups"], driver["knee"] = groups_of(asked, other), knee_of(asked, other)
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


def _question(table: Table, options: ReportOptions) -> Column | None:
    """The one asked for, or the first measure, flag or further measure of which enough is known; one of which nine
    tenths are one value, as the revenue of visits, if there is no other."""
    if options.question:
        asked = [options.question]
    else:
        # An age or a temperature explains, and isn't explained; whether somebody left is what is asked.
        first, *others = [*sorted(choose.measures(table, options), key=lambda name: bool(_GIVEN.search(name))), ""]
        flags = [flag.name for flag in table.of("flag")]
        came = [name for name in flags if _OUTCOME.search(name)]
        explains = not first or _GIVEN.search(first) or (came and table.column(first).role != "money")
        flags = [*came, *flags][:1]
        asked = [*flags, first, *others] if explains else [first, *flags, *others]
    last = None
    for column in (table.column(name) for name in asked if name):
        [sample] = samples(table, [column])
        known = sample.codes[sample.codes >= 0]
        if len(known) < _FEWEST_ANSWERS or sample.width < 2:
            continue
        if options.question or sample.kind != "numeric" or np.bincount(known).max() < _USUAL * len(known):
            return column
        last = last or column
    return last


def _goes_along(table: Table, column: Column, time: str | None) -> bool:
    """Whether a date is the time column once more, or comes some days before or after it, as a payment: what goes with
    it goes with time."""
    if time is None or not (column.temporal and table.column(time).temporal):
        return False
    one, other = (f"epoch(CAST({identifier(name)} AS TIMESTAMP))" for name in (time, column.name))
    (together,) = table.one(f"SELECT corr({one}, {other}) FROM data")
    return together is not None and math.isfinite(together) and together > _ALONG


def _is_of_numbers(column: Column) -> bool:
    """Whether it is told apart by from where to where it goes, not by name."""
    return column.averaged or column.temporal or column.role in {"year", "geo"}


def _is_nearly_unique(table: Table, column: Column, many: int) -> bool:
    """Whether its names stand for single rows, as surnames do, and so say much of anything."""
    return not _is_of_numbers(column) and table.seen[column.name].count < _TWICE * many


def _is_told(table: Table, column: Column, many: int) -> bool:
    """Whether a column's numbers, or its few or frequent names, tell of kinds of rows."""
    if _is_of_numbers(column) or many <= MOST_NAMES:
        return True
    return column.role in {"category", "code"} and table.seen[column.name].count >= _OFTEN * many


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
    same = twins(table)
    for column in others:
        many = table.seen[column.name].distinct
        if many < 2:
            reason = "a single value"
        elif same.get(column.name, question.name) != question.name:
            reason = f"naming the same as {same[column.name]}"
        elif column.role == "id":
            reason = "naming single rows"
        elif column.running:
            reason = "a running total"
        elif column.role == "choices":
            reason = "several answers in a cell"
        elif is_part(column.name, question.name, added):
            planned = {column.name, question.name} in [set(each) for each in added]
            reason = "what was planned of it" if planned else "one is computed from the other"
        elif alike.get(column.name, question.name) not in (question.name, alike.get(question.name)):
            reason = f"nearly the same as {alike[column.name]}"
        elif (
            column.name == time
            or (time and column.role == "year" and not column.of_origin)
            or _goes_along(table, column, time)
        ):
            reason = "time: see the trends"
        elif _is_nearly_unique(table, column, many):
            reason = "hardly a value twice"
        elif not _is_told(table, column, many):
            reason = f"more than {MOST_NAMES} different values, each hardly {_OFTEN} times"
        elif len(chosen) == _MOST_COLUMNS:
            reason = f"beyond the first {_MOST_COLUMNS} columns"
        else:
            chosen.append(column)
            continue
        left_out.append({"column": column.name, "reason": reason})
    return chosen, left_out
