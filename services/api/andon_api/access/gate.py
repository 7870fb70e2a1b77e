"""The gate: every request passes it, becomes somebody's, and is refused unless their scopes open the route."""

import hmac
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import cast
from urllib.parse import urlencode

import psycopg
from flask import Flask, Response, current_app, g, request
from flask.typing import ResponseReturnValue
from redis import Redis
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.middleware.proxy_fix import ProxyFix

from andon.adapters.postgres.access.keys import Key
from andon.adapters.postgres.access.tokens import Token
from andon.settings import Settings
from andon_api.access import cors, origins, tokens
from andon_api.access.headers import harden
from andon_api.access.keys import Keys
from andon_api.access.rate import Rate, tell
from andon_api.access.scopes import OPEN, READ, scopes_of
from andon_api.access.sessions import COOKIE, CSRF_FIELD, CSRF_HEADER, Session, Sessions
from andon_api.access.tokens import Tokens
from andon_api.http.problems import Problem
from andon_api.principal import ANYBODY, Principal
from andon_api.serving.callers import CALLER

EXTENSION = "andon-gate"
FORM = "application/x-www-form-urlencoded"
NO_KEY = "This takes a valid key, in the header Authorization: Bearer andon_..."
PAGES = frozenset({"console", "docs", "login"})


@dataclass(frozen=True)
class Gate:
    """One app's gate. With `closed`, callers need a key."""

    closed: bool
    metrics_closed: bool
    keys: Keys
    tokens: Tokens
    sessions: Sessions
    rate: Rate

    def check(self) -> ResponseReturnValue | None:
        """Let the request through as somebody's, or answer it."""
        endpoint = request.endpoint
        if endpoint is None:
            return None  # there is no such route; nothing behind this answers
        needed = scopes_of(endpoint)
        if needed is None:
            raise Problem(500, f"Nobody has decided who may use {endpoint}: name it in andon_api.access.scopes.")
        if not self.closed:
            origins.refuse_other_names()
        if needed is not OPEN and (secret := tokens.presented()):
            self._admit_token(secret, endpoint, needed)
            return None
        if not self.closed:
            g.principal = ANYBODY
            return None
        if endpoint == "metrics.metrics" and self.metrics_closed:
            needed = READ
        if needed is OPEN:
            return None
        caller = self._caller()
        if caller is None:
            return _who_is_there()
        if not caller.scopes & needed:
            raise Problem(403, _takes(needed))
        g.principal = caller
        if know := request.environ.get(CALLER):
            know(caller.tenant)
        if seconds := self.rate.wait(caller.key_id):
            raise Problem(429, "This key calls too often.", headers={"Retry-After": str(seconds)})
        return None

    def recognise(self) -> None:
        """Make a request for what isn't there somebody's, if it is: its page has their menu."""
        with suppress(Problem, psycopg.Error, SQLAlchemyError):
            if (caller := self._caller() if self.closed else ANYBODY) is not None:
                g.principal = caller

    def still_open(self) -> Callable[[], Problem | None] | None:
        """Says, later and as often as it is asked, why the request would be refused now; None while it would not.

        None for a request that never will be: no keys are asked for.
        """
        who, needed = cast(Principal, g.principal), scopes_of(request.endpoint or "") or OPEN
        key_id, secret = who.key_id, who.token_secret

        if key_id is None and secret is None:
            return None

        def ask() -> Problem | None:
            try:
                if secret is not None:
                    return None if self.tokens.by_secret(secret) else ended_token()
                known = None if key_id is None else self.keys.by_id(key_id)
            except (psycopg.Error, SQLAlchemyError):
                return None  # the database is away: there is nothing to show either
            if known is None:
                return Problem(401, NO_KEY)
            return None if needed & frozenset(known.key.scopes) else Problem(403, _takes(needed))

        return ask

    def _admit_token(self, secret: str, endpoint: str, needed: frozenset[str]) -> None:
        """Let a page in with what its token opens, and refuse it everything else."""
        token = self.tokens.by_secret(secret)
        if token is None or (self.closed and token.key_id is None):
            raise ended_token()
        g.principal = _bearer(token, secret)
        if not tokens.opens(token, endpoint, request.view_args or {}):
            raise Problem(403, "This token opens what it was made for, and nothing else.")
        if not g.principal.scopes & needed and endpoint not in tokens.OWN:
            raise Problem(403, f"This takes a token with the scope {' or '.join(sorted(needed & {'read', 'cancel'}))}.")
        if self.closed and (seconds := self.rate.wait(token.id)):
            raise Problem(429, "This token calls too often.", headers={"Retry-After": str(seconds)})

    def _caller(self) -> Principal | None:
        """Who presents a key that is in force, or a session of one."""
        secret = _presented()
        if secret is not None:
            known = self.keys.by_secret(secret)
            return None if known is None else _principal(known.key)
        if origins.is_welcome():
            return None  # a page of another site never acts with this browser's session
        session = self.sessions.read(request.cookies.get(COOKIE, ""))
        if session is None:
            return None
        _refuse_forgery(session)
        g.csrf_token = session.csrf
        return _principal(session.known.key)


