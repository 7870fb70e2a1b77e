"""The whole protocol as a state machine: the real verbs on a real Postgres, in any order that a failure can make.

The bus is a list, from which entries are delivered, delivered again, reordered and lost. Holders of runs are kept
after they have lost them, so that former ones write late. The rule by seq is the model.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from andon.adapters.cel import check_expression
from andon.adapters.postgres.asks import reports, requests
from andon.adapters.postgres.asks.requests import Conflict
from andon.adapters.postgres.cancels import cascades
from andon.adapters.postgres.connect import Connection, connect
from andon.adapters.postgres.database import Database
from andon.adapters.postgres.doors import turns
from andon.adapters.postgres.duties import hinted
from andon.adapters.postgres.duties.hinted import ALONE_FROM
from andon.adapters.postgres.events import arrivals, inbox
from andon.adapters.postgres.registered import functions
from andon.adapters.postgres.runs import awaiting_children, journal, leases, waits
from andon.adapters.postgres.runs.leases import Beat
from andon.adapters.postgres.runs.settle import End, settle_held
from andon.engine.declared.functions import Registry
from andon.engine.declared.rules import run_flag
from andon.engine.declared.waits import Wait
from andon.engine.errors import NonRetriable
from andon.engine.events import ENDS, Event
from andon.engine.ids import new_id
from andon.engine.ports import Attempt
from andon.engine.steps.invoking import invoked
from andon.engine.steps.waiting import CHILD_ENDED, RUN, Awaited, Waiting, awaited
from andon_worker.dispatcher.batches.batch import record_batch
from andon_worker.dispatcher.duties.deadlines import settle_overdue
from andon_worker.dispatcher.duties.ending import outlived, reclaim
from andon_worker.dispatcher.gatekeeper import Gatekeeper
from tests.support import moves

CASES = ("a", "b", "c")
LEASE = 3600.0
LOST_LIMIT = 3
ENDED = {"completed", "failed", "cancelled"}

_RUNS = """
SELECT r.id, r.kind, r.status, r.fence, r.event_seq, r.function_id, r.subject_id, r.cancel_requested_at,
    coalesce(e.data->>'case', e.data->>'reportId'), r.cancel_cause, r.parent_run_id, r.parent_step
FROM andon.runs r JOIN andon.events e ON e.seq = r.event_seq
"""
_REPORTS = """
SELECT p.status, r.status FROM andon.reports p LEFT JOIN andon.subjects s ON s.key = p.id::text
LEFT JOIN andon.runs r ON r.id = s.current_run_id
"""
_REPORT = """
WITH dataset AS (
    INSERT INTO andon.datasets (id, tenant, name, format, media_type, bytes, rows, columns, storage_key, sha256)
    VALUES (gen_random_uuid(), 'default', 'D', 'csv', 'text/csv', 1, 1, '[]', 'key', 'sha') RETURNING id
) INSERT INTO andon.reports (id, tenant, title, dataset_id) SELECT %s, 'default', 'T', id FROM dataset
"""
_FIRST_IN_LINE = """
SELECT r.id FROM andon.runs r
JOIN andon.runs h ON r.line = h.queue || CASE WHEN h.kind <> 'function' THEN '.urgent' ELSE '' END
WHERE h.id = %s AND r.status = 'queued' AND r.turn IS NOT NULL AND r.sent_at IS NOT NULL ORDER BY r.turn, r.id LIMIT 1
"""
_LET_IN = """
SELECT e.data->>'room', count(*) FROM andon.runs r JOIN andon.events e ON e.seq = r.event_seq
WHERE r.function_id = 'visit' AND r.kind = 'function' AND r.ended_at IS NULL AND r.door IS NULL GROUP BY 1
"""
_TABLES = (
    "runs, events, outbox, cancellations, reports, subjects, steps, dead_events, lines, slots, gate_due, waits,"
    " cascades, skips"
)
REQUESTS = ("walk/requested", "visit/requested")
ANSWER = "walk/answered"
"""What runs wait for, of their own case."""
# Of each wait that was over: whose, the run's own event, the one that it was told, and whether the two fit.
_TOLD = f"""
SELECT s.run_id, (s.output->'event'->>'seq')::bigint, r.event_seq < (s.output->'event'->>'seq')::bigint
    AND a.name = '{ANSWER}' AND a.data->>'case' = o.data->>'case'
