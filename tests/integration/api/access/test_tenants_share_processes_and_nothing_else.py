"""Two tenants on one running system: what the one sends stops nothing of the other's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import psycopg

from andon.adapters.postgres.access.keys import create_key
from tests.conftest import StartSystem
from tests.support.ledger import Ledger
from tests.support.polling import wait_until


def test_no_cancel_of_another_tenant_stops_a_run(system: StartSystem, tmp_path: Path, database_url: str) -> None:
    env = {"ANDON_AUTH": "on", "ANDON_TEST_FOLDER": str(tmp_path)}
    running = system(functions=["tests.functions"], env=env)
    scopes = ["read", "write", "cancel"]
    with psycopg.connect(database_url, autocommit=True) as database:
        secrets = [create_key(database, tenant, "ann", scopes)[1] for tenant in ("acme", "rival")]
    acme, rival = (
        httpx.Client(base_url=f"{running.url}/api/v1", headers={"Authorization": f"Bearer {each}"}, trust_env=False)
        for each in secrets
    )
    with acme, rival:
        data: dict[str, Any] = {"case": "shared", "plan": {"step-1": {"gate": True}}}
        acme.post("/events", json={"name": "walk/requested", "data": data}).raise_for_status()
        ledger = Ledger(tmp_path)
        wait_until(lambda: ledger.begins("shared", "step-1"), what="step-1")
        [run] = acme.get("/runs").json()["items"]
        attempts = [
            {"name": "walk/cancelled", "data": {"case": "shared"}},
            {"name": "andon/run.cancelled", "data": {"runId": run["id"]}},
            {"name": "andon/runs.cancelled", "data": {"functionId": "walk"}},
        ]
        ids = rival.post("/events", json=attempts).raise_for_status().json()["ids"]
        rival.post("/cancellations", json={"functionId": "walk"}).raise_for_status()
        assert rival.post(f"/runs/{run['id']}/cancel").status_code == 404
        marker = rival.post("/events", json={"name": "walk/requested", "data": {"case": "after"}}).json()["ids"][0]

        def handled() -> bool:
            return bool(rival.get(f"/events/{marker}").json()["effects"]["started"])

        wait_until(handled, what="the events after them")
        for id in ids:
            assert rival.get(f"/events/{id}").json()["effects"]["cancelled"] == []
        assert acme.get(f"/runs/{run['id']}").json()["cancel"] is None
        ledger.open("shared")
        wait_until(lambda: acme.get(f"/runs/{run['id']}").json()["status"] == "completed", what="its end")
    output = "".join(process.output for process in running.processes.values())
    assert not any(secret in output for secret in secrets)
