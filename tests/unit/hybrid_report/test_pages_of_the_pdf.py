"""Pages of the PDF: nothing on them is cut, shrunk or set beside the edge."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader

from andon_worker.hybrid_report import charts
from andon_worker.hybrid_report.charts import Bar
from andon_worker.hybrid_report.drawing import FULL
from andon_worker.hybrid_report.rendering.pdf_page import Page, table
from andon_worker.hybrid_report.rendering.render_html import _table
from andon_worker.hybrid_report.rendering.render_pdf import _figures
from andon_worker.hybrid_report.section import Figure, Grid

NOTE = "of 144,242; whiskers: 5% to 95%; 2 rows of rarer values are not shown, and a last word"


def page() -> Page:
    pdf = Page("t", {chr(code) for code in range(32, 127)}, "orders.csv · 1 May 2026")
    pdf.add_page()
    return pdf


def words(pdf: Page, path: Path) -> list[str]:
    pdf.output(str(path))
    return [" ".join(each.extract_text().split()) for each in PdfReader(path).pages]


def figure(heading: str, note: str) -> Figure:
    return Figure("k", heading, note, charts.bars("t", [Bar("a", 1.0, "1"), Bar("b", 2.0, "2")]))


def test_titles_and_notes_go_over_lines_instead_of_being_cut(tmp_path: Path) -> None:
    pdf, title = page(), "Total of Total revenue by Device category and Session primary channel group"
    _figures(pdf, [figure(title, NOTE), figure("Rows", "3 values")], "s", {})
    table(pdf, Grid(f"{title}, {NOTE}", ("Group", "Rows"), [("a", "1")]))
    [text] = words(pdf, tmp_path / "t.pdf")
    assert (text.count(title), text.count(NOTE), text.count("Rows 3 values")) == (2, 2, 1)


def test_a_number_in_a_table_is_never_cut(tmp_path: Path) -> None:
    pdf = page()
    names = ("a_column_of_a_long_name_that_stands_beside_its_numbers", "a question of many words about all of them")
    rows = [(name, *(f"{place},144,242.{place}" for place in range(10, 18))) for name in names]
    table(pdf, Grid("Numeric columns", ("Column", *(f"Std. dev. of {place}" for place in range(8))), rows))
    [text] = words(pdf, tmp_path / "t.pdf")
    assert "…" not in text
    assert all(cell in text for row in rows for cell in row[1:])
    assert all(part in text for name in names for part in name.replace("_", " ").split())  # broken between words


@pytest.mark.parametrize("rows", [2, 9, 40])
@pytest.mark.parametrize("top", [150, 205, 235, 262])
def test_no_page_has_a_row_or_two_of_a_table(rows: int, top: float, tmp_path: Path) -> None:
    pdf = page()
    pdf.set_y(top)
    table(pdf, Grid("Caption", ("Group", "Rows"), [(f"row{place}", "1") for place in range(rows)]))
    held = [text.count("row") for text in words(pdf, tmp_path / "t.pdf")]
    assert sum(held) == rows
    assert min(filter(None, held)) >= min(rows, 3)


def test_words_in_a_table_are_not_broken(tmp_path: Path) -> None:
    pdf, row = (
        page(),
        ("DE12500105170648489890", "ONLINE-UEBERWEISUNG", "Verwendungszweck", "Hausverwaltung", "2025-01-02"),
    )
    table(pdf, Grid("Caption", tuple("abcdefgh"), [(*row, "1,234.5", "−1,234.5", "9")], words=5))
    [text] = words(pdf, tmp_path / "t.pdf")
    assert all(word in text for word in row)


def test_charts_keep_their_size_and_go_to_the_next_page(tmp_path: Path) -> None:
    pdf = page()
    pdf.set_y(230)
    _figures(pdf, [Figure("k", "a", "", charts.bars("t", [Bar(str(n), 1.0, "1") for n in range(9)], FULL))], "s", {})
    assert pdf.page == 2
    pages = words(pdf, tmp_path / "t.pdf")
    assert [text[-len("orders.csv · 1 May 2026 1 / 2") :] for text in pages] == [
        f"orders.csv · 1 May 2026 {place} / 2" for place in (1, 2)
    ]


def test_what_is_written_and_what_is_drawn_have_one_left_edge(tmp_path: Path) -> None:
    pdf = page()
    pdf.heading("Heading")
    pdf.write_text("Sentence")
    table(pdf, Grid("Caption", ("Group", "Rows"), [("Cell", "1")]))
    pdf.output(str(tmp_path / "t.pdf"))
    starts: dict[str, float] = {}

    def see(text: str, _cm: Any, matrix: list[float], *_: Any) -> None:
        if text.strip():
            starts[text.strip()] = round(matrix[4], 2)

    PdfReader(tmp_path / "t.pdf").pages[0].extract_text(visitor_text=see)
    assert {starts[word] for word in ("Heading", "Sentence", "Caption", "Group", "Cell")} == {
        round(pdf.l_margin * pdf.k, 2)
    }


def test_numbers_among_words_stand_flush_right() -> None:
    grid = Grid("The first rows", ("Day", "Amount", "Who"), [("1 May", "1.00", "x")], words=3, numbers=frozenset({1}))
    assert [grid.is_number(place) for place in range(3)] == [False, True, False]
    page = _table(grid)
    assert re.findall(r"<td.*?</td>", page) == ['<td class="number">1.00</td>', "<td>x</td>"]
