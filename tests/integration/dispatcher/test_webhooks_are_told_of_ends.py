"""Webhooks: owed with the end itself, told at least once, in order of what they are about."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import UUID

import jsonschema_rs
import psycopg
import pytest

from andon.adapters.postgres import webhooks
from andon.adapters.postgres.asks.requests import Conflict
from andon.adapters.postgres.upkeep import webhooks_owed
from andon.client import verify_webhook
from andon.engine.ids import new_id
from andon_api.http.document.event_shapes import SHAPES
from andon_worker.dispatcher.webhooks import Teller
from andon_worker.metrics import Outcome

ABOUT = UUID(int=1)
ENDED: dict[str, Any] = {
    "functionId": "f",
    "event": {"id": "e", "name": "a/b", "data": {}, "user": None},
    "error": None,
    "reason": None,
    "requestedBy": None,
    "completedSteps": [],
    "completedStepCount": 0,
}
BODY = {**SHAPES["WebhookBody"], "components": {"schemas": SHAPES}}


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    """The test's view of the database, autocommitting."""
    with psycopg.connect(database_url, autocommit=True) as opened:
        yield opened


class Receiver:
    """Answers with the next of `answers`, and then with 200; keeps what it was sent."""

    def __init__(self) -> None:
        self.answers: list[int] = []
        self.got: list[tuple[bytes, str]] = []
        self.url = ""

    @property
    def ids(self) -> list[str]:
        """Of what it was sent, in that order."""
        return [json.loads(body)["id"] for body, _ in self.got]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A server on loopback."""
    made = Receiver()
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            with lock:
                made.got.append((body, self.headers["Andon-Signature"]))
                status = made.answers.pop(0) if made.answers else 200
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield made
    server.shutdown()
    server.server_close()
    thread.join()


@contextmanager
def teller(database_url: str, *, private: bool = True, counted: list[Outcome] | None = None) -> Iterator[Teller]:
    """What sends; its thread isn't started."""
    made = Teller(database_url, private=private, count=(counted if counted is not None else []).append)
    yield made
    made._http.close()


def turn(sender: Teller, connection: psycopg.Connection[Any]) -> int:
    """Send what is due, and see what comes of it."""
    with ThreadPoolExecutor(4) as pool:
        begun = sender.begin(connection, pool)
        while sender.note(connection, 20):
            pass
    return begun


def end(
    connection: psycopg.Connection[Any], *, about: UUID = ABOUT, status: str = "completed", tenant: str = "t"
) -> str:
    """Do what settling a run does: its status and its own event, in one transaction. Returns the event's id."""
    run, trigger, event = new_id(), str(new_id()), str(new_id())
    with connection.transaction():
        connection.execute(
            "INSERT INTO andon.functions (id, module, trigger, cancel_on, settings) VALUES"
            " ('f', 'm', 'a/b', '[]', '{}') ON CONFLICT DO NOTHING"
        )
        connection.execute(
            "INSERT INTO andon.subjects (id, tenant, kind, key) VALUES (%s, %s, 'report', %s) ON CONFLICT DO NOTHING",
            [about, tenant, str(about)],
        )
        connection.execute(
            "INSERT INTO andon.events (tenant, id, name, data, ts) VALUES (%s, %s, 'a/b', '{}', now())",
            [tenant, trigger],
        )
        connection.execute(
            "INSERT INTO andon.runs (id, tenant, function_id, event_seq, subject_id, status, ended_at)"
            " SELECT %s, tenant, 'f', seq, %s, %s, now() FROM andon.events WHERE id = %s",
            [run, about, status, trigger],
        )
        connection.execute(
            "INSERT INTO andon.events (tenant, id, name, data, ts) VALUES (%s, %s, %s, %s, now())",
            [tenant, event, f"andon/function.{status}", json.dumps({**ENDED, "runId": str(run)})],
        )
    return event


def make_due(connection: psycopg.Connection[Any]) -> None:
    """Let the pauses be over."""
    connection.execute("UPDATE andon.webhook_deliveries SET next_at = clock_timestamp() WHERE next_at IS NOT NULL")


