"""Spans of what psycopg and redis are asked, inside other spans only: an idle process that polls makes none.

OpenTelemetry's own packages for the two don't fit. That for psycopg wraps the connection's cursor factory, which the
hot statements go round, and shows composed statements with their literals; that for redis makes a trace of each poll,
and redis-py puts a pipeline's arguments into its errors, whose messages are shown. Here a span has a statement's verb
and table, or a command's name, and an error's type.
"""

import re
from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Any

import psycopg
from opentelemetry.trace import SpanKind, StatusCode, Tracer, get_current_span
from psycopg.sql import Composable
from redis import Redis
from redis.client import Pipeline

_LITERAL = re.compile(r"'(?:[^']|'')*'")
_WRITE = re.compile(r"\b(INSERT INTO|DELETE FROM|(?<!FOR )(?<!DO )UPDATE|MERGE INTO|COPY)\s+([\w.\"]+)", re.IGNORECASE)
_READ = re.compile(r"\bFROM\s+([\w.\"]+)", re.IGNORECASE)
_WORD = re.compile(r"[A-Za-z]+")


def trace_clients(tracer: Tracer) -> None:
    """From now on, calls inside a span that is recorded are spans too."""
    _wrap(tracer, psycopg.Cursor, "execute", "postgresql", lambda cursor, query, *_: _statement(cursor, query))
    _wrap(tracer, psycopg.Cursor, "executemany", "postgresql", lambda cursor, query, *_: _statement(cursor, query))
    _wrap(tracer, Redis, "execute_command", "redis", lambda _, *command: _command(command))
    _wrap(tracer, Pipeline, "execute", "redis", lambda pipeline, *_: _pipeline(pipeline))


def _wrap(tracer: Tracer, owner: type, method: str, system: str, name: Callable[..., str]) -> None:
    call: Callable[..., Any] = getattr(owner, method)

    @wraps(call)
    def traced(self: Any, *args: Any, **kwargs: Any) -> Any:
        if not get_current_span().get_span_context().trace_flags.sampled:
            return call(self, *args, **kwargs)
        with tracer.start_as_current_span(
            name(self, *args),
            kind=SpanKind.CLIENT,
            attributes={"db.system.name": system},
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                return call(self, *args, **kwargs)
            except Exception as error:
                span.set_attribute("error.type", type(error).__name__)
                span.set_status(StatusCode.ERROR)
                raise

    setattr(owner, method, traced)


def _statement(cursor: Any, query: Any) -> str:
    if isinstance(query, Composable):
        return _summary(query.as_string(cursor))
    return _summary(query.decode(errors="replace") if isinstance(query, bytes) else str(query))


@lru_cache(maxsize=512)
def _summary(sql: str) -> str:
    """The first thing that a statement writes, or reads, as `UPDATE andon.runs`."""
    bare = _LITERAL.sub("?", sql)
    if found := _WRITE.search(bare):
        return f"{found[1].split()[0].upper()} {found[2]}"
    verb = _WORD.search(bare)
    table = _READ.search(bare)
    return " ".join([verb[0].upper() if verb else "?", *([table[1]] if table else [])])


def _command(command: tuple[Any, ...]) -> str:
    return str(command[0]).split(maxsplit=1)[0].upper() if command else "?"


def _pipeline(pipeline: Any) -> str:
    """The commands, each once: `PIPELINE EVALSHA XADD`."""
    return " ".join(["PIPELINE", *sorted({_command(args) for args, _ in pipeline.command_stack})])
