"""A dispatcher and its workers in one process, on a real database: for what runs wait for, and their children."""

from __future__ import annotations

import json
import uuid
from typing import Any

import psycopg

from andon import CancelOn, Event, Function, function
from andon.adapters.postgres.asks import held, requests
from andon.adapters.postgres.asks.requests import Ask
from andon.adapters.postgres.cancels import cascades
from andon.adapters.postgres.cancels.cascades import Cascaded
from andon.adapters.postgres.duties import hinted
from andon.adapters.postgres.events import arrivals
from andon.adapters.postgres.events.inbox import find_open, send_open
from andon.adapters.postgres.registered import functions
from andon.adapters.postgres.runs import awaiting_children, journal, leases, waits
from andon.adapters.postgres.runs.journal import Holding
from andon.adapters.postgres.runs.leases import Claimed
from andon.adapters.postgres.runs.settle import End, Settled, settle_held
from andon.engine.declared.functions import Registry
from andon.engine.declared.waits import Wait
from andon.engine.ids import new_id
from andon.engine.ports import Attempt
from andon.engine.steps.invoking import invocation_of, invoked
from andon.engine.steps.sending import as_text
from andon.engine.steps.waiting import CHILD_ENDED, RUN, Awaited, Waiting, awaited
from andon_worker.dispatcher.batches.batch import Effects, record_batch

CANCEL = [CancelOn("family/cancelled", match="data.case")]


def declared(id: str, **said: Any) -> Function:
    """A function; its runs are ended by the test."""
    made: Function = function(id=id, trigger=f"{id}/requested", cancel_on=CANCEL, **said)(lambda event, step: None)
    return made


FUNCTIONS = [
    declared("parent"),
    declared("child", queue="children"),
    declared("other", on_cancel=lambda event, step: None),
]


