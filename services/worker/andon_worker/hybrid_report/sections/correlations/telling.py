"""Which columns move together: in words, a matrix, a picture and a table."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from andon_worker.hybrid_report import charts, evidence
from andon_worker.hybrid_report.figures.computed.sums import is_part
from andon_worker.hybrid_report.section import Figure, Grid, Result, Sentence
from andon_worker.hybrid_report.sections.correlations.computing import SAME
from andon_worker.hybrid_report.wording import WHOLE, Wording, brief, label, some

_STRONG, _TELLING, _MANY = 0.5, 0.1, 30
_OF_SIZE = 0.4
_ALIKE = 0.8  # from which what goes with one column goes with the other
_WITH_CHANGES = 0.3  # the correlation of changes below which two series but go one way each
_TOGETHER = {1: "rise and fall together", -1: "move in opposite directions"}
_FAR = 2.0  # times the middle 98 % that all points take before the farthest are left out of the picture


def sentences(result: Result, wording: Wording) -> list[Sentence]:
    if len(result["columns"]) < 2:
        return [Sentence("There are fewer than two numeric columns that vary, so there is nothing to correlate.")]
    strong = [pair for pair in result["strongest"] if abs(pair["pearson"]) >= _STRONG]
    computed = [each for each in result["made"] if any(is_part(p["a"], p["b"], [each]) for p in strong)]
    strong = [pair for pair in strong if not is_part(pair["a"], pair["b"], result["made"])]
    told, said = [_pair(pair, result, wording) for pair in strong[:3]], strong[:3]
    told += [
        Sentence(
            f"{brief(pair['a'])} and {brief(pair['b'])} move together along a curve: their ranks correlate by "
            f"{wording.coefficient(pair['spearman'])}, their values by {wording.coefficient(pair['pearson'])} alone."
        )
        for pair in result["strongest"]
        if pair not in said and pair["spearman"] is not None and abs(pair["spearman"]) > abs(pair["pearson"]) + 0.2
    ][:2]
    told += [Sentence(_computed(*each, lasting=result.get("lasting", []))) for each in computed[:3]]
    if not strong and not computed:
        aside = ", those aside that nearly repeat another" if result["copies"] else ""
        told.append(Sentence(f"No two numeric columns have a Pearson correlation of 0.5 or more in size{aside}."))
    told += _repeating(result["copies"])
    if apart := result["apart"]:
        named = some([f"{brief(a)} with {brief(b)}" for a, b in apart], 3)
        told.append(
            Sentence(
                f"{wording.count(len(apart), 'pair')} of columns {'has' if len(apart) == 1 else 'have'} values in "
                f"fewer than {result['fewest']} common rows and {'is' if len(apart) == 1 else 'are'} left out: {named}."
            )
        )
    if result["columnsOmitted"]:
        shown = len(result["columns"])
        told.append(
            Sentence(
                f"Of {wording.count(shown + result['columnsOmitted'], 'numeric column')} the {shown} are shown that "
                "correlate most with another in a sample."
            )
        )
    return told


def _repeating(copies: dict[str, str]) -> list[Sentence]:
    if not copies:
        return []
    told = [
        f"{some([brief(name) for name, other in copies.items() if other == kept])} (like {brief(kept)})"
        for kept in dict.fromkeys(copies.values())
    ]
    return [Sentence(f"Pairs of columns that nearly repeat another are not told: {some(told)}.")]


def _computed(name: str, *parts: str, lasting: Sequence[str]) -> str:
    if name in lasting:
        others = some([brief(each) for each in (name, *parts) if each in lasting])
        return f"{others} are computed from dates of which they share one, and so go together."
    if len(parts) == 1:
        return f"{brief(parts[0])} is what was planned of {brief(name)}, and so goes with it."
    return f"{brief(name)} is computed from {some([brief(each) for each in parts])}, and so goes with them."


def _pair(pair: dict[str, Any], result: Result, wording: Wording) -> Sentence:
    way = 1 if pair["pearson"] > 0 else -1
    drawn = result["scatter"] or {}
    figure = "scatter" if (drawn.get("a"), drawn.get("b")) == (pair["a"], pair["b"]) else "pearson"
    # A few rows lie on a line by chance, but not to the last digit.
    if abs(pair["pearson"]) >= SAME and (pair["rows"] >= _MANY or abs(pair["pearson"]) > 1 - 1e-9):
        return Sentence(f"{brief(pair['a'])} and {brief(pair['b'])} say the same: one follows exactly from the other.")
    strength = abs(pair["pearson"])
    said = (
        f"{brief(pair['a'])} and {brief(pair['b'])} {_TOGETHER[way]}: their Pearson correlation is "
        f"{wording.coefficient(pair['pearson'])} (Spearman {wording.coefficient(pair['spearman'])}) "
        f"over {wording.count(pair['rows'], 'row')}"
    )
    apart = pair["changes"] is not None and pair["changes"] * way < _WITH_CHANGES
    by_season = pair["season"] is not None and pair["season"] * way >= _STRONG
    if apart and (by_season or all(pair["ways"])):
        how = f"{_TOGETHER[way]} with the season" if by_season else f"{_apart(pair['ways'])} over time"
        return Sentence(
            f"{brief(pair['a'])} and {brief(pair['b'])} {how}: their levels correlate by "
            f"{wording.coefficient(pair['pearson'])}, their changes from one row to the next by "
            f"{wording.coefficient(pair['changes'])}.",
            figure=figure,
        )
    if pair["changes"] is not None:
        strength = max(0.0, min(strength, math.copysign(pair["changes"], pair["changes"] * pair["pearson"])))
        said += f"; that of their changes from one row to the next is {wording.coefficient(pair['changes'])}"
    # Of two that add up a larger row has more of both.
    worth = _OF_SIZE if {pair["a"], pair["b"]} <= set(result["summed"]) else 0.9
    if pair["parts"] and pair["changes"] is not None and way > 0:
        worth = 0.0  # they go with their total
    return Sentence(
        f"{said}.",
        effect=evidence.correlation(strength, pair["rows"]) * worth * min(1.0, 2 * pair["rows"] / result["rows"]),
        figure=figure,
        about=(pair["a"], pair["b"]),
        rows=pair["rows"],
        alike=pair["pearson"] >= _ALIKE,
    )


def _apart(ways: list[int]) -> str:
    """How each of two series goes."""
    if ways[0] == ways[1]:
        return "both rise" if ways[0] > 0 else "both fall"
    return "go apart, the one up and the other down," if ways[0] > 0 else "go apart, the one down and the other up,"


def figures(result: Result, wording: Wording) -> list[Figure]:
    made = []
    if drawn := result["scatter"]:
        points = _near(drawn["points"])
        a, b = label(drawn["a"], 40), label(drawn["b"], 40)
        every = len(drawn["points"])
        shown = "all rows" if every == drawn["rows"] else f"{wording.number(every)} rows of a sample"
        if far := every - len(points):
            shown += f"; {wording.number(far)} far off {'is' if far == 1 else 'are'} not shown"
        made.append(
            Figure("scatter", f"{b} against {a}", shown, charts.scatter(f"{b} against {a}", points, a, b, wording))
        )
    if len(result["columns"]) > 2:  # one pair is in the table
        names = [label(name, 60) for name in result["columns"]]
        drawing = charts.heat_map("Pearson correlation matrix", names, result["pearson"], wording)
        made.append(Figure("pearson", "Pearson correlation", "", drawing))
    return made


def _near(points: list[list[float]]) -> list[tuple[float, float]]:
    """Without the few that would press all others into a corner."""
    found = np.array(points) / 4  # so that no distance is beyond a double
    low, high = np.quantile(found, [0.01, 0.99], axis=0)
    reach = np.where(np.ptp(found, axis=0) > _FAR * (high - low), 0.5 * (high - low), np.inf)
    kept = ((found >= low - reach) & (found <= high + reach)).all(axis=1)
    return [(a, b) for (a, b), near in zip(points, kept, strict=True) if near]


def grids(result: Result, wording: Wording) -> list[Grid]:
    rows = [
        (
            label(pair["a"], WHOLE),
            label(pair["b"], WHOLE),
            wording.coefficient(pair["pearson"]),
            wording.coefficient(pair["spearman"]),
            wording.number(pair["rows"]),
        )
        for pair in result["strongest"]
        if max(abs(pair["pearson"]), abs(pair["spearman"] or 0.0)) >= _TELLING
    ]
    return [Grid("Strongest pairs", ("Column", "with", "Pearson", "Spearman", "Rows"), rows, words=2)]
