"""Section "distributions": how the values of each column spread."""

from andon_worker.hybrid_report.section import Section
from andon_worker.hybrid_report.sections.distributions.computing import compute
from andon_worker.hybrid_report.sections.distributions.telling import figures, grids, sentences

SECTION = Section("distributions", "Distributions", compute, sentences, figures, grids)