FROM andon.steps s JOIN andon.runs r ON r.id = s.run_id JOIN andon.events o ON o.seq = r.event_seq
JOIN andon.events a ON a.seq = (s.output->'event'->>'seq')::bigint
WHERE s.id LIKE 'wait-%' AND s.status = 'completed'
"""
_SLIPPED_OUT = """
SELECT c.id FROM andon.runs c JOIN andon.runs p ON p.id = c.parent_run_id JOIN andon.events e ON e.seq = c.event_seq
WHERE c.parent_step IS NOT NULL AND e.data->'_andon'->>'onCancel' <> 'abandon' AND c.queued_at > p.cancel_requested_at
"""
_OUTLIVED = """
SELECT p.id FROM andon.runs c JOIN andon.runs p ON p.id = c.parent_run_id JOIN andon.events e ON e.seq = c.event_seq
WHERE c.parent_step IS NOT NULL AND e.data->'_andon'->>'onCancel' = 'wait' AND c.ended_at IS NULL
    AND p.status = 'cancelled' AND NOT p.forced
"""
_ANOTHER_END = """
SELECT s.run_id FROM andon.steps s JOIN andon.runs c ON c.parent_run_id = s.run_id AND c.parent_step = s.id
WHERE s.status IN ('completed', 'failed') AND s.status <> CASE c.status WHEN 'completed' THEN 'completed'
    WHEN 'failed' THEN 'failed' WHEN 'cancelled' THEN 'failed' ELSE '' END
"""


@dataclass(frozen=True)
class Run:
    """A run's row."""

    id: uuid.UUID
    kind: str
    status: str
    fence: int
    seq: int
    function_id: str
    subject_id: uuid.UUID | None
    cancel_requested_at: Any
    case: str
    cause: str | None
    parent_run_id: uuid.UUID | None
    parent_step: str | None

    @property
    def held(self) -> bool:
        """Whether some worker has the right to it."""
        return self.status in {"running", "cancelling"}


@dataclass
class Holder:
    """A worker that claimed a run, and may have lost it."""

    run_id: uuid.UUID
    fence: int
    subject_id: uuid.UUID | None
    position: int
    event: Event
    function_id: str

    @property
    def holding(self) -> journal.Holding:
        """How it says so."""
        return journal.Holding(self.run_id, self.fence)


