"""A real isolation, and a real interrupter beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from andon.engine.stops import Interrupter, StopSignal
from andon_worker.isolation import ProcessIsolation


class Caller:
    """Calls functions in isolation as a worker does: each with its stop signal under one interrupter."""

    def __init__(self, isolation: ProcessIsolation) -> None:
        self.isolation = isolation
        self.signals: list[StopSignal] = []
        self.interrupter = Interrupter(lambda: list(self.signals))
        self.threads = ThreadPoolExecutor(4)

    def stop_signal(self) -> StopSignal:
        stop = StopSignal(self.interrupter.notify)
        self.signals.append(stop)
        return stop

    def __call__(
        self,
        fn: Callable[..., Any],
        *args: Any,
        grace: float = 0.2,
        timeout: float | None = None,
        stop: StopSignal | None = None,
        **kwargs: Any,
    ) -> Any:
        """The call's value."""
        stop = stop or self.stop_signal()
        return self.isolation.call("x", fn, args, kwargs, grace=grace, timeout=timeout, stop=stop)

    def later(
        self, fn: Callable[..., Any], *args: Any, grace: float = 0.2, timeout: float | None = None
    ) -> tuple[Future[Any], StopSignal]:
        """The call in another thread, with what stops it."""
        stop = self.stop_signal()
        return self.threads.submit(self, fn, *args, grace=grace, timeout=timeout, stop=stop), stop


@pytest.fixture(scope="module")
def isolation() -> Iterator[ProcessIsolation]:
    made = ProcessIsolation(["tests.unit.isolation.work", "colorsys"])
    yield made
    made.close()


@pytest.fixture
def call(isolation: ProcessIsolation) -> Iterator[Caller]:
    made = Caller(isolation)
    made.interrupter.start()
    yield made
    for stop in made.signals:
        assert stop.target is None, "a call has left its target behind"
    made.interrupter.close()
    made.interrupter.join()
    made.threads.shutdown()
