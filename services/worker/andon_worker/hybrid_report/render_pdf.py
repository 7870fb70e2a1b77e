"""`report.pdf`: the same report on A4, its charts drawn as vectors."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from andon.reports import Control, NoControl
from andon_worker.hybrid_report.document import Document
from andon_worker.hybrid_report.facts import method, subtitle
from andon_worker.hybrid_report.pdf_page import Page, draw, table
from andon_worker.hybrid_report.section import Figure
from andon_worker.hybrid_report.sections import SECTIONS
from andon_worker.hybrid_report.wording import LOCALES, label

_GAP = 8.0

Links = dict[tuple[str, str], int]


def render_pdf(document: Document, path: Path, control: Control | None = None) -> None:
    """Write the report as a PDF; characters that the font lacks are shown as boxes."""
    control = control or NoControl()
    pdf = Page(label(document["title"], 200))
    pdf.set_creation_date(datetime.fromisoformat(document["generatedAt"]))
    pdf.add_page()
    _title(pdf, document)
    links = _key_findings(pdf, document["narrative"]["keyFindings"])
    names = list(document["sections"])
    for place, name in enumerate(names):
        control.progress(place / (len(names) + 1), SECTIONS[name].title)
        _section(pdf, name, document, links, control)
    for link in links.values():  # none is left without a place: a reader of the file would stumble
        pdf.set_link(link, y=pdf.get_y())
    control.progress(len(names) / (len(names) + 1), "writing")
    _method(pdf, method(document))
    control.check()
    pdf.output(str(path))


def _title(pdf: Page, document: Document) -> None:
    pdf.write_text(label(document["title"], 200), size=20, bold=True, leading=1.25)
    pdf.ln(1.5)
    pdf.write_text(subtitle(document), size=9.5, muted=True)
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


def _section(pdf: Page, name: str, document: Document, links: Links, control: Control) -> None:
    section, result = SECTIONS[name], document["sections"][name]
    wording = LOCALES[document["options"]["locale"]]
    pdf.ln(5)
    pdf.keep(35)
    pdf.start_section(section.title)
    _arrive(pdf, links, name, "")
    pdf.heading(section.title)
    for sentence in document["narrative"]["sections"][name]:
        pdf.write_text(sentence)
        pdf.ln(1)
    for row in _rows(section.figures(result, wording)):
        control.check()
        _figures(pdf, row, name, links)
    for grid in section.grids(result, wording):
        control.check()
        if grid.rows:
            table(pdf, grid)


def _arrive(pdf: Page, links: Links, section: str, figure: str) -> None:
    if link := links.pop((section, figure), None):
        pdf.set_link(link, y=pdf.get_y())


def _rows(found: list[Figure]) -> list[list[Figure]]:
    """Wide figures alone, narrow ones in pairs."""
    rows: list[list[Figure]] = []
    for figure in found:
        if not figure.wide and rows and len(rows[-1]) == 1 and not rows[-1][0].wide:
            rows[-1].append(figure)
        else:
            rows.append([figure])
    return rows


def _figures(pdf: Page, row: list[Figure], section: str, links: Links) -> None:
    width = pdf.epw if row[0].wide else (pdf.epw - _GAP) / 2
    height = max(figure.drawing.height / figure.drawing.width * width for figure in row)
    pdf.ln(4)
    pdf.keep(height + 8)
    top = pdf.get_y()
    for figure in row:
        _arrive(pdf, links, section, figure.key)
    for place, figure in enumerate(row):
        x = pdf.l_margin + place * (width + _GAP)
        pdf.caption(x, top, width, figure.heading, figure.note)
        draw(pdf, figure.drawing, x, top + 6, width)
    pdf.set_y(top + 6 + height)


def _method(pdf: Page, lines: list[str]) -> None:
    pdf.ln(8)
    pdf.keep(30)
    pdf.rule(0.2)
    pdf.ln(3)
    pdf.write_text("How the numbers were made", size=10, bold=True)
    pdf.ln(1)
    for each in lines:
        pdf.write_text(each, size=8, muted=True)
        pdf.ln(0.8)
