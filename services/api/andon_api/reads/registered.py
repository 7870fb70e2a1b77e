"""The functions that the dispatcher has registered. What their runs did, `functions` tells."""

from sqlalchemy import ColumnElement, Exists, exists, func, select

from andon.adapters.postgres.models import FunctionRow
from andon.adapters.postgres.registered.functions import REGISTERED_WITHIN, stored_triggers
from andon_api.database import Row, now, rows

_FUNCTION = FunctionRow.__table__


def listed() -> list[Row]:
    """Each, in the order of ids; what can't be read of one is shown as nothing. One is `served` that it has
    seen when it began last.
    """
    found = rows(select(_FUNCTION).order_by(_FUNCTION.c.id))
    newest = max((each["seen_at"] for each in found), default=now())
    return [{**_readable(each), "served": newest - each["seen_at"] < REGISTERED_WITHIN} for each in found]


def is_served(function_id: ColumnElement[str] | str) -> Exists:
    """SQL for whether a function is `served`."""
    since = select(func.max(_FUNCTION.c.seen_at) - REGISTERED_WITHIN).scalar_subquery()
    return exists().where(_FUNCTION.c.id == function_id, _FUNCTION.c.seen_at > since)


def _readable(function: Row) -> Row:
    rules, settings = function["cancel_on"], function["settings"]
    told = rules if isinstance(rules, list) else []
    known = [each for each in told if isinstance(each, dict) and isinstance(each.get("event"), str)]
    settings = settings if isinstance(settings, dict) else {}
    return {**function, "cancel_on": known, "settings": settings, "triggers": stored_triggers(settings)}
