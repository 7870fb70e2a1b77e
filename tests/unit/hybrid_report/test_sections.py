"""Each section on small tables whose answers are known, awkward ones above all."""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Any

import duckdb
import pytest

from andon.reports import SECTIONS as NAMES
from andon.reports import InvalidOptions, NoControl, ReportOptions
from andon_worker.hybrid_report import SECTIONS, make_document, render_html, render_json, render_pdf
from tests.unit.hybrid_report.conftest import Profile

INFO = {"name": "t.csv", "rows": 1, "columns": []}
WHEN = "2024-01-01T10:00:00+00:00"


def test_every_section_that_options_can_name_exists() -> None:
    assert tuple(SECTIONS) == NAMES


def test_repeated_rows_are_counted_once_each_after_the_first(profile: Profile) -> None:
    text = "a,b\n1,x\n1,x\n1,x\n2,x\n1,NA\n1,NA\n"
    quality = profile("quality", text)
    assert quality["repeatedRows"] == 3
    assert [(row["times"], row["cells"]) for row in quality["repeats"]["rows"]] == [(3, ["1", "x"]), (2, ["1", None])]
    result = profile("overview", text)
    assert (result["missingCells"], result["cells"]) == (2, 12)


def test_a_constant_column_gets_a_histogram_of_one_bar(profile: Profile) -> None:
    [column] = profile("distributions", "a\n7.5\n7.5\n")["columns"]
    assert (column["std"], column["histogram"]["counts"]) == (0, [2])


def test_numbers_whose_squares_no_double_holds_have_their_moments(profile: Profile) -> None:
    values = [1e300, -1e300, 1e305, -1.7e308, 1.7e308]
    [column] = profile("distributions", "a\n" + "".join(f"{value}\n" for value in values))["columns"]
    scaled = [value / 2.0**1000 for value in values]
    assert column["mean"] == pytest.approx(statistics.fmean(scaled) * 2.0**1000, rel=1e-9)
    assert column["std"] == pytest.approx(statistics.stdev(scaled) * 2.0**1000, rel=1e-9)
    assert column["max"] == 1.7e308
    assert sum(column["histogram"]["counts"]) == 5


def test_what_is_beyond_every_double_is_null(profile: Profile) -> None:
    [column] = profile("distributions", "a\n-1.7e308\n1.7e308\n")["columns"]
    assert column["std"] is None


def test_a_column_without_values_is_no_obstacle(profile: Profile) -> None:
    text = "a,b\n" + "NA,1.5\n" * 40 + "NA,2.5\n" * 40
    for name in SECTIONS:
        json.dumps(profile(name, text), allow_nan=False)


def test_ranks_see_what_pearson_does_not(profile: Profile) -> None:
    text = "a,b\n" + "".join(f"{i},{2.0**i}\n" for i in range(60))
    [pair] = profile("correlations", text)["strongest"]
    assert pair["spearman"] == 1
    assert pair["pearson"] < 0.6


def test_opposite_columns_correlate_to_minus_one_and_ties_share_ranks(profile: Profile) -> None:
    text = "a,b,c\n" + "".join(f"{i},{-i},{i % 3}\n" for i in range(21))
    result = profile("correlations", text)
    assert result["pearson"][0][1] == -1
    assert result["spearman"][0][2] == pytest.approx(result["pearson"][0][2])


def test_an_outlier_is_found_on_its_side(profile: Profile) -> None:
    [column] = profile("outliers", "a\n" + "".join(f"{i}\n" for i in [*range(100), 500, 600, -400]))["columns"]
    assert (column["below"], column["above"], column["robust"]) == (1, 2, 3)


@pytest.mark.parametrize(
    ("step", "unit"),
    [
        ("to_hours(i)", "hour"),
        ("to_days(i)", "day"),
        ("to_days(5 * i)", "week"),
        ("to_months(i)", "month"),
        ("to_years(i)", "year"),
    ],
)
def test_the_unit_of_a_trend_follows_its_span(tmp_path: Path, step: str, unit: str) -> None:
    parquet = tmp_path / "t.parquet"
    query = f"SELECT TIMESTAMP '2000-01-01' + {step} AS t, i * 0.5 AS x "
    query += "FROM (SELECT CAST(i AS INTEGER) AS i FROM range(60) r(i))"
    duckdb.connect().execute(f"COPY ({query}) TO '{parquet}'")
    assert SECTIONS["trends"].compute(parquet, ReportOptions(), NoControl())["unit"] == unit


