"""Probes ask a process about itself: a store that is away doesn't make it unhealthy, a loop that stands still does."""

from __future__ import annotations

import threading
from collections.abc import Callable
from http import HTTPStatus
from urllib.parse import urlsplit

import httpx
import pytest
from prometheus_client import CollectorRegistry

from andon.adapters.health import HealthServer, stalled
from andon.embedded import PostgresServer
from andon.settings import SettingsError
from tests.integration.deploy.conftest import Probed
from tests.support.polling import wait_until


def test_dispatcher_and_worker_stay_alive_while_postgres_is_away(
    probed: Callable[..., Probed], own_postgres: PostgresServer
) -> None:
    started = probed(database_url=own_postgres.url)
    wait_until(started.ready, 120)
    own_postgres.kill()
    down = 'andon_store_up{store="postgres"}'
    wait_until(lambda: started.samples("dispatcher-1").get(down) == 0, what=down)
    for process in started.ports:
        answer = started.ask(process, "/healthz")
        assert answer is not None
        assert answer.status_code == HTTPStatus.OK, process
    leads = "andon_dispatcher_leads"
    wait_until(lambda: started.samples("dispatcher-1")[leads] == 0, what="nobody leads")
    own_postgres.start()
    wait_until(lambda: started.samples("dispatcher-1")[leads] == 1, what="it leads again")
    password = urlsplit(own_postgres.url).password
    assert password
    for each in started.system.processes.values():
        assert password not in each.output, f"{each.name} tells the database's password"


def test_a_worker_that_was_asked_to_stop_is_alive_and_ends_with_0(probed: Callable[..., Probed]) -> None:
    started = probed()
    wait_until(started.ready, 120)
    assert started.system["worker-1"].stop() == 0
    assert started.system["dispatcher-1"].stop() == 0


def test_a_loop_that_stands_still_is_named() -> None:
    age = 3.0
    complain = stalled("the loop", lambda: age, limit=10)
    assert complain() is None
    age = 12.4
    assert complain() == "the loop has not turned for 12 s"


def test_what_is_not_alive_is_not_ready_and_the_answer_says_why() -> None:
    live: list[str | None] = [None]
    ready: list[str | None] = ["it is stopping"]
    server = HealthServer("127.0.0.1", 0, live=lambda: live[0], ready=lambda: ready[0], registry=CollectorRegistry())
    server.start()
    with httpx.Client(base_url=f"http://127.0.0.1:{server.port}", trust_env=False) as client:
        assert client.get("/healthz").json() == {"status": "ok"}
        refused = client.get("/readyz")
        assert refused.status_code == HTTPStatus.SERVICE_UNAVAILABLE
        assert refused.json() == {"status": "unavailable", "reason": "it is stopping"}
        live[0], ready[0] = "it hangs", None
        assert client.get("/healthz").status_code == HTTPStatus.SERVICE_UNAVAILABLE
        assert client.get("/readyz").json()["reason"] == "it hangs"
        assert client.get("/else").status_code == HTTPStatus.NOT_FOUND
    server.close()


def test_a_slow_scrape_holds_up_no_probe() -> None:
    go_on = threading.Event()

    class Slow(CollectorRegistry):
        def collect(self):  # type: ignore[no-untyped-def]
            go_on.wait(20)
            return iter(())

    server = HealthServer("127.0.0.1", 0, live=lambda: None, ready=lambda: None, registry=Slow())
    server.start()
    url = f"http://127.0.0.1:{server.port}"
    scrape = threading.Thread(target=lambda: httpx.get(f"{url}/metrics", timeout=30, trust_env=False))
    scrape.start()
    assert httpx.get(f"{url}/healthz", timeout=5, trust_env=False).is_success
    assert scrape.is_alive()
    go_on.set()
    scrape.join(10)
    server.close()


def test_a_port_that_is_taken_is_said_in_a_sentence() -> None:
    taken = HealthServer("127.0.0.1", 0, live=lambda: None, ready=lambda: None, registry=CollectorRegistry())
    with pytest.raises(SettingsError, match=f"ANDON_HEALTH_PORT {taken.port} can't be listened on"):
        HealthServer("127.0.0.1", taken.port, live=lambda: None, ready=lambda: None, registry=CollectorRegistry())
    taken.start()
    taken.close()
