"""Steps in processes of their own: warm, reusable, and certain to end when they are told to."""

from andon_worker.isolation.calls import ProcessDied, ProcessIsolation

__all__ = ["ProcessDied", "ProcessIsolation"]
