"""Section "outliers": values far from the middle of their column, and the rows that they are in."""

from andon_worker.hybrid_report.section import Section
from andon_worker.hybrid_report.sections.outliers.computing import compute
from andon_worker.hybrid_report.sections.outliers.telling import figures, grids, sentences

SECTION = Section(
    "outliers",
    "Outliers",
    compute,
    sentences,
    figures,
    grids,
    caution="An outlier is a value far from the middle; it may well be right.",
)
