"""Triggers: what a function's runs start on."""

from __future__ import annotations

from dataclasses import dataclass

from andon.engine.events import ENDS, OWN

MOST_TRIGGERS = 10
ANY = "/*"
"""What a wildcard ends with."""
OF_EVENT = ("event",)
"""The names that an expression over the event may use."""
SPELLED_OUT = (OWN, "inngest/")
"""Beginnings of names that no wildcard covers."""


@dataclass(frozen=True)
class On:
    """Start on `event`, or on every event below it where it ends in `/*`; with `if_` only where that is true.

    `if_` is a CEL expression over `event`. Where it has no value, nothing is started, and the event says why. Of a
    function's triggers the first that holds makes the run; an event never makes two runs of one function.
    """

    event: str
    if_: str | None = None

    @property
    def prefix(self) -> str | None:
        """What the names begin with that a wildcard covers; None for a name."""
        return self.event[:-1] if self.event.endswith(ANY) else None

    def covers(self, name: str) -> bool:
        """Whether an event of this name can start a run."""
        return name == self.event if self.prefix is None else name.startswith(self.prefix)

    def __str__(self) -> str:
        return f"{self.event} if {self.if_}" if self.if_ else self.event


def on_fault(on: On) -> str | None:
    """What is wrong with a trigger, but for the name of its event."""
    if on.if_ is not None and not (isinstance(on.if_, str) and on.if_.strip()):
        return f"if_={on.if_!r:.40}: expected a CEL expression"
    if not isinstance(on.event, str):
        return "a trigger needs the name of its event"
    if on.event.startswith(SPELLED_OUT) and on.event.endswith("*"):
        return "a wildcard covers no event of Andon's or Inngest's own; name each"
    if on.event == ENDS[0]:
        return "it would start itself by its own end, for ever; start on an event that the other function sends"
    return None


def parts_of(name: str) -> list[str]:
    """The beginnings of a name that a wildcard can have, the shortest first: `a/`, `a/b/` of `a/b/c`."""
    return [name[: at + 1] for at, letter in enumerate(name) if letter == "/"]
