"""What operators see of a batch: a span, where traces are on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from andon.engine.events import Event

if TYPE_CHECKING:
    from andon.adapters.tracing.spans import Tracing


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
