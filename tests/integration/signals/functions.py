"""Functions for tests of what operators see: they log, ask Postgres, and wait to be cancelled."""

from __future__ import annotations

import logging
import os
import time

import psycopg
import structlog
from psycopg import sql
from sqlalchemy import text
from sqlalchemy.orm import Session

from andon import CancelOn, Event, Step, function

log = logging.getLogger("acme.reports")


def count(word: str) -> int:
    """Say something in both ways, then ask Postgres."""
    log.info("counting %s", word)
    structlog.get_logger("acme.reports").info("counting structured", word=word)
    with psycopg.connect(os.environ["ANDON_DATABASE_URL"]) as connection:
        [found] = connection.execute("SELECT count(*) FROM andon.runs WHERE id::text <> %s", [word]).fetchone() or [0]
    return int(found)


def count_apart(word: str) -> int:
    """As `count`, in a process of its own."""
    log.info("counting apart %s", word)
    return count(word)


def count_inside(session: Session, word: str) -> int:
    """As `count`, in the step's transaction."""
    return int(session.execute(text("SELECT count(*) FROM andon.steps WHERE id <> :word"), {"word": word}).scalar_one())


@function(id="signals-counting", trigger="signals/counting.requested")
def counting(event: Event, step: Step) -> None:
    """A step in each of the ways in which there are steps."""
    word = str(event.data["word"])
    log.info("between steps")
    step.run("count", count, word)
    step.run("count-apart", count_apart, word)
    step.transaction("count-inside", count_inside, word)


def fail(word: str) -> None:
    """Fail for a reason that holds what it was given."""
    raise ValueError(f"no good: {word}")


@function(id="signals-failing", trigger="signals/failing.requested", retries=0)
def failing(event: Event, step: Step) -> None:
    """Fail in the first step."""
    step.run("fail", fail, str(event.data["word"]))


def quote(word: str) -> None:
    """Ask for a table that isn't there, with a literal."""
    with psycopg.connect(os.environ["ANDON_DATABASE_URL"]) as connection:
        connection.execute(sql.SQL("SELECT {} FROM nowhere").format(word))


@function(id="signals-quoting", trigger="signals/quoting.requested", retries=0)
def quoting(event: Event, step: Step) -> None:
    """Fail in a statement that holds what it was given."""
    step.run("quote", quote, str(event.data["word"]))


@function(id="signals-afterwards", trigger="andon/function.failed")
def afterwards(event: Event, step: Step) -> None:
    """Started by another run's end."""


def wait_long(step: Step) -> None:
    """Go on for a minute, unless stopped."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        step.check()
        time.sleep(0.01)


@function(
    id="signals-waiting",
    trigger="signals/waiting.requested",
    cancel_on=[CancelOn("signals/waiting.cancelled", match="data.word")],
)
def waiting(event: Event, step: Step) -> None:
    """One long step."""
    step.run("wait", wait_long, step)
