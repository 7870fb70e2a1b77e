"""Facts that were once wrong or missing: exact groups, awkward numbers, alerts, drivers, what changed."""

from __future__ import annotations

import math
import random
import statistics
from collections import defaultdict
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from andon.reports import NoControl, ReportOptions
from andon.reports.datasets import ensure_parquet
from andon_worker.hybrid_report import SECTIONS, digest, make_document, render_html, render_pdf
from andon_worker.hybrid_report.changes import change_sentences
from andon_worker.hybrid_report.figures.association import cramers_v
from andon_worker.hybrid_report.wording import Wording
from tests.unit.hybrid_report.conftest import Profile

WORDING = Wording()


def said(section: str, result: dict[str, Any]) -> str:
    return "\n".join(sentence.text for sentence in SECTIONS[section].sentences(result, WORDING))


def exactly_correlated(a: list[float], b: list[float]) -> float:
    """Pearson's coefficient in fractions, where nothing overflows."""
    x, y = [Fraction(v) for v in a], [Fraction(v) for v in b]
    none = Fraction(0)
    mx, my = sum(x, none) / len(x), sum(y, none) / len(y)
    sxy = sum(((p - mx) * (q - my) for p, q in zip(x, y, strict=True)), none)
    sxx, syy = sum(((p - mx) ** 2 for p in x), none), sum(((q - my) ** 2 for q in y), none)
    return math.copysign(math.sqrt(sxy * sxy / (sxx * syy)), 1 if sxy > 0 else -1)


def test_of_forty_groups_the_highest_is_named_shown_and_drawn_though_it_is_small(profile: Profile) -> None:
    draw = random.Random(1)
    rows = [(f"shop {i:02}", draw.gauss(5, 1)) for i in range(40) for _ in range(60 if i else 31)]
    rows = [(shop, value + (900 if shop == "shop 00" else 0)) for shop, value in rows]
    draw.shuffle(rows)
    result = profile(
        "groups", "shop,amount\n" + "".join(f"{s},{v:.3f}\n" for s, v in rows), group_by=("shop",), resamples=50
    )
    [comparison] = result["comparisons"]
    means = defaultdict(list)
    for shop, value in rows:
        means[shop].append(round(value, 3))
    lowest = min(means, key=lambda shop: statistics.fmean(means[shop]))
    assert (comparison["total"], comparison["groups"][0]["value"]) == (40, "shop 00")
    assert comparison["groupsOmitted"] == 40 - len(comparison["groups"])
    assert (comparison["difference"]["highest"], comparison["difference"]["lowest"]) == ("shop 00", lowest)
    text = said("groups", result)
    assert "highest for shop 00" in text
    assert f"{len(comparison['groups'])} of 40 groups are shown" in text
    shown = {row[0] for grid in SECTIONS["groups"].grids(result, WORDING) for row in grid.rows}
    assert {"shop 00", lowest} <= shown


def test_a_group_too_small_to_be_ranked_is_said_and_stands_after_the_ranked(profile: Profile) -> None:
    rows = [("Europe", 70.0 + i % 5) for i in range(90)] + [("Asia", 60.0 + i % 5) for i in range(90)]
    rows += [("Oceania", years) for years in (50.0, 99.0, 62.0, 97.0, 66.0, 101.0)]
    result = profile(
        "groups",
        "continent,years\n" + "".join(f"{c},{v}\n" for c, v in rows),
        group_by=("continent",),
        measures=("years",),
        resamples=50,
    )
    [comparison] = result["comparisons"]
    assert [(g["value"], g["ranked"]) for g in comparison["groups"]] == [
        ("Europe", True),
        ("Asia", True),
        ("Oceania", False),
    ]
    text = said("groups", result)
    assert "highest for Europe" in text
    assert "ranked only where their mean lies beyond those of all others for sure: Oceania (6 rows)" in text


