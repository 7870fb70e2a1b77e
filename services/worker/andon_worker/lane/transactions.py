"""`step.transaction` in a lane: on a connection of its own, whose commit keeps the step's result."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

from andon.engine.ports import Attempt
from andon.engine.stops import Stop
from andon_worker.lane.conversation import Transact

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine


class Transactions:
    """The lane's SQLAlchemy engine, made when a step first asks for a transaction."""

    def __init__(self, database_url: str) -> None:
        @cache
        def engine() -> Engine:
            from andon.adapters.postgres.runs.transactions import step_engine

            return step_engine(database_url)

        self._engine = engine

    def of(self, run_id: str, fence: int, stop: Stop) -> Transact:
        """The transactions of one run."""

        def transact(attempt: Attempt, fn: Callable[[Any], Any], encode: Callable[[Any], str]) -> str:
            from andon.adapters.postgres.runs.transactions import transact

            return transact(self._engine(), run_id, fence, attempt, fn, encode, stop.interrupt_with)

        return transact
