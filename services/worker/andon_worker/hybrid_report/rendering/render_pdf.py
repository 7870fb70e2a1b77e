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
_LEAST = 0.72  # of its size that a chart keeps
_AHEAD = 5  # charts among which one is looked for that fits
_AROUND = 12.0  # a chart's caption and the gap above it
_OURS = set(string.printable + "…–−’·•×±²|“”")  # what the report writes by itself

Links = dict[tuple[str, str], int]


def render_pdf(document: Document, path: Path, control: Control | None = None) -> None:
    """Write the report as a PDF; it says so of characters that no font here has, which are shown as boxes."""
    control = control or NoControl()
    pdf = Page(label(document["title"], 200), set(json.dumps(document, ensure_ascii=False)) | _OURS)
    pdf.set_creation_date(datetime.fromisoformat(document["generatedAt"]))
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
    pdf.keep(35 if many > 2 or not rows else min(180.0, 24 + 6 * many + _LEAST * _height(pdf, rows[0])))
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
    return max(figure.drawing.height / figure.drawing.width * _width(pdf, row) for figure in row)


def _next(pdf: Page, rows: list[list[Figure]]) -> int:
    """The first of the next few rows that fits on this page: a small chart goes before a large one that doesn't."""
    fitting = (place for place, row in enumerate(rows[:_AHEAD]) if _share(pdf, row) >= _LEAST)
    return next(fitting, 0)


def _share(pdf: Page, row: list[Figure]) -> float:
    """How large charts can be on this page: 1 is their own size."""
    return min(1.0, (pdf.left - _AROUND) / _height(pdf, row))


def _figures(pdf: Page, row: list[Figure], section: str, links: Links) -> None:
    # Charts are made a little smaller before they leave a page half empty.
    share = _share(pdf, row)
    if share < _LEAST:
        pdf.add_page()
        share = 1.0
    pdf.ln(4)
    width, height = share * _width(pdf, row), share * _height(pdf, row)
    top = pdf.get_y()
    for figure in row:
        _arrive(pdf, links, section, figure.key)
    for place, figure in enumerate(row):
        x = pdf.l_margin + place * (width / share + _GAP)
        pdf.caption(x, top, width / share, figure.heading, figure.note)
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
