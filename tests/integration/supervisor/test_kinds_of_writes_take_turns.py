"""Whoever writes one thing after the other keeps nobody else's single one waiting until all of it is written."""

from __future__ import annotations

import queue
import uuid

from andon.adapters.postgres.connect import Connection
from andon.adapters.postgres.runs.journal import Holding
from andon_worker.supervisor.ledger import Unheld, Write
from tests.support.supervised_journal import start_ledger


def test_between_two_that_are_written_singly_others_have_their_turn(database_url: str) -> None:
    ledger = start_ledger(database_url)
    order: list[str] = []
    over: queue.SimpleQueue[object] = queue.SimpleQueue()

    def single(name: str) -> Write[bool]:
        def write(_: Connection) -> bool:
            order.append(name)
            return True

        return Write(over.put, Holding(uuid.uuid4(), 1), "send", write)

    def all_that_comes_meanwhile(_: Connection) -> bool:
        for name in ("first", "second", "third"):
            ledger.write(single(name))
        ledger.write(Unheld(over.put, lambda _: order.append("another's")))
        return True

    ledger.write(Write(over.put, Holding(uuid.uuid4(), 1), "send", all_that_comes_meanwhile))
    for _ in range(5):
        over.get(timeout=60)
    ledger.close()
    ledger.join()
    assert order == ["first", "another's", "second", "third"]
