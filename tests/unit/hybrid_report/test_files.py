"""The report's files: self-contained, stable, readable."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import duckdb
import pytest
from pypdf import PdfReader

from andon.reports import NoControl, ReportOptions
from andon.reports.datasets import inspect_dataset
from andon.settings import Settings
from andon_worker.functions.reports import COMPUTED, FILES, write
from andon_worker.functions.workspace import Workspace
from andon_worker.hybrid_report import (
    SECTIONS,
    Document,
    make_document,
    render_html,
    render_json,
    render_pdf,
    synthetic,
)
from andon_worker.hybrid_report.rendering.render_html import figure_id
from tests.unit.hybrid_report.conftest import OPTIONS

RENDERERS = {"report.html": render_html, "report.pdf": render_pdf, "report.json": render_json}


@pytest.fixture(scope="module")
def document(flights_results: dict[str, dict[str, Any]]) -> Document:
    columns = [{"name": each["name"]} for each in flights_results["overview"]["columns"]]
    dataset = {"name": "flights.csv", "rows": 336_776, "columns": columns}
    return make_document("Flights & delays", dataset, OPTIONS, flights_results, "2024-01-01T10:00:00+00:00")


@pytest.fixture(scope="module")
def page(document: Document, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("page") / "report.html"
    render_html(document, path)
    return path.read_text(encoding="utf-8")


def test_key_findings_state_the_numbers(document: Document) -> None:
    told = document["narrative"]["sections"]
    assert "336,776 rows and 19 columns" in told["overview"][0]
    assert "the mean of dep_delay is highest for F9 (20.22) and lowest for US (3.78)" in told["groups"][0]


def test_key_findings_are_the_largest_effects_and_lead_to_their_charts(document: Document, page: str) -> None:
    findings = document["narrative"]["keyFindings"]
    effects = [each["effect"] for each in findings]
    assert 3 <= len(findings) <= 6
    assert effects == sorted(effects, reverse=True)
    for each in findings:
        assert each["text"] in document["narrative"]["sections"][each["section"]]
        assert f'id="{figure_id(each["section"], each["figure"])}"' in page


def test_no_sentence_claims_a_cause(document: Document) -> None:
    sentences = [s for told in document["narrative"]["sections"].values() for s in told]
    assert len(sentences) > 15
    assert not [s for s in sentences if re.search(r"\b(because|caus|due to|leads? to|drives?|explain)", s)]


def test_the_page_asks_nothing_of_the_network(page: str) -> None:
    assert "default-src 'none'" in page
    links = re.findall(r"""(?:\bsrc=|\bhref=|url\(|@import\s)["']?([^"')\s>]+)""", page)
    assert links
    assert all(link.startswith("#") for link in links)
    assert set(re.findall(r"https?://[^\s\"'<]+", page)) == {"http://www.w3.org/2000/svg"}


def test_the_page_is_well_formed_and_its_tables_have_headers(page: str) -> None:
    class Nesting(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.open: list[str] = []
            self.seen: dict[str, int] = {}

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            self.seen[tag] = self.seen.get(tag, 0) + 1
            if tag != "meta":
                self.open.append(tag)

        def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            return None

        def handle_endtag(self, tag: str) -> None:
            assert self.open.pop() == tag

    parser = Nesting()
    parser.feed(page)
    parser.close()
    assert parser.open == []
    assert parser.seen["table"] == parser.seen["caption"] >= 8
    wide, narrow = (page.count(f'<svg class="{kind}"') for kind in ("full", "narrow"))
    assert parser.seen["svg"] - narrow == parser.seen["figure"] >= 25
    assert wide == narrow > 0


def test_the_pdf_has_its_text_and_its_outline(document: Document, tmp_path: Path) -> None:
    render_pdf(document, tmp_path / "report.pdf")
    reader = PdfReader(tmp_path / "report.pdf")
    text = "\n".join(page.extract_text() for page in reader.pages)
    assert "Key findings" in text
    assert "336,776 rows and 19 columns" in text
    assert reader.metadata is not None
    assert reader.metadata.title == "Flights & delays"
    assert [entry.title for entry in reader.outline if not isinstance(entry, list)] == [
        "Overview",
        "Data quality",
        "Distributions",
        "Trends over time",
        "Correlations",
        "Drivers",
        "Outliers",
        "Group comparisons",
    ]


def test_report_json_holds_every_number_and_the_options(document: Document, tmp_path: Path) -> None:
    render_json(document, tmp_path / "report.json")
    assert json.loads((tmp_path / "report.json").read_text(encoding="utf-8")) == document
    assert document["options"] == OPTIONS.to_json()


@pytest.mark.parametrize("name", RENDERERS)
def test_rendering_again_gives_the_same_bytes(document: Document, tmp_path: Path, name: str) -> None:
    RENDERERS[name](document, tmp_path / "one")
    RENDERERS[name](document, tmp_path / "two")
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_progress_never_falls_from_file_to_file(document: Document, tmp_path: Path) -> None:
    class Seen(NoControl):
        def progress(self, fraction: float, note: str = "") -> None:
            fractions.append(fraction)

    fractions: list[float] = []
    work = Workspace(tmp_path, Settings())
    for name in FILES:
        write(work, name, document, Seen())
    assert fractions == sorted(fractions)
    assert fractions[0] == COMPUTED
    assert fractions[-1] < 1
    assert len(fractions) > len(FILES)


def test_the_synthetic_orders_differ_only_where_they_are_meant_to(tmp_path: Path) -> None:
    synthetic(50_000, tmp_path / "orders.parquet")
    compute = SECTIONS["groups"].compute
    options = ReportOptions(group_by=("region",), measures=("amount", "delivery_days"), resamples=0)
    amount, days = compute(tmp_path / "orders.parquet", options, NoControl())["comparisons"]
    assert amount["difference"]["estimate"] < 3
    assert (days["difference"]["highest"], days["difference"]["estimate"] > 1.5) == ("islands", True)


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_synthetic_dataset_is_readable_and_the_same_every_time(tmp_path: Path, suffix: str) -> None:
    path, again = tmp_path / f"orders.{suffix}", tmp_path / f"again.{suffix}"
    synthetic(5_000, path)
    synthetic(5_000, again, NoControl())
    info = inspect_dataset(path, path.name)
    assert info.rows == 5_000
    assert {c.name: c.type for c in info.columns} == {
        "order_id": "integer",
        "ordered_at": "timestamp",
        "region": "text",
        "channel": "text",
        "items": "integer",
        "amount": "number",
        "delivery_days": "number",
        "rating": "integer",
        "returned": "boolean",
    }
    difference = duckdb.connect().execute(f"SELECT count(*) FROM (FROM '{path}' EXCEPT FROM '{again}')").fetchone()
    assert difference == (0,)
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([path.name, again.name])
