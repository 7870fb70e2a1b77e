"""The bootstrap: right by theory, same by seed, and quick to stop."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from andon.reports import NoControl, ReportOptions
from andon_worker.hybrid_report import SECTIONS, synthetic
from andon_worker.hybrid_report.figures.resampling import Bins, interval, resampled_means, seed_of
from tests.unit.hybrid_report.conftest import OPTIONS


def ignore(_: int) -> None:
    return None


def bins_of(values: list[float]) -> Bins:
    means, counts = np.unique(values, return_counts=True)
    return Bins(counts, means, np.zeros(len(means)))


def test_resampled_means_spread_as_theory_says() -> None:
    values = [float(v) for v in np.random.default_rng(5).exponential(3, 400).round(1)]
    means = resampled_means(bins_of(values), 20_000, [1], ignore)
    assert means.mean() == pytest.approx(np.mean(values), rel=0.005)
    assert means.std() == pytest.approx(np.std(values) / len(values) ** 0.5, rel=0.03)


def test_values_in_bins_give_the_interval_of_the_values_themselves() -> None:
    values = np.random.default_rng(6).lognormal(1, 1, 1_500)
    edges = np.linspace(values.min(), values.max(), 40)
    place = np.digitize(values, edges)
    groups = [values[place == p] for p in np.unique(place)]
    coarse = Bins(
        np.array([len(g) for g in groups]), np.array([g.mean() for g in groups]), np.array([g.var() for g in groups])
    )
    fine = interval(resampled_means(bins_of(list(values)), 5_000, [1], ignore), 0.95)
    assert interval(resampled_means(coarse, 5_000, [1], ignore), 0.95) == pytest.approx(fine, rel=0.015)


def test_the_same_seed_gives_the_same_means_whatever_else_is_resampled() -> None:
    bins = bins_of([1, 2, 2, 5])
    first = resampled_means(bins, 500, seed_of(1, "a"), ignore)
    assert np.array_equal(first, resampled_means(bins, 500, seed_of(1, "a"), ignore))
    assert not np.array_equal(first, resampled_means(bins, 500, seed_of(1, "b"), ignore))


def test_an_interval_holds_its_share_in_the_middle() -> None:
    assert interval(np.arange(1001.0), 0.9) == pytest.approx((50, 950))


@pytest.mark.parametrize("name", ["distributions", "correlations", "groups"])
def test_a_section_computed_again_is_the_same(
    flights_parquet: Path, flights_results: dict[str, Any], name: str
) -> None:
    assert SECTIONS[name].compute(flights_parquet, OPTIONS, NoControl()) == flights_results[name]


class Stop(BaseException):
    """What the engine raises: no Exception."""


def test_a_deep_bootstrap_stops_within_a_fraction_of_a_second(flights_parquet: Path) -> None:
    class StopLater(NoControl):
        def __init__(self) -> None:
            self.checks: list[float] = []

        def check(self) -> None:
            self.checks.append(time.process_time())
            if len(self.checks) == 50:
                raise Stop

    control = StopLater()
    with pytest.raises(Stop):
        SECTIONS["groups"].compute(flights_parquet, ReportOptions(resamples=10_000_000), control)
    gaps = np.diff(control.checks)
    assert max(gaps[5:]) < 0.5


def test_progress_rises_to_the_end(tmp_path: Path) -> None:
    class Watch(NoControl):
        def __init__(self) -> None:
            self.seen: list[float] = []

        def progress(self, fraction: float, note: str = "") -> None:
            assert note
            self.seen.append(fraction)

    synthetic(2_000, tmp_path / "orders.parquet")
    for section in SECTIONS.values():
        control = Watch()
        section.compute(tmp_path / "orders.parquet", ReportOptions(resamples=20), control)
        assert control.seen == sorted(control.seen)
        assert control.seen[0] >= 0
        assert control.seen[-1] <= 1