class Family:
    """What a test does with runs that wait."""

    def __init__(self, db: psycopg.Connection[Any]) -> None:
        self.db = db
        self.registry = Registry(FUNCTIONS)
        functions.register(db, self.registry)

    # --- the dispatcher ------------------------------------------------------------------------------------------

    def take(self, *events: Event, awaited: bool = True) -> Effects:
        """Handle these as a batch."""
        with self.db.transaction():
            return record_batch(self.db, self.registry, events, [str(new_id()) for _ in events], awaited=awaited)

    def opened(self) -> list[Event]:
        """What the outbox has open, as it is published."""
        return send_open(self.db, find_open(self.db, older_than=-60, limit=10_000))

    def take_opened(self) -> None:
        """Handle what the outbox has open, until there is no more, and what follows from it."""
        while events := self.opened():
            self.take(*events)
            self.cascade()

    def cascade(self) -> list[Cascaded]:
        """Cancel down the trees that are noted, level by level."""
        levels = []
        while self.count("cascades"):
            with self.db.transaction():
                levels.append(cascades.cascade(self.db))
        return levels

    def look(self) -> list[uuid.UUID]:
        """Between two batches."""
        with self.db.transaction():
            return arrivals.look(self.db)[1]

    def wake(self) -> list[uuid.UUID]:
        """Queue who is to go on."""
        with self.db.transaction():
            return [run_id for run_id, _ in hinted.wake(self.db)]

    # --- a worker ------------------------------------------------------------------------------------------------

    def start(self, function_id: str = "parent", case: str = "a", **data: Any) -> Claimed:
        """A run that a worker holds."""
        [(run_id, _)] = self.take(Event(f"{function_id}/requested", {"case": case, **data}, id=str(new_id()))).started
        return self.claim(run_id)

    def claim(self, run_id: uuid.UUID) -> Claimed:
        """Take the run up."""
        claimed = leases.claim(self.db, run_id, worker="w", lease=60)
        assert claimed is not None
        assert claimed.id == run_id
        return claimed

    def go_on(self, run: Claimed) -> Claimed:
        """Wake who is to go on, of which this run is one, and take it up."""
        assert run.id in self.wake()
        return self.claim(run.id)

    def invoke(
        self,
        run: Claimed,
        step: str = "page",
        to: str = "child",
        *,
        on_cancel: str = "cancel",
        on_failure: str = "abandon",
    ) -> uuid.UUID:
        """Suspend the run until a child has ended; returns the child's id, which isn't made yet."""
        sent = self.suspend(run, self.asking(run, step, to, on_cancel=on_cancel, on_failure=on_failure))
        assert sent is not None
        said = invocation_of(sent[0])
        assert said is not None
        return uuid.UUID(said.runId)

    def asking(
        self, run: Claimed, step: str, to: str, *, on_cancel: str = "cancel", on_failure: str = "abandon"
    ) -> Waiting:
        """What a run waits for that invokes another."""
        child, data = str(new_id()), {"case": run.event.data["case"]}
        said, event = invoked(run.event, str(run.id), step, child, to, data, on_cancel, on_failure)
        about = {"runId": said.runId, "functionId": to}
        return Waiting(step, 0, (Awaited(CHILD_ENDED, "", uuid.UUID(child), after_seq=0),), None, about, (event,))

    def start_child(
        self, run: Claimed, step: str = "page", to: str = "child", *, on_cancel: str = "cancel"
    ) -> uuid.UUID:
        """Ask for a child and go on; returns its id."""
        asking = self.asking(run, step, to, on_cancel=on_cancel)
        sent = as_text(asking.sends)
        assert journal.send(self.db, Holding(run.id, run.fence), Attempt(step, 0), events=sent, output="null")
        return asking.awaited[0].key

    def wait_for_child(self, run: Claimed, child: uuid.UUID) -> None:
        """Suspend the run until the child that it has started has ended."""
        wanted = (Awaited(CHILD_ENDED, "", child, after_seq=0),)
        assert self.suspend(run, Waiting("result", 1, wanted)) is not None

    def wait(
        self,
        run: Claimed,
        *waits: Wait,
        step: str = "come",
        seconds: float | None = None,
        since: str = RUN,
        **more: Any,
    ) -> Claimed:
        """Suspend the run until an event comes."""
        wanted = awaited(step, waits, run.event, since, more.get("consumed", {}), lambda text: None)
        assert self.suspend(run, Waiting(step, more.get("position", 0), wanted, seconds)) is not None
        return run

    def suspend(self, run: Claimed, waiting: Waiting) -> list[Event] | None:
        """As the run's worker does."""
        return waits.suspend(self.db, Holding(run.id, run.fence), waiting.as_json(), None)

    def expire(self, run: Claimed, step: str = "come") -> Any:
        """The step's time is over, says the run's holder; returns what is kept."""
        found = waits.expire(
            self.db, Holding(run.id, run.fence), step, output="null", error=None, events="[]", traceparent=None
        )
        return found and found.memo

    def end(self, run: Claimed, status: str = "completed", output: Any = None) -> list[Settled]:
        """Settle it as its worker does."""
        error = '{"message": "as planned"}' if status == "failed" else None
        end = End(run.id, run.fence, status, json.dumps(output), error)
        return settle_held(self.db, [end]) or awaiting_children.await_children(self.db, [end])

    # --- people --------------------------------------------------------------------------------------------------

    def cancel(self, run_id: uuid.UUID, db: psycopg.Connection[Any] | None = None) -> None:
        """Cancel a run as the API does; its event is in the outbox."""
        ask = Ask("default", {"id": "kim"}, "no use")
        with (db or self.db).transaction():
            if held.cancel_run(db or self.db, run_id, ask) is None:
                requests.cancel_run(db or self.db, run_id, ask)

    # --- look ----------------------------------------------------------------------------------------------------

    def status(self, run_id: uuid.UUID) -> str | None:
        """Of a run; None if there is none."""
        row = self.db.execute("SELECT status FROM andon.runs WHERE id = %s", [run_id]).fetchone()
        return row[0] if row else None

    def statuses(self) -> dict[str, int]:
        """How many runs of each."""
        return dict(self.db.execute("SELECT status, count(*) FROM andon.runs GROUP BY 1").fetchall())

    def count(self, table: str) -> int:
        """The table's rows."""
        row = self.db.execute(f"SELECT count(*) FROM andon.{table}".encode()).fetchone()
        assert row is not None
        return int(row[0])
