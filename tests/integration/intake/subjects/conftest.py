"""A table that somebody else made, and the functions whose runs its rows follow."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest

from andon.adapters.cel import check_expression
from andon.engine.declared.functions import Registry
from tests.integration.intake.conftest import Desk
from tests.integration.intake.subjects.videos import make_job, pick, render_video


@pytest.fixture(scope="module")
def registry() -> Registry:
    return Registry([render_video, make_job, pick], check_expression=check_expression)


@pytest.fixture(scope="module")
def shared_url(create_database: Callable[[], str]) -> str:
    url = create_database()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("""CREATE TABLE public.videos (
            id bigint PRIMARY KEY, status text NOT NULL DEFAULT 'new', error text, started_at timestamptz,
            finished_at timestamptz, cancelled_at timestamptz,
            CHECK (status IN ('new', 'processing', 'done', 'failed', 'cancelled')))""")
        connection.execute("CREATE TABLE public.parts (video bigint REFERENCES public.videos)")
    return url


@pytest.fixture
def video(desk: Desk) -> str:
    """A row to be followed; its id."""
    ours = ", ".join(f"andon.{each}" for each in ("subjects", "rows_owed", "skips", "wide_cancellations"))
    desk.db.execute(f"TRUNCATE {ours}, public.videos CASCADE".encode())
    desk.db.execute("INSERT INTO public.videos (id) VALUES (42)")
    return "42"