def test_of_many_names_the_largest_have_their_totals_and_the_others_one_together(profile: Profile) -> None:
    draw = random.Random(11)
    rows = [
        (f"article {draw.choice(range(80)):02}", draw.choice("ab"), round(draw.lognormvariate(3, 1), 2))
        for _ in range(900)
    ]
    text = "article,way,revenue\n" + "".join(f"{a},{w},{x}\n" for a, w, x in rows) + ",a,1000\n"
    result = profile("groups", text, resamples=0)
    [found] = result["totals"]
    sums: dict[str, float] = defaultdict(float)
    for article, _, revenue in rows:
        sums[article] += revenue
    largest = sorted(sums, key=lambda each: -sums[each])
    shown = [group["value"] for group in found["groups"]]
    assert (found["groupBy"], found["total"], shown) == ("article", len(sums), largest[: len(shown)])
    rest = [sums[each] for each in largest[len(shown) :]]
    assert found["groupsOmitted"] == len(rest) > 0
    assert found["sums"]["others"] == pytest.approx(sum(rest))
    assert sum(group["sum"] for group in found["groups"]) + found["sums"]["others"] == pytest.approx(sum(sums.values()))
    assert sum(group["rows"] for group in found["groups"]) + found["rowsOmitted"] == len(rows)
    table = next(
        grid for grid in SECTIONS["groups"].grids(result, WORDING) if grid.caption == "Total of revenue by article"
    )
    share = WORDING.percent(sum(rest), sum(sums.values()))
    assert table.rows[-1][0] == f"{len(rest)} others"
    assert table.rows[-1][-1] == share
    assert f"By article, {largest[0]} has" in said("groups", result)
    assert "Rows in which article is missing hold 1,000 more" in said("groups", result)


def test_two_columns_that_name_the_same_things_have_one_total(profile: Profile) -> None:
    rows = "".join(f"{1000 + i % 40},name {i % 40},{i % 7}.5,{i % 5}\n" for i in range(400))
    result = profile("groups", "customer_id,customer,amount,idle\n" + rows, resamples=0)
    assert {each["groupBy"] for each in result["totals"]} == {"customer"}


def test_the_highest_of_the_groups_that_are_large_enough_is_among_all_of_them(profile: Profile) -> None:
    """Though a smaller one is higher still, and thirty others have more rows."""
    rows = [("tiny", 500.0 + i) for i in range(6)] + [("rare", 90.0 + i % 3) for i in range(30)]
    rows += [(f"g{i % 40:02}", 10.0 + i % 3) for i in range(1600)]
    text = "g,x\n" + "".join(f"{g},{x}\n" for g, x in rows)
    result = profile("groups", text, group_by=("g",), measures=("x",), resamples=0)
    assert "rare" in [group["value"] for group in result["comparisons"][0]["groups"]]


@pytest.mark.parametrize("size", [1e200, -1.7976931348623157e308, 1e-250, 5e-320, 1e15])
def test_pearson_is_right_beside_values_of_any_size(tmp_path: Path, size: float) -> None:
    draw = random.Random(2)
    a = [draw.uniform(0, 900) for _ in range(200)]
    b = [size / 2.5 * (1 + v / 900) if i % 11 else size for i, v in enumerate(a)]
    source = tmp_path / "t.csv"
    source.write_text("a,b\n" + "".join(f"{x!r},{y!r}\n" for x, y in zip(a, b, strict=True)))
    parquet = ensure_parquet(source, "t.csv", tmp_path / "scratch")
    options = ReportOptions(resamples=20)
    results = {name: section.compute(parquet, options, NoControl()) for name, section in SECTIONS.items()}
    pairs = [(x, y) for x, y in zip(a, b, strict=True) if abs(y) < 1.797e308]
    [pair] = results["correlations"]["strongest"]
    if pair["rows"] == len(a):
        pairs = list(zip(a, b, strict=True))
    assert pair["rows"] == len(pairs)
    rel = 1e-3 if size == 5e-320 else 1e-8
    assert pair["pearson"] == pytest.approx(exactly_correlated(*map(list, zip(*pairs, strict=True))), rel=rel)
    document = make_document("T", {"name": "t.csv"}, options, results, "2024-01-01T10:00:00+00:00")
    render_html(document, tmp_path / "t.html")
    render_pdf(document, tmp_path / "t.pdf")


def test_a_flag_has_no_outliers_and_mostly_equal_values_are_judged_by_the_others(profile: Profile) -> None:
    draw = random.Random(4)
    rows = [
        (int(draw.random() < 0.04), draw.gauss(5, 2), draw.choice([0, 0, 0, 0, draw.randint(1, 40)]))
        for _ in range(2000)
    ]
    rows[7] = (0, 5.0, 4000)
    result = profile("outliers", "flag,amount,zeros\n" + "".join(f"{f},{a:.2f},{z}\n" for f, a, z in rows))
    columns = {column["name"]: column for column in result["columns"]}
    assert "flag" not in columns
    others = [z for _, _, z in rows if z]
    q1, _, q3 = statistics.quantiles(others, n=4, method="inclusive")
    zeros = columns["zeros"]
    assert (zeros["usual"], zeros["usualCount"]) == (0, sum(z == 0 for _, _, z in rows))
    assert zeros["upper"] == pytest.approx(q3 + 1.5 * (q3 - q1))
    assert (zeros["below"], zeros["above"]) == (0, sum(z > zeros["upper"] for _, _, z in rows))
    extreme = next(each for each in result["extremes"] if each["column"] == "zeros")
    assert extreme["rows"][0] == {"row": 8, "value": 4000.0, "keys": extreme["rows"][0]["keys"]}


