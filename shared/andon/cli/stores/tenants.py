"""`andon tenants`: who uses what. Straight from the stores: a key is one tenant's."""

from typing import Annotated

import typer
from redis.exceptions import RedisError

from andon.adapters.postgres.usage import Usage, last_day, usage
from andon.adapters.redis.refusals import refusals
from andon.cli.terminal.show import AsJson, print_json, print_table
from andon.cli.terminal.where import postgres, redis


def tenants(
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many at most, the largest first.")] = 10,
    as_json: AsJson = False,
) -> None:
    """List the tenants that use most: open runs, how long the oldest waits, thread time, storage, refusals."""
    with postgres() as connection:
        found = [(each, *last_day(connection, each.tenant)) for each in usage(connection)[:limit]]
    refused = _refused([each.tenant for each, _, _ in found])
    if as_json:
        print_json([_shown(each, runs, seconds, refused.get(each.tenant)) for each, runs, seconds in found])
        return
    print_table(
        ("TENANT", "QUEUED", "RUNNING", "WAITING", "OLDEST WAITS", "THREAD TIME, 24 H", "STORED", "REFUSED, 24 H"),
        [
            (
                each.tenant,
                each.open_runs.get("queued", 0),
                each.open_runs.get("running", 0) + each.open_runs.get("cancelling", 0),
                each.open_runs.get("waiting", 0),
                f"{each.queue_age:.0f} s" if each.queue_age else None,
                f"{seconds:,.0f} s",
                f"{each.bytes:,}",
                sum(refused[each.tenant].values()) if each.tenant in refused else None,
            )
            for each, _, seconds in found
        ],
        wide="TENANT",
    )


def _refused(names: list[str]) -> dict[str, dict[str, int]]:
    try:
        with redis() as client:
            return {name: refusals(client, name) for name in names}
    except (RedisError, OSError):
        return {}


def _shown(each: Usage, runs: dict[str, int], seconds: float, refused: dict[str, int] | None) -> dict[str, object]:
    return {
        "tenant": each.tenant,
        "openRuns": each.open_runs,
        "queueAgeSeconds": each.queue_age,
        "stored": {"files": each.files, "bytes": each.bytes},
        "lastDay": {"runs": runs, "threadSeconds": seconds, "refused": refused},
    }
