"""What a person does at the console, in a real Chromium on the real system; and how a report looks there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from pypdf import PdfReader

from andon.reports import NoControl, ReportOptions
from andon.reports.datasets import ensure_parquet, inspect_dataset
from andon_worker.hybrid_report import SECTIONS, make_document, render_html
from tests.conftest import StartSystem
from tests.support.system import System

LONG = 10_000_000  # resamples: hours, if nobody stops it
# What is broken within a word or a day; the tables that scroll, and where their names are then; how far the page goes
# beyond the window.
SEEN = """() => {
  const broken = [...document.querySelectorAll('.whole, tbody th')].filter(each => {
    const range = document.createRange(); range.selectNodeContents(each);
    return !/[\\s_/-]/.test(each.textContent) && range.getClientRects().length > 1;
  });
  const wide = [...document.querySelectorAll('.table')].filter(each => each.scrollWidth > each.clientWidth);
  for (const each of wide) each.scrollLeft = 10000;
  const left = wide.map(each => each.querySelector('tbody th').getBoundingClientRect().left);
  const page = document.documentElement;
  const beyond = page.scrollWidth - page.clientWidth;
  return {broken: broken.map(each => each.textContent), wide: wide.length, left, beyond};
}"""


@pytest.fixture(scope="module")
def started(shared_system: StartSystem) -> System:
    """One system for both."""
    return shared_system()


def test_a_person_uploads_watches_cancels_generates_again_and_downloads(
    started: System, page: Page, tmp_path: Path
) -> None:
    outside = watch_other_hosts(page, started.url)
    page.goto(f"{started.url}/reports")

    create(page, "Sales by region", dataset(tmp_path), LONG)
    card = page.get_by_test_id("report-card").filter(has_text="Sales by region")
    card.get_by_test_id("generate").click()
    expect(card).to_have_attribute("data-status", "generating")

    card.get_by_test_id("cancel").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Cancel Report Generation?")
    dialog.get_by_role("button", name="Keep Generating").click()
    expect(card).to_have_attribute("data-status", "generating")
    card.get_by_test_id("cancel").click()
    dialog.get_by_role("button", name="Cancel Report").click()
    expect(card).to_have_attribute("data-status", "cancelled")
    expect(card.get_by_test_id("cancel")).to_have_count(0)

    create(page, "Sales again", dataset(tmp_path), 100)
    again = page.get_by_test_id("report-card").filter(has_text="Sales again")
    again.get_by_test_id("generate").click()
    expect(again).to_have_attribute("data-status", "generated")
    again.get_by_role("link", name="Sales again").click()
    expect(page.get_by_test_id("report")).to_have_attribute("data-status", "generated")

    numbers = json.loads(download(page, "report.json", tmp_path).read_text())
    assert numbers["sections"]["overview"]["rows"] == 2_000
    assert "Sales again" in download(page, "report.html", tmp_path).read_text()
    assert "Sales again" in PdfReader(download(page, "report.pdf", tmp_path)).pages[0].extract_text()
    assert outside == []


def test_a_cancelled_run_shows_who_asked_and_when_it_stopped(started: System, page: Page, tmp_path: Path) -> None:
    page.goto(f"{started.url}/reports")
    create(page, "To be stopped", dataset(tmp_path), LONG)
    card = page.get_by_test_id("report-card").filter(has_text="To be stopped")
    card.get_by_test_id("generate").click()
    expect(card).to_have_attribute("data-status", "generating")
    card.get_by_test_id("cancel").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel Report").click()
    expect(card).to_have_attribute("data-status", "cancelled")
    card.get_by_role("link", name="To be stopped").click()
    story = page.get_by_test_id("cancel-story")
    for word in ("Asked", "stopped", "settled"):
        expect(story).to_contain_text(word, ignore_case=True)
    expect(page.get_by_test_id("artifacts").get_by_role("link")).to_have_count(0)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Payments with long names and codes in more columns than a narrow screen has room for."""
    folder = tmp_path_factory.mktemp("payments")
    names = (
        "Auftragskonto;Buchungstag;Buchungstext;Beguenstigter/Zahlungspflichtiger;transportation_and_warehousing;Saldo"
    )
    kinds = ("KARTENZAHLUNG", "ONLINE-UEBERWEISUNG", "Dauerauftrag einer Hausverwaltung")
    rows = "".join(
        f"DE1250010517064848{place:04};2025-{place % 12 + 1:02}-{place % 28 + 1:02};{kinds[place % 3]};"
        f"{('Stadtwerke Musterstadt', 'EDEKA')[place % 2]};{place * 37 % 101 + 0.5};{place * 53 % 211 + 1000.25}\n"
        for place in range(150)
    )
    source = folder / "payments.csv"
    source.write_text(f"{names}\n{rows}", encoding="utf-8")
    info, options = inspect_dataset(source, source.name), ReportOptions(resamples=50)
    parquet = ensure_parquet(source, source.name, folder / "scratch", plan=info.plan)
    results = {name: section.compute(parquet, options, NoControl()) for name, section in SECTIONS.items()}
    dataset = {"name": source.name, **info.to_json()}
    render_html(
        make_document("Payments", dataset, options, results, "2026-01-01T00:00:00+00:00"), folder / "report.html"
    )
    return folder / "report.html"


