"""`andon demo`: one report that finishes and one that is cancelled half-way, over REST alone."""

import os
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from andon.cli.terminal.borrowed import running_system
from andon.cli.terminal.errors import CommandFailed
from andon.cli.terminal.watching import follow
from andon.client import Andon, Report, Run

PATIENCE_SECONDS = 1800.0
BIG_ROWS = 2_000_000
BIG_RESAMPLES = 20_000

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


def demo(
    rows: Annotated[int, typer.Option(min=1000, help="Rows of the report that is cancelled.")] = BIG_ROWS,
) -> None:
    """Generate a report, then start a big one and cancel it half-way."""
    console = Console()
    with running_system(os.environ, console.print) as andon:
        show_finished(andon, generate(andon, console, "Demo: the sample", sample_id(andon), {}), console)
        big = synthetic_id(andon, console, rows)
        options: dict[str, object] = {"resamples": BIG_RESAMPLES}
        cancelled = generate(andon, console, f"Demo: {rows:,} rows", big, options, cancel_at=0.5)
        show_cancelled(cancelled.run, console)


def sample_id(andon: Andon) -> str:
    """The oldest dataset: the sample that a new system starts with."""
    *_, oldest = [None, *andon.datasets.list()]
    if oldest is None:
        raise CommandFailed(f"{andon.url} has no dataset; upload one first: andon datasets upload FILE")
    return oldest.id


def synthetic_id(andon: Andon, console: Console, rows: int) -> str:
    """Upload `rows` rows of made-up orders."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"orders-{rows}.parquet"
        with console.status(f"making and uploading {rows:,} rows"):
            write_orders(file, rows)
            return andon.datasets.upload(file).id


def write_orders(file: Path, rows: int) -> None:
    """Orders with a season, groups that differ and values that go together, so that there is something to find."""
    import duckdb  # only here: every command would wait for it

    with duckdb.connect() as connection:
        connection.execute("SELECT setseed(0.42)")
        connection.execute("SET VARIABLE row_count = ?", [rows])
        connection.sql(ORDERS).write_parquet(str(file))


def generate(
    andon: Andon,
    console: Console,
    title: str,
    dataset_id: str,
    options: dict[str, object],
    cancel_at: float | None = None,
) -> Report:
    """Make a report and follow it to its end; ask to cancel it once its progress has reached `cancel_at`."""
    made = andon.reports.create(title, dataset_id=dataset_id, options=options)
    andon.reports.generate(made.id)
    asked = False

    def ask_half_way(report: Report) -> None:
        nonlocal asked
        if cancel_at is not None and not asked and report.generating and fraction(report) >= cancel_at:
            andon.reports.cancel(report.id, reason="the demo cancels it half-way")
            asked = True

    report = follow(andon, made.id, timeout=PATIENCE_SECONDS, seen=ask_half_way, console=console)
    require(report, "cancelled" if asked else "generated")
    if cancel_at is not None and not asked:
        raise CommandFailed("The big report finished before it was half-way seen; give it more --rows.")
    return report


def require(report: Report, status: str) -> None:
    """Raise `CommandFailed` for a report that ended otherwise."""
    if report.status != status:
        raise CommandFailed(f"{report.title} is {report.status}, not {status}: {report.error or 'no error'}")


def fraction(report: Report) -> float:
    """How far the report is, from 0 to 1; a run that hasn't said is at 0."""
    return float(report.progress or 0.0)


def show_finished(andon: Andon, report: Report, console: Console) -> None:
    """Where to read it."""
    console.print(f"[green]generated[/green] {report.title}: {andon.url}/reports/{report.id}")
    for artifact in report.artifacts:
        console.print(f"    {artifact.name:<12} {artifact.bytes:>10,} bytes")


def show_cancelled(run: Run | None, console: Console) -> None:
    """When the cancel was asked, when the code stopped, when it settled."""
    if run is None or run.cancel is None:
        raise CommandFailed("The cancelled report shows no cancel.")
    asked = run.cancel.requested_at
    console.print("[yellow]cancelled[/yellow] half-way")
    times = (("asked", asked), ("code stopped", run.cancel.stopped_at), ("settled", run.cancel.settled_at))
    for label, moment in times:
        if moment is None:
            console.print(f"    {label:<13} not recorded")
            continue
        after = (moment - asked).total_seconds() * 1000
        console.print(f"    {label:<13} {moment:%H:%M:%S.%f} UTC   {after:+9.1f} ms")
