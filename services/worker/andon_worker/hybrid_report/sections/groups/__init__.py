"""Section "groups": totals, shares, means with bootstrap intervals and spreads; one grouping against another."""

from andon_worker.hybrid_report.section import Section
from andon_worker.hybrid_report.sections.groups.computing import compute
from andon_worker.hybrid_report.sections.groups.telling import figures, grids, sentences

SECTION = Section(
    "groups",
    "Group comparisons",
    compute,
    sentences,
    figures,
    grids,
    caution="The interval of a group is for its mean by itself; among many groups some differ by chance.",
)
