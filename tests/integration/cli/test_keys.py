from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator

import pytest

from andon.adapters.postgres.access.keys import create_key, find_key, list_keys, revoke_key
from andon.adapters.postgres.connect import Connection, connect
from tests.integration.cli.conftest import Command


@pytest.fixture
def database(database_url: str) -> Iterator[Connection]:
    with connect(database_url, name="test") as connection:
        yield connection


@pytest.fixture
def andon(database_url: str) -> Command:
    """The command with nothing but a database: no API needs to run."""
    return Command({"ANDON_DATABASE_URL": database_url})


def test_a_key_is_found_by_its_secret_until_it_is_revoked(andon: Command, database: Connection) -> None:
    made = andon("keys", "create", "the build", "--tenant", "acme", "--scope", "cancel", "--scope", "read", "--json")
    assert made.code == 0, made.err
    found = find_key(database, made.json["secret"])
    assert found is not None
    assert (found.tenant, found.name, found.scopes) == ("acme", "the build", ["read", "cancel"])
    assert andon("keys", "list").out.count("the build") == 1
    assert andon("keys", "revoke", made.json["id"]).code == 0
    assert find_key(database, made.json["secret"]) is None
    assert "revoked" in andon("keys", "list", "--tenant", "acme").out


def test_who_made_and_revoked_a_key_is_in_the_audit_and_its_secret_is_not(andon: Command, database: Connection) -> None:
    made = andon("keys", "create", "ci", "--tenant", "acme", "--scope", "admin", "--json").json
    andon("keys", "revoke", made["id"])
    andon("keys", "revoke", str(uuid.uuid4()))
    entries = database.execute(
        "SELECT tenant, action, target, by->>'by', details, a::text FROM andon.audit a ORDER BY id"
    ).fetchall()
    assert [each[:4] for each in entries] == [
        ("acme", "key.created", made["id"], "andon keys"),
        ("acme", "key.revoked", made["id"], "andon keys"),
    ]
    assert entries[0][4] == {"name": "ci", "scopes": ["admin"]}
    assert made["secret"] not in str(entries)


def test_only_the_secret_is_on_stdout_and_it_is_stored_nowhere(andon: Command, database: Connection) -> None:
    secret = andon("keys", "create", "ci").out.strip()
    assert secret.startswith("andon_")
    assert len(secret) == len("andon_") + 43  # 256 bits in base64
    [row] = database.execute("SELECT k::text, sha256 FROM andon.api_keys k").fetchall()
    assert secret not in row[0]
    assert row[1] == hashlib.sha256(secret.encode()).digest()
    assert secret not in andon("keys", "list", "--json").out


def test_a_secret_that_is_almost_right_finds_nothing(database: Connection) -> None:
    _, secret = create_key(database, "acme", "ci", ["read"])
    for wrong in (secret[:-1], f"{secret}x", secret.removeprefix("andon_"), "", "andon_", "\x00"):
        assert find_key(database, wrong) is None


def test_a_keys_use_is_noted_at_most_once_a_minute(database: Connection) -> None:
    _, secret = create_key(database, "acme", "ci", ["read"])
    find_key(database, secret)
    first = find_key(database, secret)
    assert first is not None
    assert first.last_used_at is not None
    find_key(database, secret)
    assert list_keys(database, "acme")[0].last_used_at == first.last_used_at


def test_revoking_again_keeps_the_first_time(database: Connection) -> None:
    id, _ = create_key(database, "acme", "ci", ["admin"])
    assert revoke_key(database, id)
    first = list_keys(database)[0].revoked_at
    assert revoke_key(database, id)
    assert list_keys(database)[0].revoked_at == first


def test_a_database_without_the_schema_is_said_in_a_sentence(postgres_url: str) -> None:
    refused = Command({"ANDON_DATABASE_URL": postgres_url})("keys", "list")
    assert (refused.code, refused.err) == (
        1,
        "andon: The database has not this version's schema: run `andon migrate`.\n",
    )


@pytest.mark.parametrize("tenant", ["..", ".", "", " ", "a/b", "../a", "a\nb", "-a", "é", "a" * 101, "a b"])
def test_a_tenant_is_a_name_that_can_stand_in_paths(andon: Command, database: Connection, tenant: str) -> None:
    refused = andon("keys", "create", "ci", f"--tenant={tenant}")
    assert (refused.code, "tenant: expected 1 to 100 letters" in refused.err) == (2, True), refused.err
    assert list_keys(database) == []
    assert andon("keys", "create", "ci", "--tenant", "Acme-2.eu_west").code == 0
