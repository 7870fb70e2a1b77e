"""Section "correlations": which numeric columns move together."""

from andon_worker.hybrid_report.section import Section
from andon_worker.hybrid_report.sections.correlations.computing import compute
from andon_worker.hybrid_report.sections.correlations.telling import figures, grids, sentences

SECTION = Section(
    "correlations",
    "Correlations",
    compute,
    sentences,
    figures,
    grids,
    caution="A correlation says that two columns move together, not that one moves the other.",
)
