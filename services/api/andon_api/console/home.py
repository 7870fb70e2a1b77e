"""The first page: what runs, waits and why, fails lately; the workers; queues and cancels as small charts."""

from __future__ import annotations

import time

import psycopg
from flask import g, render_template
from sqlalchemy.exc import SQLAlchemyError

from andon.adapters.postgres import workers
from andon_api.console.parts import charts
from andon_api.database import connection, now
from andon_api.principal import principal
from andon_api.reads import home, registered, reports, waiting

REPORTS = "generate-hybrid-report"
KNOWN_SECONDS = 10.0
SILENT_SECONDS = 15.0
"""A worker that lives says so more often."""
known_reports: dict[str, tuple[float, bool]] = {}


def page() -> str:
    """What goes on now."""
    tenant = principal().tenant
    return render_template(
        "console/home.html",
        going=home.going(tenant),
        waiting=waiting.counted(tenant),
        most_waiting=waiting.MOST,
        failed=home.failed(tenant),
        depth=charts.depth(home.queued_times(tenant), now()),
        latency=charts.latency(home.cancel_seconds(tenant)),
        height=charts.HEIGHT,
        workers=workers.listed(connection()),
        silent=SILENT_SECONDS,
        functions=registered.listed(),
        now=now(),
        every=2000,
    )


def has_reports() -> bool:
    """Whether the menu names reports: where their function is registered, or the tenant has some.

    Nobody's menu, and one that is shown because the database is away, names what was known before.
    """
    if "principal" not in g:
        return False
    tenant = principal().tenant
    until, known = known_reports.get(tenant, (0.0, False))
    if time.monotonic() < until:
        return known
    try:
        declared = any(each["id"] == REPORTS for each in registered.listed())
        known = declared or bool(reports.listed(tenant, {"limit": 1, "cursor": None})["items"])
    except (SQLAlchemyError, psycopg.Error):
        return known
    if len(known_reports) > 1_000:
        known_reports.clear()
    # That there are none is asked again: a first report is to be found from its own page.
    known_reports[tenant] = time.monotonic() + (KNOWN_SECONDS if known else 0), known
    return known
