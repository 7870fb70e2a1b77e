"""The real journal, on a real PostgreSQL."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session

from andon.adapters.postgres.connect import connect
from andon.adapters.postgres.events.inbox import record
from andon.adapters.postgres.runs.leases import read_memos
from andon.adapters.postgres.urls import sqlalchemy_url
from andon.engine.errors import LeaseLost
from andon.engine.events import Event
from andon.engine.ports import Attempt
from tests.contract.journal_contract import JournalContract, Kept
from tests.support.polling import PATIENCE
from tests.support.supervised_journal import LedgerJournal, start_ledger

HELD_RUN = """
INSERT INTO andon.runs (id, tenant, function_id, event_seq, status, fence, started_at)
VALUES (%s, 'default', 'f', %s, 'running', 7, clock_timestamp())
"""
SENT = "SELECT id, data FROM andon.events JOIN andon.outbox ON event_seq = seq ORDER BY seq"


TAGS = "SELECT tag FROM andon.run_tags WHERE run_id = %s ORDER BY tag"
FILES = "SELECT name, step, key, bytes FROM andon.run_artifacts WHERE run_id = %s"


class TestPostgresJournal(JournalContract):
    @pytest.fixture
    def kept(self, database_url: str) -> Iterator[Kept]:
        run = uuid.uuid4()
        ledger = start_ledger(database_url)
        engine = create_engine(sqlalchemy_url(database_url))
        with connect(database_url, name="contract") as other:
            seq = record(other, [Event("test/asked")])[0].seq
            other.execute(HELD_RUN, [run, seq])
            other.execute("CREATE TABLE public.written (id int)")

            def written() -> int:
                row = other.execute("SELECT count(*) FROM public.written").fetchone()
                assert row is not None
                return int(row[0])

            def update(change: str) -> None:
                assert other.execute(f"UPDATE andon.runs SET {change} WHERE id = %s", [run]).rowcount == 1

            yield Kept(
                LedgerJournal(ledger, run, 7, engine),
                memos=lambda: read_memos(other, run)[0],
                cancel=lambda: update("cancel_requested_at = clock_timestamp(), status = 'cancelling'"),
                lose=lambda: update("fence = 8"),
                write=lambda session: session.execute(text("INSERT INTO public.written VALUES (1)")),
                written=written,
                sent=lambda: other.execute(SENT).fetchall(),
                tags=lambda: [tag for (tag,) in other.execute(TAGS, [run]).fetchall()],
                files=lambda: {name: tuple(row) for name, *row in other.execute(FILES, [run]).fetchall()},
            )
        engine.dispose()
        ledger.close()
        ledger.join()

    @pytest.mark.parametrize(("ending", "rows"), [("commit", 1), ("rollback", 0), ("close", 0)])
    def test_a_body_that_ends_its_own_transaction_ends_only_a_savepoint(
        self, kept: Kept, ending: str, rows: int
    ) -> None:
        def body(session: Session) -> str:
            kept.write(session)
            getattr(session, ending)()
            return ending

        assert kept.journal.transaction(Attempt("t", 0), body, json.dumps) == json.dumps(ending)
        assert kept.memos()["t"].output == ending
        assert kept.written() == rows

    def test_what_a_body_has_committed_goes_when_the_run_is_lost(self, kept: Kept) -> None:
        def body(session: Session) -> str:
            kept.write(session)
            session.commit()
            return "never kept"

        kept.lose()
        with pytest.raises(LeaseLost):
            kept.journal.transaction(Attempt("t", 0), body, json.dumps)
        assert kept.written() == 0


def test_runs_that_end_steps_together_do_not_wait_for_a_run_that_is_locked(database_url: str) -> None:
    ledger = start_ledger(database_url)
    runs = [uuid.uuid4() for _ in range(4)]
    with connect(database_url, name="contract") as other, ThreadPoolExecutor(4) as pool:
        other.cursor().executemany(HELD_RUN, [(run, number) for number, run in enumerate(runs, 1)])
        journals = [LedgerJournal(ledger, run, 7) for run in runs]
        with other.transaction():
            other.execute("SELECT FROM andon.runs WHERE id = %s FOR UPDATE", [runs[0]])
            completes = [pool.submit(each.complete, Attempt("a", 0), 0.0, "1") for each in journals]
            assert [each.result(PATIENCE) for each in completes[1:]] == [False] * 3
            assert not completes[0].done()
        assert completes[0].result(PATIENCE) is False
        assert [read_memos(other, run)[0]["a"].output for run in runs] == [1] * 4
    ledger.close()
    ledger.join()


def test_large_results_are_fetched_when_they_are_called_for(database_url: str) -> None:
    ledger, run, large = start_ledger(database_url), uuid.uuid4(), json.dumps("x" * 300_000)
    with connect(database_url, name="contract") as other:
        other.execute(HELD_RUN, [run, 1])
        journal = LedgerJournal(ledger, run, 7)
        for position, output in enumerate(["1", large, "2"]):
            journal.complete(Attempt(f"s{position}", position), 0.0, output)
        memos, _ = read_memos(other, run)
        assert [(memo.at_hand, memo.output) for memo in memos.values()] == [(True, 1), (False, None), (False, None)]
        assert journal.recall(memos["s1"]) == large
    ledger.close()
    ledger.join()
