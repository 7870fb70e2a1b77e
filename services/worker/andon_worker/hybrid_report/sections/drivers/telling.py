"""What goes with the question: in words, charts and a table."""

from __future__ import annotations

from typing import Any

from andon_worker.hybrid_report import charts, evidence
from andon_worker.hybrid_report.charts import Bar, Interval
from andon_worker.hybrid_report.drawing import FULL
from andon_worker.hybrid_report.scales import have_order, in_order
from andon_worker.hybrid_report.section import Figure, Grid, Result, Sentence
from andon_worker.hybrid_report.sections.drivers.computing import WEAK
from andon_worker.hybrid_report.sections.drivers.sample import MOST_NAMES
from andon_worker.hybrid_report.wording import WHOLE, Wording, answer, brief, label, some

_SHOWN, _DRAWN = 12, 30
_OF_SIZE = 0.4


def sentences(result: Result, wording: Wording) -> list[Sentence]:
    if result["question"] is None:
        return [Sentence("There is no measure and no flag of which enough is known to say what goes with it.")]
    question, measure = brief(result["question"]), _measure(result)
    told: list[Sentence] = []
    strong = [driver for driver in result["drivers"] if driver["sure"]]
    told += [
        Sentence(
            f"{question} {'goes' if place else 'goes most'} with {brief(driver['column'])}"
            f"{_ends(driver, result, wording)} "
            f"({measure} {wording.coefficient(driver['strength'])}, "
            f"{wording.number(100 * result['confidence'])}% interval {wording.coefficient(driver['low'])} to "
            f"{wording.coefficient(driver['high'])}{_moving(driver, wording)}){_knee(driver, wording)}.",
            effect=_effect(driver, result),
            figure=f"by-{driver['column']}" if _is_drawn(driver) else "strengths" if len(_ranked(result)) > 1 else "",
            about=(result["question"], driver["column"]),
            rows=_rows(driver),
        )
        for place, driver in enumerate(strong[:3])
    ]
    if not result["drivers"] and not result["same"]:
        return [Sentence(f"There is no other column that could say something of {question}.")]
    if result["drivers"] and not strong:
        told.append(
            Sentence(
                f"{_none(result, wording)} much of {question}: no {measure} is above {wording.number(WEAK)} for sure."
            )
        )
    if result["same"]:
        told.append(Sentence(f"{question} follows exactly from {some([brief(name) for name in result['same']])}."))
    if many := [brief(driver["column"]) for driver in result["drivers"] if driver["others"]]:
        told.append(
            Sentence(f"Of {some(many)}, the {MOST_NAMES} most frequent names are told apart; all others are one group.")
        )
    reasons: dict[str, list[str]] = {}
    for each in result["leftOut"]:
        reasons.setdefault(each["reason"], []).append(brief(each["column"]))
    if left := [f"{some(names, 3)} ({reason})" for reason, names in reasons.items()]:
        told.append(Sentence(f"Left out: {'; '.join(left)}."))
    about = f"{'a sample of' if result['sampled'] else 'the'} {wording.count(result['rows'], 'row')}"
    told.append(Sentence(f"The figures are from {about} in which {question} is known."))
    return told


def _none(result: Result, wording: Wording) -> str:
    if len(result["drivers"]) == 1:
        return f"{brief(result['drivers'][0]['column'])} doesn't say"
    return f"None of {wording.count(len(result['drivers']), 'column')} says"


def _effect(driver: dict[str, Any], result: Result) -> float:
    """Small where few rows have both, where both add up, so that a larger row has more of each, and where two series
    grow while their changes don't go together."""
    named = [group["value"] for group in driver["groups"] if "name" in group]
    if len(named) == 2 and 0.0 in named and result["kind"] == "numeric":
        return 0.0  # those who didn't buy have no revenue
    strength = driver["low"] * (evidence.implied(driver["strength"]) if named else 1.0)
    if driver["changes"] is not None:
        strength = min(strength, evidence.correlation(driver["changes"], driver["rows"]))
    return float(strength * (_OF_SIZE if driver["summed"] else 0.95) * min(1.0, 2 * driver["rows"] / result["rows"]))


def _moving(driver: dict[str, Any], wording: Wording) -> str:
    if driver["changes"] is None:
        return ""
    return f"; their changes from one row to the next correlate by {wording.coefficient(driver['changes'])}"


def _knee(driver: dict[str, Any], wording: Wording) -> str:
    """Where the question begins to go with the driver, or ends to."""
    knee = driver.get("knee")
    if not knee:
        return ""
    before, after = (_slope(knee[side], knee, wording) for side in ("before", "after"))
    level = f" ({wording.number(knee['level'])} on average)"
    return (
        f": up to {wording.number(knee['at'])} it {before}{level if knee['before'] is None else ''}, "
        f"beyond it {after}{level if knee['after'] is None else ''}"
    )


def _slope(slope: float | None, knee: dict[str, Any], wording: Wording) -> str:
    if slope is None:
        return "hardly changes"
    way = "rises" if slope > 0 else "falls"
    return f"{way} by {wording.number(abs(slope))} with each {wording.number(knee['step'])} more"


def _measure(result: Result) -> str:
    if result["kind"] != "numeric":
        return "Cramér's V"
    return "eta of ranks" if result["ranked"] else "eta"


def _ends(driver: dict[str, Any], result: Result, wording: Wording) -> str:
    """Where the question is highest and lowest along the driver."""
    ends = _extremes(driver)
    if not ends:
        return ""
    low, high = ends
    name = "its mean" if result["kind"] == "numeric" else f"the share of “{label(result['answer'], 30)}”"
    return (
        f": {name} is {_value(high, result, wording)} where {brief(driver['column'])} is "
        f"{_told(high, driver, wording)} and {_value(low, result, wording)} where it is {_told(low, driver, wording)}"
    )


