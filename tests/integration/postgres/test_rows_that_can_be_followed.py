"""Which tables' rows can follow a subject; each refusal names function, table, column and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.types.json import Jsonb

from andon import RegistrationError, Row
from andon.adapters.postgres.connect import Connection
from andon.adapters.postgres.subjects.rows import Followed, resolve
from andon.engine.declared.declarations import Declaration

WORDS = {"active": "processing", "completed": "done", "failed": "failed", "cancelled": "cancelled"}
TIMES = {"active": "started_at", "completed": "finished_at", "cancelled": "cancelled_at"}
VIDEOS = """
CREATE TABLE public.videos (
    id bigint PRIMARY KEY, status text NOT NULL DEFAULT 'new', error varchar(20), started_at timestamptz,
    finished_at timestamp, cancelled_at date, org_id uuid, version int NOT NULL DEFAULT 1, deleted_at timestamptz,
    CONSTRAINT known CHECK (status IN ('new', 'processing', 'done', 'failed', 'cancelled'))
)
"""
DECLARED = Declaration(id="render-video", trigger="video/render.requested", module="videos")


@pytest.fixture
def db(database_url: str) -> Iterator[Connection]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("SET search_path TO public")
        connection.execute(VIDEOS)
        yield connection


def row(table: str = "public.videos", **said: Any) -> Row:
    return Row(table, **{**WORDS, **said})


def refusal(db: Connection, table: str = "public.videos", **said: Any) -> str:
    with pytest.raises(RegistrationError) as refused:
        resolve(db, DECLARED, row(table, **said))
    words = str(refused.value)
    assert words.startswith(f"function 'render-video' in 'videos': row of table {table}: "), words
    return words.partition(f"{table}: ")[2]


def write(db: Connection, followed: Followed, *values: Any) -> list[Any]:
    """As `andon.follow` does, which gives each parameter its type."""
    db.execute(f"PREPARE written (text, text, text, timestamptz, text) AS {followed.write}".encode())
    try:
        return psycopg.ClientCursor(db).execute("EXECUTE written (%s, %s, %s, %s, %s)", values).fetchall()
    finally:
        db.execute("DEALLOCATE written")


def test_a_row_is_found_written_and_restored(db: Connection) -> None:
    followed = resolve(
        db, DECLARED, row(error="error", at=TIMES, tenant="org_id", version="version", deleted="deleted_at")
    )
    org = "0a1b2c3d-0000-4000-8000-000000000001"
    db.execute("INSERT INTO videos (id, org_id, error) VALUES (42, %s, 'old')", [org])
    find = followed.find.encode()
    assert psycopg.RawCursor(db).execute(find, ["42", "0a1b2c3d-0000-4000-8000-000000000002"]).fetchall() == []
    [(key, before)] = psycopg.RawCursor(db).execute(find, [" 42", org.upper()]).fetchall()
    assert (key, before["status"], before["error"], followed.numeric) == ("42", "new", "old", True)
    now = db.execute("SELECT clock_timestamp()").fetchone()
    assert now is not None
    assert write(db, followed, "42", org, "active", now[0], None) == [("processing",)]
    assert write(db, followed, "42", org, "failed", now[0], "x" * 30) == [("failed",)]
    shown = db.execute("SELECT status, error, started_at, finished_at, version FROM videos").fetchall()
    assert shown == [("failed", "x" * 20, now[0], None, 3)]
    restore = psycopg.RawCursor(db).execute(followed.restore.encode(), ["42", org, Jsonb(before)])
    assert restore.fetchall() == [("new",)]
    assert db.execute("SELECT status, error, started_at, version FROM videos").fetchall() == [("new", "old", None, 4)]
    db.execute("UPDATE videos SET deleted_at = clock_timestamp()")
    assert psycopg.RawCursor(db).execute(find, ["42", org]).fetchall() == []


def test_without_a_column_of_tenants_the_default_one_alone_names_rows(db: Connection) -> None:
    followed = resolve(db, DECLARED, row())
    db.execute("INSERT INTO videos (id) VALUES (42)")
    assert write(db, followed, "42", "other", "active", None, None) == []
    assert write(db, followed, "42", "default", "active", None, None) == [("processing",)]


def test_a_partitioned_table_works(db: Connection) -> None:
    db.execute("CREATE TABLE parts (id int PRIMARY KEY, status text) PARTITION BY HASH (id)")
    for part in range(2):
        db.execute(
            f"CREATE TABLE part_{part} PARTITION OF parts FOR VALUES WITH (MODULUS 2, REMAINDER {part})".encode()
        )
    db.execute("INSERT INTO parts SELECT generate_series(1, 4)")
    followed = resolve(db, DECLARED, row("parts"))
    assert write(db, followed, "3", "default", "completed", None, None) == [("done",)]


def test_names_are_taken_as_they_are(db: Connection) -> None:
    db.execute("""CREATE SCHEMA "My Team"; CREATE TABLE "My Team"."Videos; DROP" ("Id" text UNIQUE, "a""b" text)""")
    followed = resolve(db, DECLARED, row("My Team.Videos; DROP", key="Id", status='a"b'))
    db.execute("""INSERT INTO "My Team"."Videos; DROP" VALUES ('x''); DROP TABLE videos; --')""")
    assert write(db, followed, "x'); DROP TABLE videos; --", "default", "active", None, None) == [("processing",)]


def test_an_enum_that_has_the_values_works_wherever_it_is(db: Connection) -> None:
    db.execute("CREATE SCHEMA team; CREATE TYPE team.state AS ENUM ('processing', 'done', 'failed', 'cancelled')")
    db.execute("CREATE TABLE team.jobs (id uuid PRIMARY KEY, status team.state)")
    db.execute("INSERT INTO team.jobs VALUES ('0a1b2c3d-0000-4000-8000-000000000001')")
    followed = resolve(db, DECLARED, row("team.jobs"))
    same = "{0A1B2C3D00004000-8000-000000000001}"
    assert write(db, followed, same, "default", "cancelled", None, None) == [("cancelled",)]


@pytest.mark.parametrize(
    ("made", "said", "words"),
    [
        ("", {"table": "public.films"}, "there is no such table in this database"),
        ("", {"status": "state"}, "there is no column 'state'; there are id, status, error"),
        ("", {"error": "message"}, "there is no column 'message'"),
        ("CREATE VIEW v AS SELECT * FROM videos", {"table": "v"}, "is a view: name the table that it shows"),
        ("", {"completed": "finished"}, "the table forbids completed='finished' in column 'status', or what goes"),
        (
            "CREATE TYPE s AS ENUM ('processing', 'done', 'failed');CREATE TABLE e (id int PRIMARY KEY, status s)",
            {"table": "e"},
            "column 'status': public.s has no cancelled='cancelled': ALTER TYPE public.s ADD VALUE 'cancelled'",
        ),
        (
            "ALTER TABLE videos ADD CONSTRAINT CHECK_1 CHECK (status <> 'done' OR finished_at IS NOT NULL)",
            {},
            "the table forbids completed='done' in column 'status', or what goes with it",
        ),
        ("ALTER TABLE videos DROP CONSTRAINT videos_pkey", {}, "column 'id' isn't unique, so an id could name many"),
        (
            "CREATE TABLE days (id int, day date, status text, PRIMARY KEY (id, day)) PARTITION BY RANGE (day)",
            {"table": "days"},
            "an id could name many rows: it can't be in a table that is partitioned by day; follow another",
        ),
        (
            "CREATE TABLE states (name text PRIMARY KEY); INSERT INTO states VALUES ('processing'), ('done');"
            "CREATE TABLE jobs (id int PRIMARY KEY, status text REFERENCES states)",
            {"table": "jobs"},
            "column 'status' refers to public.states, which has no failed='failed': insert it, or name another",
        ),
        ("", {"key": "error"}, 'ALTER TABLE "public"."videos" ADD UNIQUE ("error")'),
        (
            "CREATE TABLE g (id int PRIMARY KEY, status text GENERATED ALWAYS AS ('x') STORED)",
            {"table": "g"},
            "column 'status' is generated: nobody can write it",
        ),
        ("", {"status": "started_at"}, "column 'started_at' is timestamp with time zone; expected a text, an enum"),
        ("", {"error": "version"}, "column 'version' is integer; expected a text, for the error's message"),
        ("", {"at": {"failed": "error"}}, "column 'error' is character varying(20); expected a time"),
        ("", {"version": "error"}, "expected a whole number that is counted up"),
        ("", {"deleted": "error"}, "expected a time or a boolean: deleted= names it"),
        ("", {"active": 1}, "active=1 is no value of column 'status', which is text"),
        (
            "ALTER TABLE videos ALTER finished_at SET NOT NULL",
            {"at": {"completed": "finished_at"}},
            "null value in column",
        ),
    ],
)
def test_what_can_not_be_followed_is_refused(db: Connection, made: str, said: dict[str, Any], words: str) -> None:
    if made:
        db.execute(made.encode())
    assert words in refusal(db, **said)


def test_a_role_that_may_not_is_told_what_to_grant(db: Connection) -> None:
    name = db.info.dbname + "_team"
    role, database = sql.Identifier(name), sql.Identifier(db.info.dbname)
    db.execute(sql.SQL("CREATE ROLE {}").format(role))
    try:
        db.execute("CREATE SCHEMA team; ALTER TABLE videos SET SCHEMA team; INSERT INTO team.videos (id) VALUES (1)")
        db.execute(sql.SQL("SET ROLE {}").format(role))
        words = refusal(db, "team.videos", error="error")
        assert words == f'the schema isn\'t open to the role: GRANT USAGE ON SCHEMA "team" TO "{name}"'
        grants = [words.partition("role: ")[2]]
        for right, column in (("SELECT", "id"), ("UPDATE", "status")):
            db.execute("RESET ROLE")
            db.execute(grants[-1].encode())
            db.execute(sql.SQL("SET ROLE {}").format(role))
            words = refusal(db, "team.videos", error="error")
            assert f"the role may not {right.lower()} column '{column}'" in words
            grants.append(words.partition(": ")[2])
        assert grants[-1] == f'GRANT UPDATE ("status", "error") ON "team"."videos" TO "{name}"'
        db.execute("RESET ROLE")
        db.execute(grants[-1].encode())
        db.execute(sql.SQL("SET ROLE {}").format(role))
        followed = resolve(db, DECLARED, row("team.videos", error="error"))
        assert write(db, followed, "1", "default", "active", None, None) == [("processing",)]
        db.execute(sql.SQL("RESET ROLE; REVOKE TEMPORARY ON DATABASE {} FROM PUBLIC").format(database))
        db.execute(sql.SQL("SET ROLE {}").format(role))
        trial = f'no value can be tried: GRANT TEMPORARY ON DATABASE "{db.info.dbname}" TO "{name}"'
        assert refusal(db, "team.videos") == trial
        assert resolve(db, DECLARED, row("team.videos"), looks=True).states["active"] == "processing"
        db.execute(sql.SQL("RESET ROLE; GRANT TEMPORARY ON DATABASE {} TO PUBLIC").format(database))
        db.execute("CREATE SCHEMA types; CREATE TYPE types.s AS ENUM ('processing', 'done', 'failed', 'cancelled')")
        db.execute("CREATE TABLE team.jobs (id int PRIMARY KEY, status types.s)")
        db.execute(sql.SQL("GRANT SELECT, UPDATE ON team.jobs TO {0}; SET ROLE {0}").format(role))
        closed = f'what it is made of may not be used (permission denied for schema types): grant it to "{name}"'
        assert refusal(db, "team.jobs") == closed
        db.execute("RESET ROLE; ALTER TABLE team.videos ENABLE ROW LEVEL SECURITY")
        db.execute(sql.SQL("SET ROLE {}").format(role))
        assert f'row security applies to the role "{name}"' in refusal(db, "team.videos")
    finally:
        db.execute("RESET ROLE")
        db.execute(sql.SQL("DROP OWNED BY {0}; DROP ROLE {0}").format(role))
