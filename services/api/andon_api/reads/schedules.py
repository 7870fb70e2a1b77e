"""Schedules as the dispatcher registered them, with how they run. As their runs, they are of the tenant `default`."""

import datetime as dt

from andon.adapters.postgres.asks.requests import there
from andon.adapters.postgres.registered import schedules
from andon.adapters.postgres.registered.schedules import Schedule
from andon.engine.declared.triggers import Cron
from andon.engine.events import DEFAULT_TENANT
from andon_api.database import Row, connection
from andon_api.reads import pauses, registered

Declared = tuple[Schedule, Cron]


def declared(tenant: str) -> list[Declared]:
    """The schedules that a function has, each with what was declared of it."""
    if tenant != DEFAULT_TENANT:
        return []
    crons = {
        (function["id"], told["cron"], told.get("tz", "UTC")): _cron(told)
        for function in registered.listed()
        for told in function["triggers"]
        if "cron" in told
    }
    found = schedules.listed(connection())
    keys = [(each, (each.function_id, each.expr, each.tz)) for each in found]
    return [(each, crons[key]) for each, key in keys if key in crons]


def find(tenant: str, id: str) -> Declared:
    """The schedule with this id."""
    return there(next((each for each in declared(tenant) if each[0].id == id), None), "Schedule not found")


def shown(declared: Declared) -> Row:
    """As the API shows it."""
    schedule, cron = declared
    return {
        "id": schedule.id,
        "function_id": schedule.function_id,
        "schedule": schedule.expr,
        "tz": schedule.tz,
        "overlap": cron.overlap,
        "catch_up": cron.catch_up,
        "jitter_seconds": cron.jitter.total_seconds(),
        "data": dict(cron.data),
        "next_at": None if schedule.paused_at or _stands(schedule) else schedule.due_at,
        "last_at": schedule.last_at,
        "paused_at": schedule.paused_at,
        "paused_by": schedule.paused_by,
        "pause_reason": schedule.pause_reason,
    }


def _stands(schedule: Schedule) -> bool:
    """Whether it waits for the end of a pause of its function, or of the function's queue."""
    places = {(each["kind"], each["name"]) for each in pauses.of(DEFAULT_TENANT)}
    if not places:
        return False
    queue = next(
        (each["settings"].get("queue") for each in registered.listed() if each["id"] == schedule.function_id), None
    )
    return ("function", schedule.function_id) in places or ("queue", queue or "default") in places


def _cron(told: Row) -> Cron:
    jitter, data = told.get("jitterSeconds", 0.0), told.get("data", {})
    return Cron(
        told["cron"],
        told.get("tz", "UTC"),
        dt.timedelta(seconds=jitter) if isinstance(jitter, (int, float)) else dt.timedelta(0),
        told.get("overlap", "skip"),
        told.get("catchUp", "once"),
        data if isinstance(data, dict) else {},
    )
