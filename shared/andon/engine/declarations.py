"""Declarations: what is said of a function, as data. It crosses processes as JSON; the code stays where it runs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from andon.engine.errors import RegistrationError
from andon.engine.rules import CancelOn

CANCEL_DEADLINE = dt.timedelta(minutes=5)


@dataclass(frozen=True, kw_only=True)
class Declaration:
    """A function as those know it that don't run it: the dispatcher, and the part of a worker that keeps promises."""

    id: str
    trigger: str
    module: str = ""
    """Where the handler was defined."""
    cancel_on: tuple[CancelOn, ...] = ()
    retries: int = 3
    cancel_deadline: dt.timedelta | None = CANCEL_DEADLINE
    queue: str = "default"
    cleanups: tuple[str, ...] = ()
    """Which of `on_cancel` and `on_failure` it has."""

    def check(self) -> None:
        """Raise `RegistrationError`, naming the function, if it can't be run as declared."""
        try:
            if not self.id or not self.trigger:
                raise RegistrationError("id and trigger must not be empty")
            if self.retries < 0:
                raise RegistrationError(f"retries={self.retries} must be at least 0")
            for rule in self.cancel_on:
                rule.check()
                if rule.event == self.trigger:
                    raise RegistrationError(f"its trigger {self.trigger!r} is its own cancel event")
        except RegistrationError as error:
            raise RegistrationError(f"function {self.id!r} in {self.module}: {error}") from None


def to_json(declared: Declaration) -> dict[str, Any]:
    """The declaration as a JSON object; durations are seconds."""
    said = {each.name: getattr(declared, each.name) for each in fields(Declaration)}
    said["cancel_on"] = [_rule(each) for each in declared.cancel_on]
    said["cancel_deadline"] = _seconds(declared.cancel_deadline)
    return said


def from_json(said: Mapping[str, Any]) -> Declaration:
    """The declaration that `to_json` gave."""
    deadline = said["cancel_deadline"]
    return Declaration(
        **{
            **said,
            "cancel_on": tuple(_read_rule(each) for each in said["cancel_on"]),
            "cancel_deadline": None if deadline is None else dt.timedelta(seconds=deadline),
            "cleanups": tuple(said["cleanups"]),
        }
    )


def _rule(rule: CancelOn) -> dict[str, Any]:
    said = {each.name: getattr(rule, each.name) for each in fields(CancelOn)}
    said["remember"] = _seconds(rule.remember)
    return said


def _read_rule(said: Mapping[str, Any]) -> CancelOn:
    remember = said["remember"]
    return CancelOn(**{**said, "remember": None if remember is None else dt.timedelta(seconds=remember)})


def _seconds(span: dt.timedelta | None) -> float | None:
    return None if span is None else span.total_seconds()
