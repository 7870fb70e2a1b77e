"""Several hosts of which one takes writes, sockets, options: what libpq reads, every process takes, SQLAlchemy too."""

from __future__ import annotations

import pytest
from sqlalchemy import create_engine

from andon.adapters.postgres.urls import sqlalchemy_url
from andon.settings import Settings, SettingsError


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("postgres://localhost/andon", {"host": "localhost", "dbname": "andon"}),
        (
            "postgresql://api:p%40ss@db-1:5432,db-2:5433/andon?target_session_attrs=read-write",
            {
                "host": "db-1,db-2",
                "port": "5432,5433",
                "user": "api",
                "password": "p@ss",
                "dbname": "andon",
                "target_session_attrs": "read-write",
            },
        ),
        ("postgresql://u@[::1]:5/andon", {"host": "::1", "port": "5", "user": "u", "dbname": "andon"}),
        ("postgresql://u@%2Frun%2Fpostgresql/andon", {"host": "/run/postgresql", "user": "u", "dbname": "andon"}),
        (
            "postgresql://u@db/andon?sslmode=verify-full&sslrootcert=/ca.pem",
            {"host": "db", "user": "u", "dbname": "andon", "sslmode": "verify-full", "sslrootcert": "/ca.pem"},
        ),
    ],
)
def test_it_is_read_and_handed_on_whole(url: str, parts: dict[str, str]) -> None:
    assert Settings.from_env({"ANDON_DATABASE_URL": url}).database_url == url
    engine = create_engine(sqlalchemy_url(url))
    _, given = engine.dialect.create_connect_args(engine.url)
    given.pop("context")
    assert {name: str(value) for name, value in given.items()} == parts
    assert "p@ss" not in repr(engine.url)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://db:x/andon",
        "postgresql://db-1:5432,db-2:x/andon",
        "postgresql://db:0/andon",
        "mysql://db/andon",
        "postgresql://u:geheim%zz@db/andon",
        "postgresql://u:geheim 7@db/andon",
    ],
)
def test_what_is_none_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(
        SettingsError, match="ANDON_DATABASE_URL must be a URL that begins with postgresql://"
    ) as refused:
        Settings.from_env({"ANDON_DATABASE_URL": url})
    assert "geheim" not in str(refused.value)


@pytest.mark.parametrize("query", ["sslmod=require", "sslmode"])
def test_a_parameter_that_libpq_does_not_know_is_named(query: str) -> None:
    with pytest.raises(SettingsError, match=f'^ANDON_DATABASE_URL: .*query parameter: "{query.partition("=")[0]}"$'):
        Settings.from_env({"ANDON_DATABASE_URL": f"postgresql://u:geheim@db/andon?{query}"})
