"""Tokens as pages in browsers present them, and what each opens: what it names, and nothing beside it."""

from collections.abc import Mapping
from typing import Any

from flask import request
from werkzeug.datastructures import ImmutableMultiDict

from andon.adapters.postgres.access.keys import digest
from andon.adapters.postgres.access.tokens import PREFIX, Token, find_token
from andon.engine.ids import parse_id
from andon_api.access.keys import LONGEST
from andon_api.access.remembered import Remembered
from andon_api.database import connection

PARAMETER = "token"
# What a token opens: routes of one thing, by the kind of thing that their id names.
_ROUTES = {
    "report": "reports.one reports.cancel streams.report artifacts.download",
    "subject": "subjects.one subjects.cancel streams.subject",
    "run": "runs.one runs.steps runs.step runs.output runs.cancel streams.run",
}
KIND_OF = {endpoint: kind for kind, endpoints in _ROUTES.items() for endpoint in endpoints.split()}
OWN = frozenset({"tokens.revoke"})  # a token may end itself
LISTS = frozenset({"streams.many"})  # shows the token's own things
# EventSource and links can't send a header.
BY_QUERY = frozenset({"streams.report", "streams.run", "streams.subject", "streams.many", "artifacts.download"})


class Tokens:
    """Finds tokens by their secret. Call within an app context."""

    def __init__(self) -> None:
        self._kept: Remembered[Token] = Remembered()

    def by_secret(self, secret: str) -> Token | None:
        """The token with this secret, as long as it is in force."""
        if len(secret) > LONGEST:
            return None
        return self._kept.get(digest(secret), lambda: find_token(connection(), secret))


def presented() -> str | None:
    """The token in the request: as a bearer, or as `?token=` where a browser can't send a header.

    That parameter is gone from the request then: nothing behind the gate sees it.
    """
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and secret.strip().startswith(PREFIX):
        return secret.strip()
    if request.endpoint not in BY_QUERY or PARAMETER not in request.args:
        return None
    rest = request.args.to_dict(flat=False)
    [secret, *_] = rest.pop(PARAMETER)
    request.args = ImmutableMultiDict(rest)
    return secret


def opens(token: Token, endpoint: str, values: Mapping[str, Any]) -> bool:
    """Whether the token names what this request is about."""
    if endpoint in LISTS:
        return True
    if endpoint in OWN:
        return parse_id(values["id"]) == token.id
    kind = KIND_OF.get(endpoint)
    if kind == "subject":
        return f"subject:{values['kind']}:{values['id']}" in token.things
    return kind is not None and thing(kind, values["id"]) in token.things


def thing(kind: str, id: str) -> str:
    """How a token names a thing; a subject's id is `<kind>:<id>`."""
    return f"{kind}:{parse_id(id) or id}"
