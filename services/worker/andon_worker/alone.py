"""Runs whose workers were lost are tried alone: in a process of their own, so that they take no others with them.

`python -m andon_worker.alone RUN_ID` executes one run and ends; `AloneProcesses` is the worker's side of it.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import uuid

from andon.adapters.tracing import start_tracing
from andon.engine.bodies import let_sleepers_be_woken
from andon.engine.stops import Cause
from andon.logs import configure_logging
from andon.settings import Settings
from andon_worker.lanes import Lanes

log = logging.getLogger(__name__)


class AloneProcesses:
    """The processes of runs that are tried alone."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] = set()

    def execute(self, run_id: str) -> None:
        """Execute the run in a process of its own and wait for its end, whatever that is."""
        log.warning("run %s has lost its worker before: it is tried alone", run_id, extra={"run": run_id})
        process = subprocess.Popen([sys.executable, "-m", "andon_worker.alone", run_id])
        with self._lock:
            self._running.add(process)
        try:
            code = process.wait()
        finally:
            with self._lock:
                self._running.discard(process)
        if code:
            log.error("run %s: its process ended with %d", run_id, code, extra={"run": run_id})

    def terminate(self) -> None:
        """Ask all of them to hand their runs over."""
        with self._lock:
            for process in self._running:
                process.terminate()


def main(run_id: str) -> None:
    """Execute one run with a heartbeat and a watcher of its own."""
    from andon_worker.bootstrap import load_functions, worker
    from andon_worker.isolation import ProcessIsolation

    settings = Settings.from_env(os.environ)
    configure_logging("worker-alone", settings.log_level)
    let_sleepers_be_woken()
    tracing = start_tracing("worker", os.environ)
    isolation = ProcessIsolation(settings.functions, spares=0, tracing=tracing)
    service, runner = worker(settings, load_functions(settings), isolation=isolation, tracing=tracing, hints=False)

    def hand_over(*_: object) -> None:
        runner.closing = True
        runner.hosts.stop_all(Cause.HAND_OVER, hurry=True)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, hand_over)
    service.start()
    # Signals are handled in this thread, and never in a body.
    Lanes().run(lambda: runner.follow(uuid.UUID(run_id), alone=True))
    service.stop()
    isolation.close()
    if tracing is not None:
        tracing.close()


if __name__ == "__main__":
    main(sys.argv[1])
