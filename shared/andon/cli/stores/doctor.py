"""`andon doctor`: look at every part of a running system, and say what to do."""

from collections.abc import Iterator
from typing import Annotated

import typer
from redis.exceptions import RedisError
from rich.text import Text

from andon.adapters.checks import Check, Health, ok, problem
from andon.adapters.postgres.away import first_line
from andon.adapters.postgres.upkeep.doctor import check_clock, check_system
from andon.adapters.postgres.upkeep.doctor import clock_offset as postgres_offset
from andon.adapters.redis.doctor import check_bus, check_settings
from andon.adapters.redis.doctor import clock_offset as redis_offset
from andon.cli.terminal.errors import CommandFailed
from andon.cli.terminal.show import STYLES, AsJson, cell, out, print_json
from andon.cli.terminal.where import api, database_url, postgres, redis

MARKS = {Health.OK: "✓", Health.WARNING: "!", Health.PROBLEM: "✗"}


def doctor(
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 on warnings too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Check the API, the stores, the schema, the stream, clocks, leases and what waits, and say what to do.

    Exits with 1 if something doesn't work.
    """
    checks = list(examine())
    if as_json:
        print_json([{**vars(each)} for each in checks])
    else:
        _print(checks)
    bad = {Health.PROBLEM, Health.WARNING} if strict else {Health.PROBLEM}
    if any(each.health in bad for each in checks):
        raise typer.Exit(1)


def examine() -> Iterator[Check]:
    """Every check, a part that doesn't answer told as such."""
    yield _api()
    yield from _postgres()
    yield from _redis()


def _api() -> Check:
    with api() as andon:
        if andon.is_ready():
            return ok("api", f"{andon.url} is ready")
        return problem(
            "api", f"{andon.url} is not ready", "Start `andon api`, or set ANDON_URL; /readyz says what is missing."
        )


def _postgres() -> Iterator[Check]:
    try:
        with postgres() as connection:
            offset, version = postgres_offset(connection)
            yield ok("postgres", f"version {version}")
            yield check_clock("postgres clock", offset, against="this machine")
            schema = _schema()
            yield schema
            if schema.health is Health.OK:
                yield from check_system(connection)
    except CommandFailed as error:
        yield problem("postgres", str(error), "Start it, or set ANDON_DATABASE_URL to where it is.")


def _schema() -> Check:
    from andon.migrations import HEAD, UnknownRevision, require_head  # half of the time that any command takes to start

    try:
        require_head(database_url())
    except UnknownRevision as error:
        return Check("schema", Health.PROBLEM, str(error))
    return ok("schema", f"revision {HEAD}")


def _redis() -> Iterator[Check]:
    try:
        with redis() as client:
            offset = redis_offset(client)
            yield ok("redis", "answers")
            yield check_clock("redis clock", offset, against="this machine")
            yield from check_settings(client)
            yield from check_bus(client)
    except (RedisError, OSError) as error:
        found = f"Redis (ANDON_REDIS_URL) does not answer: {first_line(error)}"
        remedy = "Start it, or set ANDON_REDIS_URL; until then cancels of the API still work, and events wait."
        yield problem("redis", found, remedy)


def _print(checks: list[Check]) -> None:
    console = out()
    width = max(len(each.name) for each in checks)
    for each in checks:
        style = STYLES[each.health]
        line = Text(f"{MARKS[each.health]} {each.name:<{width}}  ", style=style)
        console.print(line + cell(each.found), soft_wrap=True)
        if each.remedy:
            console.print(Text(" " * (width + 4)) + cell(f"-> {each.remedy}"), style=style, soft_wrap=True)