class Protocol(RuleBasedStateMachine):
    """Requests, cancels, deliveries, crashes, leases and late writes, in any order."""

    url: ClassVar[str]
    registry: ClassVar[Registry]

    def __init__(self) -> None:
        super().__init__()
        self.db = connect(self.url, name="machine")
        self.database = Database(self.url, name="holder")
        self.bus: list[Event] = []
        self.delivered: list[Event] = []
        self.holders: list[Holder] = []
        self.handled: dict[str, int] = {}
        self.had: dict[uuid.UUID, list[int]] = {}
        self.won: list[tuple[str, int]] = []
        self.ended: dict[uuid.UUID, str] = {}
        self.memos: dict[tuple[uuid.UUID, str], Any] = {}

    def teardown(self) -> None:
        """Let everything come to its end, and see that all of it did."""
        try:
            self.come_to_rest()
            assert moves.seen(self.db).keys() <= moves.KNOWN
        finally:
            self.db.close()
            self.database.close()

    @initialize()
    def begin(self) -> None:
        """An empty house with two reports."""
        self.db.execute(f"TRUNCATE {', '.join(f'andon.{each.strip()}' for each in _TABLES.split(','))} CASCADE")
        functions.register(self.db, self.registry)
        self.lead()
        self.reports = [new_id(), new_id()]
        for report in self.reports:
            self.db.execute(_REPORT, [report])

    # --- events ---------------------------------------------------------------------------------------------------

    @rule(
        case=st.sampled_from(CASES), name=st.sampled_from([*REQUESTS, ANSWER, "walk/cancelled"]), room=st.integers(1, 2)
    )
    def produce(self, case: str, name: str, room: int) -> None:
        """A producer's XADD."""
        self.bus.append(Event(name, {"case": case, "room": room}, id=str(new_id())))

    @rule(
        case=st.sampled_from(CASES),
        name=st.sampled_from([*REQUESTS, ANSWER, "walk/cancelled"]),
        published=st.booleans(),
    )
    def accept(self, case: str, name: str, published: bool) -> None:
        """The API's 202; it may die before it publishes."""
        with self.db.transaction():
            events = inbox.accept(self.db, [Event(name, {"case": case}, id=str(new_id()))])
        self.bus += events if published else []

    @rule(place=st.integers(0, 1), published=st.booleans())
    def generate(self, place: int, published: bool) -> None:
        """A report's generation."""
        self.ask(reports.generate, place, published)

    @rule(place=st.integers(0, 1), published=st.booleans())
    def cancel_report(self, place: int, published: bool) -> None:
        """A report's cancel: once accepted, it has won."""

        def cancel(db: Connection, id: uuid.UUID, ask: requests.Ask) -> requests.Asked:
            return reports.cancel_held(db, id, ask) or reports.cancel(db, id, ask)

        asked = self.ask(cancel, place, published)
        if asked is not None:
            self.won.append((str(self.reports[place]), asked.event.seq))

    def ask(self, verb: Callable[..., requests.Asked], place: int, published: bool) -> requests.Asked | None:
        """One of the API's verbs in its transaction."""
        try:
            with self.db.transaction():
                asked = verb(self.db, self.reports[place], requests.Ask("default"))
        except Conflict:
            return None
        self.bus += asked.events if published else []
        return asked

    # --- the bus --------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.bus)
    @rule(count=st.integers(1, 4), crash=st.sampled_from(["never", "never", "before commit", "before ack"]))
    def deliver(self, count: int, crash: str) -> None:
        """The dispatcher's batch; it may die before its commit or before its acknowledgement."""
        batch = self.bus[:count]
        try:
            with self.db.transaction():
                record_batch(self.db, self.registry, batch, [None] * len(batch))
                if crash == "before commit":
                    raise psycopg.Rollback
        except psycopg.Rollback:
            return
        if crash == "before commit":
            return
        for event in batch:
            [seq] = self.db.execute("SELECT seq FROM andon.events WHERE id = %s", [event.id]).fetchone() or [0]
            if event.name.endswith("cancelled") and not event.name.startswith("andon/"):
                case = str(event.data.get("case") or event.data.get("reportId"))
                self.handled[case] = max(self.handled.get(case, 0), seq)
        self.delivered += batch
        if crash != "before ack":
            del self.bus[:count]

    @precondition(lambda self: self.delivered)
    @rule(data=st.data())
    def deliver_again(self, data: st.DataObject) -> None:
        """A failover that replays, or a producer that sends again."""
        self.bus.append(data.draw(st.sampled_from(self.delivered)))

    @precondition(lambda self: len(self.bus) > 1)
    @rule(data=st.data())
    def reorder(self, data: st.DataObject) -> None:
        """Another order on the bus than the one of recording."""
        self.bus = data.draw(st.permutations(self.bus))

    @rule()
    def relay(self) -> None:
        """The outbox is published again."""
        self.bus += inbox.send_open(self.db, inbox.find_open(self.db, older_than=-1.0, limit=100))

    @rule()
    def flush_redis(self) -> None:
        """Redis loses the bus and all flags; what is being cancelled can be flagged again."""
        self.bus.clear()
        flags = functions.flags_to_raise(self.db)
        assert {run_flag(run.id) for run in self.look() if run.status == "cancelling"} <= flags.keys()

    # --- runs -----------------------------------------------------------------------------------------------------

    @rule(data=st.data())
    def claim(self, data: st.DataObject) -> None:
        """A hint reaches a worker, whatever the run's status is: what is queued, and whose turn it is, is won."""
        found = self.look()
        if found:
            queued = [each for each in found if each.status == "queued"]
            self.take(data.draw(st.sampled_from(queued or found)), alone=data.draw(st.booleans()))

    def take(self, hinted: Run, *, alone: bool = False) -> Holder | None:
        """Follow the hint as a worker does."""
        first = self.db.execute(_FIRST_IN_LINE, [hinted.id]).fetchone()
        expected = first[0] if first and not alone else None
        claimed = leases.claim(self.db, hinted.id, worker="machine", lease=LEASE, alone=alone)
        if alone and claimed is not None:
            expected = claimed.id
            assert claimed.lost >= ALONE_FROM
        assert (claimed.id if claimed else None) == expected
        if claimed is None:
            return None
        [run] = [each for each in self.look() if each.id == claimed.id]
        assert (run.status, run.fence) == ("running", claimed.fence)
        known = {step: output for (run_id, step), output in self.memos.items() if run_id == run.id}
        memos = claimed.memos.values()
        assert {memo.id: memo.output for memo in memos if memo.id.startswith("step-")} == known
        assert "waiting" not in {memo.status for memo in memos}
        position = len(claimed.memos)
        self.holders.append(Holder(run.id, claimed.fence, run.subject_id, position, claimed.event, claimed.function_id))
        return self.holders[-1]

    @precondition(lambda self: self.holders)
    @rule(data=st.data())
    def step(self, data: st.DataObject) -> None:
        """A holder, present or former, has finished a step."""
        self.finish_step(data.draw(st.sampled_from(self.holders)))

    def finish_step(self, holder: Holder) -> None:
        """Kept if it holds the run, and no cancel came first."""
        [run] = [each for each in self.look() if each.id == holder.run_id]
        name = f"step-{holder.position}"
        output = {"fence": holder.fence, "at": len(self.memos)}
        current = run.held and run.fence == holder.fence
        held = journal.Holding(run.id, holder.fence)
        result = journal.Result(*held, Attempt(name, holder.position), 0.0, json.dumps(output))
        kept = bool(journal.keep(self.db, [result]))
        if not kept:
            standing = journal.standings(self.db, [held])[held]
            assert standing == ("cancelled" if current else "lost")
        assert kept == (current and run.cancel_requested_at is None)
        if kept:
            self.memos[run.id, name] = output
            holder.position += 1

    @precondition(lambda self: self.holders)
    @rule(data=st.data(), status=st.sampled_from(["completed", "failed", "cancelled"]))
    def settle(self, data: st.DataObject, status: str) -> None:
        """A holder, present or former, says that the run has ended; `cancelled` only if it was told so."""
        self.end(data.draw(st.sampled_from(self.holders)), status)

    def end(self, holder: Holder, status: str) -> None:
        """Written if it holds the run; a cancel that was accepted before wins."""
        [run] = [each for each in self.look() if each.id == holder.run_id]
        if status == "cancelled" and run.cancel_requested_at is None:
            status = "completed"
        error = '{"message": "planned"}' if status == "failed" else None
        frees = run.function_id == "visit"
        end = End(run.id, holder.fence, status, "{}", error)
        settled = settle_held(self.db, [end], frees=frees) or awaiting_children.await_children(self.db, [end])
        assert bool(settled) == (run.held and run.fence == holder.fence)
        if settled and settled[0].status == "cancelling":
            assert run.cancel_requested_at is not None
        elif settled:
            assert settled[0].status == ("cancelled" if run.cancel_requested_at is not None else status)

    @precondition(lambda self: self.holders)
    @rule(data=st.data(), seconds=st.sampled_from([None, 0.0, 3600.0]))
    def suspend(self, data: st.DataObject, seconds: float | None) -> None:
        """A holder, present or former, lets the run wait, or hands it over."""
        holder = data.draw(st.sampled_from(self.holders))
        [run] = [each for each in self.look() if each.id == holder.run_id]
        frees = run.function_id == "visit" and run.kind == "function" and seconds is not None
        kept = leases.suspend(self.db, run.id, holder.fence, seconds=seconds, frees=frees)
        assert kept == (run.status == "running" and run.fence == holder.fence)

    # --- what runs wait for ---------------------------------------------------------------------------------------

    def to_wait(self, holder: Holder, waiting: Waiting) -> None:
        """A holder, present or former, lets the run wait for what somebody else does."""
        [run] = [each for each in self.look() if each.id == holder.run_id]
        sent = waits.suspend(self.db, holder.holding, waiting.as_json(), None, frees=run.function_id == "visit")
        assert (sent is not None) == (run.status == "running" and run.fence == holder.fence)
        self.bus += sent or []

    @precondition(lambda self: self.waiters())
    @rule(data=st.data())
    def wait_for_an_answer(self, data: st.DataObject) -> None:
        """To its case, since its own event, and not one that it has had."""
        holder = data.draw(st.sampled_from(self.waiters()))
        wait = Wait(ANSWER, "data.case")
        had = {(wait.event, wait.match): self.had.get(holder.run_id, [])}
        step = f"wait-{holder.position}"
        wanted = awaited(step, [wait], holder.event, RUN, had, lambda _: None)
        self.to_wait(holder, Waiting(step, holder.position, wanted))

    @precondition(lambda self: self.waiters())
    @rule(data=st.data(), to=st.sampled_from(["walk", "visit"]), policy=st.sampled_from(["cancel", "wait", "abandon"]))
    def invoke(self, data: st.DataObject, to: str, policy: str) -> None:
        """A run asks for a child, and waits for its end."""
        self.ask_for_child(data.draw(st.sampled_from(self.waiters())), to, policy)

    def ask_for_child(self, holder: Holder, to: str, policy: str) -> None:
        """Its event isn't in the order of the bus: what the outbox has open is relayed at any time."""
        step, child = f"page-{holder.position}", str(new_id())
        data = {"case": holder.event.data["case"], "room": 1}
        try:
            _, event = invoked(holder.event, str(holder.run_id), step, child, to, data, policy, "cancel")
        except NonRetriable:  # so deep a tree may not be
            return
        wanted = (Awaited(CHILD_ENDED, "", uuid.UUID(child), after_seq=0),)
        self.to_wait(holder, Waiting(step, holder.position, wanted, None, {"runId": child}, (event,)))

    def waiters(self) -> list[Holder]:
        """Who may wait: reports' runs and cleanups here don't."""
        functions = {run.id for run in self.look() if run.kind == "function"}
        return [each for each in self.holders if each.subject_id is None and each.run_id in functions]

    @rule()
    def look_back(self) -> None:
        """Between two batches the dispatcher looks for what came before a wait."""
        with self.db.transaction():
            arrivals.look(self.db)

    @rule(crash=st.booleans())
    def cascade(self, crash: bool) -> None:
        """A level of children is cancelled; the dispatcher may die before its commit."""
        with self.db.transaction():
            cascades.cascade(self.db)
            if crash:
                raise psycopg.Rollback

    @rule()
    def outlive(self) -> None:
        """Runs end that had to wait for their children."""
        outlived(self.db)

    # --- workers, and the dispatcher's upkeep ---------------------------------------------------------------------

    @precondition(lambda self: self.holders)
    @rule()
    def heartbeat(self) -> None:
        """One worker's beat for all that it holds or believes to hold."""
        newest = {holder.run_id: holder for holder in self.holders}.values()
        beats = [Beat(each.run_id, each.fence, None, None, None, None) for each in newest]
        alive = {row.run_id: row.cancelled for row in leases.heartbeat(self.db, beats, lease=LEASE)}
        for run in self.look():
            if run.id in alive:
                assert run.held
                assert alive[run.id] == (run.cancel_requested_at is not None)

    @precondition(lambda self: self.holders)
    @rule(data=st.data())
    def lose_worker(self, data: st.DataObject) -> None:
        """A lease runs out, and the reconciler takes the run back."""
        self.lose(data.draw(st.sampled_from(self.holders)))

    def lose(self, holder: Holder) -> None:
        """The run's lease is over, whoever has it, and the reconciler looks."""
        self.db.execute(
            "UPDATE andon.runs SET lease_until = now() - interval '1 s' WHERE id = %s AND lease_until IS NOT NULL",
            [holder.run_id],
        )
        reclaim(self.db, LOST_LIMIT)

    @precondition(lambda self: self.holders)
    @rule(data=st.data())
    def take_over(self, data: st.DataObject) -> None:
        """A worker is lost, and another goes on at once; then the former one writes."""
        holder = data.draw(st.sampled_from(self.holders))
        self.lose(holder)
        [run] = [each for each in self.look() if each.id == holder.run_id]
        self.hint()
        self.take(run)
        self.finish_step(holder)
        self.end(holder, "completed")

    @precondition(lambda self: self.holders)
    @rule(data=st.data())
    def cancel_what_is_held(self, data: st.DataObject) -> None:
        """A cancel arrives, and its holder has not heard of it."""
        holder = data.draw(st.sampled_from(self.holders))
        [run] = [each for each in self.look() if each.id == holder.run_id]
        if run.subject_id is None:
            self.bus.insert(0, Event("walk/cancelled", {"case": run.case}, id=str(new_id())))
            self.deliver(1, "never")
            self.end(holder, "completed")
        else:
            self.cancel_report([str(each) for each in self.reports].index(run.case), True)

    @rule()
    def wake(self) -> None:
        """The sleepers whose time has come are queued."""
        with self.db.transaction():
            hinted.wake(self.db)

    @rule()
    def hint(self) -> None:
        """What was handed over, taken back or made by an end stands in line."""
        with self.db.transaction():
            hinted.unsent(self.db)

    @rule(crash=st.booleans())
    def open_doors(self, crash: bool) -> None:
        """The gatekeeper lets in who can go; it may die before its commit."""
        with self.db.transaction():
            self.gatekeeper.open(self.db)
            if crash:
                raise psycopg.Rollback

    @rule()
    def lead(self) -> None:
        """Another begins to lead, and looks at every door."""
        self.gatekeeper = Gatekeeper(self.registry)
        with self.db.transaction():
            self.gatekeeper.reconcile(self.db)

    @rule()
    def raise_floors(self) -> None:
        """The dispatcher looks how far the lines have come."""
        turns.raise_floors(self.db)

    # --- what always holds ----------------------------------------------------------------------------------------

    def look(self) -> list[Run]:
        """All runs."""
        return [Run(*row) for row in self.db.execute(_RUNS).fetchall()]

    @invariant()
    def a_terminal_status_never_changes_and_is_told_once(self) -> None:
        """And no run that has ended is missing."""
        now = {run.id: run.status for run in self.look() if run.status in ENDED}
        assert {id: now.get(id) for id in self.ended} == self.ended
        self.ended = now
        told = self.db.execute(
            "SELECT data->>'runId', count(*) FROM andon.events WHERE name = ANY(%s) GROUP BY 1", [list(ENDS)]
        ).fetchall()
        functions_ended = {str(run.id) for run in self.look() if run.status in ENDED and run.kind == "function"}
        assert dict(told) == dict.fromkeys(functions_ended, 1)

    @invariant()
    def the_rule_by_seq_holds(self) -> None:
        """No open run is older than a cancel that was handled, and none is cancelled without a newer cancel."""
        newest: dict[str, int] = dict(
            self.db.execute(
                "SELECT coalesce(data->>'case', data->>'reportId'), max(seq) FROM andon.events"
                " WHERE name IN ('walk/cancelled', 'report/generation.cancelled') GROUP BY 1"
            ).fetchall()
        )
        for run in self.look():
            if run.kind != "function":
                continue
            if run.status in {"queued", "running", "waiting"}:
                assert self.handled.get(run.case, 0) < run.seq, f"{run} was to be cancelled"
            if run.cause == "parent":
                continue
            if run.status in {"cancelling", "cancelled"}:
                assert newest.get(run.case, 0) > run.seq, f"{run} is cancelled by nothing"

    @invariant()
    def never_more_are_let_in_than_the_limits(self) -> None:
        """One in each room, and two in the house, whatever they do and whoever has lost them."""
        let_in: dict[str, int] = dict(self.db.execute(_LET_IN).fetchall())
        assert max(let_in.values(), default=0) <= 1
        assert sum(let_in.values()) <= 2

    @invariant()
    def an_accepted_cancel_has_won(self) -> None:
        """Its report's newest request before it has been cancelled, or will be born so."""
        for report, seq in self.won:
            older = [run for run in self.look() if run.kind == "function" and run.case == report and run.seq < seq]
            if older:
                assert max(older, key=lambda run: run.seq).status in {"cancelling", "cancelled"}

    @invariant()
    def memos_stay_as_they_were_written(self) -> None:
        """One per run and step."""
        rows = self.db.execute("SELECT run_id, id, output FROM andon.steps WHERE id LIKE 'step-%'").fetchall()
        assert {(run_id, id): output for run_id, id, output in rows} == self.memos

    @invariant()
    def a_report_says_what_its_newest_run_says(self) -> None:
        """From the same transaction on."""
        for report, run in self.db.execute(_REPORTS).fetchall():
            if run in ENDED:
                assert report == ("generated" if run == "completed" else run)
            elif run is not None:
                assert report == "generating"

    @invariant()
    def a_wait_is_told_of_what_it_waits_for_and_of_each_once(self) -> None:
        """Of its own case, after its own event."""
        self.had = {}
        for run_id, seq, fits in self.db.execute(_TOLD).fetchall():
            assert fits
            assert seq not in self.had.setdefault(run_id, [])
            self.had[run_id].append(seq)

    @invariant()
    def no_child_slips_out_and_what_a_parent_is_told_of_it_is_true(self) -> None:
        """None is made once its parent is asked to stop, and who waits for it outlives it."""
        assert self.db.execute(_SLIPPED_OUT).fetchall() == []
        assert self.db.execute(_OUTLIVED).fetchall() == []
        assert self.db.execute(_ANOTHER_END).fetchall() == []

    def come_to_rest(self) -> None:
        """Whatever happened: everything accepted takes effect, every run ends, nobody waits for ever."""
        self.bus += [Event(ANSWER, {"case": case}, id=str(new_id())) for case in CASES]
        for _ in range(200):
            self.relay()
            while self.bus:
                self.deliver(4, "never")
            self.db.execute("UPDATE andon.runs SET wake_at = now() WHERE wake_at IS NOT NULL")
            self.db.execute("UPDATE andon.runs SET lease_until = now() - interval '1 s' WHERE lease_until IS NOT NULL")
            reclaim(self.db, LOST_LIMIT)
            self.look_back()
            self.cascade(crash=False)
            self.outlive()
            self.wake()
            self.hint()
            self.open_doors(crash=False)
            hints = [run for run in self.look() if run.status == "queued"]
            for holder in [*map(self.take, hints), *(self.take(run, alone=True) for run in hints)]:
                if holder is not None:
                    self.end(holder, "completed")
            [left] = self.db.execute("SELECT count(*) FROM andon.outbox").fetchone() or [0]
            if not left and not self.bus and all(run.status in ENDED for run in self.look()):
                break
        else:
            pytest.fail("it doesn't come to rest")
        requested = "SELECT seq FROM andon.events WHERE name LIKE '%requested'"
        seqs = sorted(seq for (seq,) in self.db.execute(requested).fetchall())
        made = [run.seq for run in self.look() if run.kind == "function" and run.parent_step is None]
        assert sorted(made) == seqs
        for report, run in self.db.execute(_REPORTS).fetchall():
            assert report == {None: "idle", "completed": "generated"}.get(run, run)


