"""From when on what was promised comes late more or less often than before: in all rows, or in those of one group."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np

from andon.reports import ReportOptions
from andon.reports.duck import identifier, literal
from andon_worker.hybrid_report.figures import choose
from andon_worker.hybrid_report.figures.durations import LATE, Duration
from andon_worker.hybrid_report.figures.resampling import Floats
from andon_worker.hybrid_report.figures.table import Table
from andon_worker.hybrid_report.section import Sentence
from andon_worker.hybrid_report.sections.groups.loading import FEWEST_ROWS
from andon_worker.hybrid_report.wording import Wording, brief, label

_GROUPINGS = 3
_SURE = 24.0  # twice the logarithm of how much likelier two shares are than one: of thousands of days one by chance
_NOTABLE = 0.1  # of the rows
_WITH_IT = 0.5  # of a group's change, from which that of all others is the same
_LEAST, _MOST = 0.5, 0.95

Since = dict[str, Any]
Counts = list[tuple[date, int, int]]


def late_since(table: Table, options: ReportOptions) -> list[Since]:
    """`{late, start, end, groupBy, value, since, before, after, others}` of each promise whose share of late rows
    changed on a day.

    `before` and `after` are `{rows, late}` up to the day before `since` and from it on, of the group that changed most
    surely, and `others` a pair of the same of all other rows; where these changed alike, or there are no groups,
    `groupBy` and `others` are null and all rows are told.
    """
    time = choose.time_column(table, options)
    kept = [each for each in table.durations if each.late]
    if time is None or not table.column(time).temporal:
        return []
    by = choose.groupings(table, options, _GROUPINGS)
    return [found for each in kept if (found := _since(table, each, time, by))]


def _since(table: Table, promise: Duration, time: str, by: list[str]) -> Since | None:
    every = _counts(table, promise, time, None)[None]
    told = {"late": promise.late, "start": promise.start, "end": promise.end}
    found: list[tuple[float, date, str | None, Any, Counts]] = []
    for name in (None, *by):
        for value, counts in ({None: every} if name is None else _counts(table, promise, time, name)).items():
            if (cut := _cut(counts)) is not None:
                found.append((*cut, name, value, counts))
    if not found:
        return None
    # That one group changed is told before that all did, by it.
    grouped = [each for each in found if each[2] is not None]
    for _, since, name, value, own in sorted(grouped, key=lambda each: -each[0])[:1]:
        sides, all_sides = _sides(own, since), _sides(every, since)
        others = [{key: whole[key] - one[key] for key in whole} for one, whole in zip(sides, all_sides, strict=True)]
        moved = _share(sides[1]) - _share(sides[0])
        enough = min(each["rows"] for each in others) >= FEWEST_ROWS
        if enough and (_share(others[1]) - _share(others[0])) / moved < _WITH_IT:
            return told | _told(since, sides) | {"groupBy": name, "value": label(value), "others": others}
    whole = next((each for each in found if each[2] is None), None)
    if whole is None:
        return None
    return told | _told(whole[1], _sides(every, whole[1])) | {"groupBy": None, "value": None, "others": None}


def _told(since: date, sides: list[dict[str, int]]) -> Since:
    return {"since": since.isoformat(), "before": sides[0], "after": sides[1]}


def _counts(table: Table, promise: Duration, time: str, by: str | None) -> dict[Any, Counts]:
    """Of each group its days with how many rows are known, and how many of them were late."""
    late, day = identifier(str(promise.late)), f"CAST({identifier(time)} AS DATE)"
    group = identifier(by) if by else "NULL"
    known = f" AND {group} IS NOT NULL" if by else ""
    rows = table.all(
        f"SELECT {group}, {day}, count(*), count(*) FILTER ({late} = {literal(LATE[0])}) FROM data "
        f"WHERE {late} IS NOT NULL AND {day} IS NOT NULL{known} GROUP BY 1, 2 ORDER BY 1, 2"
    )
    found: dict[Any, Counts] = {}
    for value, at, many, part in rows:
        found.setdefault(value, []).append((at, many, part))
    return found or {None: []}


def _cut(counts: Counts) -> tuple[float, date] | None:
    """The day that parts the shares best, and how surely; None where none does."""
    rows = np.cumsum([many for _, many, _ in counts], dtype=np.float64)
    late = np.cumsum([part for _, _, part in counts], dtype=np.float64)
    if not len(rows):
        return None
    n, k = rows[:-1], late[:-1]
    gain = 2 * (_fit(k, n) + _fit(late[-1] - k, rows[-1] - n) - _fit(late[-1:], rows[-1:]))
    with np.errstate(divide="ignore", invalid="ignore"):
        moved = np.abs((late[-1] - k) / (rows[-1] - n) - k / n)
    gain[(n < FEWEST_ROWS) | (rows[-1] - n < FEWEST_ROWS) | (moved < _NOTABLE)] = -np.inf
    if not len(gain) or gain.max() < _SURE:
        return None
    return float(gain.max()), counts[int(gain.argmax()) + 1][0]


def _fit(part: Floats, whole: Floats) -> Floats:
    """The logarithm of how likely that many of so many are, by their own share."""
    with np.errstate(divide="ignore", invalid="ignore"):
        each = [np.where(some > 0, some * np.log(some / whole), 0.0) for some in (part, whole - part)]
    return each[0] + each[1]


def _sides(counts: Counts, since: date) -> list[dict[str, int]]:
    return [
        {"rows": sum(each[1] for each in side), "late": sum(each[2] for each in side)}
        for side in ([each for each in counts if each[0] < since], [each for each in counts if each[0] >= since])
    ]


def _share(side: dict[str, int]) -> float:
    return side["late"] / side["rows"]


def since_sentences(found: list[Since], wording: Wording) -> list[Sentence]:
    told = []
    for each in found:
        before, after = each["before"], each["after"]
        moved = abs(_share(after) - _share(before))
        late = f"{brief(each['end'])} is later than {brief(each['start'])}"
        where = f"Where {brief(each['groupBy'])} is {each['value']}, {late}" if each["groupBy"] else late
        text = f"{where} in {_of(after, wording)} rows from {wording.moment(each['since'])} on, "
        text += f"and was in {_of(before, wording)} before"
        if each["others"]:
            earlier, later = (_of(side, wording) for side in each["others"])
            text += f"; of all other rows in {later}, and in {earlier} before"
        about = (each["late"], each["groupBy"] or "over time")
        rows = min(before["rows"], after["rows"])
        told.append(Sentence(f"{text}.", min(_MOST, _LEAST + moved), "", about, rows))
    return told


def _of(side: dict[str, int], wording: Wording) -> str:
    return f"{wording.percent(side['late'], side['rows'])} of {wording.number(side['rows'])}"
