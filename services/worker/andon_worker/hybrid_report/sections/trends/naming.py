"""How series, periods and what became of them are called."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any

from andon_worker.hybrid_report.figures.times import periods
from andon_worker.hybrid_report.section import Result
from andon_worker.hybrid_report.wording import MISSING, Wording, brief, label, mean_of, sum_of

Told = dict[str, Any]
"""A series, as `course.told` gives it."""


def subject(series: Told, unit: str, short: bool = False) -> str:
    """What a series is of."""
    per = "" if short else f" per {unit}"
    if series["measure"] is None:
        return f"number of rows{per}" if short else f"the number of rows{per}"
    name = brief(series["measure"])
    if series.get("one"):
        return name
    if series["aggregate"] == "sum":
        return f"{sum_of(name, 'total')}{per}" if short else f"the {sum_of(name)}{per}"
    return mean_of(name) if short else f"the {mean_of(name)}"


def capital(text: str) -> str:
    return (
        text[:1].upper() + text[1:] if text.startswith(("the ", "total ", "mean ", "unweighted ", "number ")) else text
    )


def key_of(series: Told) -> str:
    return series["aggregate"] if series["measure"] is None else f"{series['aggregate']}-{series['measure']}"


def number_of(series: Told, wording: Wording) -> Callable[[float | None], str]:
    return wording.among([series["peak"]["value"], series["dip"]["value"]])


def change_of(told: Told, wording: Wording, key: str = "change") -> str:
    return MISSING if told[key] is None else wording.change(told[key])


def moves(moved: Sequence[tuple[str, Told]], wording: Wording) -> str:
    """How many rose and fell, and those that did most: `4 rose and 3 fell, from A (+80%) to B (−12%); 2 turned or
    changed level on the way and 1 without a clear direction`. Empty where none did."""
    ways = [
        f"{'all' if many == len(moved) > 1 else wording.number(many)} {way}"
        for way in ("rose", "fell")
        if (many := sum(told["direction"] == way for _, told in moved))
    ]
    if not ways:
        return ""
    directed = [(name, told) for name, told in moved if told["direction"]]
    known = sorted((each for each in directed if each[1]["change"] is not None), key=lambda each: -each[1]["change"])
    ends = [f"{label(name, 40)} ({change_of(told, wording)})" for name, told in (known[:1] + known[1:][-1:])]
    said = " and ".join(ways) + (f", {'from ' if len(ends) > 1 else ''}{' to '.join(ends)}" if ends else "")
    turned = sum(bool(told.get("swing") or told.get("shift")) for _, told in moved if not told["direction"])
    still = len(moved) - len(directed) - turned
    rest = [f"{wording.number(turned)} turned or changed level on the way"] * bool(turned)
    rest += [f"{wording.number(still)} without a clear direction"] * bool(still)
    return said + (f"; {' and '.join(rest)}" if rest else "")


def complete_points(result: Result) -> list[dict[str, Any]]:
    """The points of complete periods."""
    ends, partial = result["complete"], result["partial"]
    return [p for p in result["points"] if ends and ends[0] <= p["start"] <= ends[-1] and p["start"] not in partial]


def with_gaps(values: Sequence[tuple[str, float | None]]) -> list[tuple[str, float | None]]:
    """Where more time passes without a row than between nine tenths of all others, the line is broken."""
    times = [datetime.fromisoformat(start) for start, _ in values]
    steps = sorted(b - a for a, b in pairwise(times))
    if not steps:
        return [*values]
    usual = steps[9 * (len(steps) - 1) // 10]
    made = [*values[:1]]
    for before, after, value in zip(times, times[1:], values[1:], strict=False):
        if after - before > 1.5 * usual:
            made.append((periods.iso(before), None))
        made.append(value)
    return made


def apart(a: float, b: float) -> float:
    """How far apart two levels are, from 0 to 1, whatever their unit."""
    if a * b <= 0:
        return 0.5
    a, b = abs(a), abs(b)
    return 1 - min(a, b) / max(a, b)