@pytest.mark.parametrize("width", [360, 390, 820, 1280])
def test_only_tables_scroll_and_their_names_stay_and_no_word_is_broken(report: Path, page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(report.as_uri())
    seen = page.evaluate(SEEN)
    assert (seen["broken"], seen["beyond"]) == ([], 0)
    assert set(seen["left"]) <= ({0} if width <= 640 else {24})
    if width <= 390:
        assert seen["wide"] > 0


def test_paper_is_white_and_nothing_goes_beyond_it(report: Path, page: Page) -> None:
    page.emulate_media(media="print", color_scheme="dark")
    page.set_viewport_size({"width": 673, "height": 900})  # A4 between its margins
    page.goto(report.as_uri())
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0


def create(page: Page, title: str, file: Path, resamples: int) -> None:
    """Fill the form as a person does, and come back from the report's page to the list."""
    form = page.get_by_test_id("create-form")
    if not form.is_visible():
        page.get_by_test_id("new-report").click()
    form.get_by_label("Title").fill(title)
    form.locator("input[type=file]").set_input_files(file)
    expect(form.get_by_test_id("preview")).to_contain_text("3 columns")
    form.get_by_label("amount is").select_option("count")
    form.get_by_label("Resamples").fill(str(resamples))
    form.get_by_label("Generate at once").uncheck()
    form.get_by_test_id("create").click()
    expect(page.get_by_test_id("report")).to_contain_text(title)
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Reports").click()
    expect(page.get_by_test_id("report-card").filter(has_text=title)).to_be_visible()


def dataset(folder: Path) -> Path:
    """Two thousand sales in two regions."""
    path = folder / "sales.csv"
    rows = [f"2024-01-{1 + n % 28:02d},{'north' if n % 2 else 'south'},{n * 7 % 113}" for n in range(2_000)]
    path.write_text("day,region,amount\n" + "\n".join(rows) + "\n")
    return path


def download(page: Page, name: str, folder: Path) -> Path:
    """Click a file's link and keep what comes."""
    with page.expect_download() as started:
        page.get_by_test_id("artifacts").get_by_role("link", name=name).click()
    path = folder / name
    started.value.save_as(path)
    return path


def watch_other_hosts(page: Page, url: str) -> list[str]:
    """The list to which every request to another host will be added."""
    outside: list[str] = []
    page.on(
        "request",
        lambda request: None if request.url.startswith((url, "data:", "blob:")) else outside.append(request.url),
    )
    return outside