def test_a_number_far_from_all_others_is_called_a_placeholder(profile: Profile) -> None:
    values = [f"{10 + i % 50}.5" for i in range(200)]
    values[3::40] = ["-5000"] * 5
    result = profile("quality", "depth\n" + "".join(f"{v}\n" for v in values))
    [alert] = [alert for alert in result["alerts"] if alert["kind"] == "placeholder"]
    rest = [float(v) for v in values if v != "-5000"]
    assert (alert["value"], alert["rows"]) == (-5000, 5)
    assert alert["meanWithout"] == pytest.approx(statistics.fmean(rest))
    assert "looks like a placeholder for no value" in said("quality", result)


@pytest.mark.parametrize("values", [(20, 50, 120), (-60, -12, -1150, 2890.45)])
def test_amounts_that_lie_far_apart_are_no_placeholders(profile: Profile, values: tuple[float, ...]) -> None:
    result = profile("quality", "amount\n" + "".join(f"{values[i % len(values)]}\n" for i in range(200)))
    assert not result["alerts"]


def test_nines_far_from_all_others_count_as_missing_and_that_is_said(profile: Profile) -> None:
    text = "temp\n" + "".join(f"{-999 if i % 40 == 3 else i % 30 - 8.5}\n" for i in range(200))
    assert "temp is “-999” in 5 rows: it stands for no value, and counts as missing." in said(
        "quality", profile("quality", text)
    )


def test_a_guess_at_what_spans_are_in_is_a_sentence(profile: Profile) -> None:
    told = said("quality", profile("quality", "wait,x\n" + "".join(f"{i % 9}:{i % 49 + 11},{i}\n" for i in range(60))))
    assert "wait is read as hours and minutes: 1:30 is 1.5 hours; as spreadsheets take them. This is assumed" in told


def test_totals_of_groups_are_left_out_and_that_is_said(profile: Profile) -> None:
    rows = [f"s{i},{i}\n" + (f"North total,{10 * i - 45}\n" if i % 10 == 9 else "") for i in range(70)]
    told = said("quality", profile("quality", f"shop,n\n{''.join(rows)}"))
    assert "The table's totals (lines 12, 23, 34, 45, 56 and 2 more) are left out of every figure." in told


@pytest.mark.parametrize(("first", "every"), [("", 10), ("Total,900\n", 99)])
def test_rows_that_are_called_totals_are_told(profile: Profile, first: str, every: int) -> None:
    rows = [f"s{i},{i}\n" + (f"Subtotal,{i}\n" if i % every == every - 1 else "") for i in range(40)]
    told = said("quality", profile("quality", f"shop,n\n{first}{''.join(rows)}"))
    assert ("“Total” in 1 row" if first else "“Subtotal” in 4 rows") in told


def test_a_total_above_all_that_it_sums_up_is_left_out(profile: Profile) -> None:
    rows = "".join(f"s{i},{i}\n" for i in range(40))
    told = said("quality", profile("quality", f"shop,n\nTotal,{sum(range(40))}\n{rows}"))
    assert "The table's totals (line 2) are left out of every figure." in told


def test_alerts_name_what_a_careful_reader_would(profile: Profile) -> None:
    names = ["Berlin", "berlin ", "BERLIN", "Paris", "Rome"]
    rows = [
        (i if i != 50 else 49, names[i % 5], names[(i + 1) % 5], "same", "x" if i else "y", f"{i % 9}.5", f"{i % 9}.5")
        for i in range(300)
    ]
    text = "key,city,other,one,nearly,a,b\n" + "".join(",".join(map(str, row)) + "\n" for row in rows)
    found = {(alert["kind"], *alert["columns"]) for alert in profile("quality", text)["alerts"]}
    assert {("variants", "city"), ("constant", "one"), ("imbalanced", "nearly"), ("identical", "a", "b")} <= found
    assert not any(kind == "identical" and "city" in columns for kind, *columns in found)


def test_values_missing_in_the_same_rows_and_at_one_time_are_told(profile: Profile) -> None:
    lines = []
    for i in range(1200):
        gone = 400 <= i < 500
        value = "NA" if gone else f"{i % 13}.5"
        lines.append(f"2024-{1 + i // 100:02}-{1 + i % 28:02},{value},{value},{'NA' if i % 50 == 0 else i}")
    result = profile("quality", "day,a,b,c\n" + "\n".join(lines) + "\n")
    assert result["missing"]["sets"] == [["a", "b"]] or result["missing"]["sets"] == [["b", "a"]]
    text = said("quality", result)
    assert "are missing in nearly the same rows" in text
    assert "2024-05" in text or "May 2024" in text


