"""What is shown of the current run with a report or a subject: the run itself, and how far it is."""

from collections.abc import Sequence

from andon_api.database import Row
from andon_api.reads import runs


def add_run(tenant: str, things: Sequence[Row], *, done: str, going: str) -> None:
    """Add to each its run and its progress; `done` and `going` are their words for such statuses."""
    current = runs.by_ids(tenant, [row["current_run_id"] for row in things if row["current_run_id"]])
    for row in things:
        run = current.get(row["current_run_id"]) if row["current_run_id"] else None
        row["run"] = run
        row["progress"] = 1.0 if row["status"] == done else _progress(run, 0.0 if row["status"] == going else None)
        row["estimated_end_at"] = run["estimated_end_at"] if run else None
        row["progress_note"] = run["progress_note"] if run else None


def _progress(run: Row | None, otherwise: float | None) -> float | None:
    """From 0 to 1; `otherwise` for one that was never asked for, or whose run is gone or hasn't said."""
    return otherwise if run is None or run["progress"] is None else float(run["progress"])
