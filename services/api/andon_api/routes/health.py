"""Health: is the process alive, can it serve, what does it count."""

from __future__ import annotations

from typing import Any

import structlog
from flask import Blueprint, Response, jsonify
from redis.exceptions import RedisError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from andon.migrations import HEAD
from andon_api.database import db
from andon_api.services import services

blueprint = Blueprint("health", __name__)
log = structlog.get_logger("andon.api")

_LOOK = text(
    "SELECT (SELECT version_num FROM andon.alembic_version),"
    " EXISTS (SELECT FROM andon.dispatcher_leases WHERE lease_until > clock_timestamp())"
)


@blueprint.get("/healthz")
def healthz() -> Response:
    """The process is alive; says nothing about what it depends on."""
    return jsonify(status="ok")


@blueprint.get("/readyz")
def readyz() -> tuple[Response, int]:
    """200 when requests can be accepted: that takes Postgres at our revision, and nothing else.

    Without Redis or a dispatcher events are kept and handled later: `status` is then `degraded`.
    """
    checks = {**_database(), "redis": _redis()}
    if checks["postgres"] != "ok" or checks["schema"] != "ok":
        return jsonify(status="unavailable", checks=checks), 503
    complete = all(said == "ok" for said in checks.values())
    return jsonify(status="ok" if complete else "degraded", checks=checks), 200


def _database() -> dict[str, Any]:
    try:
        revision, dispatching = db.session.execute(_LOOK).one()
    except SQLAlchemyError as error:
        log.warning("not ready", error=str(error))
        return {"postgres": "does not answer", "schema": "unknown", "dispatcher": "unknown"}
    return {
        "postgres": "ok",
        "schema": "ok" if revision == HEAD else f"at {revision}, expected {HEAD}",
        "dispatcher": "ok" if dispatching else "none leads",
    }


def _redis() -> str:
    try:
        services().redis.ping()
    except RedisError:
        return "does not answer"
    return "ok"