def test_drivers_are_ranked_by_what_they_say_of_the_question(profile: Profile) -> None:
    draw = random.Random(6)
    rows = []
    for _ in range(1500):
        group, noise = draw.choice("abcd"), draw.gauss(0, 1)
        x = draw.uniform(-2, 2)
        rows.append((group, x, draw.choice("uv"), "abcd".index(group) * 3 + x * x + noise))
    text = "group,x,idle,y\n" + "".join(f"{g},{x:.4f},{i},{y:.4f}\n" for g, x, i, y in rows)
    result = profile("drivers", text, question="y")
    assert [driver["column"] for driver in result["drivers"]] == ["group", "x", "idle"]
    by_group = defaultdict(list)
    for group, _, _, y in rows:
        by_group[group].append(round(y, 4))
    every = [y for ys in by_group.values() for y in ys]
    within = sum((y - statistics.fmean(ys)) ** 2 for ys in by_group.values() for y in ys)
    whole = sum((y - statistics.fmean(every)) ** 2 for y in every)
    eta = math.sqrt(1 - within / whole * (len(every) - 1) / (len(every) - len(by_group)))
    best, idle = result["drivers"][0], result["drivers"][-1]
    assert best["strength"] == pytest.approx(eta, rel=1e-6)
    assert best["low"] < eta < best["high"]
    # A parabola has no Pearson correlation and is seen all the same.
    assert result["drivers"][1]["low"] > 0.1
    assert idle["low"] < 0.1


def test_a_flag_can_be_the_question(profile: Profile) -> None:
    draw = random.Random(8)
    rows = [(kind := draw.choice("abc"), draw.random() < {"a": 0.1, "b": 0.4, "c": 0.8}[kind]) for _ in range(900)]
    result = profile(
        "drivers", "kind,bought\n" + "".join(f"{k},{str(b).lower()}\n" for k, b in rows), question="bought"
    )
    [driver] = result["drivers"]
    shares = {group["name"]: group["value"] for group in driver["groups"]}
    assert result["answer"] == "true"
    for kind in "abc":
        answers = [b for k, b in rows if k == kind]
        assert shares[kind] == pytest.approx(sum(answers) / len(answers))
    assert driver["low"] > 0.3


def test_cramers_v_is_one_for_columns_that_follow_from_each_other_and_near_none_for_noise() -> None:
    assert cramers_v(np.diag([30.0, 40, 50])) == pytest.approx(1, abs=0.02)
    draw = np.random.default_rng(3)
    noise = [cramers_v(draw.multinomial(400, [1 / 20] * 20).reshape(4, 5).astype(float)) for _ in range(50)]
    assert float(np.mean(noise)) < 0.05


def test_what_changed_since_the_last_run_is_told(profile: Profile, tmp_path: Path) -> None:
    def document(rows: int, shift: float, extra: str, folder: Path) -> dict[str, Any]:
        folder.mkdir()
        draw = random.Random(9)
        header = "amount,note" + (f",{extra}" if extra else "")
        text = (
            header
            + "\n"
            + "".join(
                f"{draw.gauss(100 + shift, 10):.2f},{'NA' if i < shift * 10 else 'x'}{',1' if extra else ''}\n"
                for i in range(rows)
            )
        )
        (folder / "t.csv").write_text(text)
        parquet = ensure_parquet(folder / "t.csv", "t.csv", folder / "scratch")
        options = ReportOptions(resamples=10)
        results = {name: section.compute(parquet, options, NoControl()) for name, section in SECTIONS.items()}
        return make_document("T", {"rows": rows}, options, results, "2024-01-01T10:00:00+00:00")

    first, second = document(400, 0, "", tmp_path / "one"), document(500, 8, "added", tmp_path / "two")
    now = make_document(
        "T",
        second["dataset"],
        ReportOptions(resamples=10),
        second["sections"],
        "2024-02-01T10:00:00+00:00",
        digest(first),
    )
    text = "\n".join(change_sentences(now["changes"], WORDING))
    assert "100 rows more: 500 after 400" in text
    assert "Added: the column added." in text
    assert "Of note, 16.0% of the values are missing, after 0%." in text
    [[name, before, after, _]] = now["changes"]["means"]
    assert (name, round(after - before)) == ("amount", 8)
    render_html(now, tmp_path / "t.html")
    assert "Since the report of 2024-01-01 10:00" in (tmp_path / "t.html").read_text()
    assert digest(None) is None
    assert digest({"formatVersion": 1}) is None
