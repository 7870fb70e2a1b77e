"""What was planned and what came of it are never added up: told is how far they are apart, for whom and since when."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from andon.reports import Column
from andon_worker.hybrid_report.figures.planned import planned
from andon_worker.hybrid_report.wording import Wording
from tests.unit.hybrid_report.test_what_is_no_finding import findings, text, told

MONTHS = pd.date_range("2024-01-01", periods=12, freq="MS")
SINCE = 7


def both(over: float = 1.25) -> pd.DataFrame:
    """A row for each month and unit; what IT spent is over its budget from August on."""
    random = np.random.default_rng(3)
    rows = []
    for unit, usual in (("Sales", 50_000), ("IT", 82_000), ("HR", 21_000)):
        for place, month in enumerate(MONTHS):
            budget = round(usual * (1 + 0.05 * np.sin(place)), -2)
            spent = budget * (over if unit == "IT" and place >= SINCE else 1) * random.normal(1, 0.02)
            rows.append((month, unit, budget, round(spent)))
    return pd.DataFrame(rows, columns=["month", "unit", "plan", "actual"])


def as_columns(frame: pd.DataFrame, plan: str, actual: str) -> pd.DataFrame:
    return frame.rename(columns={"plan": plan, "actual": actual})


def as_rows(frame: pd.DataFrame, plan: str, actual: str) -> pd.DataFrame:
    return as_columns(frame, plan, actual).melt(["month", "unit"], [plan, actual], "kind", "spent_eur")


def as_periods(frame: pd.DataFrame, plan: str, actual: str) -> pd.DataFrame:
    rows = as_rows(frame, plan, actual).assign(month=lambda each: each["month"].dt.strftime("%b %Y"))
    wide = rows.pivot(index=["unit", "kind"], columns="month", values="spent_eur")[list(MONTHS.strftime("%b %Y"))]
    return wide.reset_index()


@pytest.mark.parametrize("shape", [as_columns, as_rows, as_periods])
@pytest.mark.parametrize(("plan", "actual"), [("Budget", "Actual"), ("Plan 2024", "Ist 2024"), ("target", "actual")])
@pytest.mark.parametrize("over", [1.25, 0.7])
def test_for_whom_and_since_when_the_actual_is_off_is_the_first_finding(
    shape: Callable[..., pd.DataFrame], plan: str, actual: str, over: float, tmp_path: Path
) -> None:
    frame, wording = both(over), Wording()
    said = told(shape(frame, plan, actual), tmp_path)
    own = frame[frame["unit"] == "IT"]
    share = own["actual"].sum() / own["plan"].sum() - 1
    sides = [own[own["month"] < MONTHS[SINCE]], own[own["month"] >= MONTHS[SINCE]]]
    before, since = (wording.change(side["actual"].sum() / side["plan"].sum() - 1) for side in sides)
    first = findings(said).splitlines()[0]
    assert first.startswith(f"By unit, {actual} is farthest from {plan} for IT: {wording.percent(abs(share), 1)} ")
    assert f"{before} up to July 2024 and {since} from August 2024 on" in first
    every = frame["actual"].sum() / frame["plan"].sum() - 1
    beside = f"{wording.percent(abs(every), 1)} {'above' if every > 0 else 'below'} {plan}"
    assert beside in text(said, "groups")


@pytest.mark.parametrize("shape", [as_rows, as_periods])
def test_rows_of_both_are_never_added_up(shape: Callable[..., pd.DataFrame], tmp_path: Path) -> None:
    frame = both()
    frame["actual"] = frame["actual"] + 7
    said = told(shape(frame, "Budget", "Actual"), tmp_path, "trends", "drivers", "groups")
    every = "\n".join(text(said, section) for section in said)
    added = Wording().number(frame["actual"].sum() + frame["plan"].sum())
    assert added not in every
    assert "kind says what is planned: Actual and Budget are columns side by side" in every


@pytest.mark.parametrize(
    "names",
    [
        ("Budget Plan", "Kosten Ist"),
        ("Budget Plan (T€)", "Kosten Ist (T€)"),
        ("Budgeted Amount", "Spent"),
        ("Budget", "Actual Cost"),
        ("presupuesto", "gasto_real"),
    ],
)
def test_a_plan_and_what_was_spent_are_a_pair_though_one_is_called_an_amount(
    names: tuple[str, str], tmp_path: Path
) -> None:
    frame = both()
    said = told(as_columns(frame, *names), tmp_path)
    own = frame[frame["unit"] == "IT"][["actual", "plan"]].sum()
    far = Wording().percent(own["actual"] / own["plan"] - 1, 1)
    assert f"By unit, {names[1]} is farthest from {names[0]} for IT: {far} above" in findings(said).splitlines()[0]


@pytest.mark.parametrize("names", [("Budget Plan", "Umsatz Ist"), ("Budget", "Cost"), ("Plan hours", "Actual cost")])
def test_a_plan_and_what_is_called_otherwise_are_none(names: tuple[str, str]) -> None:
    assert planned([Column(name, "number", role="money") for name in names]) == []


def test_of_several_plans_none_is_taken_for_an_amount_that_may_be_of_either() -> None:
    names = ("Budget", "Forecast Cost", "Actual Spend")
    assert planned([Column(name, "number", role="money") for name in names]) == []


@pytest.mark.parametrize("names", [("sales_target", "sales"), ("Forecast revenue", "Actual revenue"), ("Soll", "Ist")])
def test_names_that_differ_by_the_plan_alone_are_a_pair(names: tuple[str, str], tmp_path: Path) -> None:
    said = told(as_columns(both(), *names), tmp_path)
    assert f"By unit, {names[1]} is farthest from {names[0]} for IT" in findings(said).splitlines()[0]
    assert f"{names[0]} is what was planned of {names[1]}" in text(said, "correlations")
    assert f"{names[0]} (what was planned of it)" in text(said, "drivers")


@pytest.mark.parametrize("names", [("target_age", "sales"), ("plan_id", "actual"), ("budget", "visits")])
def test_others_are_none(names: tuple[str, str], tmp_path: Path) -> None:
    assert "farthest from" not in text(told(as_columns(both(), *names), tmp_path, "groups"), "groups")


def test_what_keeps_to_its_plan_is_no_finding(tmp_path: Path) -> None:
    said = told(as_columns(both(1.0), "budget", "actual"), tmp_path)
    assert "farthest from" not in findings(said)
    assert "farthest from budget" in text(said, "groups")