def test_an_end_is_told_with_a_signature_that_its_receiver_verifies(
    connection: psycopg.Connection[Any], database_url: str, receiver: Receiver
) -> None:
    id, secret = webhooks.create_webhook(connection, "t", receiver.url)
    event = end(connection, status="failed")
    end(connection, tenant="another", about=UUID(int=2))
    with teller(database_url) as sender:
        assert (turn(sender, connection), turn(sender, connection)) == (1, 0)
    [(body, signature)] = receiver.got
    assert verify_webhook(body, signature, secret)
    said = json.loads(body)
    jsonschema_rs.Draft202012Validator(BODY).validate(said)
    assert (said["id"], said["type"], said["reportId"]) == (event, "andon/function.failed", str(ABOUT))
    assert said["data"]["functionId"] == "f"
    [delivery] = webhooks.deliveries(connection, id, 9)
    assert (delivery.answer, delivery.attempts, delivery.next_at) == ("200", 1, None)


def test_nothing_is_owed_for_an_end_that_was_rolled_back_or_made_up(
    connection: psycopg.Connection[Any], receiver: Receiver
) -> None:
    id, _ = webhooks.create_webhook(connection, "t", receiver.url)
    with connection.transaction(force_rollback=True):
        end(connection)
    for run in (str(new_id()), "no id"):
        connection.execute(
            "INSERT INTO andon.events (tenant, id, name, data, ts)"
            " VALUES ('t', %s, 'andon/function.completed', %s, now())",
            [str(new_id()), json.dumps({"runId": run})],
        )
    assert webhooks.deliveries(connection, id, 9) == []


@pytest.mark.parametrize("deleted_first", [True, False])
def test_an_end_waits_for_no_webhooks_deletion_and_is_kept_whichever_commits_first(
    connection: psycopg.Connection[Any], database_url: str, deleted_first: bool
) -> None:
    webhooks.create_webhook(connection, "t", "http://127.0.0.1:9/")
    gone, _ = webhooks.create_webhook(connection, "t", "http://127.0.0.1:9/")
    connection.execute("SET lock_timeout = '1s'")
    with psycopg.connect(database_url) as admin:
        admin.execute("SET lock_timeout = '1s'")
        if deleted_first:
            webhooks.delete_webhook(admin, gone)
            event = end(connection)
        else:
            with connection.transaction():
                event = end(connection)
                webhooks.delete_webhook(admin, gone)
                admin.commit()
    assert [each.event_id for each in webhooks.claim(connection, 9)] == [event], "to the other one"
    assert webhooks_owed.owed(connection).number == 1
    assert (webhooks.forget(connection), webhooks.forget(connection)) == (True, False)
    assert connection.execute("SELECT count(*) FROM andon.webhook_deliveries").fetchone() == (1,)


def test_a_receiver_that_was_down_is_told_everything_afterwards_in_order(
    connection: psycopg.Connection[Any], database_url: str, receiver: Receiver
) -> None:
    webhooks.create_webhook(connection, "t", receiver.url)
    ends = [end(connection) for _ in range(3)]
    receiver.answers = [503, 500, 302]
    with teller(database_url) as sender:
        for _ in range(3):
            assert turn(sender, connection) == 1, "those behind the first wait for it"
            assert turn(sender, connection) == 0, "and it for its pause"
            make_due(connection)
        assert receiver.ids == [ends[0]] * 3
        while turn(sender, connection):
            pass
    assert receiver.ids[3:] == ends


def test_what_one_thing_is_owed_keeps_no_other_waiting(
    connection: psycopg.Connection[Any], database_url: str, receiver: Receiver
) -> None:
    webhooks.create_webhook(connection, "t", receiver.url)
    one, other = end(connection), end(connection, about=UUID(int=2))
    receiver.answers = [500, 500]
    with teller(database_url) as sender:
        assert turn(sender, connection) == 2
    assert sorted(receiver.ids) == sorted([one, other])


