"""`andon demo`: one report that finishes and one that is cancelled half-way, over REST alone."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, TypeVar

import duckdb
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from andon.cli.borrowed import running_system
from andon.cli.client import Api
from andon.cli.errors import CommandFailed

POLL_SECONDS = 0.1
PATIENCE_SECONDS = 1800.0
BIG_ROWS = 2_000_000
BIG_RESAMPLES = 20_000
MOVING = ("idle", "generating")

ORDERS = """
    SELECT * EXCLUDE (season), round(items * price * season, 2) AS amount
    FROM (
        SELECT
            n AS order_id,
            TIMESTAMP '2024-01-01'
                + to_seconds(CAST(n * 31536000.0 / getvariable('row_count') AS BIGINT)) AS ordered_at,
            ['north', 'east', 'south', 'west'][1 + CAST(floor(random() * 4) AS INTEGER)] AS region,
            ['web', 'shop', 'phone'][1 + CAST(floor(random() * 3) AS INTEGER)] AS channel,
            1 + CAST(floor(random() * random() * 20) AS INTEGER) AS items,
            8 + 4 * random() AS price,
            1 + 0.3 * sin(n * 6.283 / getvariable('row_count')) AS season,
            CASE WHEN random() < 0.03 THEN NULL ELSE round(2 + 5 * random() * random(), 2) END AS delivery_days
        FROM range(getvariable('row_count')) AS numbers(n)
    )
"""

Report = dict[str, Any]
Found = TypeVar("Found")


def add_to(app: typer.Typer) -> None:
    """Register this module's commands."""
    app.command()(demo)


def demo(
    rows: Annotated[int, typer.Option(min=1000, help="Rows of the report that is cancelled.")] = BIG_ROWS,
) -> None:
    """Generate a report, then start a big one and cancel it half-way."""
    console = Console()
    with running_system(os.environ, console.print) as api:
        show_finished(api, generate(api, console, "Demo: the sample", sample_id(api), {}), console)
        big = synthetic_id(api, console, rows)
        cancelled = generate(api, console, f"Demo: {rows:,} rows", big, {"resamples": BIG_RESAMPLES}, cancel_at=0.5)
        show_cancelled(settled_cancel(api, cancelled["run"]["id"]), console)


def sample_id(api: Api) -> str:
    """The oldest dataset: the sample that a new system starts with."""
    datasets = api.get("/datasets")["items"]
    if not datasets:
        raise CommandFailed(f"{api.url} has no dataset; upload one first, in the console or by POST /datasets.")
    return str(datasets[-1]["id"])


def synthetic_id(api: Api, console: Console, rows: int) -> str:
    """Upload `rows` rows of made-up orders."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"orders-{rows}.parquet"
        with console.status(f"making and uploading {rows:,} rows"):
            write_orders(file, rows)
            return str(api.upload("/datasets", file)["id"])


def write_orders(file: Path, rows: int) -> None:
    """Orders with a season, groups that differ and values that go together, so that there is something to find."""
    with duckdb.connect() as connection:
        connection.execute("SELECT setseed(0.42)")
        connection.execute("SET VARIABLE row_count = ?", [rows])
        connection.sql(ORDERS).write_parquet(str(file))


def generate(
    api: Api,
    console: Console,
    title: str,
    dataset_id: str,
    options: dict[str, object],
    cancel_at: float | None = None,
) -> Report:
    """Make a report and follow it to its end; ask to cancel it once its progress has reached `cancel_at`."""
    made = api.post("/reports", {"title": title, "datasetId": dataset_id, "options": options})
    path = f"/reports/{made['id']}"
    api.post(f"{path}/generate")
    asked = False
    with progress_bar(console) as progress:
        task = progress.add_task(title, total=1.0)

        def followed() -> Report | None:
            nonlocal asked
            report: Report = api.get(path)
            done = fraction(report)
            progress.update(task, completed=done)
            if cancel_at is not None and done >= cancel_at and not asked and report["status"] in MOVING:
                api.post(f"{path}/cancel", {"reason": "the demo cancels it half-way"})
                asked = True
            return None if report["status"] in MOVING else report

        report = poll(followed, f"{title} did not end")
    require(report, "cancelled" if asked else "generated")
    if cancel_at is not None and not asked:
        raise CommandFailed("The big report finished before it was half-way seen; give it more --rows.")
    return report


def require(report: Report, status: str) -> None:
    """Raise `CommandFailed` for a report that ended otherwise."""
    if report["status"] != status:
        raise CommandFailed(f"{report['title']} is {report['status']}, not {status}: {report['error'] or 'no error'}")


def fraction(report: Report) -> float:
    """How far the report is, from 0 to 1; a run that hasn't said is at 0."""
    return float(report["progress"] or 0.0)


def settled_cancel(api: Api, run_id: str) -> dict[str, Any]:
    """The cancel of a run, once it has settled."""

    def settled() -> dict[str, Any] | None:
        cancel: dict[str, Any] | None = api.get(f"/runs/{run_id}")["cancel"]
        return cancel if cancel and cancel["settledAt"] else None

    return poll(settled, "the cancelled run did not settle")


def show_finished(api: Api, report: Report, console: Console) -> None:
    """Where to read it."""
    console.print(f"[green]generated[/green] {report['title']}: {api.url}/reports/{report['id']}")
    for artifact in report["artifacts"]:
        console.print(f"    {artifact['name']:<12} {artifact['bytes']:>10,} bytes")


def show_cancelled(cancel: dict[str, Any], console: Console) -> None:
    """When the cancel was asked, when the code stopped, when it settled."""
    asked = datetime.fromisoformat(cancel["requestedAt"])
    console.print("[yellow]cancelled[/yellow] half-way")
    for label, key in (("asked", "requestedAt"), ("code stopped", "stoppedAt"), ("settled", "settledAt")):
        if cancel[key] is None:
            console.print(f"    {label:<13} not recorded")
            continue
        moment = datetime.fromisoformat(cancel[key])
        after = (moment - asked).total_seconds() * 1000
        console.print(f"    {label:<13} {moment:%H:%M:%S.%f} UTC   {after:+9.1f} ms")


def progress_bar(console: Console) -> Progress:
    """One line per report."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    return Progress(*columns, console=console)


def poll(look: Callable[[], Found | None], failure: str) -> Found:
    """Look until there is something; `CommandFailed` when there never is."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (found := look()) is None:
        if time.monotonic() > deadline:
            raise CommandFailed(f"{failure} within {PATIENCE_SECONDS / 60:.0f} minutes.")
        time.sleep(POLL_SECONDS)
    return found