def install(app: Flask, settings: Settings, redis: Redis) -> Gate:
    """Put a gate before every route of `app`, and the security headers behind them.

    Raises `SettingsError` where keys are switched off although strangers could call.
    """
    keys = Keys()
    gate = Gate(
        closed=settings.requires_keys,
        metrics_closed=settings.metrics_auth == "on",
        keys=keys,
        tokens=Tokens(),
        sessions=Sessions(keys, settings.secret_key, seconds=settings.session_hours * 3600),
        rate=Rate(redis, settings.rate_limit),
    )
    if settings.proxies:
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=settings.proxies, x_proto=settings.proxies, x_host=settings.proxies
        )
    app.extensions[EXTENSION] = gate
    cors.install(app)
    origins.install(app, settings.origins)
    app.before_request(gate.check)
    app.after_request(harden)
    app.after_request(tell)
    return gate


def gate() -> Gate:
    """The gate of the app that serves this request."""
    return cast(Gate, current_app.extensions[EXTENSION])


def ended_token() -> Problem:
    """What a page is told when it has to get another token."""
    said = "This token is unknown, has run out or was revoked: get a new one."
    headers = {"WWW-Authenticate": 'Bearer realm="andon", error="invalid_token"'}
    return Problem(401, said, headers=headers, code="token-ended")


def _takes(needed: frozenset[str]) -> str:
    return f"This takes a key with the scope {' or '.join(sorted(needed))}."


def _principal(key: Key) -> Principal:
    return Principal(key.tenant, {"id": key.name}, frozenset(key.scopes), key.id)


def _bearer(token: Token, secret: str) -> Principal:
    return Principal(token.tenant, token.user, frozenset(token.scopes), token.key_id, tuple(token.things), secret)


def _presented() -> str | None:
    """The key in the request: in the path, as Inngest's clients send it, or as a bearer token."""
    if request.endpoint == "inngest.send":
        return str((request.view_args or {})["key"])
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    return secret.strip() if scheme.lower() == "bearer" else None


def _refuse_forgery(session: Session) -> None:
    """A cookie alone changes nothing: browsers send it for anybody. The token is on our own pages only."""
    if request.method in origins.SAFE_METHODS:
        return
    given = request.headers.get(CSRF_HEADER, "")
    if not given and request.mimetype == FORM:
        given = request.form.get(CSRF_FIELD, "")
    if not hmac.compare_digest(given.encode(), session.csrf.encode()):
        raise Problem(403, f"This page is no longer current: load it again ({CSRF_HEADER} is missing or wrong).")


def _who_is_there() -> Response:
    """Nobody that we know: programs get a 401, people the page to log in."""
    if request.blueprint not in PAGES:
        raise Problem(
            401,
            NO_KEY,
            headers={"WWW-Authenticate": 'Bearer realm="andon"'},
        )
    if "HX-Request" in request.headers:
        page = origins.parts_of(request.headers.get("HX-Current-URL", "/"))
        return Response("", 401, {"HX-Redirect": _login(page.path, page.query)})
    if request.method in origins.SAFE_METHODS:
        return Response("", 303, {"Location": _login(request.path, request.query_string.decode(errors="replace"))})
    return Response("", 303, {"Location": _login("/", "")})


def _login(path: str, query: str) -> str:
    return f"/login?{urlencode({'next': f'{path}?{query}' if query else path})}"
