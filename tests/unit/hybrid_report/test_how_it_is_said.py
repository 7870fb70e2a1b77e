"""How numbers, names and charts are said and drawn, whatever the file."""

from __future__ import annotations

from typing import Any

import pytest

from andon_worker.hybrid_report import SECTIONS, charts
from andon_worker.hybrid_report.charts import Interval, Series
from andon_worker.hybrid_report.drawing import HALF, Text, narrowed
from andon_worker.hybrid_report.provenance import provenance
from andon_worker.hybrid_report.rendering.render_html import _said
from andon_worker.hybrid_report.scales import in_order
from andon_worker.hybrid_report.wording import Wording, answer, brief, label, one_way
from tests.unit.hybrid_report.conftest import Profile

WORDING = Wording()


@pytest.mark.parametrize(
    "ordered",
    [
        ["G1", "G2", "G3", "G10"],
        ["Q1 2024", "Q2 2024", "Q3 2024", "Q4 2024"],
        ["MW-01", "MW-02", "MW-03"],
        ["A", "B", "C", "D", "E"],
        ["2021/22", "2022/23", "2023/24"],
        ["18-24", "25-34", "35-44", "65+", "Prefer not to say"],
        ["Just me", "2-10", "11-50", "51-250", "More than 250"],
        ["Disagree", "Neutral", "Agree", "Don't know"],
        ["under $25,000", "$25,000 - $49,999", "$50,000 to $99,999", "over $99,999", "Other"],
    ],
)
def test_values_with_an_order_keep_it(ordered: list[str]) -> None:
    assert in_order([*ordered[1::2], *ordered[::2]], str) == ordered


def test_tables_of_groups_have_the_order_of_their_charts(profile: Profile) -> None:
    scale = ["Disagree", "Neutral", "Agree", "Strongly agree"]
    rows = [(said, 10 * abs(2 - place) + n % 3) for place, said in enumerate(scale) for n in range(40)]
    result = profile("groups", "said,score\n" + "".join(f"{said},{score}.5\n" for said, score in rows), resamples=0)
    [grid] = SECTIONS["groups"].grids(result, WORDING)
    assert [row[0] for row in grid.rows] == scale


def test_numbers_of_a_column_have_as_many_decimals() -> None:
    assert [WORDING.among([4.83, 6.32, 4.0])(value) for value in (4.83, 6.32, 4.0, None)] == [
        "4.83",
        "6.32",
        "4.00",
        "–",
    ]
    assert [WORDING.among([0.22, 0.211])(value) for value in (0.22, 0.211)] == ["0.220", "0.211"]
    assert WORDING.among([3.0, 5.0])(4.0) == "4"


@pytest.mark.parametrize(
    ("rows", "bars"),
    [
        ([1] * 500 + [2] * 499 + [4], [500, 499, 0, 1]),  # rare ends stay
        ([0.0] * 66 + [4.95] * 33, [66, 33]),
    ],
)
def test_values_on_a_grid_have_a_bar_each(rows: list[float], bars: list[int], profile: Profile) -> None:
    [column] = profile("distributions", "score\n" + "".join(f"{row}\n" for row in rows))["columns"]
    assert (column["histogram"]["counts"], column["histogram"]["below"] + column["histogram"]["above"]) == (bars, 0)


def test_each_bar_of_a_finer_grid_holds_as_many_of_its_steps(profile: Profile) -> None:
    volts = [12 + place / 1_000 for place in range(178) for _ in range(2)]
    [column] = profile("distributions", "battery volts\n" + "".join(f"{volt:.3f}\n" for volt in volts))["columns"]
    assert len(set(column["histogram"]["counts"][:-1])) == 1


def test_statements_and_answers_stand_in_quotation_marks() -> None:
    said = brief("The product is easy to use")
    assert (said, answer("Strongly agree", said)) == ("“The product is easy to use”", "“Strongly agree”")
    assert (brief("Session primary channel group"), answer("Direct", "Session")) == (
        "Session primary channel group",
        "Direct",
    )


def test_small_words() -> None:
    assert one_way("with a value of Withdrawal Amt..") == "with a value of Withdrawal Amt."
    assert one_way("and so on ...") == "and so on ..."
    assert label("Chinstrap penguin (Pygoscelis antarctica)", 40) == "Chinstrap penguin…"
    ends = [label(f"Department of fundamental questions of traffic, {end}", 30) for end in ("North", "South")]
    assert ends == ["Department of fun…affic, North", "Department of fun…affic, South"]


def test_a_small_mean_of_large_amounts_keeps_its_decimals(profile: Profile) -> None:
    amounts = [-2_489.25, 3_398.5, -59.78, -30.8, -80.89, 12.5] * 5
    result = profile("distributions", "amount\n" + "".join(f"{amount}\n" for amount in amounts))
    [figure] = SECTIONS["distributions"].figures(result, WORDING)
    assert "mean 125.0, median −45.3" in figure.note


def test_days_and_codes_are_not_broken_at_their_hyphens() -> None:
    assert _said("on 2023-01-03 <b>") == 'on <span class="whole">2023-01-03</span> &lt;b&gt;'
    assert _said("a well-known one") == "a well-known one"


def test_a_pair_is_told_once(profile: Profile) -> None:
    rows = "".join(f"{place / 10},{2.0 ** (place / 8)}\n" for place in range(1, 100))
    told = [s.text for s in SECTIONS["correlations"].sentences(profile("correlations", "a,b\n" + rows), WORDING)]
    assert [text.count("a and b") for text in told] == [1]