def test_a_table_without_dates_has_no_trends(profile: Profile) -> None:
    assert profile("trends", "a\n1\n2\n") == {"timeColumn": None}


def test_chosen_columns_are_used(profile: Profile) -> None:
    text = "g,h,x,y\n" + "".join(f"{i % 2},{i % 3},{i},{i * 2}\n" for i in range(90))
    result = profile("groups", text, measures=("y",), group_by=("h",), resamples=50)
    assert [(c["groupBy"], c["measure"], len(c["groups"])) for c in result["comparisons"]] == [("h", "y", 3)]


def test_columns_that_cannot_serve_are_refused_by_name(profile: Profile) -> None:
    with pytest.raises(InvalidOptions, match=r"/options/measures/0.*'g' is text"):
        profile("groups", "g,x\na,1\nb,2\n", measures=("g",))


def test_columns_may_have_the_names_that_queries_use(profile: Profile) -> None:
    names = ["data", "n", "g", "bin", "k", "v", "c0", "select", "count", "row", "file_row_number", "name", "value"]
    numbers = len(names) - 1
    text = ",".join([*names, "t"]) + "\n"
    for i in range(60):
        cells = [f"{i * (n + 7) % 61}.5" for n in range(numbers)]
        text += ",".join([str(i % 3), *cells, f"2024-01-{1 + i % 28:02}"]) + "\n"
    results = {name: profile(name, text, resamples=10) for name in SECTIONS}
    assert [c["groupBy"] for c in results["groups"]["comparisons"]] == ["data"] * 3
    assert all(sum(c["histogram"]["counts"]) == 60 for c in results["distributions"]["columns"])
    assert len(results["trends"]["points"]) == 28


def test_many_groups_are_cut_to_the_largest(profile: Profile) -> None:
    text = "g,x\n" + "".join(f"name{i % 50},{i}.5\n" for i in range(500))
    [comparison] = profile("groups", text, group_by=("g",), resamples=0)["comparisons"]
    shown = [group["value"] for group in comparison["groups"]]
    # The 30 of most rows, and the highest and the lowest of all 50.
    assert {shown[0], shown[-1]} == {"name49", "name0"}
    assert len(shown) in {30, 31, 32}
    assert (comparison["total"], comparison["groupsOmitted"]) == (50, 50 - len(shown))
    assert comparison["rowsOmitted"] == 10 * comparison["groupsOmitted"]
    assert comparison["groups"][0]["low"] is None


def test_results_stay_small_on_a_wide_table_of_long_words(profile: Profile) -> None:
    header = ",".join(f"c{i}_" + "n" * 40 for i in range(60))
    row = ",".join(f"{'w' * 500}{{0}}" for _ in range(60))
    text = header + "\n" + "".join(row.format(i) + "\n" for i in range(12))
    for name in ("overview", "distributions"):
        assert len(json.dumps(profile(name, text, max_columns=300))) < (1 << 20) / 5


def hostile(profile: Profile, tmp_path: Path) -> dict[str, Any]:
    """A dataset that tries to break out of everything that it is written into."""
    evil = "</title><script>alert(1)</script>&"
    text = f'"{evil}","日本語 é😀","a""b\'{{0}}",when\n' + "".join(
        f"<b>{i % 3}</b>,{i}.5,{'x' * 300},2024-01-{i % 28 + 1:02}\n" for i in range(90)
    )
    results = {name: profile(name, text, resamples=20) for name in SECTIONS}
    return make_document(evil + "\u202e\x07", INFO | {"name": evil}, ReportOptions(resamples=20), results, WHEN)


def test_nothing_of_the_dataset_is_markup_in_the_page(profile: Profile, tmp_path: Path) -> None:
    render_html(hostile(profile, tmp_path), tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert "<b>" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;&amp;" in page
    assert "日本語 é😀" in page


def test_unknown_characters_do_not_break_the_pdf(profile: Profile, tmp_path: Path) -> None:
    render_pdf(hostile(profile, tmp_path), tmp_path / "report.pdf")
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF")


def test_a_document_of_one_section_renders(profile: Profile, tmp_path: Path) -> None:
    for name in SECTIONS:
        document = make_document("T", INFO, ReportOptions(), {name: profile(name, "a\n1\n1\n")}, WHEN)
        render_html(document, tmp_path / "report.html")
        render_pdf(document, tmp_path / "report.pdf")
        render_json(document, tmp_path / "report.json")
        assert list(json.loads((tmp_path / "report.json").read_text())["sections"]) == [name]
