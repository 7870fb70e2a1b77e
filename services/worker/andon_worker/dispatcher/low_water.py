"""Entries below the bus' low-water mark were all handled, and the inbox may have forgotten them: they start nothing.

They are seen again when a consumer group is made anew from the stream's beginning, or when a failover replays entries.
"""

import logging
from collections.abc import Sequence

from andon.adapters.postgres.connect import Connection
from andon.adapters.postgres.upkeep.retention import position, still_open
from andon.engine.events import Event

log = logging.getLogger(__name__)


def forgotten(connection: Connection, entries: Sequence[tuple[str, Event | None]], mark: tuple[int, int]) -> set[str]:
    """The stream ids, among these entries, that lie below the mark: handled long ago, and may be forgotten.

    An event of ours that the outbox says is open was not handled, wherever its entry lies (Redis' clock was set back).
    In the transaction that holds the leadership, which the mark can't pass.
    """
    below = [(id, event) for id, event in entries if position(id) < mark]
    if not below:
        return set()
    keys = [(event.tenant, event.id) for _, event in below if event is not None]
    still = still_open(connection, keys)
    dropped = {id for id, event in below if event is None or (event.tenant, event.id) not in still}
    if dropped:
        log.warning("%d entries lie below the low-water mark and are dropped: %s ...", len(dropped), min(dropped))
    return dropped