def _rows(driver: dict[str, Any]) -> int:
    """Those of its second largest group, as far as they are known: on so many it rests."""
    sizes = sorted(group["rows"] for group in driver["groups"])
    return int(sizes[-2] if len(sizes) > 1 else driver["rows"])


def _extremes(driver: dict[str, Any]) -> list[dict[str, Any]]:
    """Of the groups of enough rows those in which the question is lowest and highest; none if there are not two."""
    named = driver["groups"][:-1] if driver["others"] else driver["groups"]  # all others are no group to name
    if any("from" in group for group in named) or have_order([str(group["name"]) for group in named]):
        named = _pooled(_ordered(named))
    known = [group for group in named if group["value"] is not None and group["rows"] >= evidence.FEWEST]
    known.sort(key=lambda group: group["value"])
    return [known[0], known[-1]] if len(known) > 1 else []


def _pooled(groups: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The groups of a scale; at its ends those of few rows as one with the next, for there it is most telling."""
    found = [*groups]
    while len(found) > 2 and found[0]["rows"] < evidence.FEWEST:
        found[:2] = [_both(*found[:2])]
    while len(found) > 2 and found[-1]["rows"] < evidence.FEWEST:
        found[-2:] = [_both(*found[-2:])]
    return found


def _both(a: dict[str, Any], b: dict[str, Any]) -> dict[str, Any]:
    rows = a["rows"] + b["rows"]
    known = None not in (a["value"], b["value"])
    value = (a["value"] * a["rows"] + b["value"] * b["rows"]) / rows if known else None
    named = {"name": f"{a['name']} or {b['name']}"} if "name" in a else {"from": a["from"], "to": b["to"]}
    return {**named, "rows": rows, "value": value}


def _value(group: dict[str, Any], result: Result, wording: Wording) -> str:
    every = [each["value"] for driver in result["drivers"] for each in driver["groups"]]
    return wording.among(every)(group["value"]) if result["kind"] == "numeric" else wording.percent(group["value"], 1)


def _told(group: dict[str, Any], driver: dict[str, Any], wording: Wording) -> str:
    said = _group(group, driver, wording)
    return answer(said, brief(driver["column"])) if "name" in group else said


def _group(group: dict[str, Any], driver: dict[str, Any], wording: Wording) -> str:
    if "name" in group:
        return str(group["name"])
    if group["from"] == group["to"]:
        return _end(group["from"], driver, wording)
    return f"{_end(group['from'], driver, wording)} to {_end(group['to'], driver, wording)}"


def _end(end: float | str, driver: dict[str, Any], wording: Wording) -> str:
    if isinstance(end, str):
        return wording.moment(end)
    if driver["kind"] == "year":
        return f"{end:.0f}"
    return wording.among([each[side] for each in driver["groups"] for side in ("from", "to")])(end)


def _ordered(groups: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Groups of words by the order that these have; those of numbers come in it."""
    return groups if any("from" in group for group in groups) else in_order(groups, lambda g: str(g["name"]))


def _ranked(result: Result) -> list[dict[str, Any]]:
    return [driver for driver in (result.get("drivers") or []) if driver["strength"] > 0][:_SHOWN]


def _is_drawn(driver: dict[str, Any]) -> bool:
    return bool(driver["sure"]) and sum(group["value"] is not None for group in driver["groups"]) > 1


def figures(result: Result, wording: Wording) -> list[Figure]:
    drivers = _ranked(result)
    if not drivers:
        return []
    rows = [
        Bar(
            brief(driver["column"]),
            driver["strength"],
            wording.coefficient(driver["strength"]),
            soft=not driver["sure"],
            low=driver["low"],
            high=driver["high"],
        )
        for driver in drivers
    ]
    question = brief(result["question"])
    title = f"What goes with {question}"
    note = f"{_measure(result)} with {wording.number(100 * result['confidence'])}% intervals; 0 is nothing, 1 all"
    # One bar alone says no more than its sentence.
    made = [Figure("strengths", title, note, charts.bars(title, rows, FULL))] if len(rows) > 1 else []
    for driver in drivers:
        if not _is_drawn(driver):
            continue
        known = [group for group in driver["groups"] if group["value"] is not None]
        by = brief(driver["column"])
        note = f"by {by}"
        if len(known) > _DRAWN:
            note += f": the {_DRAWN} highest and lowest of {len(known)}"
            known.sort(key=lambda g: -g["value"])
            known = [*known[: _DRAWN // 2], *known[-_DRAWN // 2 :]]
        what = f"mean of {question}" if result["kind"] == "numeric" else f"share of “{label(result['answer'], 30)}”"
        heading = f"{what[0].upper()}{what[1:]}"
        dots = [Interval(_group(g, driver, wording), g["value"], None, None) for g in _ordered(known)]
        if result["kind"] == "numeric" and charts.is_logarithmic(dots):
            note, drawing = f"{note}; logarithmic scale", charts.intervals(f"{heading} by {by}", dots, wording)
        else:
            bars = [Bar(_group(g, driver, wording), g["value"], _value(g, result, wording)) for g in _ordered(known)]
            drawing = charts.bars(f"{heading} by {by}", bars)
        made.append(Figure(f"by-{driver['column']}", heading, note, drawing))
    return made


def grids(result: Result, wording: Wording) -> list[Grid]:
    rows = [
        (
            label(driver["column"], WHOLE),
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
    return [Grid(f"What goes with {brief(result['question'])}", headers, rows)]
