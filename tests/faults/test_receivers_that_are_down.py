"""Receivers of webhooks that are down for ten real minutes, in Python and in Node.js, each as the page says."""

from __future__ import annotations

import json
import re
import subprocess
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
import psycopg
import pytest
from flask import Flask, abort, request
from werkzeug.serving import make_server

from andon.client import Andon
from andon.embedded.ports import free_port
from tests.conftest import StartSystem
from tests.support.needs import program
from tests.support.polling import wait_until

DOWN_SECONDS = 600
LONGEST_PAUSE = 700  # the pauses before have doubled up to ten minutes
CLIPS = [f"clip-{n}" for n in range(6)]
PAGE = Path("docs/webhooks.md").read_text()
VERIFY = Path("examples/next-card/bundle/webhooks.js").resolve()
ENDS = """
SELECT s.key, e.id FROM andon.events e JOIN andon.runs r ON r.id = (e.data->>'runId')::uuid
JOIN andon.subjects s ON s.id = r.subject_id WHERE e.name LIKE 'andon/function.%' ORDER BY e.seq
"""

Told = list[tuple[str, str]]


def documented(language: str) -> str:
    """The page's code in this language."""
    [code] = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return str(code)


@contextmanager
def in_python(port: int, secret: str, got: list[tuple[int, str]]) -> Iterator[None]:
    """The page's code in a view of Flask's."""
    app, code = Flask(__name__), compile(documented("python"), "webhooks.md", "exec")

    @app.post("/")
    def receive() -> str:
        try:
            exec(code, {"request": request, "abort": abort, "SECRET": secret})
        except Exception:
            got.append((400, request.get_data(as_text=True)))
            raise
        got.append((200, request.get_data(as_text=True)))
        return ""

    server = make_server("127.0.0.1", port, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()


@contextmanager
def in_node(port: int, secret: str, got: list[tuple[int, str]], folder: Path) -> Iterator[None]:
    """The page's code in Node.js, with the client's module as it is built."""
    [imported, rest] = documented("ts").split("\n\n", 1)
    module = folder / "verify.mjs"
    where = imported.replace("@andon/client/webhooks", VERIFY.as_uri())
    module.write_text(f"{where}\nexport async function receive(request, SECRET) {{\n{rest}}}\n")
    (folder / "package.json").write_text('{"type": "module"}')
    words = [program("node", get="apt install nodejs"), "tests/faults/receiver.mjs", str(port), secret, module.as_uri()]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None

        def read(lines: Iterator[str]) -> None:
            for line in lines:
                said = json.loads(line)
                got.append((said["status"], said["body"]))

        reader = threading.Thread(target=read, args=[process.stdout])
        reader.start()
        try:
            yield
        finally:
            process.kill()
            process.wait()
            reader.join()


def by_clip(bodies: Sequence[tuple[str, str]]) -> dict[str, list[str]]:
    """The ids of the ends of each clip, in their order."""
    found: dict[str, list[str]] = defaultdict(list)
    for clip, id in bodies:
        found[clip].append(id)
    return found


def told(got: Sequence[tuple[int, str]]) -> Told:
    """Of what clip, and which end; what came twice is what a receiver knows by its id."""
    said = [json.loads(body) for _, body in got]
    return list(dict.fromkeys((each["subject"]["id"], each["id"]) for each in said))


@pytest.mark.slow
def test_receivers_that_were_down_for_ten_minutes_get_each_end_in_order_and_verify_it(
    system: StartSystem, database_url: str, tmp_path: Path
) -> None:
    ports = {"python": free_port(), "node": free_port()}
    got: dict[str, list[tuple[int, str]]] = {"python": [], "node": []}
    started = system(functions=("tests.told_functions",), env={"ANDON_WEBHOOKS_PRIVATE": "on"}, dispatchers=2)
    with Andon(started.url) as andon, psycopg.connect(database_url, autocommit=True) as connection:
        made = {name: andon.webhooks.create(f"http://127.0.0.1:{port}/") for name, port in ports.items()}
        until, rounds = time.monotonic() + DOWN_SECONDS, 0
        while time.monotonic() < until:
            for place, clip in enumerate(CLIPS):
                how = ("complete", "fail", "wait")[(rounds + place) % 3]
                andon.subjects.request("clip", clip, {"how": how}, prefer_wait=20)
                if how == "wait":
                    andon.subjects.cancel("clip", clip, reason="as it is to", prefer_wait=20)
                andon.subjects.wait("clip", clip, timeout=60)
            rounds += 1
            if rounds == 2:
                started.dispatchers[0].kill()
                started.dispatchers[0].start()
            wait_until(lambda: time.monotonic() > until or time.monotonic() % 20 < 1)
        ends = [(str(clip), str(id)) for clip, id in connection.execute(ENDS).fetchall()]
        assert len(ends) == rounds * len(CLIPS)
        assert {webhook.waiting for webhook in andon.webhooks.list()} == {len(ends)}, "nobody was told anything"
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"http://127.0.0.1:{ports['python']}/", trust_env=False)

        up_at = time.monotonic()
        python = in_python(ports["python"], made["python"].secret, got["python"])
        with python, in_node(ports["node"], made["node"].secret, got["node"], tmp_path):
            wait_until(lambda: not any(each.waiting for each in andon.webhooks.list()), LONGEST_PAUSE)
        print(f"{len(ends)} ends of {len(CLIPS)} subjects, told {time.monotonic() - up_at:.0f} s after they were up")
        for name, received in got.items():
            assert {status for status, _ in received} == {200}, f"{name} verified each"
            assert by_clip(told(received)) == by_clip(ends), f"{name} was told each, in order of its subject"
            print(name, len(received), "received, of which", len(told(received)), "are different")
        attempts = [each.attempts for each in andon.webhooks.deliveries(made["python"].id)]
        print("attempts at most", max(attempts))
