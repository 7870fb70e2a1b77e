"""HTTP as the client needs it: problems become exceptions, what may pass by itself is tried again, POSTs once only."""

from __future__ import annotations

import datetime as dt
import random
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import IO, Any
from urllib.parse import urlsplit

import httpx

from andon.client.errors import AndonApiError, Unreachable, error_of

PREFIX = "/api/v1"
END = ("event: end", "data: {}", "")
LOOPBACK = ("127.0.0.1", "localhost", "::1")
PASSING = frozenset({429, 502, 503})
NEVER_ARRIVED = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
LONGEST_RETRY_AFTER = 60.0


@dataclass(frozen=True)
class Retries:
    """How often a call is tried, and the pause between: full jitter, doubling from `base` up to `cap` seconds.

    Where the API says `Retry-After`, the pause is at least that.
    """

    attempts: int = 5
    base: float = 0.2
    cap: float = 5.0
    sleep: Callable[[float], None] = time.sleep

    def pause(self, attempt: int, at_least: float = 0.0) -> None:
        """Wait before the try after `attempt` (from 1)."""
        most = min(self.cap, self.base * 2 ** (attempt - 1))
        self.sleep(min(at_least, LONGEST_RETRY_AFTER) + random.uniform(0, most))


class Transport:
    """Calls of one API. Every POST has an Idempotency-Key, so that trying again can't do it twice."""

    def __init__(
        self,
        url: str,
        key: str | None,
        *,
        timeout: float,
        retries: Retries,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.url = base_of(url)
        self._retries = retries
        self._http = httpx.Client(
            base_url=f"{self.url}{PREFIX}",
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=timeout,
            transport=transport,
            trust_env=httpx.URL(self.url).host not in LOOPBACK,  # a proxy would look for us on its own machine
        )

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def get(self, path: str, query: Mapping[str, object] | None = None) -> Any:
        """What `path` shows; query parameters that are None are left out."""
        return self._json("GET", path, params=_given(query or {}))

    def post(
        self, path: str, body: object = None, *, idempotency_key: str | None = None, wait: int | None = None
    ) -> Any:
        """Do what `path` does, once however often it has to be sent; `wait` up to so many seconds for its effect."""
        headers = {**_once(idempotency_key), **({} if wait is None else {"Prefer": f"wait={wait}"})}
        return self._json("POST", path, json={} if body is None else body, headers=headers)

    def patch(self, path: str, body: object) -> Any:
        """Change what `path` is."""
        return self._json("PATCH", path, json=body)

    def delete(self, path: str) -> None:
        """Delete what `path` is."""
        self._json("DELETE", path)

    def upload(self, path: str, name: str, file: IO[bytes], *, timeout: float) -> Any:
        """Send `file` in the form field `file`, read as it is sent; from its beginning again when tried again."""
        return self._json("POST", path, files={"file": (name, file)}, headers=_once(None), timeout=timeout, rewind=file)

    @contextmanager
    def stream(self, path: str) -> Iterator[httpx.Response]:
        """The answer of `path`, its body still to be read."""
        with self._exchange("GET", path, stream=True) as response:
            yield response

    @contextmanager
    def listen(self, path: str, last_id: str, *, quiet: float) -> Iterator[Iterator[str]]:
        """The lines of a stream of Server-Sent Events behind the one with this id; asked for once.

        Only its end where that one was the last. Raises `Unreachable` when it is cut off, or says nothing for `quiet`
        seconds.
        """
        headers = {"Accept": "text/event-stream", **({"Last-Event-ID": last_id} if last_id else {})}
        timeout = httpx.Timeout(self._http.timeout.connect, read=quiet)
        try:
            with self._http.stream("GET", path, headers=headers, timeout=timeout) as response:
                if not response.is_success:
                    response.read()
                    raise error_of(response)
                yield iter(END) if response.status_code == 204 else response.iter_lines()
        except httpx.TransportError as error:
            raise _unreachable(self.url, error) from None

    def is_ready(self, timeout: float) -> bool:
        """Whether the API answers and can serve; asked once."""
        try:
            return self._http.get(f"{self.url}/readyz", timeout=timeout).is_success
        except httpx.HTTPError:
            return False

    def _json(self, method: str, path: str, **options: Any) -> Any:
        with self._exchange(method, path, **options) as response:
            if not response.content:
                return None
            try:
                return response.json()
            except ValueError:
                what = response.headers.get("Content-Type", "no media type")
                raise AndonApiError(
                    response.status_code,
                    "Not the API",
                    f"{self.url} answered {what} instead of JSON; is the URL right?",
                ) from None

    @contextmanager
    def _exchange(
        self,
        method: str,
        path: str,
        *,
        stream: bool = False,
        rewind: IO[bytes] | None = None,
        **options: Any,
    ) -> Iterator[httpx.Response]:
        """Send until there is an answer that counts; yields it open. Raises `AndonApiError` for one that refuses."""
        for attempt in range(1, self._retries.attempts + 1):
            last = attempt == self._retries.attempts
            if rewind is not None:
                rewind.seek(0)
            try:
                response = self._http.send(self._http.build_request(method, path, **options), stream=True)
                if response.is_success and stream:
                    break
                response.read()
                response.close()
            except httpx.TransportError as error:
                # A reply that was lost may mean that it was done: only a DELETE would then be refused the second time.
                if last or (method == "DELETE" and not isinstance(error, NEVER_ARRIVED)):
                    raise _unreachable(self.url, error) from None
                self._retries.pause(attempt)
                continue
            if response.is_success:
                break
            if last or not _passes(response):
                raise error_of(response)
            self._retries.pause(attempt, _retry_after(response))
        try:
            yield response
        except httpx.TransportError as error:
            raise _unreachable(self.url, error) from None
        finally:
            response.close()


def base_of(url: str) -> str:
    """The URL below which the API is, as people write it: with `/api/v1` or without. Raises `ValueError`."""
    parts = urlsplit(url.strip())
    if parts.scheme not in {"http", "https"} or not parts.netloc or parts.query or parts.fragment:
        raise ValueError(f"expected the API's URL, such as https://andon.example.com, got {url!r}")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/').removesuffix(PREFIX).rstrip('/')}"


def _given(query: Mapping[str, object]) -> dict[str, str | list[str]]:
    return {name: _written(value) for name, value in query.items() if value is not None}


def _written(value: object) -> str | list[str]:
    """As the query has it: several values each in a parameter of its own."""
    if isinstance(value, dt.datetime):
        return value.isoformat()
    return [str(each) for each in value] if isinstance(value, (list, tuple, set, frozenset)) else str(value)


def _once(key: str | None) -> dict[str, str]:
    return {"Idempotency-Key": key or str(uuid.uuid4())}


def _passes(response: httpx.Response) -> bool:
    """Whether trying again may help. A 409 that says when is a request of ours that is still being handled."""
    return response.status_code in PASSING or (response.status_code == 409 and "Retry-After" in response.headers)


def _retry_after(response: httpx.Response) -> float:
    """Seconds that the answer asks to wait; 0 when it doesn't, or not in a way that can be read."""
    said = response.headers.get("Retry-After", "")
    if said.isdecimal():
        return float(said)
    try:
        return max(0.0, (parsedate_to_datetime(said) - dt.datetime.now(dt.UTC)).total_seconds())
    except (ValueError, TypeError):
        return 0.0


def _unreachable(url: str, error: Exception) -> Unreachable:
    why = str(error) or type(error).__name__
    return Unreachable(None, f"{url} does not answer", f"{url} does not answer ({why}); is it running?")
