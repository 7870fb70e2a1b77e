"""What is left of an effect at the lower end of its interval, beside tables in textbooks and what chance makes."""

from __future__ import annotations

import math
import random
import statistics

import pytest

from andon_worker.hybrid_report import evidence


def eta(groups: list[list[float]]) -> float:
    """Corrected by epsilon squared, from the definition."""
    every = [value for group in groups for value in group]
    within = sum((value - statistics.fmean(group)) ** 2 for group in groups for value in group)
    whole = sum((value - statistics.fmean(every)) ** 2 for value in every)
    return math.sqrt(max(0.0, 1 - within / whole * (len(every) - 1) / (len(every) - len(groups))))


@pytest.mark.parametrize(
    ("groups", "rows", "critical"),
    [(2, 20, 5.978), (3, 33, 4.182), (4, 64, 3.343), (11, 71, 2.270)],  # F of 0.975, from a table
)
def test_a_ratio_is_sure_from_the_critical_value_of_f_on(groups: int, rows: int, critical: float) -> None:
    between, within = groups - 1, rows - groups
    for f, sure in ((0.97 * critical, False), (1.03 * critical, True)):
        share = (f - 1) * between / (f * between + within)
        assert (evidence.ratio(math.sqrt(share), rows, groups) > 0) is sure


@pytest.mark.parametrize(("rows", "groups"), [(20, 2), (36, 12), (300, 5)])
def test_chance_makes_a_ratio_sure_in_one_of_forty_tables(rows: int, groups: int) -> None:
    draw = random.Random(rows)
    found = [
        evidence.ratio(eta([[draw.gauss(0, 1) for _ in range(rows // groups)] for _ in range(groups)]), rows, groups)
        for _ in range(400)
    ]
    assert 0 < sum(each > 0 for each in found) < 400 * 0.05


def test_more_rows_leave_more_of_the_same_effect() -> None:
    for left in (
        [evidence.correlation(0.5, rows) for rows in (10, 50, 1000, 10**6)],
        [evidence.ratio(0.5, rows, 4) for rows in (10, 50, 1000, 10**6)],
        [evidence.cramers_v(0.5, rows, 3, 4) for rows in (5, 50, 1000, 10**6)],
        [evidence.share(rows // 2, rows) for rows in (10, 50, 1000, 10**6)],
    ):
        assert left == sorted(set(left))
        assert left[-1] == pytest.approx(0.5, abs=0.002)


def test_known_intervals() -> None:
    assert evidence.correlation(0.8, 20) == pytest.approx(0.553, abs=0.001)
    assert evidence.share(9, 10) == pytest.approx(0.596, abs=0.001)
    assert evidence.share(0, 0) == evidence.ratio(0.9, 3, 2) == evidence.cramers_v(0.9, 0, 2, 2) == 0
