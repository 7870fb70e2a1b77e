"""`andon workers`: what they hold, and letting them finish it. Straight in the stores."""

import time
from typing import Annotated

import typer
from redis.exceptions import RedisError

from andon.adapters.postgres import workers
from andon.adapters.postgres.access import audit
from andon.adapters.postgres.connect import Connection
from andon.adapters.postgres.upkeep import draining
from andon.cli.stores.keys import me
from andon.cli.terminal.errors import CommandFailed, Exit
from andon.cli.terminal.show import AsJson, err, print_json, print_table, say
from andon.cli.terminal.values import duration
from andon.cli.terminal.where import postgres, redis
from andon.engine.dispatch.lines import lines_of
from andon.engine.events import DEFAULT_TENANT

HALF_AN_HOUR = "30m"
LOOK_SECONDS = 0.5

group = typer.Typer(help="Workers; needs ANDON_DATABASE_URL and ANDON_REDIS_URL.", no_args_is_help=True)


@group.command("list")
def list_(as_json: AsJson = False) -> None:
    """List the workers, each with its lanes and its release, and the run that has been longest in a step."""
    with postgres() as connection:
        there = {each.id: each for each in workers.listed(connection)}
        holding = {each.worker: each for each in draining.holding(connection)}
    found = [(name, there.get(name), holding.get(name)) for name in {**there, **holding}]
    if as_json:
        print_json([_described(*each) for each in found])
        return
    print_table(
        ("WORKER", "LANES", "VERSION", "RELEASE", "RUNS", "RUN", "STEP", "FOR"),
        [
            (
                name,
                worker and worker.lanes,
                worker.version if worker else "not seen",
                (worker and worker.release) or None,
                held.runs if held else 0,
                held and held.run,
                held and held.step,
                held and _seconds(held.seconds),
            )
            for name, worker, held in found
        ],
        wide="WORKER",
    )


def _described(name: str, worker: workers.Worker | None, held: draining.Holding | None) -> dict[str, object]:
    nothing = dict.fromkeys(("lanes", "version", "release", "queues", "functions", "started_at", "seen_at"))
    idle = {"runs": 0, "run": None, "step": None, "seconds": None}
    said = {key: value for key, value in (vars(worker) if worker else nothing).items() if key not in {"id", "busy"}}
    return {"worker": name, **said, **(held._asdict() if held else idle)}


@group.command()
def drain(
    reason: Annotated[str | None, typer.Option(help="Why; the audit and `andon doctor` show it.")] = None,
    timeout: Annotated[
        str, typer.Option(metavar="DURATION", help="How long to wait for the runs' ends.")
    ] = HALF_AN_HOUR,
    as_json: AsJson = False,
) -> None:
    """Start no run any more, and wait until none is held: then workers can be replaced at no cost.

    Everything is accepted meanwhile, and waits; cancels work. It holds until `andon workers resume`, for workers
    that are started later, too. Exits with 7 if runs are still held; it stays drained then.
    """
    until = time.monotonic() + duration(timeout).total_seconds()
    with postgres() as connection:
        by = me("andon workers")
        with connection.transaction():
            draining.drain(connection, {"by": by, "reason": reason})
            _note(connection, "workers.drained", reason)
        queues = draining.queues(connection)
        told = 0
        while (held := _held(connection, queues)) and time.monotonic() < until:
            if held != told:
                err().print(f"{held} runs are held", markup=False)
            told = held
            time.sleep(LOOK_SECONDS)
    if held:
        message = (
            f"{held} runs are still held; `andon workers list` names them. No other starts until `andon workers resume`"
        )
        raise CommandFailed(message, Exit.TIMED_OUT)
    say({"held": 0}, as_json, "no run is held, and none starts until `andon workers resume`")


@group.command()
def resume(as_json: AsJson = False) -> None:
    """Start runs again; those that waited go at once."""
    with postgres() as connection:
        if not draining.resume(connection):
            raise CommandFailed("Workers are not drained", Exit.CONFLICT)
        _note(connection, "workers.resumed", None)
    say({"resumed": True}, as_json, "workers take runs again")


def _held(connection: Connection, queues: list[str]) -> int:
    """How many runs are held. Takes back what workers were told before: they would follow it."""
    try:
        with redis() as client:
            client.delete(*(f"andon:hints:{line}" for line in lines_of(queues)))
    except (RedisError, OSError):
        pass  # nobody can follow a hint either
    return sum(each.runs for each in draining.holding(connection))


def _note(connection: Connection, action: str, reason: str | None) -> None:
    audit.record(connection, action, "all", tenant=DEFAULT_TENANT, by=me("andon workers"), details={"reason": reason})


def _seconds(seconds: float | None) -> str | None:
    return None if seconds is None else f"{seconds:.0f} s"
