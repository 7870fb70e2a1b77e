"""The lane's side of the conversation: a run's journal that the supervisor writes, and what is asked and told.

One thing is asked at a time, from the main thread, while the engine's code runs: an order to stop never lands in the
middle of a frame. A process that user code has forked, and that comes back here, ends: it is not the run.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import socket
import time
from collections.abc import Callable, Sequence
from typing import Any

from andon.engine.artifacts import Stored
from andon.engine.errors import InvalidResult, LeaseLost, NonRetriable, QueueFull
from andon.engine.events import Event
from andon.engine.memos import Memo
from andon.engine.ports import Attempt
from andon.engine.steps.sending import as_text
from andon.engine.stops import Cause, Stop
from andon.logs import flush_output
from andon_worker.lane.capture import said_lately
from andon_worker.wire import Header, receive, send

FRESH_SECONDS = 0.005
Transact = Callable[[Attempt, Callable[[Any], Any], Callable[[Any], str]], str]


class Conversation:
    """Frames to and from the supervisor."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._home = os.getpid()

    def tell(self, header: Header, body: bytes = b"") -> None:
        """Say something that needs no answer."""
        self._end_if_forked()
        send(self._socket, header, body)

    def hear(self) -> tuple[Header, bytes]:
        """The next frame; ends the process when there is no supervisor any more."""
        self._end_if_forked()
        frame = receive(self._socket)
        if frame is None:
            os._exit(0)
        return frame

    def _end_if_forked(self) -> None:
        if os.getpid() != self._home:
            os._exit(0)

    def close(self) -> None:
        """In a child of this process."""
        self._socket.close()


