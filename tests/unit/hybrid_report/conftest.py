"""The flights of 2013 as the report reads them, made once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from andon.reports import NoControl, ReportOptions
from andon.reports.datasets import ensure_parquet
from andon_worker.hybrid_report import SECTIONS
from tests.unit.hybrid_report import flights

OPTIONS = ReportOptions(resamples=200)
Profile = Callable[..., dict[str, Any]]


@pytest.fixture(scope="session")
def flights_parquet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("flights")
    return ensure_parquet(flights.extract(folder), "flights.csv", folder / "scratch")


@pytest.fixture(scope="session")
def flights_results(flights_parquet: Path) -> dict[str, dict[str, Any]]:
    return {name: section.compute(flights_parquet, OPTIONS, NoControl()) for name, section in SECTIONS.items()}


@pytest.fixture
def profile(tmp_path: Path) -> Profile:
    """Compute one section of a CSV that the test writes."""

    def compute(section: str, text: str, **options: Any) -> dict[str, Any]:
        source = tmp_path / "t.csv"
        source.write_text(text, encoding="utf-8")
        parquet = ensure_parquet(source, "t.csv", tmp_path / "scratch")
        return SECTIONS[section].compute(parquet, ReportOptions(**options), NoControl())

    return compute
