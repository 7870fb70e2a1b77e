"""Schedules: when functions start by themselves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from .blocking import Blocking, blocking, iterating
from .decode import decode
from .models import Schedule
from .pages import all_of
from .transport import Group, at


class AsyncSchedules(Group):
    """When functions start by themselves."""

    def list(self) -> AsyncIterator[Schedule]:
        """The schedules, by function."""
        return all_of(self._transport, "/schedules", Schedule)

    async def pause(self, id: str, *, reason: str | None = None) -> Schedule:
        """Let it tick no more until it is resumed. Raises `Conflict` if it is paused. Takes the scope `admin`."""
        return await self._ask(id, "pause", {"reason": reason})

    async def resume(self, id: str) -> Schedule:
        """Let it tick again, from now on. Raises `Conflict` if it isn't paused. Takes the scope `admin`."""
        return await self._ask(id, "resume", {})

    async def run_now(self, id: str) -> Schedule:
        """Let it tick now, paused or not; `event_id` is the tick's: `runs.list(event_id=...)` finds the run."""
        return await self._ask(id, "run", {})

    async def _ask(self, id: str, verb: str, body: dict[str, Any]) -> Schedule:
        return decode(Schedule, await self._transport.post(at("schedules", id, verb), body))


class Schedules(Blocking[AsyncSchedules]):
    """When functions start by themselves."""

    list = iterating(AsyncSchedules.list)
    pause = blocking(AsyncSchedules.pause)
    resume = blocking(AsyncSchedules.resume)
    run_now = blocking(AsyncSchedules.run_now)
