"""`python -m andon_worker`: a worker's supervisor. SIGTERM and SIGINT hand its runs over and end it with 0."""

import os
import signal
import sys

from andon.adapters.tracing import start_tracing
from andon.migrations import require_head
from andon.process import leave, on_stop, starting
from andon_worker.linux import expect_orphans
from andon_worker.supervisor.bootstrap import worker


def main() -> None:
    """Run a worker until it is asked to stop, or say in one sentence why it can't."""
    with starting("worker") as settings:
        require_head(settings.database_url)
        tracing = start_tracing("worker", os.environ)
        service, health = worker(settings, tracing=tracing)
    on_stop(service.ask_to_stop)
    signal.signal(signal.SIGUSR1, lambda *_: service.reload())
    expect_orphans()
    if health:
        health.start()
    service.run()
    if tracing is not None:
        tracing.close()
    if service.mistake:
        print(service.mistake, file=sys.stderr)
    leave(1 if service.mistake else 0)  # what a thread still waits for is handed over


if __name__ == "__main__":
    main()
