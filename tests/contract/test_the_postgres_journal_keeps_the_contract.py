"""The real journal, on a real PostgreSQL."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session

from andon.adapters.postgres.connect import connect, sqlalchemy_url
from andon.adapters.postgres.database import Database
from andon.adapters.postgres.journal import PostgresJournal
from andon.adapters.postgres.runs import read_memos
from andon.engine.errors import LeaseLost
from andon.engine.stops import StopSignal
from tests.contract.journal_contract import JournalContract, Kept

HELD_RUN = """
INSERT INTO andon.runs (id, tenant, function_id, event_seq, status, fence, started_at)
VALUES (%s, 'default', 'f', 1, 'running', 7, clock_timestamp())
"""


class TestPostgresJournal(JournalContract):
    @pytest.fixture
    def kept(self, database_url: str) -> Iterator[Kept]:
        run = uuid.uuid4()
        database = Database(database_url, name="test")
        engine = create_engine(sqlalchemy_url(database_url))
        with connect(database_url, name="contract") as other:
            other.execute(HELD_RUN, [run])
            other.execute("CREATE TABLE public.written (id int)")

            def written() -> int:
                row = other.execute("SELECT count(*) FROM public.written").fetchone()
                assert row is not None
                return int(row[0])

            def update(change: str) -> None:
                assert other.execute(f"UPDATE andon.runs SET {change} WHERE id = %s", [run]).rowcount == 1

            yield Kept(
                PostgresJournal(database, lambda: engine, run, 7, StopSignal(lambda: None)),
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
