"""Schedules: when functions start by themselves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from andon.client.decode import decode
from andon.client.models import Schedule
from andon.client.transport import Transport


class Schedules:
    """When functions start by themselves."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list(self) -> Iterator[Schedule]:
        """The schedules, by function."""
        return (decode(Schedule, shown) for shown in self._transport.get("/schedules")["items"])

    def pause(self, id: str, *, reason: str | None = None) -> Schedule:
        """Let it tick no more until it is resumed. Raises `Conflict` if it is paused. Takes the scope `admin`."""
        return self._ask(id, "pause", {} if reason is None else {"reason": reason})

    def resume(self, id: str) -> Schedule:
        """Let it tick again, from now on. Raises `Conflict` if it isn't paused. Takes the scope `admin`."""
        return self._ask(id, "resume", {})

    def run_now(self, id: str) -> Schedule:
        """Let it tick now, paused or not; `event_id` is the tick's: `runs.list(event_id=...)` finds the run."""
        return self._ask(id, "run", {})

    def _ask(self, id: str, verb: str, body: dict[str, Any]) -> Schedule:
        return decode(Schedule, self._transport.post(f"/schedules/{quote(id, safe='')}/{verb}", body))
