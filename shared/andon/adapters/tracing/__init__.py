"""Traces by OpenTelemetry, where the environment asks for them. Where it doesn't, nothing of it is imported."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from andon.adapters.tracing.spans import Tracing

log = logging.getLogger(__name__)


def start_tracing(process: str, env: Mapping[str, str]) -> Tracing | None:
    """Send this process's spans where OpenTelemetry's variables say; None where they ask for nothing.

    Without the packages, or with a variable that they refuse, it says so in the log: a process that can't tell what
    it does still does it.
    """
    if not _wanted(env):
        return None
    try:
        from andon.adapters.tracing.spans import Tracing

        return Tracing.start(process, env)
    except (ImportError, LookupError, ValueError) as error:
        log.error("no traces: %s; they take `pip install 'andon[otel]'` and OTEL_* variables that it knows", error)
        return None


def _wanted(env: Mapping[str, str]) -> bool:
    if env.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return False
    endpoints = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    return env.get("OTEL_TRACES_EXPORTER", "otlp" if any(map(env.get, endpoints)) else "none") not in {"", "none"}


__all__ = ["start_tracing"]
