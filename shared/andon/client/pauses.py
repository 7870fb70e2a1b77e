"""Pausing functions and queues."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal
from urllib.parse import quote

from andon.client.decode import decode
from andon.client.models import Pause
from andon.client.transport import Transport

Kind = Literal["function", "queue"]


class Pauses:
    """What is paused: its runs are made, and wait until it is resumed."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list(self) -> Iterator[Pause]:
        """What is paused now."""
        return (decode(Pause, shown) for shown in self._transport.get("/pauses")["items"])

    def pause(self, kind: Kind, name: str, *, reason: str | None = None) -> Pause:
        """Start none of its runs until it is resumed. Raises `Conflict` if it is paused. Takes the scope `admin`."""
        return self._ask(kind, name, "pause", {} if reason is None else {"reason": reason})

    def resume(self, kind: Kind, name: str) -> Pause:
        """Let its runs start again. Raises `Conflict` if it isn't paused. Takes the scope `admin`."""
        return self._ask(kind, name, "resume", {})

    def _ask(self, kind: Kind, name: str, verb: str, body: dict[str, Any]) -> Pause:
        return decode(Pause, self._transport.post(f"/{kind}s/{quote(name, safe='')}/{verb}", body))
