"""Tokens: a server with a key makes one for a page of its own, which then sees and cancels what it is about."""

import datetime as dt
import json
from collections.abc import Sequence

from flask import Response

from andon.adapters.postgres.access.tokens import create_token, revoke_token
from andon.adapters.postgres.asks.requests import NotFound
from andon.engine.ids import parse_id
from andon_api.access.tokens import thing
from andon_api.database import Row, connection, db
from andon_api.http.problems import FieldErrors, Problem
from andon_api.http.rest import Blueprint
from andon_api.principal import principal
from andon_api.reads import things
from andon_api.schemas import NewToken, NewTokenOfMany, TokenSchema

blueprint = Blueprint("tokens", __name__, description="What a page in a browser carries instead of a key")


@blueprint.post("/reports/<id>/tokens")
@blueprint.body(NewToken, required=False)
@blueprint.answers(201, TokenSchema)
def of_report(body: Row, id: str) -> Response:
    """A token for one report: see and follow it, load its files, cancel it. For an hour at most."""
    return _made([thing("report", id)], body, "Report not found")


@blueprint.post("/runs/<id>/tokens")
@blueprint.body(NewToken, required=False)
@blueprint.answers(201, TokenSchema)
def of_run(body: Row, id: str) -> Response:
    """A token for one run: see and follow it, cancel it. For an hour at most."""
    return _made([thing("run", id)], body, "Run not found")


@blueprint.post("/subjects/<kind>/<path:id>/tokens")
@blueprint.body(NewToken, required=False)
@blueprint.answers(201, TokenSchema)
def of_subject(body: Row, kind: str, id: str) -> Response:
    """A token for one subject: see, follow and cancel it, by this spelling of its id. For an hour at most."""
    return _made([f"subject:{kind}:{id}"], body, f"There is no {kind} {id}")


@blueprint.post("/tokens")
@blueprint.body(NewTokenOfMany)
@blueprint.answers(201, TokenSchema)
def of_many(body: Row) -> Response:
    """A token for a list of things, up to 100: `GET /stream` tells of all of them."""
    return _made(list(dict.fromkeys(thing(*each.split(":", 1)) for each in body["things"])), body, None)


@blueprint.delete("/tokens/<id>")
@blueprint.answers(204)
def revoke(id: str) -> Response:
    """End a token before its time; within two seconds no process takes it, and its streams end."""
    token_id = parse_id(id)
    if token_id is None or not revoke_token(connection(), principal().tenant, token_id):
        raise NotFound("Token not found")
    db.session.commit()
    return Response(status=204)


def _made(names: Sequence[str], body: Row, missing: str | None) -> Response:
    who = principal()
    gone = things.missing(who.tenant, names)
    if gone and missing is not None:
        raise NotFound(missing)
    if gone:
        where = [
            (f"/things/{place}", "expected a report, run or subject of yours")
            for place, name in enumerate(names)
            if name in gone
        ]
        raise FieldErrors(where)
    lacking = set(body["scopes"]) - who.scopes
    if lacking:
        raise Problem(403, f"A key without the scope {' or '.join(sorted(lacking))} can't give it to a token.")
    user = body.get("user", who.user)
    made = create_token(
        connection(),
        tenant=who.tenant,
        key_id=who.key_id,
        things=names,
        scopes=body["scopes"],
        user=user,
        ttl=dt.timedelta(seconds=body["ttl"]),
    )
    db.session.commit()
    shown = TokenSchema().dump(
        {
            "id": made.id,
            "token": made.secret,
            "things": names,
            "scopes": body["scopes"],
            "user": user,
            "expires_at": made.expires_at,
        }
    )
    headers = {"Cache-Control": "no-store"}
    return Response(json.dumps(shown), 201, headers, content_type="application/json")
