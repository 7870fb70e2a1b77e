"""The real journal, on a real PostgreSQL."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.orm import Session

from andon.adapters.postgres.connect import connect, sqlalchemy_url
from andon.adapters.postgres.database import Database
from andon.adapters.postgres.journal import PostgresJournal, complete_together
from andon.adapters.postgres.runs import read_memos
from andon.engine.errors import InvalidResult, LeaseLost
from andon.engine.stops import StopSignal
from tests.contract.journal_contract import JournalContract, Kept

HELD_RUN = """
INSERT INTO andon.runs (id, tenant, function_id, event_seq, status, fence, started_at)
VALUES (%s, 'default', 'f', %s, 'running', 7, clock_timestamp())
"""


class TestPostgresJournal(JournalContract):
    @pytest.fixture
    def kept(self, database_url: str) -> Iterator[Kept]:
        run = uuid.uuid4()
        database = Database(database_url, name="test")
        engine = create_engine(sqlalchemy_url(database_url))
        with connect(database_url, name="contract") as other:
            other.execute(HELD_RUN, [run, 1])
            other.execute("CREATE TABLE public.written (id int)")

            def written() -> int:
                row = other.execute("SELECT count(*) FROM public.written").fetchone()
                assert row is not None
                return int(row[0])

            def update(change: str) -> None:
                assert other.execute(f"UPDATE andon.runs SET {change} WHERE id = %s", [run]).rowcount == 1

            yield Kept(
                PostgresJournal(
                    database, lambda: engine, complete_together(database), run, 7, StopSignal(lambda: None)
                ),
                memos=lambda: read_memos(other, run),
                cancel=lambda: update("cancel_requested_at = clock_timestamp(), status = 'cancelling'"),
                lose=lambda: update("fence = 8"),
                write=lambda session: session.execute(text("INSERT INTO public.written VALUES (1)")),
                written=written,
            )
        engine.dispose()
        database.close()

    @pytest.mark.parametrize(("ending", "rows"), [("commit", 1), ("rollback", 0), ("close", 0)])
    def test_a_body_that_ends_its_own_transaction_ends_only_a_savepoint(
        self, kept: Kept, ending: str, rows: int
    ) -> None:
        def body(session: Session) -> str:
            kept.write(session)
            getattr(session, ending)()
            return ending

        stop = StopSignal(lambda: None)
        assert kept.journal.transaction("t", 0, 1, body, json.dumps, stop) == json.dumps(ending)
        assert kept.memos()["t"].output == ending
        assert kept.written() == rows

    def test_what_a_body_has_committed_goes_when_the_run_is_lost(self, kept: Kept) -> None:
        def body(session: Session) -> str:
            kept.write(session)
            session.commit()
            return "never kept"

        kept.lose()
        with pytest.raises(LeaseLost):
            kept.journal.transaction("t", 0, 1, body, json.dumps, StopSignal(lambda: None))
        assert kept.written() == 0


def test_runs_that_end_steps_together_do_not_wait_for_a_run_that_is_locked(database_url: str) -> None:
    database = Database(database_url, name="test")
    runs = [uuid.uuid4() for _ in range(4)]
    with connect(database_url, name="contract") as other, ThreadPoolExecutor(4) as pool:
        other.cursor().executemany(HELD_RUN, [(run, number) for number, run in enumerate(runs, 1)])
        together = complete_together(database)
        journals = [PostgresJournal(database, _no_session, together, run, 7, StopSignal(lambda: None)) for run in runs]
        with other.transaction():
            other.execute("SELECT FROM andon.runs WHERE id = %s FOR UPDATE", [runs[0]])
            completes = [pool.submit(each.complete, "a", 0, 1, 0.0, "1") for each in journals]
            assert [each.result(30) for each in completes[1:]] == [False] * 3
            assert not completes[0].done()
        assert completes[0].result(30) is False
        assert [read_memos(other, run)["a"].output for run in runs] == [1] * 4
    database.close()


def _no_session() -> Engine:
    pytest.fail("no session is needed")


@pytest.mark.parametrize("before", [0, 2_500_000])
def test_a_run_keeps_so_many_bytes_of_results_and_no_more(database_url: str, before: int) -> None:
    database, run = Database(database_url, name="test"), uuid.uuid4()
    engine = create_engine(sqlalchemy_url(database_url))
    long = json.dumps("x" * 1_000_000)
    with connect(database_url, name="contract") as other:
        other.execute(HELD_RUN, [run, 1])
        if before:  # a holder before this one has kept them
            other.execute(
                "INSERT INTO andon.steps (run_id, id, position, status, attempt, fence, started_at, output)"
                " VALUES (%s, 'before', 100, 'completed', 1, 6, now(), to_json(repeat('x', %s)))",
                [run, before],
            )
        journal = PostgresJournal(
            database,
            lambda: engine,
            complete_together(database),
            run,
            7,
            StopSignal(lambda: None),
            results_limit_bytes=4_000_000,
        )

        def keep(place: int) -> None:
            if place % 2:
                journal.complete(f"step-{place}", place, 1, 0.0, long)
            else:
                journal.transaction(f"step-{place}", place, 1, lambda _: None, lambda _: long, StopSignal(lambda: None))

        room = 1 if before else 3
        for place in range(room):
            keep(place)
        with pytest.raises(InvalidResult, match=rf"'step-{room}' returned .* store it as an artifact") as refused:
            keep(room)
        assert refused.value.code == "RESULT"
        assert len(read_memos(other, run)) == room + bool(before)
    engine.dispose()
    database.close()
