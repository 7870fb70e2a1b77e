"""The flights of 2013 as the report reads them, made once for all processes that run tests."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from andon.reports import NoControl, ReportOptions
from andon.reports.datasets import ensure_parquet
from andon_worker.hybrid_report import SECTIONS
from tests.support.once import alone, common_folder
from tests.unit.hybrid_report import flights

OPTIONS = ReportOptions(resamples=200)
Profile = Callable[..., dict[str, Any]]


@pytest.fixture(scope="session")
def flights_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the processes that run the tests keep what one of them has made for all; the others wait meanwhile."""
    return common_folder(tmp_path_factory, "flights")


@pytest.fixture(scope="session")
def flights_parquet(flights_folder: Path) -> Path:
    kept = flights_folder / "parquet"
    with alone(flights_folder):
        if not kept.exists():
            made = ensure_parquet(flights.extract(flights_folder), "flights.csv", flights_folder / "scratch")
            kept.write_text(str(made))
    return Path(kept.read_text())


@pytest.fixture(scope="session")
def flights_results(flights_folder: Path, flights_parquet: Path) -> dict[str, dict[str, Any]]:
    kept = flights_folder / "results"
    with alone(flights_folder):
        if not kept.exists():
            made = {name: section.compute(flights_parquet, OPTIONS, NoControl()) for name, section in SECTIONS.items()}
            kept.write_bytes(pickle.dumps(made))
    return pickle.loads(kept.read_bytes())  # type: ignore[no-any-return]


@pytest.fixture
def profile(tmp_path: Path) -> Profile:
    """Compute one section of a CSV that the test writes."""

    def compute(section: str, text: str, **options: Any) -> dict[str, Any]:
        source = tmp_path / "t.csv"
        source.write_text(text, encoding="utf-8")
        parquet = ensure_parquet(source, "t.csv", tmp_path / "scratch")
        return SECTIONS[section].compute(parquet, ReportOptions(**options), NoControl())

    return compute
