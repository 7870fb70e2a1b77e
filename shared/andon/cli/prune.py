"""`andon prune`: forget what is old. To be run every day."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from typing import Annotated, Any

import typer
from redis import Redis
from redis.exceptions import RedisError

from andon.adapters.postgres import partitions
from andon.adapters.postgres.connect import Connection
from andon.adapters.postgres.retention import BEFORE_ALL, Pruning, position, raise_low_water
from andon.adapters.redis.bus import stream_of
from andon.adapters.redis.retention import handled_below, trim
from andon.cli.errors import CommandFailed, Exit
from andon.cli.show import AsJson, err, print_facts, print_json
from andon.cli.values import duration
from andon.cli.where import first_line, postgres, redis

THIRTY_DAYS: Any = "30d"  # read by the option's parser
LOCK_TIMEOUT = "SET lock_timeout = '5s'"


def add_to(app: typer.Typer) -> None:
    """Register this module's commands."""
    app.command()(prune)


def prune(
    keep_events: Annotated[
        dt.timedelta,
        typer.Option(
            parser=duration,
            metavar="DURATION",
            help="Events, cancellations, dead events and idempotency keys that are younger stay.",
        ),
    ] = THIRTY_DAYS,
    keep_runs: Annotated[
        dt.timedelta,
        typer.Option(parser=duration, metavar="DURATION", help="Runs that ended since, and open ones, stay."),
    ] = THIRTY_DAYS,
    batch: Annotated[int, typer.Option(min=1, max=100_000, help="Rows per transaction.")] = 1000,
    as_json: AsJson = False,
) -> None:
    """Forget finished runs and handled events that are old, and trim the stream to what is needed.

    Safe beside a running system, and to be stopped and run again at any time. Reports and their files stay.
    """
    counts: Counter[str] = Counter(dict.fromkeys(("runs", "events", "cancellations"), 0))
    with postgres() as connection, err().status("pruning"):
        connection.execute(LOCK_TIMEOUT)
        try:
            with redis() as client:
                marks = [
                    _pass(connection, client, partition, keep_events, counts)
                    for partition in range(partitions.count(connection))
                ]
                low_water = min(marks, key=position)
        except (RedisError, OSError) as error:
            message = f"Redis (ANDON_REDIS_URL) does not answer, so nothing was pruned: {first_line(error)}"
            raise CommandFailed(message, Exit.UNREACHABLE) from None
        pruning = Pruning(connection, batch=batch, deleted=lambda what, count: counts.update({what: count}))
        pruning.runs(keep_runs)
        pruning.events(keep_events, low_water)
        pruning.answers(keep_events)
    if as_json:
        print_json({"deleted": dict(counts), "lowWater": low_water})
    else:
        print_facts([*((what, f"{count:,} deleted") for what, count in counts.items()), ("low-water mark", low_water)])


def _pass(connection: Connection, client: Redis, partition: int, keep: dt.timedelta, counts: Counter[str]) -> str:
    """Raise a partition's low-water mark, which is returned, and trim its stream up to there."""
    mark = handled_below(client, stream_of(partition), keep)
    low_water = raise_low_water(connection, mark or BEFORE_ALL, partition=partition)
    counts["stream entries"] += trim(client, stream_of(partition), low_water) if mark else 0
    return low_water
