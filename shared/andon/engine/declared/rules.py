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
from functools import cached_property
from typing import Any, ClassVar

from andon.engine.errors import RegistrationError
from andon.engine.events import MISSING, lookup

LONGEST_PATH = 200
LONGEST_MEMORY = dt.timedelta(days=366)
_UUID = re.compile(r"\{?[0-9A-Fa-f]{8}(-?)([0-9A-Fa-f]{4}\1){3}[0-9A-Fa-f]{12}\}?")
PATH = re.compile(r"data(\.[A-Za-z_$][\w$-]*)+")


@dataclass(frozen=True)
class CancelOn:
    """Stop runs on `event` where the field `match` has the same value in both events; a UUID's spelling doesn't count.

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
        if fault := rule_fault(self):
            raise RegistrationError(fault)
        return self

    @property
    def wide(self) -> bool:
        """Whether the rule has no field to look runs up by."""
        return self.match is None

    @cached_property
    def name(self) -> str:
        """What tells this rule from the function's others, whatever their order in the code."""
        return "|".join((self.event, self.match or self.EVERY, self.if_ or ""))

    @cached_property
    def path(self) -> tuple[str, ...]:
        """Where the matched field is below an event's data."""
        return tuple((self.match or "").split(".")[1:])

    def value(self, data: Mapping[str, Any]) -> str | None:
        """The typed text of the matched field in `data`, or None when it isn't there or has a null."""
        if self.match is None:
            return None
        found = lookup(data, self.path)
        if isinstance(found, str) and _UUID.fullmatch(found):
            found = str(uuid.UUID(found))
        try:
            return None if found is MISSING or has_null(found) else typed_text(found)
        except RecursionError:  # of a release that took data of any depth
            return None


def rule_fault(rule: CancelOn) -> str | None:
    """What is wrong with a rule, or None. Whether there can be its event, and its expression, are checked elsewhere."""
    if not isinstance(rule.event, str) or not rule.event:
        return "a cancel rule needs the name of its event"
    if not isinstance(rule.every, bool):
        return f"every={rule.every!r:.40}: expected True or False"
    if rule.every and (rule.match is not None or rule.if_ is not None):
        return "CancelOn.every_run takes neither match nor if_"
    if not rule.every and rule.match is None and rule.if_ is None:
        return f"CancelOn({rule.event!r}) would cancel every run; name a field with match=, " + (
            "or say CancelOn.every_run(event)"
        )
    if rule.match is not None and not (
        isinstance(rule.match, str) and len(rule.match) <= LONGEST_PATH and PATH.fullmatch(rule.match)
    ):
        return f"match={rule.match!r:.80} is not a path such as 'data.reportId', of at most {LONGEST_PATH} characters"
    if rule.if_ is not None and not (isinstance(rule.if_, str) and rule.if_.strip()):
        return f"if_={rule.if_!r:.40}: expected a CEL expression"
    if rule.remember is None:
        return None
    if not isinstance(rule.remember, dt.timedelta) or not dt.timedelta(0) < rule.remember <= LONGEST_MEMORY:
        most = f"at most {LONGEST_MEMORY.days} days"
        return f"remember={rule.remember!r:.80}: expected a datetime.timedelta above zero, {most}"
    return None


def typed_text(value: Any) -> str:
    """`value` as text in which the type counts: `1` and `"1"` differ, `1` and `1.0` (one number in JSON) don't.

    They don't inside of lists and objects either.
    """
    return json.dumps(_same_numbers(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _same_numbers(value: Any) -> Any:
    """`value` with each whole number as an `int`."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {key: _same_numbers(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_same_numbers(each) for each in value]
    return value


def has_null(value: Any) -> bool:
    """Whether a value is null, or has one in it: null is no value, so it is never the same as another."""
    if isinstance(value, dict):
        return any(has_null(each) for each in value.values())
    if isinstance(value, list):
        return any(has_null(each) for each in value)
    return value is None


def rule_id(function_id: str, rule: CancelOn) -> uuid.UUID:
    """What names a rule of a function for as long as a run has it: a digest of all that it says."""
    remember = rule.remember.total_seconds() if rule.remember else None
    return digest([function_id, rule.event, rule.match, rule.if_, remember])


def digest(parts: list[Any]) -> uuid.UUID:
    """What stands for these values where a key is wanted."""
    return uuid.UUID(bytes=hashlib.blake2b(json.dumps(parts).encode(), digest_size=16).digest())


def cancel_key(tenant: str, function_id: str, rule: CancelOn, data: Mapping[str, Any]) -> uuid.UUID | None:
    """The key under which an event with `data` meets runs of `function_id`, or None if the field is missing."""
    value = rule.value(data)
    if value is None:
        return None
    return digest([tenant, function_id, rule.name, value])


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