@pytest.fixture
def machine(database_url: str) -> type[Protocol]:
    """The machine on a database that notes every move."""

    class OnThisDatabase(Protocol):
        url = database_url
        registry = Registry.load(["tests.functions", "tests.limited_functions"], check_expression=check_expression)

    with psycopg.connect(database_url) as connection:
        moves.watch(connection)
    return OnThisDatabase


def test_every_move_of_the_state_machine_is_made_and_no_other(machine: type[Protocol]) -> None:
    protocol = machine()
    protocol.begin()

    def hold() -> Holder:
        protocol.produce("a", "walk/requested", 1)
        protocol.deliver(1, "never")
        holder = protocol.take(max(protocol.look(), key=lambda run: run.seq))
        assert holder is not None
        return holder

    def suspend(holder: Holder, seconds: float | None) -> None:
        assert leases.suspend(protocol.db, holder.run_id, holder.fence, seconds=seconds)

    def cancel() -> None:
        protocol.produce("a", "walk/cancelled", 1)
        protocol.deliver(1, "never")

    for status in ("completed", "failed", "cancelled"):
        ended = hold()
        assert settle_held(protocol.db, [End(ended.run_id, ended.fence, status)])
    suspend(hold(), 0.0)
    protocol.wake()
    suspend(hold(), None)
    suspend(hold(), 3600.0)
    protocol.bus.append(Event("spelled/requested", {"case": "b", "room": 1}, id=str(new_id())))
    protocol.deliver(1, "never")
    stopping = hold()
    cancel()
    protocol.end(stopping, "cancelled")
    overdue = hold()
    cancel()
    protocol.db.execute("UPDATE andon.runs SET cancel_deadline_at = now() WHERE id = %s", [overdue.run_id])
    assert [each.run_id for each in settle_overdue(protocol.db)] == [overdue.run_id]

    def await_child() -> Holder:
        parent = hold()
        protocol.ask_for_child(parent, "walk", "wait")
        protocol.deliver(1, "never")
        return parent

    def told_of_child() -> None:
        while (taken := protocol.take(max(protocol.look(), key=lambda run: run.seq))) is not None:
            protocol.end(taken, "completed")
        protocol.relay()
        protocol.deliver(20, "never")
        protocol.wake()

    await_child()
    cancel()
    await_child()
    told_of_child()
    cancel()
    protocol.come_to_rest()
    seen = moves.seen(protocol.db)
    protocol.teardown()
    assert seen.keys() == moves.KNOWN


@pytest.mark.parametrize("examples", [30, pytest.param(1000, marks=pytest.mark.slow)])
def test_the_protocol_keeps_its_promises_in_any_order_of_failures(machine: type[Protocol], examples: int) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
        ),
    )
