"""What was wrong on a page once: lines beyond their chart, cells cut short, bars with gaps, a highest that wasn't."""

from __future__ import annotations

import math
import random
import time
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader

from andon.reports import Creeping, NoControl
from andon.reports.duck import connect, telling
from andon_worker.hybrid_report import charts
from andon_worker.hybrid_report.charts.lines import Series
from andon_worker.hybrid_report.drawing import Dot, Line
from andon_worker.hybrid_report.provenance import provenance_grids
from andon_worker.hybrid_report.rendering.pdf_page import Page, table
from andon_worker.hybrid_report.scales import in_order
from andon_worker.hybrid_report.section import Grid
from andon_worker.hybrid_report.sections import SECTIONS
from andon_worker.hybrid_report.wording import Wording
from tests.unit.hybrid_report.conftest import Profile

WORDING = Wording()


def said(section: str, result: dict[str, Any]) -> str:
    return "\n".join(sentence.text for sentence in SECTIONS[section].sentences(result, WORDING))


def test_a_line_that_falls_below_zero_stays_in_its_chart() -> None:
    points = [(f"2021-0{month}-01", value) for month, value in enumerate((900.0, -1_400.0, 2_900.0, -20.0), 1)]
    drawing = charts.line("Total", [Series("x", points)], WORDING, zero=True, marks=[("2021-02-01", -1_400.0, "-1.4k")])
    heights = [y for shape in drawing.shapes if isinstance(shape, Line) and shape.width == 1.8 for _, y in shape.points]
    assert max(heights) <= drawing.height - 26
    assert min(heights) >= 0


def test_a_long_cell_of_a_table_in_the_pdf_goes_over_lines(tmp_path: Path) -> None:
    note = "NA is kept as a value: the other values are codes of two capital letters as well, " * 3
    rows = [("column with a long name of its own", note, "7")]
    pdf = Page("t", set("".join(rows[0])))
    pdf.add_page()
    table(pdf, Grid("How columns were read", ("Column", "Note", "Rows"), rows, words=2))
    pdf.output(str(tmp_path / "t.pdf"))
    text = " ".join("".join(page.extract_text() for page in PdfReader(tmp_path / "t.pdf").pages).split())
    assert note.strip() in text
    assert "…" not in text


def test_every_token_note_and_unread_cell_is_in_the_tables_and_no_column_is_empty() -> None:
    tokens = [{"token": f"t{place}", "count": 3} for place in range(6)]
    cells = [{"line": 9, "value": "x" * 60}]
    found = {
        "reading": {"encoding": "utf-8", "skippedLines": 0, "lastLine": 12},
        "columns": [{"name": "a", "missing": tokens, "notes": ["First.", "Second."]}],
        "unread": [{"name": "b", "type": "number", "count": 1, "cells": cells}],
    }
    read, columns, unread = provenance_grids(found, WORDING)
    assert [what for what, _ in read.rows] == ["Encoding", "Last line of the table"]
    assert columns.headers == ("Column", "Counts as missing", "Note")
    assert all(f"“t{place}” (3)" in columns.rows[0][1] for place in range(6))
    assert columns.rows[0][2] == "First. Second."
    assert "x" * 60 in unread.rows[0][2]


def test_a_small_group_far_from_all_others_is_the_highest(profile: Profile) -> None:
    rows = [("wage", 2_900 + place) for place in range(12)]
    rows += [(shop, 10 + place % 7) for shop in ("a", "b", "c") for place in range(40)]
    result = profile("groups", "who,amount\n" + "".join(f"{who},{x}.5\n" for who, x in rows), group_by=("who",))
    assert "highest for wage" in said("groups", result)


def test_a_finding_about_the_larger_groups_says_so_where_a_small_one_lies_beyond(profile: Profile) -> None:
    rows = [("few", 11.0), ("few", 60.0), ("few", 9.0), ("few", 30.0), ("few", 14.0)]
    rows += [(shop, 10.0 + place % 7 + (shop == "b")) for shop in ("a", "b") for place in range(40)]
    result = profile("groups", "shop,x\n" + "".join(f"{shop},{x}\n" for shop, x in rows), group_by=("shop",))
    assert "By shop, among groups of at least 30 rows, the mean of x is highest for b" in said("groups", result)


