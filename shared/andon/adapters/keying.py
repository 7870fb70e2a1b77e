"""What a key of a function is for an event: the value of a path, or of CEL."""

from andon.adapters.cel import NoValue, value_of
from andon.engine.declared.rules import PATH, typed_text
from andon.engine.events import MISSING, Event, lookup


def value_under(key: str | None, event: Event) -> str | None:
    """The key's value as text in which the type counts; None where there is none, or it is null."""
    if key is None:
        return ""
    if PATH.fullmatch(key):
        found = lookup(event.data, tuple(key.split(".")[1:]))
        return None if found is MISSING or found is None else typed_text(found)
    try:
        value = value_of(key, event)
        return None if value is None else typed_text(value)
    except (NoValue, TypeError, ValueError):
        return None