def test_what_is_missing_of_a_column_is_said_beside_its_shares(profile: Profile) -> None:
    result = profile("distributions", "mark,n\n" + "J,1\n" * 30 + "U,1\n" * 10 + ",1\n" * 60)
    [figure] = SECTIONS["distributions"].figures(result, WORDING)
    assert figure.note == "2 values, in 40 rows of 100"


def test_columns_in_which_each_value_is_as_frequent_are_told_together(profile: Profile) -> None:
    rows = "".join(f"{who},{what},1\n" for who in "abc" for what in ("x", "y") for _ in range(20))
    told = [
        s.text for s in SECTIONS["distributions"].sentences(profile("distributions", "who,what,n\n" + rows), WORDING)
    ]
    assert told == ["Of who (3) and what (2), each value stands as often as any other of its column."]


@pytest.mark.parametrize(
    ("values", "shape"),
    [
        ([*(f"AB-{n}" for n in range(300)), "cd7"], "“A-9”"),
        ([f"{'KLMN'[n % 4]}{'aeiou'[n % 5]}{'bdfgh'[n // 20 % 5]}{'rst'[n % 3]}" for n in range(300)], ""),
    ],
)
def test_shapes_are_told_of_codes_a_few_of_which_differ_and_not_of_names(
    values: list[str], shape: str, profile: Profile
) -> None:
    result = profile("distributions", "of\n" + "".join(f"{value}\n" for value in values))
    told = " ".join(sentence.text for sentence in SECTIONS["distributions"].sentences(result, WORDING))
    assert shape in told
    assert ("shape" in told) == bool(shape)


def test_what_lies_outside_in_one_row_is_one_sentence_without_a_chart(profile: Profile) -> None:
    rows = [[f"shop {n}", *(100 + n + column for column in range(4))] for n in range(30)]
    rows[11][1:] = [9_000, 9_100, 9_200, 9_300]
    text = "shop,north sales,south sales,east sales,west sales\n" + "".join(
        ",".join(map(str, row)) + "\n" for row in rows
    )
    result = profile("outliers", text)
    [sentence] = SECTIONS["outliers"].sentences(result, WORDING)
    assert sentence.text.startswith("Row 12 ")
    assert "in 4 columns alike" in sentence.text
    assert SECTIONS["outliers"].figures(result, WORDING) == []


def test_the_legend_of_many_short_names_is_whole_on_a_narrow_screen() -> None:
    days = [(f"2024-{month:02}-01", float(month)) for month in range(1, 13)]
    names = ["G1", "G2", "G3", "G4", "a longer name of a group", "and another one of them"]
    narrow = narrowed(charts.line("t", [Series(name, days) for name in names], WORDING))
    assert narrow.width == HALF
    assert set(names) <= {shape.text for shape in narrow.shapes if isinstance(shape, Text)}


def test_each_column_of_a_cross_tab_is_named_on_a_narrow_screen() -> None:
    names = [f"a purpose of payment {place}" for place in range(8)]
    drawing = charts.cross_tab("t", ["Yes", "No"], names, [[0.125] * 8] * 2, WORDING)
    texts = [shape.text for shape in narrowed(drawing).shapes if isinstance(shape, Text)]
    assert all(f"{place}  {name}" in texts and str(place) in texts for place, name in enumerate(names, 1))


def test_names_beside_bars_are_whole_where_some_more_room_is_enough() -> None:
    rows = [charts.Bar(name, 1.0, "33.3%") for name in ("Agree", "Neither agree nor disagree", "Disagree")]
    texts = {shape.text for shape in charts.bars("t", rows).shapes if isinstance(shape, Text)}
    assert "Neither agree nor disagree" in texts


def test_a_copy_of_the_time_is_no_driver(profile: Profile) -> None:
    days = [f"2024-{1 + n // 28:02}-{1 + n % 28:02}" for n in range(120)]
    rows = "".join(f"{day},{day},{n % 7}.5,{n % 3}.5\n" for n, day in enumerate(days))
    result = profile("drivers", "day,value day,amount,other\n" + rows)
    assert [each["column"] for each in result["leftOut"] if "time" in each["reason"]] == ["day", "value day"]


def test_one_group_far_above_all_others_makes_the_axis_logarithmic() -> None:
    def rows(highest: float) -> list[Interval]:
        return [*(Interval(str(n), 4 + n / 10, 3.5, 5.5) for n in range(9)), Interval("far", highest, highest, highest)]

    assert charts.is_logarithmic(rows(904.0))
    assert not charts.is_logarithmic(rows(9.0))


@pytest.mark.parametrize(
    ("reading", "told"),
    [
        ({"encoding": "binary"}, {"format": "Parquet"}),
        ({"encoding": "binary", "sheet": "May"}, {"format": "workbook", "sheet": "May"}),
        ({"encoding": "utf-8"}, {"encoding": "utf-8"}),
    ],
)
def test_files_that_are_no_text_have_a_format(reading: dict[str, Any], told: dict[str, Any]) -> None:
    assert provenance(reading, [])["reading"] == told


def test_the_first_rows_have_as_many_decimals_in_a_column(profile: Profile) -> None:
    grid = SECTIONS["overview"].grids(profile("overview", "who,price ($)\na,220.65\nb,3.5\nc,4\n"), WORDING)[1]
    assert [row[1] for row in grid.rows] == ["220.65", "3.50", "4.00"]
    assert grid.is_number(1)
