"""`report.pdf`: the same report on A4, its charts drawn as vectors."""

from __future__ import annotations

import json
import string
import unicodedata
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from andon.reports import Control, NoControl
from andon_worker.hybrid_report.document import Document
from andon_worker.hybrid_report.rendering.facts import method, subtitle
from andon_worker.hybrid_report.rendering.parts import Part, parts
from andon_worker.hybrid_report.rendering.pdf_page import Page, draw, table
from andon_worker.hybrid_report.section import Figure
from andon_worker.hybrid_report.wording import label, some

_GAP = 8.0
_AHEAD = 5  # charts among which one is looked for that fits
_ABOVE = 4.0  # a chart's caption
_OURS = set(string.printable + "…–−’·•×±²|“”")  # what the report writes by itself

Links = dict[tuple[str, str], int]


def render_pdf(document: Document, path: Path, control: Control | None = None) -> None:
    """Write the report as a PDF; it says so of characters that no font here has, which are shown as boxes."""
    control = control or NoControl()
    title, made = label(document["title"], 200), datetime.fromisoformat(document["generatedAt"])
    about = dict.fromkeys([title, label(document["dataset"].get("name") or title), f"{made.day} {made:%B %Y}"])
    pdf = Page(title, set(json.dumps(document, ensure_ascii=False)) | _OURS, " · ".join(about))
    pdf.set_creation_date(made)
    pdf.add_page()
    _title(pdf, document)
    links = _key_findings(pdf, document["narrative"]["keyFindings"])
    shown, quiet = parts(document)
    for place, part in enumerate(shown):
        control.progress(place / (len(shown) + 1), part.title)
        _part(pdf, part, links, control)
    if quiet:
        _rest(pdf, quiet, links)
    for link in links.values():  # none is left without a place: a reader of the file would stumble
        pdf.set_link(link, y=pdf.get_y())
    control.progress(len(shown) / (len(shown) + 1), "writing")
    _method(pdf, method(document, shown))
    control.check()
    pdf.output(str(path))


def _without_font(characters: set[str]) -> str:
    scripts = sorted({unicodedata.name(c, "unnamed characters").split(" ")[0].capitalize() for c in characters})
    return (
        f"{len(characters)} different characters ({some(scripts)}) are shown as boxes: the system that made this file "
        "has no font for them. The web page of this report shows them."
    )


def _title(pdf: Page, document: Document) -> None:
    pdf.write_text(label(document["title"], 200), size=20, bold=True, leading=1.25)
    pdf.ln(1.5)
    pdf.write_text(subtitle(document), size=9.5, muted=True)
    if pdf.without_font:
        pdf.ln(1)
        pdf.write_text(_without_font(pdf.without_font), size=8.5, muted=True)
    pdf.ln(3)
    pdf.rule(0.8)
    pdf.ln(6)


def _key_findings(pdf: Page, findings: list[dict[str, Any]]) -> Links:
    """Write them, each a link to the place of its chart, or of its section, that is set when that is written."""
    links: Links = {}
    if findings:
        pdf.heading("Key findings")
    for finding in findings:
        link = links.setdefault((finding["section"], finding["figure"]), pdf.add_link())
        pdf.item(finding["text"], link)
    return links


def _part(pdf: Page, part: Part, links: Links, control: Control) -> None:
    rows = _rows(part.figures)
    many = len(part.sentences)
    pdf.ln(5)
    # A heading stays with what follows it: some lines, or the first charts where there are hardly any.
    pdf.keep(35 if many > 2 or not rows else min(180.0, 24 + 6 * many + _height(pdf, rows[0])))
    pdf.start_section(part.title)
    _arrive(pdf, links, part.name, "")
    pdf.heading(part.title)
    for sentence in part.sentences:
        pdf.write_text(sentence)
        pdf.ln(1)
    while rows:
        control.check()
        _figures(pdf, rows.pop(_next(pdf, rows)), part.name, links)
    for grid in part.grids:
        control.check()
        table(pdf, grid)


def _rest(pdf: Page, quiet: list[Part], links: Links) -> None:
    """The sections that have a sentence and nothing to show."""
    pdf.ln(5)
    pdf.keep(30)
    pdf.start_section("Also looked at")
    pdf.heading("Also looked at")
    for part in quiet:
        _arrive(pdf, links, part.name, "")
        pdf.keep(16)
        pdf.write_text(part.title, bold=True)
        pdf.write_text(" ".join(part.sentences))
        pdf.ln(1.5)


def _arrive(pdf: Page, links: Links, section: str, figure: str) -> None:
    if link := links.pop((section, figure), None):
        pdf.set_link(link, y=pdf.get_y())


def _rows(found: Sequence[Figure]) -> list[list[Figure]]:
    """Wide figures alone, narrow ones in pairs."""
    rows: list[list[Figure]] = []
    for figure in found:
        if not figure.wide and rows and len(rows[-1]) == 1 and not rows[-1][0].wide:
            rows[-1].append(figure)
        else:
            rows.append([figure])
    return rows


def _width(pdf: Page, row: list[Figure]) -> float:
    return pdf.epw if row[0].wide else (pdf.epw - _GAP) / 2


def _height(pdf: Page, row: list[Figure]) -> float:
    """That of charts side by side, with their captions."""
    drawn = max(figure.drawing.height / figure.drawing.width for figure in row) * _width(pdf, row)
    return _ABOVE + _captions(pdf, row) + drawn


def _captions(pdf: Page, row: list[Figure]) -> float:
    return max(pdf.caption(0, 0, _width(pdf, row), figure.heading, figure.note, dry=True) for figure in row)


def _next(pdf: Page, rows: list[list[Figure]]) -> int:
    """The first of the next few rows that fits on this page: a small chart goes before a large one that doesn't."""
    fitting = (place for place, row in enumerate(rows[:_AHEAD]) if _height(pdf, row) <= pdf.left)
    return next(fitting, 0)


def _figures(pdf: Page, row: list[Figure], section: str, links: Links) -> None:
    pdf.keep(_height(pdf, row))
    width, above = _width(pdf, row), _ABOVE + _captions(pdf, row)
    # One higher than a page is made smaller; all others are of one size.
    share = min(1.0, (pdf.left - above) / (_height(pdf, row) - above))
    pdf.ln(_ABOVE)
    top = pdf.get_y()
    for place, figure in enumerate(row):
        _arrive(pdf, links, section, figure.key)
        x = pdf.l_margin + place * (width + _GAP)
        pdf.caption(x, top, width, figure.heading, figure.note)
        draw(pdf, figure.drawing, x, top + above - _ABOVE, share * width)
    pdf.set_y(top + share * (_height(pdf, row) - above) + above - _ABOVE)


def _method(pdf: Page, lines: list[str]) -> None:
    pdf.ln(8)
    pdf.type(8)
    pdf.keep(20 + sum(1 + 4.3 * len(pdf.lines(each, pdf.epw)) for each in lines))
    pdf.rule(0.2)
    pdf.ln(3)
    pdf.write_text("How the numbers were made", size=10, bold=True)
    pdf.ln(1)
    for each in lines:
        pdf.write_text(each, size=8, muted=True)
        pdf.ln(0.8)
