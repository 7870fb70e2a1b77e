"""Keeping over REST and on the console's page: read by anybody of the tenant, changed by its admins, and audited."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from andon.adapters.postgres.upkeep.files import record_maintenance
from andon.adapters.postgres.upkeep.keeping import Keeping, keepings, set_keeping
from tests.integration.api.access.conftest import API, Caller

Database = psycopg.Connection[Any]
Callers = Callable[..., Caller]
NOTHING = {"runs": None, "artifacts": None, "unused": None, "orphans": None}
DAY = dt.timedelta(days=1)


def test_what_is_named_changes_and_the_rest_stays(caller: Callers, database: Database) -> None:
    set_keeping(database, "other", Keeping(runs=DAY))
    acme = caller("acme")
    assert acme.open(f"{API}/keeping").json == {"own": NOTHING, "everybodys": None}
    changed = acme.open(f"{API}/keeping", "PATCH", json={"runs": "1w", "orphans": "90m"})
    assert (changed.status_code, changed.json["own"]) == (200, {**NOTHING, "runs": "7d", "orphans": "90m"})
    assert acme.open(f"{API}/keeping", "PATCH", json={"artifacts": "30d", "runs": None}).status_code == 200
    expected = Keeping(artifacts=30 * DAY, orphans=dt.timedelta(minutes=90))
    assert keepings(database) == {"acme": expected, "other": Keeping(runs=DAY)}
    assert acme.open(f"{API}/keeping", "PATCH", json={"artifacts": None, "orphans": None}).json["own"] == NOTHING
    assert acme.open(f"{API}/keeping", "PATCH", json={}).json["own"] == NOTHING
    assert list(keepings(database)) == ["other"]
    audited = acme.open(f"{API}/audit").json["items"]
    assert [each["action"] for each in audited] == ["keeping.forgotten", "keeping.set", "keeping.set"]
    assert audited[1]["details"] == {**NOTHING, "artifacts": "30d", "orphans": "90m"}


def test_what_everybody_keeps_is_shown_once_a_prune_has_said_it(caller: Callers, database: Database) -> None:
    everybodys = {"runs": "30d", "artifacts": None, "unused": "90d", "orphans": "1d"}
    record_maintenance(database, "prune", {"kept": everybodys})
    assert caller("acme", ["read"]).open(f"{API}/keeping").json == {"own": NOTHING, "everybodys": everybodys}
    record_maintenance(database, "prune", {})  # as the release before did
    assert caller("acme", ["read"]).open(f"{API}/keeping").json["everybodys"] is None


@pytest.mark.parametrize(
    ("body", "pointer", "said"),
    [
        ({"runs": "soon"}, "/runs", "expected a duration such as 90s, 15m, 2h, 30d or 1w, got 'soon'"),
        ({"runs": 7}, "/runs", "expected a text such as 30d"),
        ({"unused": "999999w"}, "/unused", "expected a duration of 36500d at most"),
        ({"orphans": "5m"}, "/orphans", "expected 1h or more"),
        ({"audit": "1d"}, "/audit", "expected no field of this name"),
    ],
)
def test_what_is_no_time_to_keep_is_refused(caller: Callers, body: Any, pointer: str, said: str) -> None:
    answer = caller("acme").open(f"{API}/keeping", "PATCH", json=body)
    assert answer.status_code == 422
    [error] = answer.json["errors"]
    assert (error["pointer"], error["detail"][: len(said)].lower()) == (pointer, said.lower())


def test_who_is_no_admin_changes_nothing(caller: Callers, database: Database) -> None:
    reader = caller("acme", ["read", "write", "cancel"])
    assert reader.open(f"{API}/keeping", "PATCH", json={"runs": "1d"}).status_code == 403
    assert reader.open("/keeping", "POST", data={"runs": "1d"}).status_code == 403
    assert 'data-testid="keeping-form"' not in reader.open("/usage").text
    assert keepings(database) == {}


def test_the_page_shows_it_and_its_form_says_all_of_it(caller: Callers, database: Database) -> None:
    record_maintenance(
        database, "prune", {"kept": {"runs": "30d", "artifacts": None, "unused": "90d", "orphans": "1d"}}
    )
    set_keeping(database, "acme", Keeping(runs=7 * DAY, unused=2 * DAY))
    acme = caller("acme")
    page = acme.open("/usage").text
    assert ("by its own wish" in page, 'value="7d"' in page, 'placeholder="30d"' in page) == (True, True, True)
    htmx = {"HX-Request": "true"}
    given = {"runs": " 14d ", "artifacts": "", "unused": "", "orphans": "2h"}
    answer = acme.open("/keeping", "POST", data=given, headers=htmx)
    assert (answer.status_code, answer.headers["HX-Trigger"]) == (200, "changed")
    assert keepings(database) == {"acme": Keeping(runs=14 * DAY, orphans=dt.timedelta(hours=2))}
    refused = acme.open("/keeping", "POST", data={"runs": "for ever"}, headers=htmx)
    assert "expected a duration" in refused.text
    assert keepings(database)["acme"].runs == 14 * DAY
