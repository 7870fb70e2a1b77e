"""The section in words, charts and tables: of each comparison its totals, then its means."""

from __future__ import annotations

from andon_worker.hybrid_report.section import Figure, Grid, Result, Sentence
from andon_worker.hybrid_report.sections.groups.crossing import cross_figures, crossed
from andon_worker.hybrid_report.sections.groups.means import alike, compared, left_out, mean_figures, mean_grid
from andon_worker.hybrid_report.sections.groups.totals import total_figures, total_grid, totalled
from andon_worker.hybrid_report.wording import Wording


def sentences(result: Result, wording: Wording) -> list[Sentence]:
    if not result["comparisons"] and not result["totals"]:
        return [
            Sentence(
                "There is no column that splits the rows into a few groups together with a numeric column to compare."
            )
        ]
    told = []
    said: set[str] = set()
    for each in result["comparisons"]:
        told += [*totalled(each, wording), *compared(each, result["confidence"], wording)]
        if (left := left_out(each, wording)) and each["groupBy"] not in said:
            told.append(Sentence(left))
            said.add(each["groupBy"])
    told += alike(result["comparisons"], wording)
    told += [sentence for each in result["totals"] for sentence in totalled(each, wording)]
    return [*told, *crossed(result["cross"], wording)]


def figures(result: Result, wording: Wording) -> list[Figure]:
    # Totals take half of the page's width, and stand side by side.
    made = [figure for each in (*result["comparisons"], *result["totals"]) for figure in total_figures(each, wording)]
    made += [figure for each in result["comparisons"] for figure in mean_figures(each, result, wording)]
    return [*made, *cross_figures(result["cross"], wording)]


def grids(result: Result, wording: Wording) -> list[Grid]:
    return [
        *(mean_grid(each, result, wording) for each in result["comparisons"]),
        *(total_grid(each, wording) for each in result["totals"]),
    ]
