"""What the dispatcher registered, where SQL, API and console find it."""

import datetime as dt
import json
import logging
from collections.abc import Collection, Sequence
from typing import Any

from andon.adapters.postgres.connect import Connection
from andon.adapters.postgres.registered import rules
from andon.adapters.postgres.subjects import subject_kinds
from andon.engine.declared.declarations import Declaration, from_json, to_json
from andon.engine.declared.functions import Registry
from andon.engine.declared.rules import CancelOn
from andon.engine.declared.triggers import On, Trigger

log = logging.getLogger(__name__)
REGISTERED_WITHIN = dt.timedelta(minutes=1)
"""Served is what was seen so soon before the last: a dispatcher that starts has seen all that are there by then."""

_REGISTER = """
INSERT INTO andon.functions (id, module, trigger, cancel_on, settings)
VALUES (%s, %s, %s, %s::jsonb, %s::jsonb)
ON CONFLICT (id) DO UPDATE SET module = excluded.module, trigger = excluded.trigger,
    cancel_on = excluded.cancel_on, settings = excluded.settings, seen_at = clock_timestamp()
"""
_DECLARED = """
SELECT f.id, f.settings->'declaration' FROM andon.functions f
JOIN unnest(%s::text[]) m (name) ON f.module = m.name OR starts_with(f.module, m.name || '.')
WHERE f.settings ? 'declaration' ORDER BY f.id
"""
_TRIGGERS = "SELECT settings FROM andon.functions"
_FLAGS = """
SELECT 'run:' || id::text, coalesce(cancel_event_seq, 0) FROM andon.runs WHERE status = 'cancelling'
UNION ALL
(SELECT flag, max(event_seq) FROM andon.cancellations
 WHERE flag IS NOT NULL AND requested_at > clock_timestamp() - interval '1 day' GROUP BY flag
 ORDER BY 2 DESC LIMIT 10000)
"""


def register(connection: Connection, registry: Registry) -> None:
    """Write down what the functions and their rules are; a function that is gone stays listed with the time it was
    last seen. The registry is told of the rules that open runs may still have.
    """
    with connection.transaction():
        rules.register(connection, registry)
        for each in registry:
            said = json.dumps([_rule(r) for r in each.cancel_on]), json.dumps(_settings(each))
            connection.execute(_REGISTER, [each.id, each.module, str(each.starts_on[0]), *said])
        subject_kinds.register(connection, registry)


def declared_before(connection: Connection, modules: Sequence[str]) -> list[Declaration]:
    """What these modules, and those below them, declared when they were last read; what can't be read is left out."""
    found = []
    for id, said in connection.execute(_DECLARED, [list(modules)]).fetchall():
        try:
            found.append(from_json(said))
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            log.error("function %r: what is stored of it can't be read: %r", id, error)
    return found


def flags_to_raise(connection: Connection) -> dict[str, int]:
    """The cancel flags that Redis should hold: those of runs being cancelled and of the last day's cancels."""
    return dict(connection.execute(_FLAGS).fetchall())


def starts_any(connection: Connection, names: Collection[str]) -> bool:
    """Whether an event of one of these names can start runs of a registered function."""
    rows = connection.execute(_TRIGGERS).fetchall()
    told = [each for (settings,) in rows for each in stored_triggers(settings)]
    return any(On(each["event"]).covers(name) for each in told if "event" in each for name in names)


def stored_triggers(settings: Any) -> list[dict[str, Any]]:
    """What a function's settings tell that its runs start on; what can't be read there is left out."""
    told = settings.get("triggers") if isinstance(settings, dict) else None
    known = [each for each in told if isinstance(each, dict)] if isinstance(told, list) else []
    return [each for each in known if isinstance(each.get("event"), str) or isinstance(each.get("cron"), str)]


def _trigger(trigger: Trigger) -> dict[str, Any]:
    if isinstance(trigger, On):
        return {"event": trigger.event, "if": trigger.if_}
    return {
        "cron": trigger.expr,
        "tz": trigger.tz,
        "jitterSeconds": trigger.jitter.total_seconds(),
        "overlap": trigger.overlap,
        "catchUp": trigger.catch_up,
        "data": dict(trigger.data),
    }


def _rule(rule: CancelOn) -> dict[str, Any]:
    return {
        "event": rule.event,
        "match": rule.match,
        "if": rule.if_,
        "everyRun": rule.every,
        "rememberSeconds": rule.remember.total_seconds() if rule.remember else None,
    }


def _settings(function: Declaration) -> dict[str, Any]:
    deadline = function.cancel_deadline
    return {
        "declaration": to_json(function),
        "triggers": [_trigger(each) for each in function.starts_on],
        "retries": function.retries,
        "queue": function.queue,
        "on_cancel": "on_cancel" in function.cleanups,
        "on_failure": "on_failure" in function.cleanups,
        "cancelDeadline": None if deadline is None else deadline.total_seconds(),
    }
