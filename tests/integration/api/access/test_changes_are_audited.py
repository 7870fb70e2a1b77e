"""Who has changed what: written with the change, read by those who may, never another tenant's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import psycopg
import pytest

from andon.adapters.postgres.asks.reports import of
from andon.adapters.postgres.upkeep.retention import Pruning
from tests.integration.api.access.conftest import API, Caller, Things
from tests.integration.cli.test_prune import DAY

MakeCaller = Callable[..., Caller]


@pytest.fixture
def acme(caller: MakeCaller) -> Caller:
    return caller("acme")


def audit(caller: Caller, **query: str) -> list[dict[str, Any]]:
    answer = caller.open(f"{API}/audit", query_string=query)
    assert answer.status_code == 200, answer.text
    return list(answer.json["items"])


def make_report(caller: Caller) -> str:
    return str(caller.open(f"{API}/reports", "POST", json={"title": "Sales"}).json["id"])


def test_a_deleted_report_is_told_of_with_who_did_it_and_by_which_key(acme: Caller) -> None:
    report = make_report(acme)
    trace = "ab" * 16
    acme.open(f"{API}/reports/{report}", "PATCH", json={"title": "Sales 2026"})
    gone = acme.open(f"{API}/reports/{report}", "DELETE", headers={"traceparent": f"00-{trace}-{'b7' * 8}-01"})
    assert gone.status_code == 204
    deleted, changed = audit(acme, target=report)
    assert deleted["action"] == "report.deleted"
    assert (deleted["by"], deleted["traceId"]) == ({"id": "ann"}, trace)
    assert deleted["details"] == {"title": "Sales 2026"}
    assert deleted["keyId"]
    assert (changed["action"], changed["details"]) == ("report.changed", {"changed": ["title"]})


def test_what_was_refused_is_not_in_it(acme: Caller, database: psycopg.Connection[Any]) -> None:
    report = make_report(acme)
    database.execute(
        "INSERT INTO andon.subjects (id, tenant, kind, key, status) VALUES (%s, 'acme', 'report', %s, 'active')",
        [of("acme", UUID(report)), report],
    )
    assert acme.open(f"{API}/reports/{report}", "DELETE").status_code == 409
    assert acme.open(f"{API}/reports/{report}", "PATCH", json={"options": {}}).status_code == 409
    assert audit(acme) == []


def test_the_consoles_changes_and_a_bulk_cancel_are_in_it(
    acme: Caller, things: Things, database: psycopg.Connection[Any]
) -> None:
    [function] = database.execute("SELECT id FROM andon.functions LIMIT 1").fetchone() or [None]
    asked = acme.open(f"{API}/cancellations", "POST", json={"functionId": function, "reason": "a wrong import"})
    assert asked.status_code == 202, asked.text
    report = make_report(acme)
    assert acme.open(f"/reports/{report}/delete", "POST").status_code == 200
    [deleted] = audit(acme, action="report.deleted")
    assert deleted["target"] == report
    [cancelled] = audit(acme, action="cancellation.asked", target=asked.json["id"])
    assert (cancelled["details"]["functionId"], cancelled["details"]["reason"]) == (function, "a wrong import")
    page = acme.open("/audit").text
    assert "report.deleted" in page
    assert report in page


def test_it_is_for_those_who_may_and_each_tenants_own(caller: MakeCaller, acme: Caller) -> None:
    acme.open(f"{API}/reports/{make_report(acme)}", "DELETE")
    assert audit(caller("other")) == []
    assert caller("acme", ["read", "write", "cancel"]).open(f"{API}/audit").status_code == 403
    assert len(audit(caller("acme", ["admin"]))) == 1
    assert acme.open(f"{API}/audit", query_string={"action": "report.made"}).status_code == 422


def test_it_has_a_retention_of_its_own(acme: Caller, database: psycopg.Connection[Any]) -> None:
    for _ in range(3):
        acme.open(f"{API}/reports/{make_report(acme)}", "DELETE")
    database.execute(
        "UPDATE andon.audit SET at = at - interval '400 days' WHERE id < (SELECT max(id) FROM andon.audit)"
    )
    counts: list[int] = []
    Pruning(database, batch=1, deleted=lambda _, count: counts.append(count)).audit(365 * DAY)
    assert sum(counts) == 2
    assert len(audit(acme)) == 1
