"""The lines about the report itself that stand under its title and at its end."""

from __future__ import annotations

from datetime import datetime

from andon_worker.hybrid_report.document import Document
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


def method(document: Document) -> list[str]:
    """How the numbers came about."""
    options = document["options"]
    wording = LOCALES[options["locale"]]
    lines = [
        "Empty values are missing, as are NaN and the infinities, and what the tables of data quality list. Every "
        "figure uses the values present.",
        "Distinct counts and quantiles are exact up to five million rows, and close approximations beyond; the tables "
        "say which. Duplicate rows are found by a 64-bit hash.",
        "Intervals are percentile bootstrap intervals of the mean, from "
        f"{wording.count(options['resamples'], 'resample')} with seed {options['seed']}: the same options give the "
        "same report.",
        "Where columns weren't chosen by hand, the measures are amounts of money, counts, and numbers with "
        "fractions or negative values, and the groups are columns of 2 to 30 different values.",
    ]
    return lines if "groups" in document["sections"] and options["resamples"] else [*lines[:2], lines[3]]
