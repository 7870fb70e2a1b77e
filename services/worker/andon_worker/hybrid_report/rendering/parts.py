"""The report in parts, as both of its files show it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from andon_worker.hybrid_report.changes import change_grids, change_sentences
from andon_worker.hybrid_report.document import Document
from andon_worker.hybrid_report.naming import Names
from andon_worker.hybrid_report.section import Figure, Grid
from andon_worker.hybrid_report.sections import SECTIONS
from andon_worker.hybrid_report.wording import LOCALES, one_way

_SENTENCES = 2  # that a section without charts and tables may have to be among the quiet ones


@dataclass(frozen=True)
class Part:
    """Something with a heading: what it tells, draws and lists. Its tables have rows."""

    name: str
    title: str
    sentences: Sequence[str]
    figures: Sequence[Figure] = ()
    grids: Sequence[Grid] = ()

    @property
    def quiet(self) -> bool:
        """Whether a sentence says all."""
        return not self.figures and not self.grids and len(self.sentences) <= _SENTENCES


def parts(document: Document) -> tuple[list[Part], list[Part]]:
    """Those with something to show, what changed since the last run before the sections; and those without."""
    wording, names = LOCALES[document["options"]["locale"]], Names(document["dataset"].get("columns", ()))
    shown: list[Part] = []
    if found := document.get("changes"):
        since = f"Since the report of {wording.moment(found['since'])}"
        told = [one_way(names.sentence(each)) for each in change_sentences(found, wording)]
        shown.append(Part("changes", since, told, grids=_filled(change_grids(found, wording))))
    sections = [
        Part(
            name,
            SECTIONS[name].title,
            document["narrative"]["sections"][name],
            list(map(names.figure, SECTIONS[name].figures(result, wording))),
            list(map(names.grid, _filled(SECTIONS[name].grids(result, wording)))),
        )
        for name, result in document["sections"].items()
    ]
    shown += [part for part in sections if not part.quiet]
    return shown, [part for part in sections if part.quiet]


def _filled(grids: Sequence[Grid]) -> list[Grid]:
    return [grid for grid in grids if grid.rows]
