"""A column that others make by multiplying is told to be computed, once, and is no driver, pair or finding."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from andon_worker.hybrid_report import SECTIONS
from andon_worker.hybrid_report.figures.association import binned
from andon_worker.hybrid_report.wording import Wording
from tests.unit.hybrid_report.conftest import Profile
from tests.unit.hybrid_report.test_what_is_no_finding import findings, text, told

ROWS = 400


def order_lines(random: np.random.Generator) -> pd.DataFrame:
    frame = pd.DataFrame({"quantity": random.integers(1, 9, ROWS), "price": random.lognormal(3, 0.5, ROWS).round(2)})
    return frame.assign(amount=(frame["quantity"] * frame["price"]).round(2))


def invoices(random: np.random.Generator) -> pd.DataFrame:
    """Two roundings, one upon the other."""
    frame = pd.DataFrame({"Stück": random.integers(1, 40, ROWS), "Einzelpreis": random.uniform(2, 90, ROWS).round(2)})
    net = (frame["Stück"] * frame["Einzelpreis"]).round(2)
    return frame.assign(Brutto=(net + (net * 0.19).round(2)).round(2))


def discounted(random: np.random.Generator) -> pd.DataFrame:
    frame = order_lines(random).drop(columns="amount").assign(off=random.choice([0, 5, 10, 25], ROWS))
    return frame.assign(amount=(frame["quantity"] * frame["price"] * (100 - frame["off"]) / 100).round(2))


def rates(random: np.random.Generator) -> pd.DataFrame:
    frame = pd.DataFrame({"rate": 0.0, "visits": random.integers(300, 9000, ROWS)})
    frame["sold"] = random.binomial(frame["visits"], random.uniform(0.01, 0.09, ROWS))
    return frame.assign(rate=(100 * frame["sold"] / frame["visits"]).round(3))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (order_lines, "amount is computed: it is quantity × price in every row"),
        (invoices, "Brutto is computed: it is Stück × Einzelpreis × 1.19 in every row"),
        (discounted, "amount is computed: it is quantity × price × (1 − off ÷ 100) in every row"),
        (rates, "rate is computed: it is sold ÷ visits × 100 in every row"),
    ],
)
def test_what_is_multiplied_is_told_once_and_is_no_finding(
    make: Callable[[np.random.Generator], pd.DataFrame], said: str, tmp_path: Path
) -> None:
    frame = make(np.random.default_rng(7))
    made, *parts = said.partition(" is computed")[0], *(name for name in frame if name not in said.partition(" ")[0])
    sections = told(frame, tmp_path)
    assert said in text(sections, "quality")
    for part in parts:
        assert f"{made} and {part}" not in findings(sections)
        assert f"{part} and {made}" not in findings(sections)
        assert f"{made} goes most with {part}" not in text(sections, "drivers")
        assert f"{made} goes with {part}" not in text(sections, "drivers")


def test_a_total_of_computed_parts_says_nothing_of_what_these_are_made_of(tmp_path: Path) -> None:
    random = np.random.default_rng(8)
    frame = order_lines(random).assign(shipping=random.choice([0, 4.9, 9.9], ROWS))
    frame["total"] = (frame["amount"] + frame["shipping"]).round(2)
    sections = told(frame, tmp_path, "quality", "drivers", "correlations")
    assert "total is the sum of amount and shipping in every row" in text(sections, "quality")
    assert "goes most with" not in text(sections, "drivers")
    assert "rise and fall together" not in text(sections, "correlations")


@pytest.mark.parametrize("wrong", ["a row", "noise", "small numbers"])
def test_what_is_nearly_a_product_is_none(wrong: str, tmp_path: Path) -> None:
    random = np.random.default_rng(9)
    frame = order_lines(random)
    if wrong == "a row":
        frame.loc[390, "amount"] += 0.5
    elif wrong == "noise":
        frame["amount"] = (frame["amount"] * random.normal(1, 0.02, ROWS)).round(2)
    else:
        frame = pd.DataFrame({name: random.integers(1, 5, ROWS) for name in ("a", "b", "c", "d")})
    assert "is computed" not in text(told(frame, tmp_path, "quality"), "quality")


@pytest.mark.parametrize("size", [1e-200, 1.0, 1e200])
def test_numbers_of_any_size_are_told(size: float, tmp_path: Path) -> None:
    random = np.random.default_rng(10)
    frame = pd.DataFrame({name: size * random.lognormal(0, 1, 60) for name in ("a", "b", "c")})
    assert "is computed" not in text(told(frame, tmp_path, "quality"), "quality")


@pytest.mark.parametrize("bought", [0.07, 0.3, 0.6])
@pytest.mark.parametrize("others", [True, False])
def test_who_bought_follows_from_what_was_paid(bought: float, others: bool, profile: Profile) -> None:
    draw = np.random.default_rng(6)
    frame = pd.DataFrame({"converted": (draw.random(900) < bought).astype(int)})
    frame["revenue"] = (frame["converted"] * draw.lognormal(3, 1, 900)).round(2)
    if others:
        frame["colour"] = draw.choice(["red", "blue"], 900)
    drivers = profile("drivers", frame.to_csv(index=False), question="converted")
    assert drivers["same"] == ["revenue"]
    said = [each.text for each in SECTIONS["drivers"].sentences(drivers, Wording())]
    assert "converted follows exactly from revenue." in said


def test_a_share_of_the_sales_is_asked_for_rather_than_a_revenue_that_is_mostly_nothing(profile: Profile) -> None:
    draw = np.random.default_rng(7)
    frame = pd.DataFrame(
        {"revenue": draw.lognormal(3, 1, 900).round(2), "bought": 1, "pages": draw.integers(1, 15, 900)}
    )
    frame.loc[draw.random(900) > 0.06, ["revenue", "bought"]] = 0
    assert profile("drivers", frame.to_csv(index=False))["question"] == "bought"
    assert profile("drivers", frame.to_csv(index=False), question="revenue")["question"] == "revenue"


@pytest.mark.parametrize("zeros", [0.95, 0.6, 0.4, 0.15, 0.0])
def test_what_stands_often_has_a_bin_of_its_own(zeros: float) -> None:
    draw = np.random.default_rng(8)
    many = int(1000 * zeros)
    values = np.concatenate([np.zeros(many), draw.lognormal(3, 1, 1000 - many)])
    codes, edges = binned(values, 10, 10)
    assert len(edges) < 10
    assert np.bincount(codes).min() >= 10
    if many:
        assert np.bincount(codes)[0] == many


def test_a_bin_of_a_few_rows_is_none() -> None:
    assert len(binned(np.concatenate([np.zeros(990), np.arange(1, 10)]), 5, 10)[1]) == 0
