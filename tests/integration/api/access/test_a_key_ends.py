"""Revoking a key by the command line: once that has returned, no process takes the key any more."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import Any

import psycopg

from andon.settings import Settings
from tests.integration.api.access.conftest import API, Caller, MakeKey
from tests.integration.api.conftest import MakeApp


def test_a_key_is_refused_everywhere_once_the_command_has_returned(
    make_app: MakeApp, guarded: Settings, make_key: MakeKey, database: psycopg.Connection[Any]
) -> None:
    secret = make_key()
    callers = [Caller(make_app(guarded).test_client(), secret) for _ in range(2)]
    [(id,)] = database.execute("SELECT id FROM andon.api_keys").fetchall()
    command = [sys.executable, "-m", "andon.cli", "keys", "revoke", str(id)]
    env = {**os.environ, "ANDON_DATABASE_URL": guarded.database_url}
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE) as revoking:
        while revoking.poll() is None:  # each of them has just asked, and remembers what it was told
            for each in callers:
                each.open(f"{API}/reports")
            time.sleep(0.02)
        assert revoking.returncode == 0
    assert [each.open(f"{API}/reports").status_code for each in callers] == [401, 401]
