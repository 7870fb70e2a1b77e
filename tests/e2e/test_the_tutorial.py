"""The tutorial, done as it is written: its own code, its own commands."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.conftest import StartSystem
from tests.support import images
from tests.support.polling import wait_until
from tests.support.system import SHIPPED_FUNCTIONS, System

TEXT = (Path(__file__).parents[2] / "docs" / "tutorial.md").read_text()
CODE, WITH_A_ROW = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
TABLES = re.findall(r'^\$ psql "\$ANDON_DATABASE_URL" -c "((?:CREATE|INSERT) .*)"$', TEXT, re.MULTILINE)
COMMANDS = re.findall(r"^\$ (andon .*)$", TEXT, re.MULTILINE)


@pytest.fixture
def started(system: StartSystem, tmp_path: Path) -> System:
    """A system that has the reader's module beside the one that ships."""
    (tmp_path / "greetings.py").write_text(CODE)
    path = f"{tmp_path}:{Path(__file__).parents[2]}"
    return system(functions=(SHIPPED_FUNCTIONS, "greetings"), env={"PYTHONPATH": path})


def run(started: System, command: str) -> str:
    """The command's output, run as the reader does."""
    words = shlex.split(command)
    assert words[0] == "andon"
    done = images.run("andon.cli", {**started.env, "ANDON_URL": started.url}, *words[1:], timeout=60)
    assert done.code == 0, f"{command}: {done.out}{done.err}"
    return done.out


def runs(started: System) -> dict[str, dict[str, Any]]:
    """The runs of the reader's function, by party."""
    with started.client() as client:
        items = client.get("/runs", params={"functionId": "greet-everyone"}).json()["items"]
    return {each["event"]["data"]["party"]: each for each in items}


def test_the_readers_own_function_runs_and_is_stopped(started: System) -> None:
    sends = [command for command in COMMANDS if " send " in command]
    assert len(sends) == 3 < len(COMMANDS)
    run(started, sends[0])
    run(started, sends[1])
    wait_until(lambda: len(found := runs(started)) == 2 and found["p1"]["status"] == "running", what="both are there")
    listed = run(started, "andon runs list --json")
    assert {each["functionId"] for each in json.loads(listed)} == {"greet-everyone"}
    run(started, sends[2])
    wait_until(lambda: runs(started)["p1"]["status"] == "cancelled", what="cancelled")
    wait_until(lambda: runs(started)["p2"]["status"] == "completed", what="completed")
    assert runs(started)["p2"]["output"] == {"greeted": 1}

    for command in COMMANDS:
        if command not in sends:
            run(started, command)


def test_the_readers_own_table_says_what_became_of_the_run(
    system: StartSystem, database_url: str, tmp_path: Path
) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        for statement in TABLES:
            connection.execute(statement)
        code = re.sub(r"^@function\(.*?^\)\n", WITH_A_ROW, CODE, flags=re.DOTALL | re.MULTILINE)
        code = code.replace("from andon import ", "from andon import Row, Subject, ")
        (tmp_path / "greetings.py").write_text(code)
        path = f"{tmp_path}:{Path(__file__).parents[2]}"
        started = system(functions=("greetings",), env={"PYTHONPATH": path}, database_url=database_url)

        def status() -> str:
            [[found]] = connection.execute("SELECT status FROM public.parties WHERE id = 'p1'").fetchall()
            return str(found)

        request, _, cancel = [command for command in COMMANDS if " send " in command]
        run(started, request)
        assert status() == "greeting"
        run(started, cancel)
        wait_until(lambda: status() == "stopped", what="the row says so")
