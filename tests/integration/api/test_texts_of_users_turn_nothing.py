"""What users write may turn its own letters: of the console's words, which stand around it, it turns none."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import psycopg

from andon.adapters.postgres.runs import run_logs
from andon.adapters.postgres.runs.run_logs import Chunk
from andon_api import console
from tests.integration.api.conftest import Client, MakeRun

TEXT = "\u202enrut‡"
"""Turns all that follows, if nothing ends it; what users write ends with its last character."""
WITHIN_LINES = frozenset(["a", "abbr", "b", "code", "em", "i", "label", "small", "span", "strong", "time"])
"""Elements that end nothing of themselves."""
EMPTY = frozenset(["input", "link", "meta"])
SHOWN = ("aria-label", "data-title", "data-what", "hx-confirm", "placeholder", "title")


class Reader(HTMLParser):
    """Finds our words where a text of a user turns them: behind it, in the same paragraph or isolated element."""

    def __init__(self, isolated: frozenset[str]) -> None:
        super().__init__()
        self.ending_none = (WITHIN_LINES - isolated) | EMPTY
        self.open = [""]
        self.turned = [False]
        self.within = False
        self.texts = 0
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "br":
            self.turned[-1] = False
        elif tag not in self.ending_none:
            self.open.append(tag)
            self.turned.append(False)
        for name, value in attrs:
            if name in SHOWN and value:
                self.turned.append(False)
                self.handle_data(value)
                self.turned.pop()

    def handle_endtag(self, tag: str) -> None:
        while tag in self.open:
            self.turned.pop()
            if self.open.pop() == tag:
                break

    def handle_data(self, data: str) -> None:
        for place, each in enumerate(data):
            if each == TEXT[0]:
                self.turned[-1] = self.within = True
                self.texts += 1
            elif each == TEXT[-1]:
                self.within = False
            elif each == "\n" and self.open[-1] in {"pre", "textarea"}:
                self.turned[-1] = False
            elif each.isalnum() and self.turned[-1] and not self.within:
                self.found.append(data[max(place - 40, 0) : place + 40])
                return


def isolated() -> frozenset[str]:
    """The elements that the console's style sheet isolates."""
    style = (Path(console.__file__).parent / "static" / "console.css").read_text()
    [names] = re.findall(r"^([a-z0-9, ]+) \{ unicode-bidi: isolate; \}", style, re.MULTILINE)
    return frozenset(names.split(", "))


def pages(client: Client, database: psycopg.Connection[Any], make_run: MakeRun) -> list[str]:
    """The addresses of pages that show texts of users, in all places where there are some."""
    event = {"name": "a/b", "id": "x", "data": {TEXT: TEXT, "among": [TEXT, {"n": TEXT}]}, "user": {"name": TEXT}}
    client.post("/api/v1/events", json=event)
    error = {"type": TEXT, "message": TEXT, "step": TEXT, "causes": [{"type": TEXT, "message": TEXT, "at": TEXT}]}
    failed, stopped, going = (make_run("x", function_id=id) for id in ("f", "g", "h"))
    database.execute(
        "UPDATE andon.runs SET status = 'failed', started_at = now(), ended_at = now(), error = %s WHERE id = %s",
        [json.dumps(error), failed],
    )
    database.execute(
        "INSERT INTO andon.steps (run_id, id, position, status, attempt, fence, started_at, ended_at, error)"
        " VALUES (%s, %s, 0, 'failed', 3, 1, now(), now(), %s)",
        [failed, TEXT, json.dumps(error)],
    )
    database.execute(
        "UPDATE andon.runs SET status = 'cancelled', cancel_requested_at = now(), cancel_reason = %s WHERE id = %s",
        [TEXT, stopped],
    )
    lines = [{"at": 0, "stream": "log", "text": TEXT, "level": "info", "fields": {TEXT: TEXT, "rows": 3}}]
    run_logs.keep(database, [Chunk(failed, TEXT, 2, json.dumps(lines))])
    database.execute(
        "UPDATE andon.runs SET status = 'running', started_at = now(), current_step = %s, step_started_at = now(),"
        " progress = 0.5, progress_note = %s WHERE id = %s",
        [TEXT, TEXT, going],
    )
    runs = [f"/runs/{each}" for each in (failed, stopped, going)]
    return [*runs, "/", "/runs", "/events", "/events/x"]


def test_no_word_of_ours_is_turned_by_what_stands_before_it(
    client: Client, database: psycopg.Connection[Any], make_run: MakeRun
) -> None:
    for page in pages(client, database, make_run):
        answer = client.get(page)
        assert answer.status_code == 200, answer.text
        reader = Reader(isolated())
        reader.feed(answer.text)
        assert (page, reader.found) == (page, [])
        assert reader.texts > 0, page
