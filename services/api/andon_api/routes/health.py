"""Health: is the process alive, can it serve, what does it count."""

from typing import Any

import psycopg
import structlog
from flask import Blueprint, Response, jsonify
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from andon.adapters.postgres.upkeep import readiness
from andon.adapters.redis.away import Away, answer, why_away
from andon.adapters.redis.doctor import check_writing
from andon.migrations import HEAD
from andon_api.database import connection
from andon_api.services import services

blueprint = Blueprint("health", __name__)
log = structlog.get_logger("andon.api")
AWAY = "does not answer"
OLD_SECONDS = 60.0


@blueprint.get("/healthz")
def healthz() -> Response:
    """The process is alive; says nothing about what it depends on."""
    return jsonify(status="ok")


@blueprint.get("/readyz")
def readyz() -> tuple[Response, int]:
    """200 when requests can be accepted: that takes Postgres at our revision, and nothing else.

    Without Redis or a dispatcher events are kept and handled later, and while Postgres is read-only what can be read
    is read: `status` is then `degraded`.
    """
    checks = {**_database(), "redis": _redis()}
    if checks["postgres"] == AWAY or checks["schema"] != "ok":
        return jsonify(status="unavailable", checks=checks), 503
    complete = all(said == "ok" for said in checks.values())
    return jsonify(status="ok" if complete else "degraded", checks=checks), 200


def _database() -> dict[str, Any]:
    try:
        seen = readiness.look(connection())
    except (SQLAlchemyError, psycopg.Error) as error:
        log.warning("not ready", error=str(error))
        return {"postgres": AWAY, "schema": "unknown", "dispatcher": "unknown"}
    return {
        "postgres": "is read-only" if seen.read_only else "ok",
        "schema": "ok" if seen.revision == HEAD else f"at {seen.revision}, expected {HEAD}",
        "dispatcher": _dispatcher(seen.led, seen.oldest or 0.0),
    }


def _dispatcher(leads: bool, oldest: float) -> str:
    if not leads:
        return "none leads"
    return f"one leads, and an event has waited {oldest:.0f} s for it" if oldest > OLD_SECONDS else "ok"


def _redis() -> str:
    try:
        check_writing(services().redis)
    except (RedisError, OSError) as error:
        why = why_away(error)
        return "does not answer" if why is Away.LOST else f"takes nothing: {why or answer(error)}"
    return "ok"
