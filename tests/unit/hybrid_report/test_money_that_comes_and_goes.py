"""Accounts: what came in, what went out, what is left, per month, and to whom most went."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from andon_worker.hybrid_report import SECTIONS
from andon_worker.hybrid_report.wording import Wording
from tests.unit.hybrid_report.conftest import Profile
from tests.unit.hybrid_report.test_what_is_no_finding import findings, text, told

MONTHS = 8


def account(seed: int = 2) -> pd.DataFrame:
    """Wages, rent and many small payments, by day."""
    random = np.random.default_rng(seed)
    days = pd.date_range("2024-01-01", "2024-08-31")
    small = pd.DataFrame({"day": random.choice(days, 300), "payee": random.choice(["Baker", "Fuel", "Books"], 300)})
    small["amount"] = -random.lognormal(3, 0.5, 300).round(2)
    firsts = pd.date_range("2024-01-01", periods=MONTHS, freq="MS")
    rent = pd.DataFrame({"day": firsts, "payee": "Landlord", "amount": -1450.5})
    wages = pd.DataFrame({"day": firsts, "payee": "Employer", "amount": 2300.0})
    return pd.concat([small, rent, wages]).sort_values("day", kind="stable").reset_index(drop=True)


def signed(frame: pd.DataFrame) -> pd.DataFrame:
    return frame


def with_balance(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(balance=(900 + frame["amount"].cumsum()).round(2))[["payee", "balance", "amount", "day"]]


def in_two_columns(frame: pd.DataFrame) -> pd.DataFrame:
    out, came = -frame["amount"].where(frame["amount"] < 0), frame["amount"].where(frame["amount"] > 0)
    return frame.assign(debit=out, credit=came).drop(columns="amount")


def with_zeros(frame: pd.DataFrame) -> pd.DataFrame:
    return in_two_columns(frame).fillna(0).rename(columns={"debit": "Soll", "credit": "Haben"})


@pytest.mark.parametrize("form", [signed, with_balance, in_two_columns, with_zeros])
def test_what_came_and_went_and_is_left_are_among_the_first_findings(form: object, tmp_path: Path) -> None:
    frame = account()
    said = told(form(frame), tmp_path)  # type: ignore[operator]
    came, went = frame.loc[frame["amount"] > 0, "amount"], -frame.loc[frame["amount"] < 0, "amount"]
    monthly = frame.groupby(frame["day"].dt.month)["amount"].sum()
    number = Wording().number
    first = findings(said).splitlines()[:2]
    assert any(
        f"comes to {number(round(came.sum() - went.sum(), 2))}: {number(round(came.sum(), 2))} came in "
        f"({len(came)} rows) and {number(round(went.sum(), 2))} went out ({len(went)} rows); "
        f"in {(monthly < 0).sum()} of {MONTHS} months more went out than came in." in each
        for each in first
    )
    rent = went[frame["payee"] == "Landlord"].sum() / went.sum()
    assert any(f"By payee, Landlord has {100 * rent:.1f}% of the total of" in each for each in first)
    assert "placeholder" not in text(said, "quality")


def test_each_month_is_listed(profile: Profile) -> None:
    frame = account()
    result = profile("trends", frame.to_csv(index=False))
    wording = Wording()
    [grid] = [grid for grid in SECTIONS["trends"].grids(result, wording) if grid.caption == "amount per month"]
    assert len(grid.rows) == MONTHS
    for point in result["balance"]["points"]:
        own = frame.loc[frame["day"].dt.strftime("%Y-%m") == point["start"][:7], "amount"]
        assert point["came"] == pytest.approx(own[own > 0].sum())
        assert point["went"] == pytest.approx(-own[own < 0].sum())


def test_profits_are_gains_and_losses(tmp_path: Path) -> None:
    random = np.random.default_rng(4)
    frame = pd.DataFrame(
        {"day": pd.date_range("2024-01-01", periods=200), "profit": random.normal(9, 30, 200).round(2)}
    )
    assert "gains of " in text(told(frame, tmp_path, "trends"), "trends")


@pytest.mark.parametrize("column", ["amount", "change", "temperature"])
def test_what_is_no_money_or_goes_one_way_has_no_balance(column: str, profile: Profile) -> None:
    frame = account().rename(columns={"amount": column})
    if column == "amount":
        frame[column] = frame[column].abs()
    assert profile("trends", frame.to_csv(index=False))["balance"] is None
