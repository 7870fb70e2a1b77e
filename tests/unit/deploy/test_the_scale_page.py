"""docs/scale.md shows what the capacity model computes, and the model does its sums."""

from __future__ import annotations

from itertools import pairwise

import pytest

from benchmarks.capacity.model import DAY, LIMITS, SIZES, Load, given_way, needs, table, thresholds

from .conftest import DEPLOY

PAGE = (DEPLOY.parent / "docs" / "scale.md").read_text()


def test_the_page_has_the_models_tables() -> None:
    assert table() in PAGE


def test_a_part_is_full_exactly_at_its_threshold() -> None:
    for name, most in thresholds(Load()).items():
        assert needs(most, Load())[name] == pytest.approx(LIMITS[name])


def test_what_has_given_way_stays_so_at_larger_sizes() -> None:
    lists = [given_way(size, Load()) for size in SIZES]
    assert lists[0] == []
    assert all(later[: len(earlier)] == earlier for earlier, later in pairwise(lists))


def test_a_run_a_second_that_lasts_a_minute_holds_sixty_threads() -> None:
    assert needs(DAY, Load(seconds=60, peak=1))["threads"] == pytest.approx(60)
