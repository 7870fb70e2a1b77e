"""What a run's lane asks for while its code waits: written by the ledger or looked up in Redis, and answered.

All of it is called in the loop's thread, and none of it waits. An answer goes out from the thread that has it.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from andon.adapters.postgres.access.room import Room
from andon.adapters.postgres.connect import Connection
from andon.adapters.postgres.registered.functions import starts_any
from andon.adapters.postgres.runs import journal, leases, run_tags, waits
from andon.adapters.postgres.runs.journal import Standing
from andon.engine.artifacts import Stored
from andon.engine.declared.tags import MOST_TAGS
from andon.engine.events import Event, why_only_ours
from andon.engine.ports import Attempt
from andon.engine.stops import Cause
from andon_worker.supervisor.courier import Courier, FlagCheck
from andon_worker.supervisor.endings import Endings
from andon_worker.supervisor.hosting.hosts import Run
from andon_worker.supervisor.hosting.lanes import Lane
from andon_worker.supervisor.hosting.loop import Loop
from andon_worker.supervisor.ledger import Check, Held, Keep, Ledger, Refused, Write
from andon_worker.supervisor.signals.hooks import Hooks
from andon_worker.wire import Header

VOID = {Cause.CANCELLED, Cause.LEASE_LOST}
"""After these a result counts no more."""
STANDINGS: dict[str, Cause] = {
    "cancelled": Cause.CANCELLED,
    "lost": Cause.LEASE_LOST,
    "completed": Cause.HAND_OVER,  # the code doesn't know of its step's result: it goes on from there elsewhere
}
FULL = "full"


@dataclass(eq=False)
class Answering:
    """`verbs` are the words of a lane that wants an answer; each raises `KeyError`, `TypeError` or `ValueError` for
    what can't be understood. `stop` orders a run to stop, `flush` sends what a lane's socket had no room for.
    """

    loop: Loop
    ledger: Ledger
    courier: Courier
    hooks: Hooks
    endings: Endings
    stop: Callable[[Run, Cause], object]
    flush: Callable[[Lane], object]
    room: Room

    def __post_init__(self) -> None:
        self.verbs: dict[str, Callable[[Run, Lane, Header, bytes], object]] = {
            "complete": self._complete,
            "fail": self._fail,
            "send": self._send_events,
            "expire": self._expire,
            "sleep": self._sleep,
            "extend": self._extend,
            "tag": self._tag,
            "recall": self._recall,
            "check": self._check,
        }

    def let_begin(self, run: Run, lane: Lane, attempt: Attempt) -> None:
        """A run that has lost a worker says which step it begins before it does: it may lose the next one, too."""
        if run.claimed.lost:
            held, name = run.holding, attempt.name
            self._write(run, "enter", lambda c: leases.enter(c, *held, name), lambda _: self._reply(run, lane, {}))
        else:
            self._reply(run, lane, {})

    def send(self, lane: Lane, header: Header, body: bytes = b"") -> None:
        """From any thread."""
        if lane.talk.send(header, body):
            self.loop.post(lambda: self.flush(lane))

    def _ask(self, run: Run, entry: Callable[[Any], Held[Any]], written: Callable[[Any], object]) -> None:
        """Have something written for a lane that waits. What it is answered, the ledger's thread sends at once."""
        lane = run.lane
        assert lane is not None

        def answer(answered: object) -> None:
            if isinstance(answered, Refused):
                self._reply(run, lane, {"kept": False, "refused": str(answered)})
            elif isinstance(answered, str) and answered in STANDINGS:
                cause = STANDINGS[answered]
                self.loop.post(lambda: self.stop(run, cause))
                self.send(lane, {"kept": False, "stop": int(cause)})
            else:
                written(answered)

        if run.cause in VOID:
            self.send(lane, {"kept": False, "stop": int(run.cause)})
        else:
            self.ledger.write(entry(answer))

    def _write(
        self,
        run: Run,
        what: str,
        write: Callable[[Connection], Any],
        written: Callable[[Any], object],
        size: int = 0,
    ) -> None:
        self._ask(run, lambda answer: Write(answer, run.holding, what, write, size=size), written)

    def _reply(self, run: Run, lane: Lane, header: Header) -> None:
        """An answer; with it goes what the run was ordered meanwhile, or that it is paused, or this worker closing."""
        cause = run.cause or (Cause.HAND_OVER if self.endings.closing or run.pause_door else None)
        self.send(lane, {"stop": int(cause), **header} if cause else header)

    def _complete(self, run: Run, lane: Lane, header: Header, body: bytes) -> None:
        attempt, seconds, output = Attempt(**header["attempt"]), header["seconds"], body.decode()
        files = [stored(each) for each in header["files"]]

        def kept(_: object) -> None:
            self.hooks.step_ends(run, attempt, "completed", seconds)
            self._reply(run, lane, {"kept": True})

        self._ask(run, lambda answer: Keep(answer, run.holding, attempt, seconds, output, files), kept)

    def _fail(self, run: Run, lane: Lane, header: Header, body: bytes) -> None:
        attempt, seconds, final = Attempt(**header["attempt"]), header["seconds"], header["final"]
        run.failure = error = header["error"]
        held = run.holding

        def write(connection: Connection) -> bool | Standing:
            return journal.keep_failure(connection, held, attempt, seconds, error, final=final)

        def kept(_: object) -> None:
            self.hooks.step_ends(run, attempt, "failed" if final else "retrying", seconds)
            self._reply(run, lane, {"kept": True})

        self._write(run, "fail", write, kept)

    def _send_events(self, run: Run, lane: Lane, header: Header, body: bytes) -> None:
        attempt, output, events = Attempt(**header["attempt"]), header["output"], body.decode()
        held, trace = run.holding, run.trace

        def write(connection: Connection) -> list[Event] | str | None:
            if self._is_full(connection, run.claimed.tenant, [each["name"] for each in json.loads(events)]):
                return FULL
            return journal.send(connection, held, attempt, events=events, output=output, traceparent=trace)

        def sent(recorded: Any) -> None:
            if recorded == FULL:
                self._reply(run, lane, {"kept": False, "full": self.room.most})
                return
            self.courier.publish(recorded)
            self.hooks.step_ends(run, attempt, "completed", 0.0)
            self._reply(run, lane, {"kept": True})

        self._write(run, "send", write, sent, size=len(body))

    def _is_full(self, connection: Connection, tenant: str, names: Sequence[str]) -> bool:
        """Whether these start runs, and as many of the tenant's wait as may. Cancels are sent all the same."""
        sent = [each for each in names if why_only_ours(each) is None]
        return bool(sent) and not self.room.has(tenant, len(sent), lambda: connection) and starts_any(connection, sent)

    def _expire(self, run: Run, lane: Lane, header: Header, body: bytes) -> None:
        name, output, error, events = header["name"], header["output"], header["error"], body.decode()
        held, trace = run.holding, run.trace

        def write(connection: Connection) -> waits.Expired | None:
            return waits.expire(connection, held, name, output=output, error=error, events=events, traceparent=trace)

        def expired(answer: Any) -> None:
            self.courier.publish(answer.events)
            m = answer.memo
            said = {"position": m.position, "status": m.status, "attempt": m.attempt, "error": m.error}
            self.send(lane, said, json.dumps(m.output).encode())

        self._write(run, "expire", write, expired, size=len(body))

    def _sleep(self, run: Run, lane: Lane, header: Header, body: bytes) -> None:
        name, position, seconds = header["name"], header["position"], header["seconds"]
        until = None if header["until"] is None else dt.datetime.fromisoformat(header["until"])
        held = run.holding
        self._write(
            run,
            "sleep",
            lambda c: journal.keep_sleep(c, held, name, position, seconds=seconds, until=until),
            lambda wake_at: self.send(lane, {"wake_at": wake_at.isoformat()}),
        )

    def _extend(self, run: Run, lane: Lane, header: Header, body: bytes) -> None:
        held, seconds = run.holding, header["seconds"]
        self._write(run, "extend", lambda c: leases.extend(c, *held, seconds), lambda _: self._reply(run, lane, {}))

    def _tag(self, run: Run, lane: Lane, header: Header, body: bytes) -> None:
        held, tenant, tag = run.holding, run.claimed.tenant, header["tag"]
        self._write(
            run,
            "tag",
            lambda c: run_tags.tag(c, held, tenant, tag),
            lambda count: self._reply(run, lane, {"room": count <= MOST_TAGS}),
        )

    def _recall(self, run: Run, lane: Lane, header: Header, body: bytes) -> None:
        id, name = run.id, header["name"]
        self._write(
            run,
            "recall",
            lambda c: journal.recall(c, id, name),
            lambda output: self.send(lane, {}, output.encode()),
        )

    def _check(self, run: Run, lane: Lane, header: Header, body: bytes) -> None:
        """Look at the run's flags in Redis, or where Redis can't tell, at Postgres."""

        def answered(raised: bool | None) -> None:
            if raised is None:
                self._ask(run, lambda answer: Check(answer, run.holding), lambda _: self._reply(run, lane, {}))
            else:
                if raised:
                    self.loop.post(lambda: self.stop(run, Cause.CANCELLED))
                self._reply(run, lane, {"stop": int(Cause.CANCELLED)} if raised else {})

        if run.cause in VOID:
            self._reply(run, lane, {})
        else:
            self.courier.check(FlagCheck(run.flags, run.claimed.event.seq, answered))


def stored(said: Sequence[Any]) -> Stored:
    """A file that a lane tells of; raises `ValueError` or `TypeError` for what is none."""
    name, key, size, media_type = said
    return Stored(str(name), str(key), int(size), str(media_type))
