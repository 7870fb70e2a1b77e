"""The section in words, charts and tables: of each comparison its totals, then its means."""

from __future__ import annotations

from dataclasses import replace

from andon_worker.hybrid_report.section import Figure, Grid, Result, Sentence
from andon_worker.hybrid_report.sections.groups.crossing import cross_figures, crossed
from andon_worker.hybrid_report.sections.groups.deviating import deviated, deviation_figures, deviation_grids
from andon_worker.hybrid_report.sections.groups.flags.late import since_sentences
from andon_worker.hybrid_report.sections.groups.flags.telling import share_figures, share_grids, shared
from andon_worker.hybrid_report.sections.groups.means import alike, compared, left_out, mean_figures, mean_grid
from andon_worker.hybrid_report.sections.groups.moving import moving_grids, moving_sentences
from andon_worker.hybrid_report.sections.groups.recommending import scored
from andon_worker.hybrid_report.sections.groups.totals import largest, total_figures, total_grid, totalled
from andon_worker.hybrid_report.wording import Wording

_MET = 0.6  # what is left of a finding of what came of a plan


def sentences(result: Result, wording: Wording) -> list[Sentence]:
    scores = scored(result["recommended"], wording)
    told = [*deviated(result["deviations"], wording), *moving_sentences(result["moved"], wording)]
    told += since_sentences(result["late"], wording)
    if not result["comparisons"] and not result["totals"] and not result["shares"]:
        return scores + told or [
            Sentence(
                "There is no column that splits the rows into a few groups together with a numeric column to compare."
            )
        ]
    said: set[str] = set()
    led: set[tuple[str, str]] = set()
    met = {each["actual"] for each in result["deviations"]}
    for each in result["comparisons"]:
        total, means = totalled(each, wording), compared(each, result["confidence"], wording)
        if each["signed"]:
            means = [replace(sentence, effect=0.0) for sentence in means]  # of what came in and what went out together
        if each["measure"] in met:  # what was planned of it is what it is read beside
            total, means = ([replace(s, effect=_MET * s.effect) for s in some] for some in (total, means))
        if any(sentence.effect for sentence in total):
            # Who has most is the finding, and neither are the means a second one nor what the same group has most of.
            means = [replace(sentence, effect=0.0) for sentence in means]
            leader = (each["groupBy"], largest(each)["value"])
            total = [replace(sentence, effect=0.0) for sentence in total] if leader in led else total
            led.add(leader)
        told += [*total, *means]
        if (left := left_out(each, wording)) and each["groupBy"] not in said:
            told.append(Sentence(left))
            said.add(each["groupBy"])
    told += alike(result["comparisons"], wording)
    told += [sentence for each in result["totals"] for sentence in totalled(each, wording)]
    return [*told, *scores, *shared(result["shares"], wording), *crossed(result["cross"], wording)]


def figures(result: Result, wording: Wording) -> list[Figure]:
    # Totals take half of the page's width, and stand side by side.
    made = [figure for each in (*result["comparisons"], *result["totals"]) for figure in total_figures(each, wording)]
    made += deviation_figures(result["deviations"], wording)
    made += [figure for each in result["comparisons"] for figure in mean_figures(each, result, wording)]
    return [*made, *share_figures(result["shares"], wording), *cross_figures(result["cross"], wording)]


def grids(result: Result, wording: Wording) -> list[Grid]:
    return [
        *deviation_grids(result["deviations"], wording),
        *moving_grids(result["moved"], wording),
        *(mean_grid(each, result, wording) for each in result["comparisons"]),
        *(total_grid(each, wording) for each in result["totals"]),
        *share_grids(result["shares"], wording),
    ]
