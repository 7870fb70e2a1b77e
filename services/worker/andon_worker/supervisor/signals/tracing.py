"""A run's span: from its claim until its end is written, around the spans that its lane makes of its steps."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from andon.adapters.postgres.runs.leases import cancelled_in
from andon_worker.supervisor.hosting.hosts import Run
from andon_worker.supervisor.ledger import Ledger, Unheld
from andon_worker.supervisor.signals.hooks import Hook

if TYPE_CHECKING:
    from opentelemetry.trace import Span

    from andon.adapters.tracing.spans import Tracing


class TracingHook(Hook):
    """The lanes make the steps' spans."""

    def __init__(self, tracing: Tracing, ledger: Ledger) -> None:
        self._tracing = tracing
        self._ledger = ledger
        self._spans: dict[tuple[uuid.UUID, int], Span] = {}

    def run_begins(self, run: Run) -> str | None:
        """Begin its span, in the trace of the event that started it."""
        claimed = run.claimed
        span = self._tracing.begin(
            f"run {claimed.function_id}",
            parent=claimed.event.traceparent,
            attributes={
                "andon.tenant": claimed.tenant,
                "andon.run.id": str(claimed.id),
                "andon.function.id": claimed.function_id,
                "andon.run.kind": claimed.kind,
                "andon.run.fence": claimed.fence,
                "andon.event.id": claimed.event.id,
            },
        )
        self._spans[run.holding] = span
        return self._tracing.traceparent_of(span)

    def run_ends(self, run: Run, status: str) -> None:
        """End its span; a cancelled one's is linked to the request that cancelled it."""
        span = self._spans.pop(run.holding, None)
        if span is None:
            return
        ended = status not in {"suspended", "lost"}
        said = {"andon.run.status": status} if ended else {}
        if status != "cancelled":
            self._tracing.finish(span, said)
            return

        def linked(answer: object) -> None:
            self._tracing.finish(span, said, link=answer if isinstance(answer, str) else None)

        self._ledger.write(Unheld(linked, lambda connection: cancelled_in(connection, run.id)))
