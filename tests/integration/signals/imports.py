"""A function that tells which modules of tracing its process has imported."""

from __future__ import annotations

import sys

from andon import Event, Step, function


def imported() -> list[str]:
    """Nothing, where traces are off. (redis-py loads OpenTelemetry's API by itself, where it is installed.)"""
    ours = ("andon.adapters.tracing.", "opentelemetry.exporter", "opentelemetry.sdk.trace.export")
    return sorted(name for name in sys.modules if name.startswith(ours))


@function(id="signals-imports", trigger="signals/imports.requested")
def imports(event: Event, step: Step) -> dict[str, list[str]]:
    """Look."""
    return {"here": step.run("here", imported)}
