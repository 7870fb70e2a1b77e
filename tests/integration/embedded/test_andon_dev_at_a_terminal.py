"""What a developer has in `andon dev`: mistakes told, saves taken over, runs in plain lines, a debugger."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from andon.client import Andon
from andon.embedded.ports import free_port
from tests.integration.embedded.terminal import Terminal, on_a_terminal
from tests.support.polling import wait_until

FUNCTION = """
import time
from andon import CancelOn, Event, Step, function

@function(id="greet", trigger="greeting/requested", cancel_on=[CancelOn("greeting/cancelled", match="data.name")])
def greet(event: Event, step: Step) -> str:
    step.run("first", print, "FIRST")
    return step.run("second", wait, event.data["name"])

def wait(name: str) -> str:
    BODY
    return f"Hello, {name}"
"""
WAITING = "print('waiting'); time.sleep(60)"


class Project:
    """A folder with a module of functions, and `andon dev` on it."""

    def __init__(self, folder: Path, env: dict[str, str]) -> None:
        self.folder = folder
        self.env = env
        self.andon = Andon(f"http://127.0.0.1:{env['PORT']}")

    def save(self, text: str) -> None:
        (self.folder / "greetings.py").write_text(text)

    def page(self, path: str) -> str:
        return httpx.get(f"http://127.0.0.1:{self.env['PORT']}{path}").text

    @contextmanager
    def dev(self, **env: str) -> Iterator[Terminal]:
        command = [sys.executable, "-m", "andon.cli", "dev", "-f", "greetings"]
        with on_a_terminal(command, self.folder, {**self.env, **env}) as terminal:
            yield terminal


@pytest.fixture
def project(tmp_path: Path, database_url: str, redis_url: str) -> Iterator[Project]:
    known = {name: value for name, value in os.environ.items() if not name.startswith("ANDON_")}
    stores = {"ANDON_DATABASE_URL": database_url, "ANDON_REDIS_URL": redis_url}
    project = Project(tmp_path, {**known, **stores, "PORT": str(free_port())})
    with project.andon:
        yield project


def test_a_mistake_is_told_and_a_save_is_taken_over_without_losing_the_run(project: Project) -> None:
    project.save("from andon import function\n\ndef broken(:\n    pass\n")
    with project.dev() as terminal:
        terminal.shows("greetings.py, line 3: def broken(:)")
        project.save("from andon import function\n")
        terminal.shows("module 'greetings' has no function")
        project.save("import time\n\ntime.sleep(1000)\n")
        terminal.shows("module 'greetings' is still being imported (")
        assert "greetings.py, line 3)" in terminal.text
        assert "ready:" not in terminal.text
        project.save(FUNCTION.replace("BODY", WAITING))
        terminal.shows("1 function: greet")
        project.andon.events.send("greeting/requested", {"name": "Ada"})
        terminal.shows("waiting")
        project.save(FUNCTION.replace("BODY", "print('otherwise')"))
        terminal.shows("greetings.py: taken over")
        terminal.shows("otherwise")
        [run] = wait_until(lambda: [each for each in project.andon.runs.list() if each.ended])
        assert (run.status, run.output) == ("completed", "Hello, Ada")
        assert terminal.text.count("FIRST") == 1
        for told in (
            'started  greeting/requested {"name": "Ada"}',
            "step first completed in",
            "goes on",
            "greet \\w{6}  completed\r\n",
        ):
            assert re.search(told, terminal.text), told

        project.save("from missing import nothing\n")
        wait_until(lambda: "No module named &#39;missing&#39;" in project.page("/functions"))
        project.save(FUNCTION.replace("BODY", WAITING))
        wait_until(lambda: terminal.text.count("taken over") == 2)
        assert "missing" not in project.page("/functions")
        project.andon.events.send("greeting/requested", {"name": "Grace"})
        wait_until(lambda: terminal.text.count("waiting\r\n") == 2)
        project.andon.events.send("greeting/cancelled", {"name": "Grace"})
        terminal.shows("cancelled in step second: its code stopped")
        assert terminal.interrupt() == 0
        for chatter in ("gunicorn", "dramatiq", "Traceback", '{"'):
            assert chatter not in terminal.text.replace('requested {"', "")


def test_a_breakpoint_is_answered_at_the_terminal(project: Project) -> None:
    project.save(FUNCTION.replace("BODY", "breakpoint()"))
    with project.dev(ANDON_LANES="0") as terminal:
        terminal.shows("1 function: greet")
        project.andon.events.send("greeting/requested", {"name": "Ada"})
        terminal.shows("(Pdb)")
        terminal.type("name + ', whom I see'\n")
        terminal.shows("'Ada, whom I see'")
        terminal.type("c\n")
        wait_until(lambda: [each.output for each in project.andon.runs.list()] == ["Hello, Ada"])
        assert terminal.interrupt() == 0
