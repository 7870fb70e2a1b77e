"""`python -m andon_worker.dispatcher`: a dispatcher, leading or standing by. SIGTERM and SIGINT end it with 0."""

import os
import signal

from andon.adapters.tracing import start_tracing
from andon.migrations import require_head
from andon.process import collect_garbage_seldom, leave, on_stop, starting
from andon_worker.dispatcher.bootstrap import dispatcher, dispatcher_health, load_functions
from andon_worker.dispatcher.webhooks import Teller


def main() -> None:
    """Run a dispatcher until it is asked to stop, or say in one sentence why it can't."""
    with starting("dispatcher") as settings:
        require_head(settings.database_url)
        registry, failed = load_functions(settings)
        tracing = start_tracing("dispatcher", os.environ)
        service = dispatcher(settings, registry, failed=failed, tracing=tracing)
        health = dispatcher_health(settings, registry, service, failed=failed)
    on_stop(service.ask_to_stop)
    if health:
        health.start()
    teller = Teller(settings.database_url, private=settings.webhooks_private == "on", count=service.metrics.told)
    teller.start()
    collect_garbage_seldom()
    service.run()
    teller.stop()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # asked again, while it ends
    if tracing is not None:
        tracing.close()
    leave()


if __name__ == "__main__":
    main()
