"""A Redis that is new or empty gets its state again from Postgres."""

import logging
import time
import uuid
from contextlib import suppress
from typing import Any

from redis.exceptions import WatchError

from andon.adapters.postgres.duties import hinted
from andon.adapters.postgres.duties.look import Due
from andon.adapters.postgres.registered import functions
from andon.adapters.redis import flags
from andon.adapters.redis.bus import GROUP, STREAM, group_of
from andon.adapters.redis.stream.reading import place_of
from andon.adapters.redis.stream.unread import unread
from andon.engine.dispatch.lines import lines_of
from andon_worker.broker import kinds
from andon_worker.dispatcher.duties.duty import Duty
from andon_worker.dispatcher.intake import Intake
from andon_worker.dispatcher.leader import Leader

log = logging.getLogger(__name__)
FLAGS_AT_ONCE = 1_000
ASIDE = ":aside"
FAR_AHEAD_SECONDS = 86_400


class Recover(Duty):
    """Asks at every look whether Redis is the one that it was."""

    name = "recover"

    def __init__(self, leader: Leader, intake: Intake) -> None:
        super().__init__(leader)
        self._intake = intake
        self._kinds = {STREAM: "stream", flags.EPOCH: "string", **kinds(lines_of(leader.registry.queues()))}

    def is_due(self, due: Due) -> bool:
        return True

    def act(self) -> None:
        self._put_aside_what_is_none()
        self._put_aside_a_bus_of_days_to_come()
        if self._leader.redis.get(flags.EPOCH) is None:
            self.make_anew()

    def _put_aside_what_is_none(self) -> None:
        """What somebody has put in the place of the bus, of hints, of what says that Redis is whole."""
        pipe = self._leader.redis.pipeline(transaction=False)
        for key in self._kinds:
            pipe.type(key)
        found = {key: kind.decode() for key, kind in zip(self._kinds, pipe.execute(), strict=True)}
        if wrong := [key for key, kind in found.items() if kind not in {"none", self._kinds[key]}]:
            log.error("somebody has put something else at %s: it lies at …%s now", ", ".join(wrong), ASIDE)
            for key in wrong:
                self._leader.redis.rename(key, key + ASIDE)
            self._leader.redis.delete(flags.EPOCH)

    def _put_aside_a_bus_of_days_to_come(self) -> None:
        """Somebody has given an entry an id of far ahead, so all later ones have such, too: none is ever old enough to
        be trimmed, and behind the last id of all nothing can be added. When all of it is handled, it isn't needed.
        """
        redis = self._leader.redis
        group = group_of(redis)
        last = "0-0" if group is None else group["last-delivered-id"].decode()
        if place_of(last)[0] < (time.time() + FAR_AHEAD_SECONDS) * 1000:
            return
        with redis.pipeline() as pipe:
            pipe.watch(STREAM)  # type: ignore[no-untyped-call]
            waits: Any = redis.xpending(STREAM, GROUP)
            if waits["pending"] or unread(redis, STREAM, last, most=1)[0]:
                return
            pipe.multi()
            pipe.rename(STREAM, STREAM + ASIDE)
            pipe.delete(flags.EPOCH)
            with suppress(WatchError):
                pipe.execute()
                log.error("%s had got to the id %s of days to come: it lies at …%s now", STREAM, last, ASIDE)

    def make_anew(self) -> None:
        """Make the group, raise the flags again, hint every queued run; then say that it is whole."""
        self._intake.create_group()
        self._intake.pending_first = True
        log.warning("redis has no state of ours: making it anew from Postgres")
        connection, redis = self._leader.connection(), self._leader.redis
        raised = list(functions.flags_to_raise(connection).items())
        for start in range(0, len(raised), FLAGS_AT_ONCE):
            flags.raise_flags(redis, dict(raised[start : start + FLAGS_AT_ONCE]))
        for hints in hinted.all_queued(connection):
            self._leader.broker.hint(hints)
        redis.set(flags.EPOCH, uuid.uuid4().hex)
