"""The runs that this process hosts now: what the heartbeat extends, what the watcher stops."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from andon.adapters.postgres.runs import Beat, Claimed
from andon.engine.steps import Step
from andon.engine.stops import Cause, Interrupter, StopSignal
from andon_worker.pace import Pace


@dataclass
class Hosted:
    """A claimed run, its order to stop, and its steps once they exist."""

    run: Claimed
    stop: StopSignal
    flags: tuple[str, ...] = ()
    step: Step | None = None
    shown_step: str | None = None
    since: float = field(default_factory=time.monotonic)
    pace: Pace = field(default_factory=Pace)

    def beat(self) -> Beat:
        """What the heartbeat says of this run."""
        status = self.step.status if self.step else None
        if status is None or status.step is None:
            return Beat(self.run.id, self.run.fence, None, None, None, None)
        status.changed = False
        self.shown_step = status.step
        now, fraction = time.monotonic(), status.fraction
        remaining = self.pace.remaining(fraction, now)
        return Beat(
            self.run.id, self.run.fence, status.step, now - status.step_started, fraction, status.note, remaining
        )

    @property
    def changed(self) -> bool:
        """Whether people would see something new."""
        status = self.step.status if self.step else None
        return status is not None and (status.changed or status.step != self.shown_step)


class Hosts:
    """The registry of hosted runs. Any thread may ask."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._hosted: dict[uuid.UUID, Hosted] = {}
        self._by_flag: dict[str, list[Hosted]] = {}
        self._empty = threading.Condition(self._lock)
        self.interrupter = Interrupter(lambda: [each.stop for each in self.all()])

    @contextmanager
    def host(self, run: Claimed, flags: tuple[str, ...]) -> Iterator[Hosted]:
        """Host `run` for as long as the block lasts."""
        hosted = Hosted(run, StopSignal(self.interrupter.notify), flags)
        with self._lock:
            self._hosted[run.id] = hosted
            for flag in flags:
                self._by_flag.setdefault(flag, []).append(hosted)
        try:
            yield hosted
        finally:
            with self._lock:
                del self._hosted[run.id]
                for flag in flags:
                    self._by_flag[flag].remove(hosted)
                    if not self._by_flag[flag]:
                        del self._by_flag[flag]
                self._empty.notify_all()

    def all(self) -> list[Hosted]:
        """The runs hosted now."""
        with self._lock:
            return list(self._hosted.values())

    def get(self, run_id: uuid.UUID) -> Hosted | None:
        """The hosted run with this id."""
        return self._hosted.get(run_id)

    def raised(self, flag: str, seq: int) -> None:
        """A cancel flag was pushed: stop the runs that it names and whose event is older."""
        with self._lock:
            named = [each for each in self._by_flag.get(flag, ()) if each.run.event.seq < seq]
        for each in named:
            each.stop.set(Cause.CANCELLED)

    def stop_all(self, cause: Cause, *, hurry: bool) -> None:
        """Order every hosted run to stop."""
        for each in self.all():
            each.stop.set(cause, hurry=hurry)

    def wait_until_empty(self, seconds: float) -> bool:
        """Wait until no run is hosted; False if some still are after `seconds`."""
        with self._lock:
            return self._empty.wait_for(lambda: not self._hosted, timeout=seconds)
