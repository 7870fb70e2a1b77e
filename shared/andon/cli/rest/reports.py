"""`andon reports`: make, generate, watch, cancel, download."""

from pathlib import Path
from typing import Annotated, Any, cast

import typer

from andon.cli.terminal.errors import CommandFailed, Exit
from andon.cli.terminal.saving import print_saved, save_all
from andon.cli.terminal.show import (
    AsJson,
    Limit,
    its_request,
    out,
    percent,
    print_json,
    print_json_line,
    print_list,
    print_one,
    say,
)
from andon.cli.terminal.values import CreatedBefore, CreatedSince, Reason, RequestedBy, Timeout, UntilStopped, setting
from andon.cli.terminal.watching import follow, print_cancel, require_generated
from andon.cli.terminal.where import api
from andon.client import Andon, Report, ReportStatus

group = typer.Typer(help="Reports: what a user asks for, and can cancel.", no_args_is_help=True)

Id = Annotated[str, typer.Argument(metavar="REPORT", help="The report's id.")]
Watch = Annotated[bool, typer.Option("--watch", "-w", help="Show its progress, and wait for its end.")]


@group.command()
def create(
    title: Annotated[str, typer.Argument(help="What it is called.")],
    dataset: Annotated[str | None, typer.Option(help="Id of the dataset that it is made from.")] = None,
    option: Annotated[
        list[Any] | None, typer.Option(parser=setting, metavar="NAME=VALUE", help="An option, such as resamples=2000.")
    ] = None,
    generate: Annotated[bool, typer.Option("--generate", help="Generate it at once.")] = False,
    watch: Watch = False,
    as_json: AsJson = False,
) -> None:
    """Make a report; `--generate --watch` does all of it."""
    with api() as andon:
        report = andon.reports.create(title, dataset_id=dataset, options=dict(option or []))
        if generate or watch:
            andon.reports.generate(report.id)
            report = follow(andon, report.id) if watch else andon.reports.get(report.id)
        _show(andon, report, as_json)
        if watch:
            require_generated(report)


@group.command()
def generate(id: Id, watch: Watch = False, as_json: AsJson = False) -> None:
    """Generate a report."""
    with api() as andon:
        asked = andon.reports.generate(id)
        if not watch:
            say(asked, as_json, f"generating {asked.id}")
            return
        report = follow(andon, id)
        _show(andon, report, as_json)
        require_generated(report)


@group.command()
def watch(id: Id, timeout: Timeout = None, as_json: AsJson = False) -> None:
    """Show a report's progress until it has ended; with `--json`, a line at each change."""
    with api() as andon:
        if as_json:
            report = follow(andon, id, timeout=timeout, seen=print_json_line)
        else:
            report = follow(andon, id, timeout=timeout)
            _show(andon, report, as_json=False)
        require_generated(report)


@group.command()
def cancel(
    id: Id,
    reason: Reason = None,
    wait: UntilStopped = False,
    timeout: Timeout = None,
    as_json: AsJson = False,
) -> None:
    """Cancel a report's generation. Once this exits with 0, it will not complete."""
    with api() as andon:
        asked = andon.reports.cancel(id, reason=reason)
        if not wait:
            say(asked, as_json, f"cancelling {asked.id}" if asked.status == "generating" else f"cancelled {asked.id}")
            return
        report = follow(andon, id, timeout=timeout)
        if as_json:
            print_json(report)
        else:
            console = out()
            console.print(f"{report.status} {report.id}")
            print_cancel(report.run, console)
        if report.status != "cancelled":  # asked for again by somebody, and ended since
            raise CommandFailed(f"Report {id} is {report.status}: it was generated again since.", Exit.CONFLICT)


@group.command()
def download(
    id: Id,
    name: Annotated[list[str] | None, typer.Argument(help="Its files; all of them where none is named.")] = None,
    to: Annotated[Path, typer.Option(help="The folder to save them in.", file_okay=False)] = Path(),
    as_json: AsJson = False,
) -> None:
    """Save a report's files."""
    with api() as andon:
        report = andon.reports.get(id)
        names = name or [each.name for each in report.artifacts]
        if not names:
            raise CommandFailed(f"Report {id} is {report.status}: it has no files.", Exit.NOT_FOUND)
        print_saved(save_all(names, to, lambda each, target: andon.reports.download(id, each, target)), as_json)


@group.command("list")
def list_(
    status: Annotated[
        list[str] | None,
        typer.Option(help="Only idle, generating, generated, cancelled or failed ones; may be repeated."),
    ] = None,
    dataset: Annotated[str | None, typer.Option(help="Only those made from this dataset.")] = None,
    requested_by: RequestedBy = None,
    after: CreatedSince = None,
    before: CreatedBefore = None,
    limit: Limit = 20,
    as_json: AsJson = False,
) -> None:
    """List reports."""
    with api() as andon:
        found = andon.reports.list(
            status=cast("ReportStatus | None", status),
            dataset_id=dataset,
            requested_by=requested_by,
            created_after=after,
            created_before=before,
            limit=limit,
        )
        reports = list(found)
    print_list(
        reports,
        as_json,
        ("ID", "TITLE", "STATUS", "PROGRESS", "CREATED"),
        lambda each: (each.id, each.title, each.status, percent(each.progress), each.created_at),
        wide="TITLE",
    )


@group.command()
def show(id: Id, as_json: AsJson = False) -> None:
    """Show a report, its run and its files."""
    with api() as andon:
        _show(andon, andon.reports.get(id), as_json)


def _show(andon: Andon, report: Report, as_json: bool) -> None:
    print_one(
        report,
        as_json,
        [
            ("id", report.id),
            ("title", report.title),
            ("status", report.status),
            ("progress", percent(report.progress) if report.generating else None),
            ("dataset", report.dataset_id),
            ("options", report.options or None),
            ("error", report.error),
            *its_request(report),
            *((f"file {each.name}", f"{each.bytes:,} bytes") for each in report.artifacts),
            ("page", f"{andon.url}/reports/{report.id}"),
        ],
    )
