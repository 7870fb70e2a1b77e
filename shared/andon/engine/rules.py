"""Cancel rules: which later events stop a run.

A rule with `match` names one field, and gives each event that has it a *cancel key*: a digest of tenant, function,
rule and the field's typed value. A run and a cancel event meet when their keys are equal, and the rule by seq
decides: *a cancel stops every matching run whose triggering event has a smaller seq, and no other*.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from andon.engine.errors import RegistrationError
from andon.engine.events import MISSING, lookup

PATH = re.compile(r"data(\.[A-Za-z_$][\w$-]*)+")


@dataclass(frozen=True)
class CancelOn:
    """Stop runs on `event` where the field `match` has the same value in both events.

    `if_` refines it by a CEL expression over `event` (the trigger) and `async` (the cancel event). `remember`
    also stops requests recorded up to that long after the cancel; the default is not to.
    """

    event: str
    match: str | None = None
    if_: str | None = None
    remember: dt.timedelta | None = None
    every: bool = False

    EVERY: ClassVar[str] = "every_run"

    @classmethod
    def every_run(cls, event: str, *, remember: dt.timedelta | None = None) -> CancelOn:
        """Stop every run of the function on `event`: possible only in so many words."""
        return cls(event, remember=remember, every=True)

    def check(self) -> CancelOn:
        """Return the rule if it can be used, else raise `RegistrationError` saying what is wrong."""
        if not self.event:
            raise RegistrationError("a cancel rule needs the name of its event")
        if self.every and (self.match or self.if_):
            raise RegistrationError("CancelOn.every_run takes neither match nor if_")
        if not self.every and not self.match and not self.if_:
            raise RegistrationError(
                f"CancelOn({self.event!r}) would cancel every run; name a field with match=, "
                "or say CancelOn.every_run(event)"
            )
        if self.match and not PATH.fullmatch(self.match):
            raise RegistrationError(f"match={self.match!r} is not a path such as 'data.reportId'")
        if self.remember is not None and self.remember <= dt.timedelta(0):
            raise RegistrationError(f"remember={self.remember} must be a time above zero")
        return self

    @property
    def wide(self) -> bool:
        """Whether the rule has no field to look runs up by."""
        return self.match is None

    @property
    def name(self) -> str:
        """What tells this rule from the function's others, whatever their order in the code."""
        return "|".join((self.event, self.match or self.EVERY, self.if_ or ""))

    def value(self, data: Mapping[str, Any]) -> str | None:
        """The typed text of the matched field in `data`, or None when it isn't there."""
        if self.match is None:
            return None
        found = lookup(data, tuple(self.match.split(".")[1:]))
        return None if found is MISSING else typed_text(found)


def typed_text(value: Any) -> str:
    """`value` as text in which the type counts: `1` and `"1"` differ, `1` and `1.0` (one number in JSON) don't."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def cancel_key(tenant: str, function_id: str, rule: CancelOn, data: Mapping[str, Any]) -> uuid.UUID | None:
    """The key under which an event with `data` meets runs of `function_id`, or None if the field is missing."""
    value = rule.value(data)
    if value is None:
        return None
    text = json.dumps([tenant, function_id, rule.name, value])
    return uuid.UUID(bytes=hashlib.blake2b(text.encode(), digest_size=16).digest())


def flag_name(tenant: str, function_id: str, rule: CancelOn, data: Mapping[str, Any]) -> str | None:
    """The readable name of the cancel flag for an event with `data`, or None if the field is missing."""
    value = rule.value(data)
    if value is None:
        return None
    if len(value) > 200:
        value = "#" + hashlib.blake2b(value.encode(), digest_size=16).hexdigest()
    return ":".join((tenant, function_id, rule.name, value))


def run_flag(run_id: uuid.UUID) -> str:
    """The name of the cancel flag of a single run."""
    return f"run:{run_id}"
