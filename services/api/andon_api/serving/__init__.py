"""HTTP for strangers: one thread talks to every client, however slow; the others only ever compute answers."""

from andon_api.serving.worker import EventWorker

__all__ = ["EventWorker"]
