"""The REST API as the commands use it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx

from andon.cli.errors import CommandFailed
from andon.embedded.home import read_env_file
from andon.settings import Settings

LOOPBACK = ("127.0.0.1", "localhost", "::1")


class Api:
    """JSON in, JSON out; every failure is a `CommandFailed` that says what the API said."""

    def __init__(self, url: str, key: str | None = None) -> None:
        self.url = url.rstrip("/")
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._http = httpx.Client(
            base_url=f"{self.url}/api/v1",
            headers=headers,
            timeout=60,
            trust_env=httpx.URL(url).host not in LOOPBACK,  # a proxy would look for us on its own machine
        )

    def __enter__(self) -> Api:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def get(self, path: str, **query: str | int) -> Any:
        """What `path` shows."""
        return self._call("GET", path, params=query)

    def post(self, path: str, body: Mapping[str, object] | None = None) -> Any:
        """Do what `path` does."""
        return self._call("POST", path, json=body or {})

    def upload(self, path: str, file: Path) -> Any:
        """Send `file` in the form field `file`, read as it is sent."""
        with file.open("rb") as opened:
            return self._call("POST", path, files={"file": (file.name, opened)}, timeout=600)

    def is_ready(self) -> bool:
        """Whether the API answers and can serve."""
        try:
            return self._http.get(f"{self.url}/readyz", timeout=2).is_success
        except httpx.HTTPError:
            return False

    def _call(self, method: str, path: str, **options: Any) -> Any:
        try:
            response = self._http.request(method, path, **options)
        except httpx.HTTPError as error:
            raise CommandFailed(f"{self.url} does not answer ({error}); is it running?") from None
        if response.is_error:
            raise CommandFailed(f"{method} {path} was refused: {_reason(response)}")
        return response.json() if response.content else None


def known_url(env: Mapping[str, str]) -> str:
    """Where the API is: `ANDON_URL`, or what runs on `ANDON_HOME`, or the default address."""
    settings = Settings.from_env(env)
    exported = read_env_file(settings.home).get("ANDON_URL")
    return env.get("ANDON_URL") or exported or f"http://127.0.0.1:{settings.port}"


def _reason(response: httpx.Response) -> str:
    """The problem's title and detail, or the bare status of what isn't a problem document."""
    try:
        problem = response.json()
        said = ": ".join(str(problem[part]) for part in ("title", "detail") if problem.get(part))
    except (ValueError, AttributeError):
        said = ""
    return said or f"{response.status_code} {response.reason_phrase}"
