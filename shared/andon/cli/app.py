"""The commands, one module per group."""

from __future__ import annotations

import typer

from andon.cli import init, processes, version
from andon.cli.rest import audit, cancel, datasets, demo, events, functions, pauses, reports, runs, schedules, subjects
from andon.cli.stores import doctor, keeping, keys, prune, tenants, webhooks, workers

app = typer.Typer(
    help="Long Python functions that anyone allowed to can stop.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

for group in (
    processes,
    init,
    demo,
    reports,
    datasets,
    runs,
    events,
    cancel,
    functions,
    pauses,
    schedules,
    subjects,
    keys,
    webhooks,
    audit,
    doctor,
    tenants,
    workers,
    prune,
    keeping,
    version,
):
    group.add_to(app)
