"""The report that ships: each section is a durable step, and each can be stopped in the middle."""

from pathlib import Path
from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session

from andon import CancelOn, Event, NonRetriable, Step, function
from andon.adapters.postgres.models import Dataset, Report
from andon.engine.artifacts import Artifact
from andon.engine.ids import parse_id
from andon.reports import (
    Column,
    Control,
    Creeping,
    DatasetError,
    InvalidOptions,
    PartOf,
    ReportOptions,
    check_columns,
    parse_options,
)
from andon.reports.events import REPORT
from andon.reports.tables.plan import Plan
from andon_worker.functions.workspace import Workspace, workspace
from andon_worker.hybrid_report import SECTIONS, digest, make_document, render_html, render_json, render_pdf

PREPARED, COMPUTED = 0.15, 0.8
FILES = ("report.html", "report.pdf", "report.json")


@function(
    id="generate-hybrid-report",
    trigger="report/generation.requested",
    cancel_on=[CancelOn("report/generation.cancelled", match="data.reportId")],
    subject=REPORT,
    retries=3,
)
def generate_hybrid_report(event: Event, step: Step) -> dict[str, Any]:
    """Profile the report's dataset, section by section, and publish HTML, PDF and JSON."""
    report = step.transaction("fetch-report", fetch_report, event.tenant, event.data.get("reportId"))
    options = parse_options(report["options"])
    with workspace() as work:
        step.run("prepare-data", prepare, work, report["dataset"], options, PartOf(step, 0.0, PREPARED))
        results = {}
        for position, name in enumerate(options.sections):
            share = (COMPUTED - PREPARED) / len(options.sections)
            part = PartOf(step, PREPARED + position * share, PREPARED + (position + 1) * share)
            results[name] = step.run(f"section-{name}", compute, work, report["dataset"], name, options, part)
        document = make_document(
            report["title"], _shown(report["dataset"]), options, results, report["requestedAt"], report.get("previous")
        )
        artifacts = [step.run(f"render-{name}", render, work, name, document, step) for name in FILES]
        step.transaction("save-results", save_results, report["id"], document)
    step.progress(1.0, "done")
    return {"reportId": report["id"], "rows": report["dataset"]["rows"], "artifacts": artifacts}


def fetch_report(session: Session, tenant: str, report_id: object) -> dict[str, Any]:
    """The report with its dataset, as JSON."""
    key = parse_id(report_id)
    report = session.get(Report, key) if key else None
    if report is None or report.tenant != tenant:
        raise NonRetriable(f"Report not found: {report_id!r}")
    dataset = session.get(Dataset, report.dataset_id) if report.dataset_id else None
    if dataset is None:
        raise NonRetriable("The report has no dataset; choose one before it is generated")
    return {
        "id": str(report.id),
        "title": report.title,
        "options": report.options,
        "previous": digest(report.data),
        "requestedAt": (report.requested_at or report.created_at).isoformat(),
        "dataset": {
            "id": str(dataset.id),
            "name": dataset.name,
            "format": dataset.format,
            "mediaType": dataset.media_type,
            "rows": dataset.rows,
            "columns": dataset.columns,
            "plan": dataset.plan,
            "bytes": dataset.bytes,
            "storageKey": dataset.storage_key,
        },
    }


def prepare(work: Workspace, dataset: dict[str, Any], options: ReportOptions, control: Control) -> dict[str, Any]:
    """Convert the upload to Parquet, and refuse options that its columns can't satisfy."""
    try:
        check_columns(options, [Column.from_json(each) for each in dataset["columns"]])
        path = work.parquet(dataset, options, control)
    except (InvalidOptions, DatasetError) as error:
        raise NonRetriable(str(error)) from error
    return {"bytes": path.stat().st_size}


def compute(
    work: Workspace, dataset: dict[str, Any], name: str, options: ReportOptions, control: Control
) -> dict[str, Any]:
    """One section's numbers; a time between two dates that is chosen and isn't there is refused here."""
    control.progress(0.0, SECTIONS[name].title)
    try:
        return SECTIONS[name].compute(work.parquet(dataset, options, control), options, Creeping(control))
    except InvalidOptions as error:
        raise NonRetriable(str(error)) from error


def render(work: Workspace, name: str, document: dict[str, Any], step: Step) -> Artifact:
    """Write one of the report's files and store it; it is published when the run completes."""
    return step.artifact(write(work, name, document, step))


def write(work: Workspace, name: str, document: dict[str, Any], control: Control) -> Path:
    """Write one of the report's files."""
    share = (1 - COMPUTED) / len(FILES)
    start = COMPUTED + share * FILES.index(name)
    control.progress(start, f"writing {name}")
    path = work.folder / name
    match name:
        case "report.html":
            render_html(document, path)
        case "report.pdf":
            render_pdf(document, path, PartOf(control, start, start + share))
        case "report.json":
            render_json(document, path)
    return path


def save_results(session: Session, report_id: str, document: dict[str, Any]) -> None:
    """Keep the numbers beside the report; they commit with this step's memo."""
    session.execute(update(Report).where(Report.id == parse_id(report_id)).values(data=document))


def _shown(dataset: dict[str, Any]) -> dict[str, Any]:
    """The dataset as its users know it."""
    shown = {key: value for key, value in dataset.items() if key not in {"storageKey", "plan"}}
    return {**shown, "reading": Plan.from_json(dataset["plan"]).shown()} if dataset.get("plan") else shown
