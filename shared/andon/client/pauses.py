"""Pausing functions and queues."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Literal

from .blocking import Blocking, blocking, iterating
from .decode import decode
from .models import Pause
from .pages import all_of
from .transport import Group, at

Kind = Literal["function", "queue"]
Running = Literal["continue", "hold", "cancel"]


class AsyncPauses(Group):
    """What is paused: its runs are made, and wait until it is resumed."""

    def list(self) -> AsyncIterator[Pause]:
        """What is paused now."""
        return all_of(self._transport, "/pauses", Pause)

    async def pause(self, kind: Kind, name: str, *, reason: str | None = None, running: Running = "continue") -> Pause:
        """Start none of its runs until it is resumed. Raises `Conflict` if it is paused. Takes the scope `admin`.

        `running` is what becomes of runs that have started: they go on; with "hold" they are given up at their next
        step and wait; with "cancel" they are cancelled.
        """
        return await self._ask(kind, name, "pause", {"running": running, "reason": reason or None})

    async def resume(self, kind: Kind, name: str) -> Pause:
        """Let its runs start again. Raises `Conflict` if it isn't paused. Takes the scope `admin`."""
        return await self._ask(kind, name, "resume", {})

    async def _ask(self, kind: Kind, name: str, verb: str, body: dict[str, Any]) -> Pause:
        return decode(Pause, await self._transport.post(at(f"{kind}s", name, verb), body))


class Pauses(Blocking[AsyncPauses]):
    """What is paused: its runs are made, and wait until it is resumed."""

    list = iterating(AsyncPauses.list)
    pause = blocking(AsyncPauses.pause)
    resume = blocking(AsyncPauses.resume)
