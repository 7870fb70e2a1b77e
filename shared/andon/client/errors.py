"""What the API refused, or that it didn't answer: one hierarchy, made from its problem documents (RFC 9457)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from andon.engine.errors import AndonError


class AndonApiError(AndonError):
    """The API refused, or did not answer.

    `status` is None when there was no answer. `errors` names the fields that are wrong, each `{"pointer", "detail"}`
    for a field of the body and `{"parameter", "detail"}` for one of the query.
    """

    def __init__(
        self, status: int | None, title: str, detail: str = "", errors: Sequence[Mapping[str, str]] = ()
    ) -> None:
        self.status = status
        self.title = title
        self.detail = detail
        self.errors = tuple(errors)
        super().__init__(detail if not detail or detail.startswith(title) else f"{title}: {detail}")

    def __str__(self) -> str:
        return super().__str__() or self.title


class InvalidRequest(AndonApiError):
    """400, 413, 415 or 422: what was sent is wrong; `errors` may name the fields."""


class NotAllowed(AndonApiError):
    """401 or 403: the key is missing, unknown or revoked, or lacks the scope."""


class NotFound(AndonApiError):
    """404: there is no such thing in the key's tenant."""


class Conflict(AndonApiError):
    """409: the thing is not in a state in which this can be asked."""


class RateLimited(AndonApiError):
    """429, still after all retries."""


class Unavailable(AndonApiError):
    """5xx: the API can't do it now, still after all retries."""


class Unreachable(Unavailable):
    """Nothing answers at the URL, still after all retries. `status` is None."""


class WaitTimeout(AndonError, TimeoutError):
    """What was waited for has not ended in time; it goes on."""


_BY_STATUS: Mapping[int, type[AndonApiError]] = {
    400: InvalidRequest,
    401: NotAllowed,
    403: NotAllowed,
    404: NotFound,
    409: Conflict,
    413: InvalidRequest,
    415: InvalidRequest,
    422: InvalidRequest,
    429: RateLimited,
}


def error_of(response: httpx.Response) -> AndonApiError:
    """The response, whose body was read, as an exception; also where it isn't a problem document (a proxy's page)."""
    title = f"{response.status_code} {response.reason_phrase}".strip()
    return error_from({"title": title, **_problem(response), "status": response.status_code})


def error_from(problem: Mapping[str, Any]) -> AndonApiError:
    """A problem document, which a stream sends too, as an exception."""
    status = int(problem["status"])
    kind = _BY_STATUS.get(status, Unavailable if status >= 500 else AndonApiError)
    errors = [each for each in problem.get("errors") or () if isinstance(each, Mapping)]
    return kind(status, str(problem.get("title") or status), str(problem.get("detail") or ""), errors)


def _problem(response: httpx.Response) -> Mapping[str, Any]:
    try:
        found = response.json()
    except ValueError:
        return {}
    return found if isinstance(found, Mapping) else {}
