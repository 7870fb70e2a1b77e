"""What operators see of a run while it goes on: keys in its log lines, and spans where traces are on."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import psycopg
from structlog.contextvars import bound_contextvars

from andon.adapters.postgres.database import Database
from andon.adapters.postgres.runs import Claimed
from andon.engine.events import Event

if TYPE_CHECKING:
    from opentelemetry.util.types import AttributeValue

    from andon.adapters.tracing.spans import Tracing

_CANCELLED_IN = """
SELECT e.traceparent FROM andon.runs r JOIN andon.events e ON e.tenant = r.tenant AND e.id = r.cancel_event_id
WHERE r.id = %s
"""


@contextmanager
def run_observed(run: Claimed, tracing: Tracing | None) -> Iterator[None]:
    """What is said and done in the block belongs to this run, and to the trace of the event that started it."""
    keys = {"tenant": run.tenant, "run": str(run.id), "function": run.function_id}
    if tracing is None:
        trace_id = run.event.trace_id
        with bound_contextvars(**keys, **({"trace_id": trace_id} if trace_id else {})):
            yield
        return
    attributes: dict[str, AttributeValue] = {
        "andon.tenant": run.tenant,
        "andon.run.id": str(run.id),
        "andon.function.id": run.function_id,
        "andon.run.kind": run.kind,
        "andon.run.fence": run.fence,
        "andon.event.id": run.event.id,
    }
    name = f"run {run.function_id}"
    with (
        tracing.span(name, kind="consumer", parent=run.event.traceparent, attributes=attributes) as span,
        bound_contextvars(**keys, trace_id=f"{span.get_span_context().trace_id:032x}"),
    ):
        yield


def step_observer(tracing: Tracing | None) -> Callable[[str], AbstractContextManager[object]]:
    """What to enter around each attempt at a step."""
    if tracing is None:
        return lambda name: bound_contextvars(step=name)
    traced = tracing

    @contextmanager
    def observe(name: str) -> Iterator[None]:
        with bound_contextvars(step=name), traced.span(f"step {name}", attributes={"andon.step.id": name}):
            yield

    return observe


def show_end(tracing: Tracing, database: Database, run_id: uuid.UUID, status: str) -> None:
    """Show on the run's span how the run has ended, and link a cancelled one to the request that cancelled it."""
    row = None
    if status == "cancelled":
        with suppress(psycopg.Error):  # a link less; the run has ended all the same
            row = database.connection().execute(_CANCELLED_IN, [run_id]).fetchone()
    tracing.describe({"andon.run.status": status}, link=row[0] if row else None)


@contextmanager
def batch_observed(tracing: Tracing, events: Sequence[Event]) -> Iterator[list[Event]]:
    """Recording the events is one span: below that of their trace where they have one in common, else linked to each.

    Yields them with the span's own traceparent where an event had none, so that what it starts is in the same trace.
    """
    given = [each.traceparent for each in events if each.traceparent and each.trace_id]
    common = given[0] if len(given) == len(events) and len({each.trace_id for each in events}) == 1 else None
    with tracing.span(
        "batch", parent=common, links=() if common else given, attributes={"andon.batch.events": len(events)}
    ):
        here = tracing.here()
        yield [each if each.trace_id else replace(each, traceparent=here) for each in events]
