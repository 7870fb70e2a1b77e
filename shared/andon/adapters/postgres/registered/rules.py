"""The cancel rules that runs were made with: kept when a deploy changes or removes them, until no open run needs them.

A rule is named by a digest of what it says, so its row never changes. A run names the wide ones it was made with, and
has a key by each of the others. What is not registered any more is *former*: events are matched against it too.
"""

import datetime as dt
import json
from typing import Any

from andon.adapters.postgres.connect import Connection
from andon.engine.declared.functions import Registry
from andon.engine.declared.rules import CancelOn, rule_fault, rule_id

_KEEP = """
INSERT INTO andon.rules (id, function_id, event, path, expression, remember_seconds)
SELECT * FROM json_to_recordset(%s::json)
    AS r (id uuid, function_id text, event text, path text, expression text, remember_seconds float8)
ON CONFLICT (id) DO NOTHING
"""
_RETIRE = """
UPDATE andon.rules SET retired_at = CASE WHEN id = ANY(%(ids)s) THEN NULL ELSE clock_timestamp() END
WHERE (retired_at IS NULL) <> (id = ANY(%(ids)s))
"""
_FORMER = """
SELECT function_id, event, path, expression, remember_seconds FROM andon.rules
WHERE retired_at IS NOT NULL ORDER BY retired_at DESC, id
"""
_ON = """
SELECT function_id, event, path, expression, remember_seconds FROM andon.rules
WHERE event = ANY(%s) AND path IS NOT NULL ORDER BY retired_at DESC NULLS FIRST, id
"""

Rule = tuple[str, CancelOn]


def register(connection: Connection, registry: Registry) -> None:
    """Keep the registry's rules, and tell it of the former ones. In the caller's transaction."""
    ours = {rule_id(each.id, rule): (each.id, rule) for each in registry for rule in each.cancel_on}
    connection.execute(_KEEP, [json.dumps([_row(*each) for each in ours.values()])])
    connection.execute(_RETIRE, {"ids": list(ours)})
    registry.keep_former(_rule(*row) for row in connection.execute(_FORMER))


def by_a_field(connection: Connection, names: list[str]) -> dict[str, list[Rule]]:
    """The rules by a field that events of these names can satisfy, by name, with their functions; former ones last."""
    found: dict[str, list[Rule]] = {}
    for row in connection.execute(_ON, [names]).fetchall():
        function_id, rule = _rule(*row)
        found.setdefault(rule.event, []).append((function_id, rule))
    return found


def stored_rules(stored: Any) -> list[CancelOn]:
    """The rules that a function's row tells of; what can't be read there is left out, and stops nobody."""
    told = [each for each in stored if isinstance(each, dict)] if isinstance(stored, list) else []
    found = [
        CancelOn(
            each.get("event", ""),
            each.get("match"),
            each.get("if"),
            _span(each.get("rememberSeconds")),
            bool(each.get("everyRun")),
        )
        for each in told
    ]
    return [rule for rule in found if rule_fault(rule) is None]


def _row(function_id: str, rule: CancelOn) -> dict[str, Any]:
    return {
        "id": str(rule_id(function_id, rule)),
        "function_id": function_id,
        "event": rule.event,
        "path": rule.match,
        "expression": rule.if_,
        "remember_seconds": rule.remember.total_seconds() if rule.remember else None,
    }


def _rule(
    function_id: str, event: str, path: str | None, expression: str | None, remember_seconds: float | None
) -> Rule:
    every = path is None and expression is None
    return function_id, CancelOn(event, path, expression, _span(remember_seconds), every)


def _span(seconds: Any) -> dt.timedelta | None:
    try:
        return dt.timedelta(seconds=seconds) if seconds else None
    except (TypeError, OverflowError):
        return None
