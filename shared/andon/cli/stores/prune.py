"""`andon prune`: forget what is old. To be run every day."""

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Annotated, Any

import typer
from redis import Redis
from redis.exceptions import RedisError

from andon.adapters.postgres.away import first_line
from andon.adapters.postgres.connect import Connection
from andon.adapters.postgres.upkeep.files import forget_datasets, record_maintenance, withdraw_artifacts
from andon.adapters.postgres.upkeep.keeping import Keeping, keepings
from andon.adapters.postgres.upkeep.retention import BEFORE_ALL, Pruning, raise_low_water
from andon.adapters.redis.retention import handled_below, trim
from andon.adapters.storage import Storage, StorageError
from andon.adapters.sweeping import sweep
from andon.cli.stores.keeping import orphans_grace
from andon.cli.terminal.errors import CommandFailed, Exit
from andon.cli.terminal.show import AsJson, err, print_facts, print_json
from andon.cli.terminal.values import a_duration
from andon.cli.terminal.where import postgres, redis, storage_url

THIRTY_DAYS: Any = "30d"  # read by the option's parser
ONE_YEAR: Any = "365d"
QUARTER: Any = "90d"
ONE_DAY: Any = "1d"
LOCK_TIMEOUT = "SET lock_timeout = '5s'"


def prune(
    keep_events: Annotated[
        dt.timedelta, a_duration("Events, cancellations, dead events and idempotency keys that are younger stay.")
    ] = THIRTY_DAYS,
    keep_runs: Annotated[dt.timedelta, a_duration("Runs that ended since, and open ones, stay.")] = THIRTY_DAYS,
    keep_audit: Annotated[dt.timedelta, a_duration("Entries of the audit that are younger stay.")] = ONE_YEAR,
    keep_unused: Annotated[
        dt.timedelta, a_duration("Datasets that were uploaded since, or a report names, stay.")
    ] = QUARTER,
    keep_artifacts: Annotated[
        dt.timedelta | None,
        a_duration("Artifacts that were stored since stay; without this, all of them, as long as their run."),
    ] = None,
    keep_orphans: Annotated[
        dt.timedelta, a_duration("Files that nothing names and that are younger stay; 1h at least.", orphans_grace)
    ] = ONE_DAY,
    batch: Annotated[int, typer.Option(min=1, max=100_000, help="Rows per transaction.")] = 1000,
    as_json: AsJson = False,
) -> None:
    """Forget finished runs and handled events that are old, trim the stream, and remove files that nothing names.

    Safe beside a running system, and to be stopped and run again at any time. Reports stay, and the runs whose files
    they show. What a tenant keeps by itself (`andon keeping`) goes before the options.
    """
    counts: Counter[str] = Counter(dict.fromkeys(("runs", "events", "cancellations", "datasets", "files", "bytes"), 0))
    with postgres() as connection, err().status("pruning"):
        connection.execute(LOCK_TIMEOUT)
        try:
            with redis() as client:
                low_water = _pass(connection, client, keep_events, counts)
        except (RedisError, OSError) as error:
            message = f"Redis (ANDON_REDIS_URL) does not answer, so nothing was pruned: {first_line(error)}"
            raise CommandFailed(message, Exit.UNREACHABLE) from None
        pruning = Pruning(connection, batch=batch, deleted=lambda what, count: counts.update({what: count}))
        own = keepings(connection)
        of: dict[str, Counter[str]] = defaultdict(Counter)
        _note(of, "runs", pruning.runs(keep_runs))
        pruning.events(keep_events, low_water)
        pruning.rates()
        pruning.answers(keep_events)
        pruning.audit(keep_audit)
        _note(of, "datasets", forget_datasets(connection, keep_unused, batch), counts)
        if keep_artifacts is not None or any(each.artifacts is not None for each in own.values()):
            _note(of, "artifacts", withdraw_artifacts(connection, keep_artifacts, batch), counts)
        stored = _sweep(connection, keep_orphans, counts, of)
        everybodys = Keeping(keep_runs, keep_artifacts, keep_unused, keep_orphans).written()
        facts = {"deleted": dict(counts), "room": stored and stored["room"], "kept": everybodys}
        record_maintenance(connection, "prune", facts)
    if as_json:
        print_json({"deleted": dict(counts), "deletedOf": of, "lowWater": low_water, "stored": stored})
        return
    said = [*((what, f"{count:,} deleted") for what, count in counts.items()), ("low-water mark", low_water)]
    said += [(f"{tenant}, by its own", _told(of[tenant])) for tenant in own]
    if stored is None:
        said.append(("storage", "not looked at: ANDON_STORAGE_URL is not set"))
    else:
        said.append(("stored", f"{stored['files']:,} files, {stored['bytes']:,} bytes"))
    print_facts(said)


def _note(of: dict[str, Counter[str]], what: str, gone: Mapping[str, int], counts: Counter[str] | None = None) -> None:
    """Add what has gone of each tenant, and to the `counts` of all."""
    for tenant, count in gone.items():
        of[tenant][what] += count
        if counts is not None:
            counts[what] += count


def _told(gone: Counter[str]) -> str:
    return ", ".join(f"{count:,} {what}" for what, count in gone.items() if count) or "nothing deleted"


def _sweep(
    connection: Connection, grace: dt.timedelta, counts: Counter[str], of: dict[str, Counter[str]]
) -> dict[str, Any] | None:
    """Remove unnamed files; returns what is left. None where the storage isn't named: a default could be another's."""
    url = storage_url()
    if url is None:
        return None
    try:
        storage = Storage(url)
        swept = sweep(storage, connection, grace=grace)
        room = storage.room()
    except StorageError as error:
        raise CommandFailed(f"Rows were pruned, files were not: {first_line(error)}", Exit.UNREACHABLE) from None
    _note(of, "files", {tenant: each.files for tenant, each in swept.gone.items()}, counts)
    _note(of, "bytes", {tenant: each.bytes for tenant, each in swept.gone.items()}, counts)
    return {
        "files": sum(each.files for each in swept.kept.values()),
        "bytes": sum(each.bytes for each in swept.kept.values()),
        "tenants": {tenant: each._asdict() for tenant, each in sorted(swept.kept.items())},
        "room": room and {"bytes": room[0], "free": room[1]},
    }


def _pass(connection: Connection, client: Redis, keep: dt.timedelta, counts: Counter[str]) -> str:
    """Raise the bus' low-water mark, which is returned, and trim the stream up to there."""
    mark = handled_below(client, keep)
    low_water = raise_low_water(connection, mark or BEFORE_ALL)
    counts["stream entries"] += trim(client, low_water) if mark else 0
    return low_water
