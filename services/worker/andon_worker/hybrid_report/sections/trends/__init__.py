"""Section "trends": how many rows, and how high the measures, over time; by season where the data are fine enough."""

from andon_worker.hybrid_report.section import Section
from andon_worker.hybrid_report.sections.trends.computing import compute
from andon_worker.hybrid_report.sections.trends.telling import figures, grids, sentences

SECTION = Section("trends", "Trends over time", compute, sentences, figures, grids)
