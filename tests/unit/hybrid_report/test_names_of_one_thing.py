"""Columns that name the same things, and cells that are empty for what their rows are."""

from __future__ import annotations

import csv
import random

import pytest

from andon_worker.hybrid_report import SECTIONS
from andon_worker.hybrid_report.findings import key_findings
from andon_worker.hybrid_report.wording import Wording
from tests.unit.hybrid_report.conftest import Profile

WORDING = Wording()
NAMES = {"SH-1": "Trail Runner", "SH-2": "City Sneaker", "TS-1": "Basic Tee", "AC-1": "Belt", "AC-2": "Socks 3-pack"}
COUNTRIES = {"DE": "Germany", "CH": "Switzerland", "AT": "Austria", "FR": "France"}
NUMBERS = {"101": "Assembly", "102": "Paint shop", "205": "Stores"}


def lines(code: str, name: str, names: dict[str, str], rows: int = 600, seed: int = 1) -> str:
    draw = random.Random(seed)
    text = f"id,{code},{name},region,amount,returned\n"
    for number in range(rows):
        key = draw.choice([*names])
        amount = 20 + 30 * [*names].index(key) + 40 * draw.random()
        returned = "yes" if draw.random() < 0.1 + 0.1 * [*names].index(key) else "no"
        text += f"{5000 + number},{key},{names[key]},{draw.choice('NSEW')},{amount:.2f},{returned}\n"
    return text


@pytest.mark.parametrize(
    ("code", "name", "names"),
    [("sku", "product", NAMES), ("country_code", "country", COUNTRIES), ("dept_no", "department", NUMBERS)],
)
@pytest.mark.parametrize("name_first", [True, False])
def test_of_two_columns_that_name_the_same_things_the_readable_one_is_used(
    code: str, name: str, names: dict[str, str], name_first: bool, profile: Profile
) -> None:
    rows = [*csv.reader(lines(code, name, names).splitlines())]
    order = [0, 2, 1, 3, 4, 5] if name_first else [0, 1, 2, 3, 4, 5]
    text = "".join(",".join(row[place] for place in order) + "\n" for row in rows)
    results = {section: profile(section, text, resamples=0) for section in SECTIONS}
    told = {section: SECTIONS[section].sentences(result, WORDING) for section, result in results.items()}
    said = [each.text for each in told["quality"]]
    assert (
        said.count(
            f"{code} and {name} name the same things, one by one: what is found of {name} holds for both, "
            "and is told once."
        )
        == 1
    )
    assert {"column": code, "reason": f"naming the same as {name}"} in results["drivers"]["leftOut"]
    assert results["drivers"]["drivers"][0]["column"] == name
    by = {each["groupBy"] for each in (*results["groups"]["comparisons"], *results["groups"]["shares"])}
    assert by & {name, code} == {name}
    drawn = {figure.key for figure in SECTIONS["distributions"].figures(results["distributions"], WORDING)}
    assert drawn & {f"of-{name}", f"of-{code}"} == {f"of-{name}"}
    assert not any(f"By {code}" in each["text"] for each in key_findings(told))


def test_names_that_stand_beside_several_codes_are_told_apart(profile: Profile) -> None:
    text = lines("sku", "product", NAMES).replace("AC-2,Socks", "AC-1,Socks", 1)
    result = profile("quality", text, resamples=0)
    assert not any(alert["kind"] == "twins" for alert in result["alerts"])


@pytest.mark.parametrize(
    ("by", "values", "empty", "columns"),
    [
        ("Stage", ["Open", "Won", "Lost"], ["Open"], ["Closed"]),
        ("returned", ["no", "yes"], ["no"], ["refund_date", "refund"]),
        ("step", ["1", "2", "3", "4"], ["1", "2"], ["checked_by"]),
    ],
)
@pytest.mark.parametrize("seed", [1, 2])
def test_what_is_empty_for_what_its_rows_are_is_told_once_and_is_no_gap(
    by: str, values: list[str], empty: list[str], columns: list[str], seed: int, profile: Profile
) -> None:
    draw = random.Random(seed)
    text, rows = f"id,created,{by},size,{','.join(columns)}\n", 0
    for number in range(400):
        value = draw.choice(values)
        rows += value in empty
        cells = ["" if value in empty else f"2025-0{draw.randrange(1, 9)}-1{number % 10}" for _ in columns]
        text += f"{number},2025-0{1 + number // 100}-0{1 + number % 9},{value},{draw.random():.3f},{','.join(cells)}\n"
    results = {section: profile(section, text, resamples=0) for section in ("overview", "quality")}
    told = {section: SECTIONS[section].sentences(result, WORDING) for section, result in results.items()}
    where = " or ".join(f"“{value}”" for value in sorted(empty))
    are = "is" if len(columns) == 1 else "are"
    [sentence] = [each for each in told["overview"] if "missing exactly" in each.text]
    assert (
        sentence.text
        == f"{' and '.join(columns)} {are} missing exactly where {by} is {where} ({rows} rows): these have none."
    )
    assert "No other value is missing." in [each.text for each in told["overview"]]
    assert not any("is missing most" in each.text or "nearly the same rows" in each.text for each in told["quality"])
    assert not key_findings(told)


def test_one_cell_more_that_is_empty_is_a_gap(profile: Profile) -> None:
    rows = [
        f"{number},{'open' if number % 4 else 'done'},{'' if number % 4 or number == 8 else 'x'}"
        for number in range(200)
    ]
    result = profile("overview", "id,state,by\n" + "\n".join(rows) + "\n")
    assert result["explained"] == {}
