"""The PDF in every script: fonts found where DejaVu Sans has no glyph, shaped where letters join."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from pypdf import PdfReader

from andon.reports import ReportOptions
from andon_worker.hybrid_report import SECTIONS, make_document, render_html, render_pdf
from andon_worker.hybrid_report.rendering.fonts import fallbacks, is_shaped
from andon_worker.hybrid_report.rendering.pdf_page import Page
from andon_worker.hybrid_report.wording import one_way
from tests.unit.hybrid_report.conftest import Profile

WORDS = ("東京", "서울", "ひらがな", "ไทย", "हिन्दी", "தமிழ்", "বাংলা", "Ελλάδα", "Москва")
FROM_THE_RIGHT = ("العربية", "שלום")


@pytest.fixture
def fonts() -> None:
    """The fonts that `.ci/run` installs; elsewhere a test that needs them is skipped."""
    if not os.environ.get("CI") and fallbacks(set("".join(WORDS)), frozenset())[1]:
        pytest.skip("fonts-noto-core and fonts-wqy-microhei are not installed")


def report(profile: Profile, words: tuple[str, ...], path: Path) -> str:
    text = f"{words[0]},x\n" + "".join(f"{words[i % len(words)]},{i}.5\n" for i in range(40 * len(words)))
    results = {name: profile(name, text, resamples=10) for name in SECTIONS}
    options = ReportOptions(resamples=10)
    document = make_document(words[0], {"name": "t.csv"}, options, results, "2024-01-01T10:00:00+00:00")
    render_html(document, path.with_suffix(".html"))
    render_pdf(document, path)
    return "\n".join(page.extract_text() for page in PdfReader(path).pages)


@pytest.mark.usefixtures("fonts")
def test_words_of_every_script_are_in_the_pdf(profile: Profile, tmp_path: Path) -> None:
    text = report(profile, WORDS, tmp_path / "report.pdf")
    assert "has no font" not in text
    # The letters of the others are reordered when they are joined.
    for word in ("東京", "서울", "ひらがな", "ไทย", "Ελλάδα", "Москва"):
        assert word in text


@pytest.mark.usefixtures("fonts")
def test_what_follows_a_word_of_another_font_keeps_its_own(profile: Profile, tmp_path: Path) -> None:
    text = report(profile, WORDS, tmp_path / "report.pdf")
    assert "category (text)" in text
    assert "measure (number)" in text


@pytest.mark.usefixtures("fonts")
def test_a_report_in_scripts_that_run_from_the_right_is_made(profile: Profile, tmp_path: Path) -> None:
    text = report(profile, FROM_THE_RIGHT, tmp_path / "report.pdf")
    assert "has no font" not in text
    assert "Group comparisons" in text


def test_names_that_run_from_the_right_leave_the_rest_of_a_sentence_where_it_is() -> None:
    mark = "\u200e"
    assert one_way("highest for שלום עולם (3.5)") == f"highest for שלום עולם{mark} (3.5)"
    assert one_way("highest for Berlin (3.5)") == "highest for Berlin (3.5)"


def test_characters_without_any_font_are_named_in_the_pdf(profile: Profile, tmp_path: Path) -> None:
    lacking = fallbacks({"\U00030000"}, frozenset())[1]
    if not lacking:
        pytest.skip("a font here has even the latest ideographs")
    text = report(profile, ("\U00030000", "other"), tmp_path / "report.pdf")
    assert "has no font" in text


def test_a_report_in_latin_letters_opens_no_other_font() -> None:
    page = Page("Orders", set("Orders é – ≥"))
    assert fallbacks(set("Orders"), frozenset(map(ord, "Orders"))) == ([], set())
    assert page.without_font == set()
    assert not any(map(is_shaped, "Orders é 東京"))
