"""Pages of reports: the cards, one report, and what can be asked there."""

from uuid import UUID

from flask import Response, render_template, request, url_for

from andon.adapters.postgres.asks.requests import there
from andon.engine.ids import parse_id
from andon.reports.columns import Column, roles_for
from andon.reports.options import LOCALES, SECTIONS, lasting
from andon_api.asks import reports as asks
from andon_api.asks import uploads
from andon_api.console import live
from andon_api.console.parts import forms, show, timeline
from andon_api.database import Row, db, now
from andon_api.http.effects import Outcome, perform
from andon_api.http.problems import FieldErrors
from andon_api.principal import principal
from andon_api.reads import datasets, reports, runs
from andon_api.schemas import NewReport

CARDS = 24


def cards() -> str:
    """Reports as cards, and the form that makes one."""
    tenant = principal().tenant
    page = reports.listed(tenant, {"limit": CARDS, "cursor": request.args.get("cursor")})
    return render_template(
        "console/reports.html",
        page=page,
        datasets=_datasets(tenant),
        dataset=None,
        sections=SECTIONS,
        locales=LOCALES,
        every=show.every([each["status"] for each in page["items"]]),
    )


def upload() -> str:
    """Store an uploaded file as a dataset, and show what it was read as."""
    with uploads.received(request) as file:
        dataset_id = uploads.keep(principal(), file)
    db.session.commit()
    return _previewed(datasets.find(principal().tenant, dataset_id))


def preview() -> str:
    """Show what a dataset was read as, before a report is made of it."""
    return _previewed(datasets.find(principal().tenant, request.args.get("dataset_id", "")))


def _previewed(dataset: Row | None) -> str:
    """The form's part about the data, to take the place of the one that is shown."""
    known = _datasets(principal().tenant)
    columns = [Column.from_json(each) for each in dataset["columns"]] if dataset else []
    place = {column.name: number for number, column in enumerate(columns)}
    return render_template(
        "console/source.html",
        datasets=known,
        dataset=dataset,
        roles_for=roles_for,
        lasting=[name for name, (start, end) in lasting(columns).items() if place[start] < place[end]],
        replaces=True,
    )


def _datasets(tenant: str) -> list[Row]:
    found: list[Row] = datasets.listed(tenant, limit=100, cursor=None)["items"]
    return found


def report(id: str) -> str:
    """One report: its timeline, files, charts, and how it was cancelled."""
    tenant = principal().tenant
    found = there(reports.find(tenant, id), "Report not found")
    run = runs.find(tenant, str(found["current_run_id"])) if found["current_run_id"] else None
    history = runs.listed(tenant, {"limit": 20, "cursor": None, "report_id": id})["items"]
    return render_template(
        "console/report.html",
        report=found,
        dataset=datasets.find(tenant, found["dataset_id"]) if found["dataset_id"] else None,
        run=run,
        lanes=timeline.lanes(run, now()) if run else [],
        now=now(),
        history=history,
        page_file=_page_of(found),
        on=live.topics(report=found["id"]),
        every=show.every([found["status"], *(each["status"] for each in history)]),
    )


def create() -> Response:
    """Make a report of an uploaded file or of a dataset that is there, and generate it if so asked."""
    body = forms.load(NewReport(), {"title": request.form.get("title", ""), "options": forms.options()})
    asks.check_options(principal().tenant, None, body["options"])  # before a file is stored for nothing
    new_file = request.files.get("file")
    if new_file is not None and new_file.filename:
        with uploads.received(request) as file:
            dataset_id = uploads.keep(principal(), file)
    else:
        chosen = parse_id(request.form.get("dataset_id"))
        if chosen is None:
            raise FieldErrors([("/dataset", "choose a dataset or a file to upload")])
        dataset_id = chosen
    report_id = asks.create(principal(), **{**body, "dataset_id": dataset_id})

    def make() -> Outcome:
        if request.form.get("generate"):
            return asks.ask_generate(report_id, in_session=True)
        return Outcome({"id": str(report_id)}, 201)

    perform(make, bytes)
    return Response("", headers={"HX-Redirect": url_for("console.report", id=report_id)})


def generate(id: str) -> Response:
    """Generate."""
    return forms.act(lambda: asks.ask_generate(_id(id)))


def cancel(id: str) -> Response:
    """Cancel the generation."""
    return forms.act(lambda: asks.ask_cancel(_id(id), forms.reason()))


def delete(id: str) -> Response:
    """Delete the report."""
    asks.delete(principal().tenant, _id(id), None)
    db.session.commit()
    return Response("", headers={"HX-Redirect": url_for("console.cards")})


def _id(text: str) -> UUID:
    return there(parse_id(text), "Report not found")


def _page_of(report: Row) -> Row | None:
    """The artifact that is a page of its own, if it is published."""
    return next((each for each in report["artifacts"] if each["name"] == "report.html"), None)
