"""The commands, and their groups, in the order of `andon --help`."""

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
for command in (
    processes.dev,
    processes.api,
    processes.dispatcher,
    processes.worker,
    processes.migrate,
    init.init,
    demo.demo,
    runs.rerun,
    cancel.cancel,
    functions.functions,
    pauses.pause,
    pauses.resume,
    pauses.pauses,
    audit.audit,
    doctor.doctor,
    tenants.tenants,
    prune.prune,
    version.version,
):
    app.command()(command)
app.add_typer(reports.group, name="reports")
app.add_typer(datasets.group, name="datasets")
app.add_typer(runs.group, name="runs")
app.add_typer(events.group, name="events")
app.add_typer(schedules.group, name="schedules")
app.add_typer(subjects.group, name="subjects")
app.add_typer(keys.group, name="keys")
app.add_typer(webhooks.group, name="webhooks")
app.add_typer(workers.group, name="workers")
app.add_typer(keeping.group, name="keeping")
