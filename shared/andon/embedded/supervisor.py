"""Keep the processes of Andon running until somebody asks to stop."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType

from andon.embedded.children.child import Child
from andon.embedded.children.stopping import StopSignals
from andon.embedded.console import Console
from andon.embedded.stores.server import Server

TICK_SECONDS = 0.1
PATIENCE_SECONDS = 0.4


@dataclass(frozen=True)
class Supervisor:
    """Runs `children` within its `with` block, and stops all of them at its end.

    `stores` run already, and outlive it; in between it starts those again that end.
    """

    children: Sequence[Child]
    stores: Sequence[Server]
    console: Console
    signals: StopSignals
    shutdown_seconds: float

    def __enter__(self) -> Supervisor:
        for child in self.children:
            child.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.signals.begin_stop()
        self._stop()

    def child(self, name: str) -> Child:
        """The one of this name."""
        return next(each for each in self.children if each.name == name)

    def tend_until(self, done: Callable[[], bool]) -> None:
        """Start again what ends, until `done` says so (or a signal ends the wait)."""
        while not done():
            for child in self.children:
                child.tend()
            self.rest(TICK_SECONDS)

    def rest(self, seconds: float) -> None:
        """Start again the stores that have ended, and wait a little."""
        for store in self.stores:
            if not store.running:
                self.console.say(f"{store.program} has ended; it is started again, on its data")
                store.start()
        time.sleep(seconds)

    def _stop(self) -> None:
        """Ask all, wait, then kill. What is killed is said, because a clean stop was expected."""
        for child in self.children:
            child.ask_to_stop()
        began = time.monotonic()
        deadline = began + self.shutdown_seconds
        told = False
        while any(child.alive for child in self.children):
            if self.signals.hurry or time.monotonic() > deadline:
                break
            if not told and time.monotonic() > began + PATIENCE_SECONDS:
                told = True
                names = " and ".join(child.name for child in self.children if child.alive)
                self.console.say(f"waiting for {names} to hand over what runs; Ctrl-C again doesn't wait")
            time.sleep(TICK_SECONDS / 2)
        for child in self.children:
            if child.alive:
                self.console.say(f"{child.name} did not stop in time and is killed")
            child.kill()
            child.finish_output()
