"""Whatever goes wrong, no key and no password is in a log, in an answer or in a span."""

from __future__ import annotations

import os
import re
import socket
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest
from redis import Redis

from andon.adapters.postgres.access.keys import SCOPES, create_key
from tests.conftest import StartSystem
from tests.faults.proxy import Proxy
from tests.integration.signals.collector import Collector
from tests.support.polling import wait_until
from tests.support.process import Process

FUNCTIONS = ("tests.integration.signals.functions",)
PROCESSES = ("andon_api", "andon_worker", "andon_worker.dispatcher")


def raw(port: int, request: bytes) -> str:
    """The answer to bytes that need not be HTTP."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b"")).decode(errors="replace")


def test_running_processes_tell_no_secret(
    system: StartSystem, collector: Collector, database_url: str, redis_url: str, redis: Redis
) -> None:
    secrets = {
        "database password": urlsplit(database_url).password or "",
        "redis password": "r3d1s-p4ssw0rd",
        "session secret": "s3ss10n-s3cr3t",
        "wrong header": "andon_h34d3r-w1th-wr0ng-k3y",
        "basic header": "YW5uOmJhc2ljLXMzY3IzdA==",
        "query": "qu3ry-k3y",
        "event's data": "ev3nt-d4t4",
        "statement's literal": "wr1tt3n-1nt0-sql",
    }
    with psycopg.connect(database_url, autocommit=True) as connection:
        secrets["key"] = create_key(connection, "default", "ann", SCOPES)[1]
    redis.acl_setuser(
        "andon",
        enabled=True,
        passwords=[f"+{secrets['redis password']}"],
        keys=["*"],
        categories=["+@all"],
        channels=["*"],
    )
    answers: list[str] = []
    with Proxy(database_url) as postgres, Proxy(redis_url) as bus:
        where = urlsplit(bus.url)
        started = system(
            functions=FUNCTIONS,
            env={
                **collector.env,
                "ANDON_LOG_LEVEL": "DEBUG",
                "ANDON_AUTH": "on",
                "ANDON_SECRET_KEY": secrets["session secret"],
            },
            database_url=postgres.url,
            redis_url=f"redis://andon:{secrets['redis password']}@127.0.0.1:{where.port}/0",
        )
        key = {"Authorization": f"Bearer {secrets['key']}"}

        def ask(method: str, path: str, headers: dict[str, str] = key, **options: object) -> httpx.Response:
            answer = httpx.request(method, started.url + path, headers=headers, trust_env=False, timeout=30, **options)  # type: ignore[arg-type]
            answers.append(answer.text)
            return answer

        assert ask("GET", "/api/v1/runs", {"Authorization": f"Bearer {secrets['wrong header']}"}).status_code == 401
        assert ask("GET", "/api/v1/runs", {"Authorization": f"Basic {secrets['basic header']}"}).status_code == 401
        assert ask("GET", f"/api/v1/runs?key={secrets['query']}&limit=x").status_code == 422
        assert ask("GET", f"/nowhere?key={secrets['query']}").status_code == 404
        for body in (b"[", b"{}", b'{"name": "a b"}', b'{"name": "n/o", "data": {"a": "\\u0000"}}'):
            assert ask("POST", f"/e/{secrets['key']}", {}, content=body).status_code in {400, 415, 422}
        assert ask("GET", f"/e/{secrets['key']}", {}).status_code == 405
        assert ask("POST", "/api/v1/events", content=b"[").status_code == 415
        not_http = (
            f"GET /e/{secrets['key']} HTTP/9.9\r\n\r\n",
            f"GET /healthz HTTP/1.1\r\nHost: x\r\nAuthorization Bearer {secrets['wrong header']}\r\n\r\n",
            f"Authorization: Bearer {secrets['wrong header']}\r\n\r\n",
        )
        answers += [raw(started.port, each.encode()) for each in not_http]
        for name, word in (("failing", secrets["event's data"]), ("quoting", secrets["statement's literal"])):
            event = {"name": f"signals/{name}.requested", "data": {"word": word}}
            assert ask("POST", "/api/v1/events", json=event).status_code == 202
        wait_until(lambda: len(ask("GET", "/api/v1/runs?status=failed").json()["items"]) == 2, what="both failed")
        with psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute("ALTER TABLE andon.datasets RENAME TO gone")
            assert ask("GET", "/api/v1/datasets").status_code == 500
            assert ask("POST", f"/api/v1/datasets?key={secrets['query']}", files={"file": ("a.csv", b"a,b\n1,2\n")})
            connection.execute("ALTER TABLE andon.gone RENAME TO datasets")
        postgres.cut()
        bus.cut()
        assert ask("GET", "/api/v1/runs").status_code == 503
        assert ask("GET", "/readyz").status_code == 503
        for name in ("dispatcher-1", "worker-1"):
            wait_until(lambda name=name: "away" in started[name].output or "failed" in started[name].output)  # type: ignore[misc]
        postgres.restore()
        bus.restore()
        for process in started.processes.values():
            process.stop()
    redis.acl_deluser("andon")

    logs = "".join(process.output for process in started.processes.values())
    bodies = "".join(answers)
    spans = "".join(str(each.span) for each in collector.spans())
    assert "unexpected error" in logs
    assert "step quote" in spans
    of_callers = {"event's data", "statement's literal"}  # a run's error is shown to whoever may read the run
    for name, secret in secrets.items():
        assert secret
        assert secret not in spans, f"{name} in a span"
        if name not in of_callers:
            assert secret not in logs, f"{name} in a log: {re.findall(f'.*{re.escape(secret)}.*', logs)[0][:400]}"
            assert secret not in bodies, f"{name} in an answer: {next(a for a in answers if secret in a)[:400]}"


@pytest.mark.parametrize("module", PROCESSES)
@pytest.mark.parametrize(
    "env",
    [
        {"ANDON_DATABASE_URL": "postgresql://andon:s3cr3t@127.0.0.1:9/andon"},
        {"ANDON_DATABASE_URL": "postgresqlx://andon:s3cr3t@127.0.0.1/andon"},
        {"ANDON_DATABASE_URL": "postgresql://andon:wr/s3cr3t@127.0.0.1/andon"},
        {"ANDON_REDIS_URL": "redis://andon:wr/s3cr3t@127.0.0.1/0"},
        {"ANDON_DATABASE_URL": "wrong password"},
    ],
    ids=lambda env: " ".join(env.values()),
)
def test_a_process_that_cannot_start_says_why_without_the_password(
    module: str, env: dict[str, str], database_url: str, tmp_path: Path
) -> None:
    at = urlsplit(database_url)
    if env.get("ANDON_DATABASE_URL") == "wrong password":
        env = {"ANDON_DATABASE_URL": database_url.replace(str(at.password), "s3cr3t")}
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ANDON_")}
    environment = {**kept, "ANDON_DATABASE_URL": database_url, "ANDON_HOME": str(tmp_path), **env}
    process = Process(module, module, environment, tmp_path / "log")
    process.start()
    try:
        wait_until(lambda: not process.running or "trying again" in process.output, what="what it says")
    finally:
        code = process.stop()
    said = process.output
    assert said
    assert code != 0 or "trying again" in said
    assert "s3cr3t" not in said, said
