"""When the next one is due by a rate, for each key: read and written by the dispatcher that leads, in one transaction.

A row whose time is over says nothing any more: `andon prune` takes it away.
"""

import datetime as dt
import uuid
from collections.abc import Mapping

from andon.adapters.postgres.connect import Connection, now
from andon.adapters.postgres.statements import Statement
from andon.engine.declared.rates import Rate

_READ = Statement("SELECT key, tat FROM andon.tats WHERE key = ANY(%(keys)s)")
_WRITE = Statement("""
INSERT INTO andon.tats (key, tat) SELECT * FROM unnest(%(keys)s::uuid[], %(tats)s::timestamptz[])
ON CONFLICT (key) DO UPDATE SET tat = excluded.tat
""")
_DUE = Statement("INSERT INTO andon.gate_due (key, at) SELECT * FROM unnest(%(keys)s::uuid[], %(at)s::timestamptz[])")


class Rates:
    """What is free by the rates of some keys at one moment, and what of it is spent."""

    def __init__(self) -> None:
        self._rates: dict[uuid.UUID, Rate] = {}
        self._tats: dict[uuid.UUID, dt.datetime] = {}
        self._spent: set[uuid.UUID] = set()
        self._now: dt.datetime | None = None

    def read(self, connection: Connection, rates: Mapping[uuid.UUID, Rate]) -> None:
        """Learn of these keys, by the database's clock."""
        if not rates:
            return
        if self._now is None:
            self._now = now(connection)
        self._rates |= rates
        self._tats |= dict(_READ.execute(connection, {"keys": list(rates)}).fetchall())

    def free(self, key: uuid.UUID) -> int:
        """How many may go now."""
        return self._rates[key].free(self._tats.get(key), self._at)

    def spend(self, key: uuid.UUID, count: int = 1) -> None:
        """So many go."""
        self._tats[key] = self._rates[key].spend(self._tats.get(key), self._at, count)
        self._spent.add(key)

    def write(self, connection: Connection) -> None:
        """Keep what was spent."""
        if self._spent:
            keys = sorted(self._spent)
            _WRITE.execute(connection, {"keys": keys, "tats": [self._tats[key] for key in keys]})

    def look_again(self, connection: Connection, keys: set[uuid.UUID]) -> None:
        """Have the doors of these keys, of which some was spent, looked at when one may go again."""
        if wanted := sorted(keys):
            at = [self._rates[key].opens_at(self._tats[key]) for key in wanted]
            _DUE.execute(connection, {"keys": wanted, "at": at})

    @property
    def _at(self) -> dt.datetime:
        assert self._now is not None
        return self._now
