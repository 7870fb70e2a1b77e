"""Files that other packages carry, each column's figures against Python's own arithmetic."""

from __future__ import annotations

import csv
import gzip
import math
import statistics
import zipfile
from collections import Counter
from importlib.util import find_spec
from pathlib import Path

import pytest

from andon.reports import NoControl, ReportOptions, ensure_parquet
from andon_worker.hybrid_report import SECTIONS, make_document, render_html, render_pdf
from tests.unit.hybrid_report import flights


def carried() -> dict[str, Path]:
    found = {path.name: path for path in flights.flights_zip().parent.glob("*.csv*") if "flights" not in path.name}
    spec = find_spec("matplotlib")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    samples = Path(spec.submodule_search_locations[0]) / "mpl-data" / "sample_data"
    return found | {path.name: path for path in samples.glob("*.csv")}


FILES = carried()


def unpacked(path: Path, folder: Path) -> Path:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            return Path(archive.extract(archive.namelist()[0], folder))
    target = folder / path.name.removesuffix(".gz")
    target.write_bytes(gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes())
    return target


@pytest.mark.parametrize("name", sorted(FILES))
def test_every_column_has_the_figures_that_python_finds(name: str, tmp_path: Path) -> None:
    source = unpacked(FILES[name], tmp_path)
    parquet = ensure_parquet(source, source.name, tmp_path / "scratch")
    options = ReportOptions(resamples=20)
    results = {each: section.compute(parquet, options, NoControl()) for each, section in SECTIONS.items()}
    columns = {c["name"]: c for c in results["overview"]["columns"]}
    spreads = {c["name"]: c for c in results["distributions"]["columns"]}
    with source.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    headed = list(rows[0]) == list(columns)  # else the file has no header, or one that Python's reader doesn't see
    if headed:
        assert results["overview"]["rows"] == len(rows)
    compared = 0
    for column, told in columns.items() if headed else ():
        values = [row[column] for row in rows if (row[column] or "").strip() not in {"", "NA", "nan"}]
        assert told["missing"] == len(rows) - len(values), column
        spread = spreads[column]
        if spread["kind"] == "categorical" and told["type"] == "text":
            assert told["distinct"] == len(set(values)), column
            counts = Counter(values)
            assert all(counts[top["value"]] == top["count"] for top in spread["top"] if "…" not in top["value"])
            compared += 1
        if spread["kind"] == "numeric" and values:
            try:
                numbers = [float(value) for value in values]
            except ValueError:
                continue
            assert (spread["min"], spread["max"]) == pytest.approx((min(numbers), max(numbers)))
            assert spread["quantiles"]["p50"] == pytest.approx(statistics.median(numbers))
            if spread["mean"] is not None:
                assert spread["mean"] == pytest.approx(math.fsum(numbers) / len(numbers), rel=1e-8)
            compared += 1
    assert compared or not headed
    document = make_document(name, {"rows": len(rows)}, options, results, "2024-01-01T10:00:00+00:00")
    render_html(document, tmp_path / "report.html")
    render_pdf(document, tmp_path / "report.pdf")
