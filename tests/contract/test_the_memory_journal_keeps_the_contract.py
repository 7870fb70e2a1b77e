"""The fake that users' tests stand on does what the real journal does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from andon.testing import MemoryJournal
from tests.contract.journal_contract import JournalContract, Kept


class TestMemoryJournal(JournalContract):
    @pytest.fixture
    def kept(self) -> Kept:
        rows: list[int] = []

        @contextmanager
        def session() -> Iterator[list[int]]:
            pending: list[int] = []
            yield pending
            rows.extend(pending)

        journal = MemoryJournal(session=session)
        return Kept(
            journal,
            journal.memos,
            cancel=lambda: setattr(journal, "cancelled", True),
            lose=lambda: setattr(journal, "lost", True),
            write=lambda pending: pending.append(1),
            written=lambda: len(rows),
            sent=lambda: [(each.id, dict(each.data)) for each in journal.sent],
            files=lambda: {name: (step, each.key, each.bytes) for name, (step, each) in journal.artifacts.items()},
            tags=lambda: sorted(journal.tags),
        )
