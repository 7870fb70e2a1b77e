"""The report's sections, in the order in which they are computed and shown."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from andon.reports import Control, ReportOptions
from andon_worker.hybrid_report.correlations import correlations
from andon_worker.hybrid_report.distributions import distributions
from andon_worker.hybrid_report.groups import groups
from andon_worker.hybrid_report.outliers import outliers
from andon_worker.hybrid_report.overview import overview
from andon_worker.hybrid_report.trends import trends

Compute = Callable[[Path, ReportOptions, Control], dict[str, Any]]

SECTIONS: dict[str, Compute] = {
    "overview": overview,
    "distributions": distributions,
    "trends": trends,
    "correlations": correlations,
    "outliers": outliers,
    "groups": groups,
}

TITLES = {
    "overview": "Overview and quality",
    "distributions": "Distributions",
    "trends": "Trends over time",
    "correlations": "Correlations",
    "outliers": "Outliers",
    "groups": "Group comparisons",
}
