"""The effect of a request: one transaction, its answer kept under its Idempotency-Key, then the publishing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, ParamSpec, TypeVar
from uuid import UUID

from flask import Response, request

from andon.adapters.postgres import answers
from andon.adapters.postgres.asks.requests import Asked
from andon.adapters.postgres.connect import Connection
from andon.adapters.redis.live import Changed
from andon.engine.events import Event
from andon_api.database import autocommit, connection, db
from andon_api.http.prefer_wait import Known, preferred, wait
from andon_api.http.problems import FieldErrors, Problem
from andon_api.principal import principal
from andon_api.services import services

P = ParamSpec("P")
V = TypeVar("V")
HEADER = "Idempotency-Key"
LONGEST_KEY = 255


@dataclass(frozen=True)
class Outcome:
    """What a request did and answers. `body` is JSON; `events` and `flags` are published once it is committed, and
    viewers told of the runs that have `ended` and the `subjects` that have moved.

    `known` tells the effect to a client that prefers to wait for it.
    """

    body: Any
    status: int = 202
    headers: Mapping[str, str] = field(default_factory=dict)
    events: Sequence[Event] = ()
    flags: Mapping[str, int] = field(default_factory=dict)
    ended: Sequence[Changed] = ()
    subjects: Collection[UUID] = ()
    known: Known | None = None

    @classmethod
    def of(
        cls, asked: Asked, body: Any, headers: Mapping[str, str] | None = None, known: Known | None = None
    ) -> Outcome:
        """The outcome of a verb: its answer, and what the verb wants published."""
        told: dict[str, Any] = {"events": asked.events, "flags": asked.flags}
        told |= {"ended": asked.over, "subjects": [asked.subject_id] if asked.subject_id else []}
        return cls(body, headers=headers or {}, known=known, **told)


def effect(view: Callable[P, Outcome]) -> Callable[P, Response]:
    """Make a view of a function that acts in the session's transaction and returns an `Outcome`."""

    @wraps(view)
    def answer(*args: P.args, **kwargs: P.kwargs) -> Response:
        return perform(lambda: view(*args, **kwargs), request.get_data)

    return performs(answer)


def performs(view: V) -> V:
    """Mark a view as one that keeps its answer under an Idempotency-Key."""
    view.keeps_answers = True  # type: ignore[attr-defined]
    return view


def keeps_answers(view: object) -> bool:
    """Whether the view keeps its answer under an Idempotency-Key."""
    return getattr(view, "keeps_answers", False)


def perform(act: Callable[[], Outcome], body: Callable[[], bytes]) -> Response:
    """Act, keep the answer, commit, publish. With a key that is known, give the answer that was kept instead.

    `body` tells requests apart that come with one key. An exception undoes everything, the key included.
    """
    key = idempotency_key()
    if key is None:
        outcome = act()
    else:
        fingerprint = _fingerprint(body())
        if kept := _kept(key, fingerprint):
            return kept
        outcome = act()
        answers.keep(
            connection(),
            principal().tenant,
            key,
            fingerprint=fingerprint,
            status=outcome.status,
            body=json.dumps(outcome.body),
            headers=json.dumps(dict(outcome.headers)),
        )
    if db.session.registry.has():
        db.session.commit()
    services().publisher.publish(outcome.events, outcome.flags, ended=outcome.ended, subjects=outcome.subjects)
    return _answer(outcome)


@contextmanager
def at_once() -> Iterator[Connection]:
    """For a verb that is one statement: a connection on which it commits by itself.

    With a key it is the session's, because the answer is kept in the same transaction.
    """
    if idempotency_key() is None:
        with autocommit() as own:
            yield own
    else:
        yield connection()


def at_once_or(first: Callable[[Connection], Asked | None] | None, then: Callable[[Connection], Asked]) -> Asked:
    """What `first` accepts in one statement, which commits by itself; where it answers None, and has done nothing,
    what `then` accepts in the session's transaction.
    """
    if first is not None:
        with at_once() as own:
            if asked := first(own):
                return asked
    return then(connection())


def _answer(outcome: Outcome) -> Response:
    """The answer: 200 with the effect, when the client preferred to wait and it became known meanwhile."""
    seconds = preferred() if outcome.known else None
    if outcome.known is None or seconds is None:
        return _response(outcome.body, outcome.status, outcome.headers)
    effect, waited = wait(outcome.known, seconds)
    headers = {**outcome.headers, **({"Preference-Applied": f"wait={seconds}"} if waited else {})}
    if effect is None:
        return _response(outcome.body, outcome.status, headers)
    return _response(effect, 200, headers)


def idempotency_key() -> str | None:
    """The request's key; raises a `Problem` for one that can't be."""
    key = request.headers.get(HEADER)
    if key is None:
        return None
    if not 0 < len(key) <= LONGEST_KEY or not key.isprintable():
        raise Problem(400, f"{HEADER}: expected 1 to {LONGEST_KEY} printable characters")
    return key


def _fingerprint(body: bytes) -> str:
    told_apart = f"{request.method} {request.full_path}\n".encode() + body
    return hashlib.sha256(told_apart).hexdigest()


def _kept(key: str, fingerprint: str) -> Response | None:
    """The answer that was given before; None for a new key, which this transaction holds from here on."""
    try:
        answer = answers.find(connection(), principal().tenant, key)
    except answers.Taken:
        raise Problem(
            409, f"A request with this {HEADER} is being handled; try again.", headers={"Retry-After": "1"}
        ) from None
    if answer is None:
        return None
    if answer.fingerprint != fingerprint:
        raise FieldErrors([("", f"this {HEADER} was used for another request")])
    return _response(answer.body, answer.status, {**answer.headers, "Idempotency-Replayed": "true"})


def _response(body: Any, status: int, headers: Mapping[str, str]) -> Response:
    response = Response(json.dumps(body), status=status, content_type="application/json")
    response.headers.extend(dict(headers))
    return response