@pytest.mark.parametrize("odd", [1, 2])
def test_a_sentence_names_a_chart_only_where_there_is_one(
    profile: Profile, flights_results: dict[str, dict[str, Any]], odd: int
) -> None:
    """Of one column with gaps, one with outliers or one driver the sentence says all, and nothing is drawn."""
    names = "ab"[:odd]
    cells = [[str(i % 17 + (900 if i == 5 else 0)) + ".5" if i % 9 else "" for _ in names] for i in range(90)]
    text = ",".join([*names, "g"]) + "\n" + "".join(",".join([*row, "xy"[i % 2]]) + "\n" for i, row in enumerate(cells))
    small = {name: profile(name, text, resamples=20) for name in SECTIONS}
    for results in (small, flights_results):
        for name, section in SECTIONS.items():
            drawn = {figure.key for figure in section.figures(results[name], WORDING)}
            assert {each.figure for each in section.sentences(results[name], WORDING)} <= {"", *drawn}


def test_a_single_value_far_off_is_no_tail(profile: Profile) -> None:
    draw = random.Random(2)
    values = [draw.gauss(10, 1) for _ in range(400)]
    text = "x,y\n" + "".join(f"{v:.3f},{math.exp(v / 3):.3f}\n" for v in [*values, 85.0])
    told = said("distributions", profile("distributions", text.replace(f"85.000,{math.exp(85 / 3):.3f}", "85.0,20.0")))
    assert "x has a long tail" not in told


def test_values_that_are_all_as_frequent_are_told_and_not_drawn(profile: Profile) -> None:
    result = profile("distributions", "kind,x\n" + "".join(f"{'abcd'[i % 4]},{i}.5\n" for i in range(80)))
    assert "Each of the 4 values of kind stands 20 times." in said("distributions", result)
    assert "of-kind" not in {figure.key for figure in SECTIONS["distributions"].figures(result, WORDING)}


def test_the_root_of_paths_is_a_value(profile: Profile) -> None:
    paths = ["/", "/about", "/docs/a", "/docs/b"]
    result = profile("overview", "page,x\n" + "".join(f"{paths[i % 4]},{i}.5\n" for i in range(80)))
    assert [column["missing"] for column in result["columns"]] == [0, 0]


def test_totals_that_are_alike_are_told_and_not_drawn(profile: Profile) -> None:
    text = "shop,way,amount\n" + "".join(f"{'abc'[i % 3]},{'uv'[i % 4 == 0]},{10 + i % 5}.5\n" for i in range(600))
    result = profile("groups", text, resamples=0, measures=("amount",))
    drawn = {figure.key for figure in SECTIONS["groups"].figures(result, WORDING)}
    assert "By shop, the total of amount is spread evenly" in said("groups", result)
    assert "total-amount-by-shop" not in drawn
    assert "total-amount-by-way" in drawn


def test_where_a_measure_is_nearly_always_zero_another_question_is_asked(profile: Profile) -> None:
    rows = [(i % 50 == 0, i % 37 + 20, i % 7 + 0.5, "ab"[i % 2]) for i in range(3_000)]
    text = "revenue,bought,seconds,kind\n" + "".join(f"{a * b},{str(b).lower()},{s},{k}\n" for b, a, s, k in rows)
    assert profile("drivers", text)["question"] == "bought"


def test_a_row_a_month_has_no_season_though_months_differ_in_length(profile: Profile) -> None:
    months = [f"{2010 + i // 12}-{i % 12 + 1:02}-01" for i in range(120)]
    text = "m,x\n" + "".join(f"{m},{place % 9}.5\n" * (4 if place < 55 else 5) for place, m in enumerate(months))
    assert "By month, the number of rows" not in said("trends", profile("trends", text))


def test_dots_far_off_do_not_press_the_others_into_a_corner(profile: Profile) -> None:
    text = "x,y\n" + "".join(f"{i % 40}.5,{i % 40 + i % 3}.5\n" for i in range(400)) + "-900.5,-40.5\n"
    [scatter, *_] = SECTIONS["correlations"].figures(profile("correlations", text), WORDING)
    assert scatter.note == "all rows; 1 far off is not shown"
    dots = [shape.x for shape in scatter.drawing.shapes if isinstance(shape, Dot)]
    assert (len(dots), max(dots) - min(dots) > 500) == (400, True)


MONTHS = [f"{2021 + i // 12}-{i % 12 + 1:02}-01" for i in range(30)]
YEARS = [f"{1950 + i}-01-01" for i in range(36)]