def test_a_tenant_with_much_to_be_told_keeps_no_other_waiting(
    connection: psycopg.Connection[Any], database_url: str
) -> None:
    for tenant, ends in (("a", 9), ("b", 2)):
        webhooks.create_webhook(connection, tenant, "http://127.0.0.1:9/")
        for n in range(ends):
            end(connection, about=UUID(int=ord(tenant) * 100 + n), tenant=tenant)
    first = [each.tenant for each in webhooks.claim(connection, 9)]
    assert (first.count("a"), first.count("b")) == (4, 2)
    assert webhooks.claim(connection, 9, ["a"]) == [], "what it was sent has not come back"
    assert len(webhooks.claim(connection, 9)) == 4


def test_a_tenant_has_so_many_webhooks_and_no_more(connection: psycopg.Connection[Any]) -> None:
    for _ in range(webhooks.MOST):
        webhooks.create_webhook(connection, "t", "https://app.example")
    with pytest.raises(Conflict, match="delete one first"):
        webhooks.create_webhook(connection, "t", "https://app.example")
    webhooks.create_webhook(connection, "another", "https://app.example")


def test_pauses_double_up_to_ten_minutes_and_after_three_days_it_is_given_up(
    connection: psycopg.Connection[Any], database_url: str, receiver: Receiver
) -> None:
    id, _ = webhooks.create_webhook(connection, "t", receiver.url)
    end(connection)
    pauses, counted = [], list[Outcome]()
    with teller(database_url, counted=counted) as sender:
        for attempts in (0, 1, 5, 30):
            receiver.answers = [500]
            connection.execute("UPDATE andon.webhook_deliveries SET attempts = %s", [attempts])
            make_due(connection)
            turn(sender, connection)
            row = connection.execute(
                "SELECT extract(epoch FROM next_at - clock_timestamp()) FROM andon.webhook_deliveries"
            ).fetchone()
            assert row is not None
            pauses.append(round(float(row[0]) / 5) * 5)
        assert pauses == [5, 10, 160, 600]
        connection.execute("UPDATE andon.webhook_deliveries SET created_at = now() - interval '3 days'")
        make_due(connection)
        receiver.answers = [500]
        turn(sender, connection)
    [delivery] = webhooks.deliveries(connection, id, 9)
    assert (delivery.next_at, delivery.delivered_at, delivery.answer) == (None, None, "500")
    assert counted == [*["failed"] * 4, "given_up"]
    assert webhooks.resend(connection, delivery.id)
    with teller(database_url, counted=counted) as sender:
        assert turn(sender, connection) == 1
    assert counted[-1] == "told"
    assert webhooks.deliveries(connection, id, 9)[0].delivered_at is not None


def test_a_private_address_and_plain_http_are_refused_unless_they_are_allowed(
    connection: psycopg.Connection[Any], database_url: str, receiver: Receiver
) -> None:
    plain, _ = webhooks.create_webhook(connection, "t", receiver.url)
    private, _ = webhooks.create_webhook(connection, "t", receiver.url.replace("http://127.0.0.1", "https://localhost"))
    end(connection)
    with teller(database_url, private=False) as sender:
        assert turn(sender, connection) == 2
    assert receiver.got == []
    assert "https" in str(webhooks.deliveries(connection, plain, 1)[0].answer)
    assert "private address" in str(webhooks.deliveries(connection, private, 1)[0].answer)


def test_both_secrets_sign_until_the_rotation_is_finished(
    connection: psycopg.Connection[Any], database_url: str, receiver: Receiver
) -> None:
    id, former = webhooks.create_webhook(connection, "t", receiver.url)
    rotated = webhooks.rotate_secret(connection, id)
    assert rotated is not None
    newest, tenant = rotated
    assert tenant == "t"
    end(connection)
    with teller(database_url) as sender:
        turn(sender, connection)
        assert webhooks.finish_rotation(connection, id) == tenant
        end(connection)
        turn(sender, connection)
    taken = [[verify_webhook(body, signature, each) for each in (newest, former)] for body, signature in receiver.got]
    assert taken == [[True, True], [True, False]]
