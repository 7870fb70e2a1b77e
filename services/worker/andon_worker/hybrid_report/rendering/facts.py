"""The lines about the report itself that stand under its title and at its end."""

from __future__ import annotations

from datetime import datetime

from andon_worker.hybrid_report.document import Document
from andon_worker.hybrid_report.rendering.parts import Part
from andon_worker.hybrid_report.sections import SECTIONS
from andon_worker.hybrid_report.wording import LOCALES, label


def subtitle(document: Document) -> str:
    """What was examined, and when."""
    dataset, wording = document["dataset"], LOCALES[document["options"]["locale"]]
    parts = [label(dataset["name"])] if dataset.get("name") else []
    if "rows" in dataset and "columns" in dataset:
        parts.append(f"{wording.count(dataset['rows'], 'row')}, {wording.count(len(dataset['columns']), 'column')}")
    when = datetime.fromisoformat(document["generatedAt"])
    parts.append(f"{when.day} {when:%B %Y, %H:%M} {when.tzname() or ''}".strip())
    return " · ".join(parts)


def method(document: Document, shown: list[Part]) -> list[str]:
    """How the numbers came about, and what to bear in mind."""
    options = document["options"]
    wording = LOCALES[options["locale"]]
    resampled = options["resamples"] and any(part.name == "groups" for part in shown)
    intervals = (
        "Intervals are percentile bootstrap intervals of the mean, from "
        f"{wording.count(options['resamples'], 'resample')} with seed {options['seed']}: the same options give the "
        "same report."
    )
    return [
        "Empty values are missing, as are NaN and the infinities, and what the tables of data quality list. Every "
        "figure uses the values present.",
        "Distinct counts and quantiles are exact up to five million rows, and close approximations beyond; the tables "
        "say which. Duplicate rows are found by a 64-bit hash.",
        *([intervals] if resampled else []),
        "Where columns weren't chosen by hand, the measures are amounts of money, counts, answers on a scale, and "
        "numbers with fractions or negative values, and the groups are columns of 2 to 30 different values.",
        *(caution for part in shown if part.name in SECTIONS and (caution := SECTIONS[part.name].caution)),
    ]