@pytest.mark.parametrize("days", [MONTHS, YEARS], ids=["months", "years"])
def test_months_and_years_have_a_bar_each(profile: Profile, days: list[str]) -> None:
    text = "day,x\n" + "".join(f"{day},{place}.5\n" * 2 for place, day in enumerate(days))
    [column, _] = profile("distributions", text)["columns"]
    assert column["histogram"]["counts"] == [2] * len(days)


@pytest.mark.parametrize("most", [1, 3])
def test_where_each_day_has_one_row_the_rows_of_a_month_are_no_news(profile: Profile, most: int) -> None:
    days = [date(2021, 1, 1) + timedelta(place) for place in range(730)]
    lines = [f"{day},{place % 31}.5\n" * (1 + place % 5 % most) for place, day in enumerate(days)]
    told = said("trends", profile("trends", "day,x\n" + "".join(lines)))
    assert ("number of rows" in told) == (most > 1)


def test_first_rows_are_written_as_the_tables_below_and_fractions_are_no_keys(profile: Profile) -> None:
    text = "id,price\n" + "".join(f"{place + 10_000},{place}.123456789012345\n" for place in range(20))
    result = profile("overview", text)
    [_, first] = SECTIONS["overview"].grids(result, WORDING)
    assert first.rows[1] == ("10001", "1.12")
    assert "id identifies every row" in said("overview", result)


class Told(NoControl):
    def __init__(self) -> None:
        self.fractions: list[float] = []

    def progress(self, fraction: float, note: str = "") -> None:
        self.fractions.append(fraction)


def test_progress_creeps_on_and_never_falls() -> None:
    whole = Told()
    control = Creeping(whole)
    control.progress(0.2, "distinct values")
    control.creep(0.5)
    control.progress(0.21, "histograms")
    control.progress(0.6, "done")
    control.creep(1.0)
    assert whole.fractions == sorted(whole.fractions)
    assert 0.2 < whole.fractions[1] <= 0.2 + Creeping.MOST
    assert whole.fractions[-1] <= 0.6 + Creeping.MOST


def test_a_long_query_says_how_far_it_is(tmp_path: Path) -> None:
    told: list[float] = []
    with connect(tmp_path, NoControl()) as connection, telling(connection, told.append):
        end = time.monotonic() + 20
        while not told and time.monotonic() < end:
            connection.execute("SELECT count(*) FROM range(6_000_000) t(i) WHERE md5(CAST(i % 1000 AS VARCHAR)) < 'f'")
    assert told
    assert all(0 < each <= 1 for each in told)


@pytest.mark.parametrize(
    ("names", "ordered"),
    [
        (["Agree", "Neutral", "Strongly agree", "Disagree"], ["Disagree", "Neutral", "Agree", "Strongly agree"]),
        (["55+", "18-24", "under 18", "25-34"], ["under 18", "18-24", "25-34", "55+"]),
        (["Mar", "Jan", "Feb"], ["Jan", "Feb", "Mar"]),
        (["L", "S", "M", "XL"], ["S", "M", "L", "XL"]),
        (["Bonn", "Ulm", "Köln"], ["Bonn", "Ulm", "Köln"]),
        (["30", "4", "11"], ["30", "4", "11"]),
        (["11", "12", "9", "10"], ["9", "10", "11", "12"]),
    ],
)
def test_bars_keep_to_the_order_that_their_names_have(names: list[str], ordered: list[str]) -> None:
    assert in_order(names, str) == ordered


def test_places_are_drawn_as_far_apart_across_as_up(profile: Profile) -> None:
    corners = [(48.0, 16.0), (48.0, 17.0), (49.0, 16.0), (49.0, 17.0)]
    text = "lat,lon\n" + "".join(f"{lat},{lon}\n" for lat, lon in corners * 10)
    [figure] = SECTIONS["distributions"].figures(profile("distributions", text), WORDING)
    dots = sorted({(round(d.x, 1), round(d.y, 1)) for d in figure.drawing.shapes if isinstance(d, Dot)})
    (left, bottom), (right, _) = dots[0], dots[-1]
    up = max(y for _, y in dots) - min(y for _, y in dots)
    assert (right - left) / up == pytest.approx(math.cos(math.radians(48.5)), rel=0.02)
    assert bottom <= figure.drawing.height
