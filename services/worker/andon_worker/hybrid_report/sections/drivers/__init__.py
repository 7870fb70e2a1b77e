"""Section "drivers": of all columns, which say most of the one that the report is about."""

from andon_worker.hybrid_report.section import Section
from andon_worker.hybrid_report.sections.drivers.computing import compute
from andon_worker.hybrid_report.sections.drivers.telling import figures, grids, sentences

SECTION = Section(
    "drivers",
    "Drivers",
    compute,
    sentences,
    figures,
    grids,
    caution="A driver is one column by itself: it says what goes together, not what makes what.",
)
