"""Tags: words by which runs are found and cancelled, whatever their function."""

import json
import uuid
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from andon.engine.declared.rules import LONGEST_PATH, PATH, digest
from andon.engine.errors import NonRetriable
from andon.engine.events import MISSING, Event, lookup
from andon.engine.storable import text_fault

MOST_TAGS = 10
LONGEST_TAG = 100
LONGEST_EXPRESSION = 1_000

Evaluate = Callable[[str, Event], Any]
"""The value of a CEL expression over an event; raises `ValueError` where it has none."""


def tag_fault(tag: Any) -> str | None:
    """What is wrong with a tag, or None."""
    fits = isinstance(tag, str) and 0 < len(tag) <= LONGEST_TAG and tag.isprintable() and tag == tag.strip()
    fits = fits and text_fault(tag) is None
    return None if fits else f"expected 1 to {LONGEST_TAG} printable characters, without blanks at their ends"


def tags_fault(value: Any) -> str | None:
    """What is wrong with a function's `tags`, or None; whether an expression can be evaluated is checked elsewhere."""
    if not isinstance(value, tuple) or len(value) > MOST_TAGS:
        return f"expected a list of at most {MOST_TAGS} paths such as 'data.userId', or CEL over event"
    for each in value:
        if not isinstance(each, str) or not each.strip() or len(each) > LONGEST_EXPRESSION:
            return f"{each!r:.80}: expected a path such as 'data.userId', or CEL over event"
        if each.startswith("data") and not (PATH.fullmatch(each) and len(each) <= LONGEST_PATH):
            return f"{each!r:.80} is not a path such as 'data.userId', of at most {LONGEST_PATH} characters"
    return None


def expressions_in(tags: Iterable[str]) -> list[str]:
    """Those that are CEL, and no path."""
    return [each for each in tags if not PATH.fullmatch(each)]


def tags_of(tags: Sequence[str], event: Event, evaluate: Evaluate) -> tuple[list[str], int]:
    """The tags of a run of this event, and how many expressions have no value.

    A path gives `userId:42`, an expression its text, or each text of its list. What isn't there, or can't be a tag,
    gives none: a run is not kept from its work by how it would be found.
    """
    found: dict[str, None] = {}
    failed = 0
    for each in tags:
        if PATH.fullmatch(each):
            found.update(dict.fromkeys(_of_path(each, event)))
            continue
        try:
            found.update(dict.fromkeys(_texts(evaluate(each, event))))
        except ValueError:
            failed += 1
    return [each for each in found if tag_fault(each) is None][:MOST_TAGS], failed


def tag_of(key: object, value: object = None) -> str:
    """The tag that a run gives itself: `key:value`, or `key` alone. Raises `NonRetriable` for what can be none."""
    if not isinstance(key, str):
        raise NonRetriable(f"step.tag: key={key!r:.80}: expected a text")
    if value is not None and not isinstance(value, (str, bool, int, float)):
        raise NonRetriable(f"step.tag: value={value!r:.80}: expected a text, a number, true or false, or None")
    tag = key if value is None else f"{key}:{_texts(value)[0]}"
    if (fault := tag_fault(tag)) is not None:
        raise NonRetriable(f"step.tag: {tag!r:.80}: {fault}")
    return tag


def tag_key(tenant: str, tag: str) -> uuid.UUID:
    """The cancel key of the runs that have this tag."""
    return digest([tenant, "tag", tag])


def _of_path(path: str, event: Event) -> list[str]:
    *_, name = parts = path.split(".")
    value = lookup(event.data, tuple(parts[1:]))
    return [] if value is MISSING else [f"{name}:{text}" for text in _texts(value)]


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, (bool, int, float)):
        return [json.dumps(value)]
    return [text for each in value for text in _texts(each)] if isinstance(value, list) else []