class LaneJournal:
    """What one run remembers, asked of the supervisor. Every answer can bring an order to stop."""

    def __init__(
        self,
        talk: Conversation,
        stop: Stop,
        transact: Transact,
        room: int,
        begin: Callable[[int, bytes], bool],
        *,
        careful: bool = False,
    ) -> None:
        """`room` is how many bytes of results the run may still keep. What begins, `begin` writes where the supervisor
        can read it, unless it is too long. A `careful` run tells of each step before it.
        """
        self._talk = talk
        self._begin = begin
        self._begun = 0
        self._stop = stop
        self._transact = transact
        self._room = room
        self._careful = careful
        self.heard_at = time.monotonic()
        """When the supervisor last said that the run may go on, by the monotonic clock."""

    def _ask(self, header: Header, body: bytes = b"") -> tuple[Header, bytes]:
        self._talk.tell(header, body)
        answer, content = self._talk.hear()
        self.heard_at = time.monotonic()
        if (cause := answer.get("stop")) is not None:
            self._stop.order(Cause(cause))
        if self._stop.cause is Cause.LEASE_LOST:
            raise LeaseLost
        return answer, content

    def begin(self, attempt: Attempt) -> None:
        """Tell that a body is about to run, so that its failure can be written if this process dies of it.

        What was printed before and isn't read yet is waited for: it is not the body's. One with a time-out is told of
        aloud, since the supervisor has to do something then.
        """
        self._begun += 1
        said = {"say": "begin", **self._described(attempt)}
        if self._careful or said_lately():
            self._ask({**said, "answer": True})
            self._stop.raise_if_ordered(attempt.name)
            return
        written = json.dumps({"attempt": vars(attempt), "at": time.monotonic()}, separators=(",", ":")).encode()
        if attempt.timeout is not None or not self._begin(self._begun, written):
            self._talk.tell(said)

    def _described(self, attempt: Attempt) -> Header:
        return {"attempt": vars(attempt), "begun": self._begun}

    def complete(self, attempt: Attempt, seconds: float, output: str, files: Sequence[Stored] = ()) -> bool:
        """Keep a step's result with its files; raises `InvalidResult` where the database refuses it."""
        self._take_room(attempt, output)
        flush_output()
        header = {"say": "complete", **self._described(attempt), "seconds": seconds, "files": list(files)}
        answer, _ = self._ask(header, output.encode())
        return not self._kept(attempt, answer)

    def _kept(self, attempt: Attempt, answer: Header) -> bool:
        if (refusal := answer.get("refused")) is not None:
            raise InvalidResult(attempt.name, f"Step {attempt.name!r}: its result was not kept: {refusal}")
        return bool(answer["kept"])

    def joined(self, attempt: Attempt) -> None:
        """Tell that all branches of a group have ended."""
        flush_output()
        self._talk.tell({"say": "joined", **self._described(attempt)})

    def fail(self, attempt: Attempt, seconds: float, error: dict[str, Any], *, final: bool) -> None:
        """Keep a step's failed attempt."""
        flush_output()
        self._ask({"say": "fail", **self._described(attempt), "seconds": seconds, "error": error, "final": final})

    def sleep(self, name: str, position: int, *, seconds: float | None, until: dt.datetime | None) -> dt.datetime:
        """Keep when a sleeping step wakes."""
        when = None if until is None else until.isoformat()
        answer, _ = self._ask({"say": "sleep", "name": name, "position": position, "seconds": seconds, "until": when})
        if "wake_at" not in answer:
            raise self._stop.exception(name)
        return dt.datetime.fromisoformat(answer["wake_at"])

    def extend(self, seconds: float) -> None:
        """Have the run's time extended."""
        self._ask({"say": "extend", "seconds": seconds})

    def tag(self, tag: str) -> bool:
        """Have the run tagged."""
        answer, _ = self._ask({"say": "tag", "tag": tag})
        if (refusal := answer.get("refused")) is not None:
            raise NonRetriable(f"step.tag: {tag!r:.80} was not kept: {refusal}")
        return bool(answer.get("room", True))

    def send(self, attempt: Attempt, events: Sequence[Event], output: str) -> bool:
        """Have events recorded with the step's result; raises `InvalidResult` where the database refuses them."""
        self._take_room(attempt, output)
        answer, _ = self._ask({"say": "send", **self._described(attempt), "output": output}, as_text(events).encode())
        if (most := answer.get("full")) is not None:
            raise QueueFull(attempt.name, most)
        return not self._kept(attempt, answer)

    def expire(
        self, attempt: Attempt, output: str | None, error: dict[str, Any] | None, events: Sequence[Event] = ()
    ) -> Memo:
        """A waiting step's time is over: what is kept of it."""
        header = {"say": "expire", "name": attempt.name, "output": output, "error": error}
        answer, content = self._ask(header, as_text(events).encode())
        if "status" not in answer:
            raise self._stop.exception(attempt.name)
        output = json.loads(content)
        return Memo(attempt.name, answer["position"], answer["status"], answer["attempt"], output, answer["error"])

    def recall(self, memo: Memo) -> Any:
        """A step's result; a large one is fetched when it is called for."""
        if memo.at_hand:
            return memo.output
        _, content = self._ask({"say": "recall", "name": memo.id})
        return json.loads(content)

    def transaction(self, attempt: Attempt, fn: Callable[[Any], Any], encode: Callable[[Any], str]) -> str:
        """On a connection of the lane's own: its commit keeps the result, too."""
        began = time.monotonic()

        def encoded(value: Any) -> str:
            text = encode(value)
            self._take_room(attempt, text)
            return text

        text = self._transact(attempt, fn, encoded)
        self._talk.tell({"say": "committed", **self._described(attempt), "seconds": time.monotonic() - began})
        self.heard_at = time.monotonic()
        return text

    def _take_room(self, attempt: Attempt, output: str) -> None:
        """Count a result; raises `InvalidResult` where the run has kept enough."""
        size = len(output.encode())
        if size > self._room:
            raise InvalidResult(
                attempt.name,
                f"Step {attempt.name!r} returned {size:,} bytes of JSON, and the run has room for {self._room:,} more "
                "(ANDON_RESULTS_LIMIT_BYTES); store it as an artifact, by step.artifact",
            )
        self._room -= size

    def is_cancelled(self) -> bool:
        """Whether a cancel is known; asked of the supervisor unless it has just said that the run may go on."""
        if time.monotonic() - self.heard_at >= FRESH_SECONDS:
            self._ask({"say": "check"})
        return self._stop.cause is Cause.CANCELLED
