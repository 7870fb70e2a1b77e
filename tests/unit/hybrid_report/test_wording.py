"""Numbers and days as locales write them."""

from __future__ import annotations

from datetime import datetime

import pytest

from andon.reports.options import LOCALES as NAMES
from andon_worker.hybrid_report.wording import LOCALES, Wording


def test_every_locale_that_options_can_name_is_known() -> None:
    assert tuple(LOCALES) == NAMES


@pytest.mark.parametrize(
    ("locale", "number", "day"),
    [
        ("en", "1,234,568", "2024-03-05"),
        ("en-US", "1,234,568", "03/05/2024"),
        ("en-IN", "12,34,568", "05/03/2024"),
        ("de", "1.234.568", "05.03.2024"),
        ("de-CH", "1’234’568", "05.03.2024"),
        ("fr", "1\u202f234\u202f568", "05/03/2024"),
        ("sv", "1\u00a0234\u00a0568", "2024-03-05"),
    ],
)
def test_a_locale_writes_its_numbers_and_days(locale: str, number: str, day: str) -> None:
    wording = LOCALES[locale]
    assert wording.number(1_234_567.8) == number
    assert wording.day(datetime(2024, 3, 5)) == day


def test_decimals_follow_the_locale_everywhere() -> None:
    german = LOCALES["de"]
    assert (german.number(1.5), german.percent(1, 8), german.coefficient(-0.5)) == ("1,50", "12,5%", "−0,50")
    assert (german.change(0.125), german.exact(1234.56)) == ("+12,5%", "1.234,56")
    assert LOCALES["en-IN"].number(-12_345_678) == "−1,23,45,678"


def test_neighbours_on_an_axis_are_never_written_alike() -> None:
    wording = Wording()
    assert [wording.like(1.1 + i * 0.0002, 0.0002) for i in range(3)] == ["1.1000", "1.1002", "1.1004"]
    assert [wording.like(i * 2.5, 2.5) for i in range(3)] == ["0.0", "2.5", "5.0"]


def test_a_large_change_is_a_multiple_and_none_has_no_sign() -> None:
    wording = Wording()
    assert [wording.change(c) for c in (-0.5, 0.0, 1.5, 20.0)] == ["−50.0%", "±0%", "+150%", "×21"]
